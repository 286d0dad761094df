"""Checks that look at several tables at once: names that must exist, and names that must be unique.

They read the parsed TOML rather than the records, so that one bad value does not hide another problem;
values of the wrong type are passed over, for their readers have complained already.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

from llmpool.config.presets import find_preset, presets
from llmpool.config.problems import Spot, nearest, shown
from llmpool.core.ids import is_device, is_provider_id, split_ref
from llmpool.core.trial import TRIAL


def cross_check(raw: dict[str, Any], spot: Spot) -> None:
    """Note every problem between the tables of *raw*."""
    for check in CHECKS:
        check(raw, spot)


def _provider_sources(raw: dict[str, Any], spot: Spot) -> None:
    """Ask each provider for a URL, its own or that of the preset it is."""
    for name, table in _tables(raw, "providers"):
        wanted, here = table.get("preset"), spot.at("providers", name)
        preset = find_preset(wanted) if isinstance(wanted, str) else find_preset(name)
        if wanted == TRIAL:
            continue  # its licence says where it is
        if isinstance(wanted, str) and preset is None:
            meant = nearest(wanted, list(presets()))
            here.at("preset").fault(f"{shown(wanted)} is no known preset", meant or _LIST_PRESETS)
        elif preset is None and wanted is None and "url" not in table:
            meant = nearest(name, list(presets()))
            here.fault(
                "has neither url nor preset, and its id is no preset", meant or 'add url = "https://..."'
            )
        elif preset and not preset.url and preset.location == "cloud" and "url" not in table:
            here.fault(f"the preset {preset.id} has no URL of its own", 'add url = "https://..."')


def _own_files(raw: dict[str, Any], spot: Spot) -> None:
    """Refuse an id that Windows would take for a device: a provider has files of its own."""
    if sys.platform == "win32":
        for name, _ in _tables(raw, "providers"):
            if is_device(name):
                fact = f"{shown(name)} is the name of a device on Windows"
                spot.at("providers", name).fault(fact, "choose another id")


def _model_providers(raw: dict[str, Any], spot: Spot) -> None:
    """Look up the provider of each declared model: configured, or a preset that a key alone brings in."""
    for index, name in _models(raw):
        provider, model = split_ref(name)
        if is_provider_id(provider) and model:
            _known_provider(provider, raw, spot.at("models", index, "id"), shown(f"{provider}/{model}"))


def _unique_models(raw: dict[str, Any], spot: Spot) -> None:
    """Refuse a deployment declared twice, and an alias that names two models or hides one."""
    first: dict[str, int] = {}
    for index, name in _models(raw):
        if first.setdefault(name, index) != index:
            here = spot.at("models", index, "id")
            here.fault(f"{shown(name)} is declared twice", "join the two [[models]] tables")
    owners: dict[str, int] = {}
    for index, position, alias in _aliases(raw):
        here = spot.at("models", index, "aliases", position)
        if alias in first:
            here.fault(f"the alias {shown(alias)} is the id of a deployment", "choose another alias")
        elif alias in owners:
            where = "twice here" if owners[alias] == index else "by another model"
            here.fault(f"the alias {shown(alias)} is used {where}", "an alias names one model")
        owners.setdefault(alias, index)


def _group_members(raw: dict[str, Any], spot: Spot) -> None:
    """Look up the providers of each group, and the group of each profile."""
    for name, table in _tables(raw, "groups"):
        for index, provider in enumerate(_texts(table.get("providers"))):
            _known_provider(provider, raw, spot.at("groups", name, "providers", index), shown(provider))
    groups = [name for name, _ in _tables(raw, "groups")]
    for name, table in _tables(raw, "profiles"):
        group = table.get("group")
        if isinstance(group, str) and group not in groups:
            meant = nearest(group, groups) or "add it under [groups]"
            spot.at("profiles", name, "group").fault(f"there is no group {shown(group)}", meant)


CHECKS: tuple[Callable[[dict[str, Any], Spot], None], ...] = (
    _provider_sources,
    _own_files,
    _model_providers,
    _unique_models,
    _group_members,
)
_LIST_PRESETS = "list them with: llmpool providers presets"


def _known_provider(provider: str, raw: dict[str, Any], spot: Spot, what: str) -> None:
    configured = raw.get("providers")
    names = list(configured) if isinstance(configured, dict) else []
    if provider in names or provider in presets():
        return
    preset = find_preset(provider)
    meant = f'did you mean "{preset.id}"?' if preset else nearest(provider, [*names, *presets()])
    add = (
        f"add it with: llmpool providers add {provider}" if provider.isascii() and provider.isalnum() else ""
    )
    fact = (
        "there is no such provider" if what == shown(provider) else f"there is no provider {shown(provider)}"
    )
    spot.fault(f"{what}: {fact}", meant or add)


def _tables(raw: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    found = raw.get(name)
    for key, table in found.items() if isinstance(found, dict) else ():
        if isinstance(table, dict):
            yield key, table


def _models(raw: dict[str, Any]) -> Iterator[tuple[int, str]]:
    found = raw.get("models")
    for index, table in enumerate(found if isinstance(found, list) else ()):
        if isinstance(table, dict) and isinstance(table.get("id"), str):
            yield index, table["id"]


def _aliases(raw: dict[str, Any]) -> Iterator[tuple[int, int, str]]:
    found = raw.get("models")
    for index, table in enumerate(found if isinstance(found, list) else ()):
        for position, alias in enumerate(_texts(table.get("aliases")) if isinstance(table, dict) else ()):
            yield index, position, alias


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
