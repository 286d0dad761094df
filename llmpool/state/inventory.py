"""inventory.json: the last observation of each provider."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.record import plain
from llmpool.state import jsonfile

NAME = "inventory.json"


def read(state: Path) -> Inventory:
    """Read the inventory; a missing or quarantined file is an empty one."""
    return _inventory(jsonfile.read(state / NAME))


def update(state: Path, observed: Iterable[ProviderInventory], gone: Iterable[str] = ()) -> Inventory:
    """Merge observations in under the lock: per provider the newest attempt wins, other providers stay."""
    fresh = {entry.provider: entry for entry in observed}
    removed = set(gone)

    def merge(old: Any) -> Any:
        kept = _inventory(old).providers
        newer = {p: e for p, e in fresh.items() if p not in kept or kept[p].attempted_at <= e.attempted_at}
        merged = {p: e for p, e in {**kept, **newer}.items() if p not in removed}
        return {"providers": {p: plain(merged[p]) for p in sorted(merged)}}

    return _inventory(jsonfile.update(state / NAME, merge))


def _inventory(data: Any) -> Inventory:
    entries = data.get("providers", {}) if isinstance(data, dict) else {}
    return Inventory(providers={name: _provider(entry) for name, entry in entries.items()})


def _provider(entry: dict[str, Any]) -> ProviderInventory:
    known = {k: v for k, v in entry.items() if k in ProviderInventory.__record_fields__ and k != "models"}
    return ProviderInventory(**known, models=tuple(_model(line) for line in entry.get("models", ())))


def _model(line: dict[str, Any]) -> ObservedModel:
    known = {k: v for k, v in line.items() if k in ObservedModel.__record_fields__}
    known["families"] = tuple(known.get("families", ()))
    known["capabilities"] = Capabilities(**known.get("capabilities", {}))
    return ObservedModel(**known)
