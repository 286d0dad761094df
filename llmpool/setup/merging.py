"""The text of a config in which several providers become one; comments stay where they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from llmpool.config import edit
from llmpool.config.written import key_text, value_text
from llmpool.core.provider import KeyRef
from llmpool.setup import configfile

STORED = ("keyring", "file")  # under a provider's id and a label
_OWN = ("url", "preset", "format", "format_mode", "location", "name", "enabled", "optional", "key", "keys")


class Step(NamedTuple):
    """One merge: who stays, who goes, and the keys that the one that stays has not got yet.

    *same* are scopes of keys that go, `gone:label`, each with that of the same key which stays.
    """

    kept: str
    gone: tuple[str, ...]
    server: str
    keys: tuple[tuple[str, KeyRef], ...] = ()
    same: tuple[tuple[str, str], ...] = ()
    enable: bool = False
    preset_env: tuple[str, ...] = ()


class Moving(NamedTuple):
    """A key that is stored under a provider which goes, and where it will be: the one that stays, a label."""

    owner: str
    label: str
    source: str
    kept: str
    new_label: str


class Merged(NamedTuple):
    """The text after a merge, the places that name another provider now, and the settings that went.

    *moving* are the stored keys that have to move along.
    """

    text: str
    moved: tuple[str, ...]
    dropped: tuple[str, ...]
    moving: tuple[Moving, ...] = ()


def merge(text: str, step: Step) -> Merged:
    """Merge the providers of *step* in *text*; one that is gone already changes nothing."""
    moved: list[str] = []
    dropped: list[str] = []
    for gone in step.gone:
        tree = configfile.tree(text)
        if gone not in tree.get("providers", {}) or step.kept not in tree["providers"]:
            continue
        dropped += _dropped(tree, gone, step.kept)
        text = _with_models(text, gone, step.kept, moved, dropped)
        for path, value in _named(tree, gone, step.kept):
            text = edit.with_value(text, path, value)
            moved.append(key_text(path))
            dropped += _spent(gone, path)
        text = edit.without_provider(text, gone)
    moving: list[Moving] = []
    scopes = dict(step.same)
    text = _with_keys(text, step, moved, moving, scopes)
    text = _with_scopes(text, step, scopes, moved, dropped)
    if step.enable and step.kept in configfile.tree(text).get("providers", {}):
        text = edit.with_value(text, ("providers", step.kept, "enabled"), True)
        moved.append(f"{step.kept} is enabled")
    return Merged(text, tuple(moved), tuple(dropped), tuple(moving))


def _with_models(text: str, gone: str, kept: str, moved: list[str], dropped: list[str]) -> str:
    """Give declared models their new id; one that is declared there too takes what it lacks."""
    models = configfile.tree(text).get("models", [])
    known = {model["id"]: model for model in models}
    for old, model in known.items():
        if not old.startswith(f"{gone}/"):
            continue
        new = f"{kept}/{old.removeprefix(f'{gone}/')}"
        moved.append(f"{old} -> {new}")
        if new not in known:
            text = edit.with_value(text, ("models", old, "id"), new)
            continue
        text = edit.without_model(text, old)
        lacking = {name: value for name, value in model.items() if name not in known[new]}
        dropped += _differences(old, model, known[new], ("id", "aliases"))
        aliases = {"aliases": model["aliases"]} if model.get("aliases") else {}
        text = edit.with_model(text, new, lacking | aliases)
    return text


def _named(tree: dict[str, Any], gone: str, kept: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield each key that names *gone*, with the value that names *kept* instead."""
    for path, value, ids in _places(tree):
        new = _renamed(value, gone, kept, ids=ids)
        if new != value:
            yield path, new


def _places(tree: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], Any, bool]]:
    """Yield every key that may name a provider or a deployment; the last says whether an id alone counts."""
    for name in ("default_model", "recovery_model"):
        yield (name,), tree.get(name), False
    yield ("routing", "fallbacks"), tree.get("routing", {}).get("fallbacks"), False
    for name, group in tree.get("groups", {}).items():
        yield ("groups", name, "providers"), group.get("providers"), True
        yield ("groups", name, "models"), group.get("models"), False
    for name, profile in tree.get("profiles", {}).items():
        yield ("profiles", name, "model"), profile.get("model"), False
        yield ("profiles", name, "prefer"), profile.get("prefer"), True
        yield ("profiles", name, "exclude"), profile.get("exclude"), True
    for name, budget in tree.get("budgets", {}).items():
        yield ("budgets", name, "scope"), budget.get("scope"), True


def _renamed(value: Any, gone: str, kept: str, *, ids: bool) -> Any:
    if isinstance(value, list):
        return list(dict.fromkeys(_renamed(item, gone, kept, ids=ids) for item in value))
    if value == gone and ids:
        return kept
    if isinstance(value, str) and value.startswith(f"{gone}/"):
        return f"{kept}/{value.removeprefix(f'{gone}/')}"
    return value


def _spent(gone: str, path: tuple[str, ...]) -> list[str]:
    """Say what a budget that names another provider now does not count: records keep their old ids."""
    return [f"what {gone} spent so far, in {key_text(path[:2])}"] if path[0] == "budgets" else []


def _with_scopes(text: str, step: Step, scopes: dict[str, str], moved: list[str], dropped: list[str]) -> str:
    """Let a budget over a key that goes be over that key where it is now; it would limit nothing else."""
    for name, budget in configfile.tree(text).get("budgets", {}).items():
        scope = str(budget.get("scope", ""))
        owner, colon, _ = scope.partition(":")
        if colon and owner in step.gone:
            path = ("budgets", name, "scope")
            stays = scopes.get(scope, step.kept)
            text = edit.with_value(text, path, scopes.get(stays, stays))  # the same of one that goes as well
            moved.append(key_text(path))
            dropped += _spent(scope, path)
    return text


def _with_keys(text: str, step: Step, moved: list[str], moving: list[Moving], scopes: dict[str, str]) -> str:
    """Add the keys that the one that stays lacks, labelled with where they come from."""
    table = configfile.tree(text).get("providers", {}).get(step.kept)
    if table is None or not step.keys:
        return text
    single = [table["key"]] if "key" in table else [{"label": name, "env": name} for name in step.preset_env]
    own = table.get("keys") or [{"label": "default"} | ref for ref in single]
    taken = {str(ref.get("label", place)) for place, ref in enumerate(own, 1)}
    added = []
    for owner, ref in step.keys:
        label = next(name for name in _labels(f"Merged from {owner}") if name not in taken)
        taken.add(label)
        scopes[f"{owner}:{ref.label}"] = f"{step.kept}:{label}"
        added.append({"label": label} | _reference(ref) | ({} if ref.enabled else {"enabled": False}))
        moved.append(f'key "{label}"')
        if ref.source in STORED:
            moving.append(Moving(owner, ref.label, ref.source, step.kept, label))
    places = [_place(ref) for ref in own if _place(ref) != (None, None)]
    fresh = [each for each in added if _place(each) not in places]
    if not fresh:
        return text
    text = edit.without(text, ("providers", step.kept, "key"))
    return edit.with_value(text, ("providers", step.kept, "keys"), [*own, *fresh])


def _reference(ref: KeyRef) -> dict[str, Any]:
    if ref.source in STORED:
        return {ref.source: True}
    return {"env": ref.env} if ref.source == "env" else {"command": list(ref.command)}


def _place(ref: dict[str, Any]) -> tuple[Any, Any]:
    return ref.get("env"), ref.get("command")


def _labels(name: str) -> Iterator[str]:
    yield name
    yield from (f"{name} {number}" for number in range(2, 1000))


def _dropped(tree: dict[str, Any], gone: str, kept: str) -> list[str]:
    """Name the settings of *gone* that *kept* has not, or has otherwise."""
    theirs, ours = tree["providers"][gone], tree["providers"][kept]
    lost = {name: value for name, value in theirs.items() if name not in ours and name not in _OWN}
    return _differences(gone, theirs, ours, _OWN) + _said(gone, lost)


def _differences(
    what: str, theirs: dict[str, Any], ours: dict[str, Any], known: tuple[str, ...]
) -> list[str]:
    """Name what both say, and not the same."""
    other = {n: value for n, value in theirs.items() if n in ours and ours[n] != value and n not in known}
    return _said(what, other)


def _said(what: str, fields: dict[str, Any]) -> list[str]:
    return [f"{what}: {key_text((name,))} = {value_text(value)}" for name, value in fields.items()]
