"""Thane's declared models, and what their names mean here (catalog-registry-router 1.1, 1.3-1.5)."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from llmpool.formats.base import mapping, usable_name
from llmpool.importers.found import first_text
from llmpool.importers.moved import Arrival, Gathering

_HOSTED = ("ollama", "lmstudio", "openai_compat")
_NUMBER = re.compile(r"[0-9]{1,12}", re.ASCII)
_RATINGS = ("quality", "speed", "cost_tier", "context_window")
_MOST = {"quality": 10, "speed": 10, "cost_tier": 3}
_READ = ("name", "provider", "resource", "supports_tools", "supports_streaming", "min_complexity", *_RATINGS)


def gather(said: dict[str, Any], kinds: dict[str, str], gathering: Gathering) -> dict[str, str]:
    """Take the declared models and the settings that name them; return the ids here by those there."""
    listed = said.get("available")
    entries = [mapping(each) for each in listed] if isinstance(listed, list) else []
    often = Counter(first_text(entry.get("name")) for entry in entries)
    ids: dict[str, str] = {}
    for place, entry in enumerate(entries, 1):
        name = first_text(entry.get("name"))
        if not usable_name(name):
            gathering.leave(f"model {place}", "it has no name that can be used")
            continue
        owner = _owner(entry, kinds, gathering)
        if not owner:
            gathering.leave(f"model {name}", "nothing says which provider has it")
            continue
        there = first_text(entry.get("resource")) or first_text(entry.get("provider")).lower() or "ollama"
        ids[name if often[name] == 1 else f"{there}/{name}"] = f"{owner}/{name}"
        gathering.models[f"{owner}/{name}"] = _fields(name, entry, gathering)
    _settings(said, ids, gathering)
    return ids


def _owner(entry: dict[str, Any], kinds: dict[str, str], gathering: Gathering) -> str:
    """Find the provider of a model: the one it names, `default` or the only one of its kind."""
    named = first_text(entry.get("resource"))
    if named:
        return named if named in kinds else ""
    kind = first_text(entry.get("provider")).lower() or "ollama"
    if kind not in _HOSTED:
        if kind == "anthropic" and kind not in kinds:
            kinds[kind] = kind
            gathering.providers[kind] = Arrival(id=kind, vendor=True)
        return kind if kinds.get(kind) else ""
    if kinds.get("default") == kind:
        return "default"
    alike = [name for name, each in kinds.items() if each == kind]
    return alike[0] if len(alike) == 1 else ""


def _fields(name: str, entry: dict[str, Any], gathering: Gathering) -> dict[str, Any]:
    """Return what a model is declared with; a rating of 0 is one that nobody gave, but for the cost."""
    found: dict[str, Any] = {}
    for field in _RATINGS:
        value = number(entry.get(field))
        if value is None or (value == 0 and field != "cost_tier"):
            continue
        if value > _MOST.get(field, value):
            gathering.leave(f"{name}: {field} = {value}", f"goes to {_MOST[field]} here")
        else:
            found[field] = value
    for field in ("supports_tools", "supports_streaming"):
        if isinstance(entry.get(field), bool):
            found[field] = entry[field]
    if complexity := first_text(entry.get("min_complexity")):
        found["min_complexity"] = complexity
    for field in sorted(entry.keys() - set(_READ)):
        gathering.leave(f"{name}: {field}", "no setting of a model here")
    return found


def _settings(said: dict[str, Any], ids: dict[str, str], gathering: Gathering) -> None:
    if isinstance(said.get("local_first"), bool):
        gathering.settings[("local_first",)] = said["local_first"]
    for theirs, ours in (("default", "default_model"), ("recovery_model", "recovery_model")):
        name = first_text(said.get(theirs))
        if name:
            gathering.settings[(ours,)] = ids.get(name, name)


def number(value: object) -> int | None:
    """Return a whole number, which a YAML file may have as text; None for what is none."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
