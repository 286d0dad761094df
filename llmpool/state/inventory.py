"""inventory.json: the last observation of each provider."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from llmpool.core.deployment import CAPABILITIES, Capabilities, ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.record import plain
from llmpool.state import jsonfile, shape

NAME = "inventory.json"


def read(state: Path) -> Inventory:
    """Read the inventory; a missing or quarantined file is an empty one."""
    return jsonfile.read(state / NAME, decode=_inventory)


def update(state: Path, observed: Iterable[ProviderInventory], gone: Iterable[str] = ()) -> Inventory:
    """Merge observations in under the lock: per provider the newest attempt wins, other providers stay."""
    fresh = {entry.provider: entry for entry in observed}
    removed = set(gone)

    def merge(old: Inventory) -> Any:
        kept = old.providers
        newer = {p: e for p, e in fresh.items() if p not in kept or kept[p].attempted_at <= e.attempted_at}
        merged = {p: e for p, e in {**kept, **newer}.items() if p not in removed}
        return {"providers": {p: plain(merged[p]) for p in sorted(merged)}}

    return _inventory(jsonfile.update(state / NAME, merge, decode=_inventory))


def _inventory(data: Any) -> Inventory:
    entries = {} if data is None else shape.mapping(shape.mapping(data).get("providers", {}))
    return Inventory(providers={name: _provider(entry) for name, entry in entries.items()})


def _provider(entry: Any) -> ProviderInventory:
    known = shape.fields(entry, _PROVIDER)
    return ProviderInventory(**known | {"models": tuple(known.get("models", ()))})


def _model(line: Any) -> ObservedModel:
    known = shape.fields(line, _MODEL)
    return ObservedModel(**known | {"families": tuple(known.get("families", ()))})


def _capabilities(value: Any) -> Capabilities:
    return Capabilities(**shape.fields(value, dict.fromkeys(CAPABILITIES, shape.unset_or(shape.flag))))


def _size(value: Any) -> int:
    """Return a size; one beyond all reason, as a broken server may have reported, is unknown."""
    return 0 if type(value) is int and value >= shape.MOST else shape.whole(value)


_MODEL = {
    **dict.fromkeys(("name", "kind", "family", "publisher", "parameter_size", "quantization"), shape.text),
    **dict.fromkeys(("state", "loaded_instance", "digest"), shape.text),
    **dict.fromkeys(("context_window", "max_context", "loaded_context", "max_output", "size"), _size),
    "families": shape.listed(shape.text),
    "capabilities": _capabilities,
    "remote": shape.flag,
}
_PROVIDER = {
    **dict.fromkeys(("provider", "error", "error_kind"), shape.text),
    **dict.fromkeys(("attempted_at", "fetched_at", "stale_since"), shape.moment),
    **dict.fromkeys(("latency_ms", "skipped"), shape.whole),
    "models": shape.listed(_model),
}
