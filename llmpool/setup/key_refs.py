"""The references to keys in the text of a config: add one, change one, take one out; comments stay.

Every function takes the text of a config that loads, and returns the new. A label that is not written is the
place of its key in the list, so it is written down before anything in front of it goes.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from itertools import chain, count
from typing import Any

from llmpool.config import edit
from llmpool.errors import ConfigInvalid, UnknownName

SINGLE = "default"
_SOURCES = ("env", "command", "keyring", "file")
Reference = Mapping[str, Any]


def labels(text: str, provider: str) -> list[str]:
    """Name the keys of a provider, in order."""
    return [label for label, _ in _listed(text, provider)]


def source_of(text: str, provider: str, label: str) -> str:
    """Return where the config says that a key is; empty where it names none such."""
    table = dict(_listed(text, provider)).get(label, {})
    return next((source for source in _SOURCES if source in table), "")


def free_label(text: str, provider: str, beside: Collection[str] = ()) -> str:
    """Choose a label for one more key, which is none of *beside*: `default` for the first, then numbers."""
    taken = labels(text, provider)
    first = [] if taken else [SINGLE]
    numbers = map(str, count(max(len(taken), 1) + 1))
    return next(name for name in chain(first, numbers) if name not in taken and name not in beside)


def added(text: str, provider: str, label: str, reference: Reference) -> str:
    """Return *text* with one more key at the end; one that was alone becomes the first of a list."""
    before = _listed(text, provider)
    table = _table(text, provider)
    if not before:
        text = edit.without(text, ("providers", provider, "keys"))  # an empty list
        written = dict(reference) if label == SINGLE else {"label": label, **reference}
        return edit.with_value(text, ("providers", provider, "key"), written)
    new = {"label": label, **reference}
    if "key" in table:
        first = {"label": before[0][0], **before[0][1]}
        text = edit.without(text, ("providers", provider, "key"))
        return edit.with_value(text, ("providers", provider, "keys"), [first, new])
    return edit.with_value(text, ("providers", provider, "keys"), [*table["keys"], new])


def changed(text: str, provider: str, label: str, reference: Reference) -> str:
    """Return *text* with another source of a key; its label and whether it is enabled stay."""
    path, table = _found(text, provider, label)
    kept = {name: value for name, value in table.items() if name not in _SOURCES}
    return _with_table(text, provider, path, {**kept, **reference})


def switched(text: str, provider: str, label: str, *, on: bool) -> str:
    """Return *text* with a key enabled or disabled."""
    path, table = _found(text, provider, label)
    if table.get("enabled", True) == on:
        return text
    if on:
        return edit.without(text, (*path, "enabled"))
    return edit.with_value(text, (*path, "enabled"), on)


def removed(text: str, provider: str, label: str) -> str:
    """Return *text* without a key; with the last of them the list goes."""
    path, _ = _found(text, provider, label)
    if path[-1] == "key" or len(_listed(text, provider)) == 1:
        return edit.without(text, path if path[-1] == "key" else path[:-1])
    for place, (name, table) in enumerate(_listed(text, provider)):
        if place <= int(path[-1]):
            continue
        text = _with_table(text, provider, (*path[:-1], place), {"label": name, **table})
    try:
        return edit.without(text, path)
    except ConfigInvalid:
        rest = [table for name, table in _listed(text, provider) if name != label]
        return edit.with_value(text, path[:-1], rest)


def _with_table(text: str, provider: str, path: edit.Names, table: Reference) -> str:
    """Write one key anew; where it has a header of its own, all of the list."""
    try:
        return edit.with_value(text, path, dict(table))
    except ConfigInvalid:
        tables = [each for _, each in _listed(text, provider)]
        tables[int(path[-1])] = dict(table)
        return edit.with_value(text, path[:-1], tables)


def _found(text: str, provider: str, label: str) -> tuple[edit.Names, dict[str, Any]]:
    """Return where a key stands, and its table; raises UnknownName with the labels there are."""
    known = _listed(text, provider)
    names = [name for name, _ in known]
    if label not in names:
        raise unknown(provider, label, names)
    place, table = names.index(label), _table(text, provider)
    if "key" in table:
        return ("providers", provider, "key"), known[0][1]
    return ("providers", provider, "keys", place), known[place][1]


def unknown(provider: str, label: str, names: list[str]) -> UnknownName:
    """Build the error for a key that nobody configured."""
    return UnknownName(
        f'{provider} has no key "{label}"',
        hint=f"its keys: {', '.join(names)}" if names else f"llmpool providers keys add {provider}",
        details={"candidates": names},
    )


def _listed(text: str, provider: str) -> list[tuple[str, dict[str, Any]]]:
    """List the keys of a provider by label, as the config reads them."""
    table = _table(text, provider)
    if "key" in table:
        return [(str(table["key"].get("label", SINGLE)), table["key"])]
    keys = table.get("keys", [])
    return [(str(each.get("label", place)), each) for place, each in enumerate(keys, 1)]


def _table(text: str, provider: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text).get("providers", {}).get(provider, {})
    return found
