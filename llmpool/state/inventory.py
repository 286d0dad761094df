"""inventory.json: the last observation of each provider."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from llmpool.core.deployment import CAPABILITIES, Capabilities, ObservedModel
from llmpool.core.inventory import Inventory, Probe, ProviderInventory, ToldWindow
from llmpool.core.names import latest, spellings
from llmpool.core.record import Record, plain
from llmpool.core.times import is_newer, rfc3339
from llmpool.registry import told
from llmpool.registry.probes import HOLDS
from llmpool.state import jsonfile, shape

NAME = "inventory.json"


def read(state: Path) -> Inventory:
    """Read the inventory; a missing or quarantined file is an empty one."""
    return jsonfile.read(state / NAME, decode=_inventory)


def update(
    state: Path,
    observed: Iterable[ProviderInventory],
    gone: Iterable[str] = (),
    clock: Callable[[], float] | None = None,
) -> Inventory:
    """Merge observations in, as `change` does; return what there is then."""
    fresh, removed = tuple(observed), tuple(gone)
    return change(state, lambda _old: (fresh, removed), clock)[1]


def change(
    state: Path,
    observed: Callable[[Inventory], tuple[Iterable[ProviderInventory], Iterable[str]]],
    clock: Callable[[], float] | None = None,
) -> tuple[Inventory, Inventory]:
    """Merge under the lock what is *observed*, and who is gone, as seen from what is known; return both.

    Per provider the newest attempt wins, other providers stay; one that is still to come by the *clock*, or
    without one is far ahead, does not count as newer: the clock was set back. What probes found, and the
    windows servers named, outlive an observation, but for what is too old, of models that are gone, or of
    another address.
    """
    known: list[Inventory] = []

    def merge(old: Inventory) -> Any:
        entries, gone = observed(old)
        kept, removed = old.providers, set(gone)
        now = rfc3339(clock()) if clock else ""  # under the lock, where no attempt is later than that
        newer = {
            e.provider: _with_tried(kept.get(e.provider), e, now)
            for e in entries
            if e.provider not in kept or not is_newer(kept[e.provider].attempted_at, e.attempted_at, now)
        }
        merged = {p: e for p, e in {**kept, **newer}.items() if p not in removed}
        known.append(old)
        return _written(merged)

    after = _inventory(jsonfile.update(state / NAME, merge, decode=_inventory))
    return known[0], after


def remember_probes(state: Path, provider: str, probes: Iterable[Probe]) -> Inventory:
    """Keep what *probes* found of a provider's models, each in place of the model's last one."""
    fresh = tuple(probes)
    newest = max((probe.at for probe in fresh), default="")

    def merge(old: Inventory) -> Any:
        entry = old.providers.get(provider) or ProviderInventory(provider=provider, attempted_at="")
        known = {latest(probe.model): probe for probe in (*entry.probes, *fresh)}
        held = tuple(probe for _, probe in sorted(known.items()) if probe.at >= _week_before(newest))
        merged = {**old.providers, provider: entry.replace(probes=held)}
        return _written(merged)

    return _inventory(jsonfile.update(state / NAME, merge, decode=_inventory))


def remember_window(state: Path, provider: str, window: ToldWindow) -> None:
    """Keep the window that a provider's server named for a model, in place of an earlier one."""

    def merge(old: Inventory) -> Any:
        entry = old.providers.get(provider) or ProviderInventory(provider=provider, attempted_at="")
        known = {latest(each.model): each for each in (*entry.windows, window)}
        held = tuple(each for _, each in sorted(known.items()) if each.at >= _week_before(window.at))
        merged = {**old.providers, provider: entry.replace(windows=held)}
        return _written(merged)

    jsonfile.update(state / NAME, merge, decode=_inventory)


def forget_windows(state: Path, providers: Iterable[str]) -> None:
    """Forget the windows that the servers of *providers* named."""
    _empty(state, providers, "windows")


def forget_tried(state: Path, providers: Iterable[str]) -> None:
    """Forget all that was found out by asking the models of *providers*: probes, and windows."""
    _empty(state, providers, "probes", "windows")


def _empty(state: Path, providers: Iterable[str], *lines: str) -> None:
    names, none = set(providers), dict.fromkeys(lines, ())
    mine = [entry for name, entry in read(state).providers.items() if name in names]
    if not any(getattr(entry, each) for entry in mine for each in lines):
        return  # as mostly; nothing is written for it

    def merge(old: Inventory) -> Any:
        return _written({p: e.replace(**none) if p in names else e for p, e in old.providers.items()})

    jsonfile.update(state / NAME, merge, decode=_inventory)


def _with_tried(old: ProviderInventory | None, new: ProviderInventory, now: str) -> ProviderInventory:
    """Hand on what was found by asking models, unless that was at another address, or by a wrong clock."""
    if old is None or (old.url and new.url and old.url != new.url):
        return new

    if now:  # what is still to come would hold until then, and a week more
        probes, windows = (tuple(e for e in each if e.at <= now) for each in (old.probes, old.windows))
        old = old.replace(probes=probes, windows=windows)
    return _with_windows(old, _with_probes(old, new))


def _with_windows(old: ProviderInventory, new: ProviderInventory) -> ProviderInventory:
    if not old.windows:
        return new
    return new.replace(windows=told.kept(old, new, _week_before(new.attempted_at)))


def _with_probes(old: ProviderInventory, new: ProviderInventory) -> ProviderInventory:
    """Hand the probes of the last observation on, without those of models a healthy listing has lost."""
    if not old.probes:
        return new
    gone = set() if new.error else _names(old) - _names(new)
    oldest = _week_before(new.attempted_at)
    held = [p for p in old.probes if p.at >= oldest and gone.isdisjoint(spellings(p.model))]
    return new.replace(probes=(*held, *new.probes))


def _names(entry: ProviderInventory) -> set[str]:
    return {model.name for model in entry.models}


def _week_before(at: str) -> str:
    """Return the time from which on a verdict still holds at *at*; of no time at all, the beginning."""
    from datetime import datetime  # a millisecond, and only where there are probes

    return rfc3339(datetime.fromisoformat(at).timestamp() - HOLDS) if at else ""


def _written(entries: Mapping[str, ProviderInventory]) -> Any:
    """Write the inventory as JSON; of its lines only what says something, for there are thousands."""
    lines = ("models", "probes", "windows")
    return {
        "providers": {
            name: plain(entries[name].replace(models=(), probes=(), windows=()))
            | {each: [_lean(line) for line in getattr(entries[name], each)] for each in lines}
            for name in sorted(entries)
        }
    }


def _lean(value: Record) -> dict[str, Any]:
    """Return the fields of a record that are not as they are when nothing is said."""
    unsaid = type(value).__record_defaults__
    told = {}
    for name in type(value).__record_fields__:
        field = getattr(value, name)
        if name not in unsaid or (field is not unsaid[name] and field != unsaid[name]):
            told[name] = _lean(field) if isinstance(field, Record) else plain(field)
    return told


def _inventory(data: Any) -> Inventory:
    entries = {} if data is None else shape.mapping(shape.mapping(data).get("providers", {}))
    return Inventory(providers={name: _provider(entry) for name, entry in entries.items()})


def _provider(entry: Any) -> ProviderInventory:
    known = shape.fields(entry, _PROVIDER)
    lines = {name: tuple(known.get(name, ())) for name in ("models", "probes", "windows")}
    return ProviderInventory(**known | lines)


def _probe(line: Any) -> Probe:
    return Probe(**shape.fields(line, _PROBE))


def _window(line: Any) -> ToldWindow:
    return ToldWindow(**shape.fields(line, _WINDOW))


def _model(line: Any) -> ObservedModel:
    known = shape.fields(line, _MODEL)
    return ObservedModel(**known | {"families": tuple(known.get("families", ()))})


def _capabilities(value: Any) -> Capabilities:
    return Capabilities(**shape.fields(value, _CAPABILITIES))


def _size(value: Any) -> int:
    """Return a size; one beyond all reason, as a broken server may have reported, is unknown."""
    return 0 if type(value) is int and value >= shape.MOST else shape.whole(value)


_CAPABILITIES = dict.fromkeys(CAPABILITIES, shape.unset_or(shape.flag))
_MODEL = {
    **dict.fromkeys(("name", "kind", "family", "publisher", "parameter_size", "quantization"), shape.text),
    **dict.fromkeys(("state", "loaded_instance", "digest", "input_price", "output_price"), shape.text),
    "compatibility_type": shape.text,
    **dict.fromkeys(("context_window", "max_context", "loaded_context", "max_output", "size"), _size),
    "families": shape.listed(shape.text),
    "capabilities": _capabilities,
    "remote": shape.flag,
}
_PROBE = {
    **dict.fromkeys(("model", "error"), shape.text),
    **dict.fromkeys(("status", "latency_ms"), shape.whole),
    "at": shape.moment,
    "available": shape.unset_or(shape.flag),
    "capabilities": _capabilities,
}
_WINDOW = {"model": shape.text, "at": shape.moment, "tokens": _size}
_PROVIDER = {
    **dict.fromkeys(("provider", "url", "error", "error_kind"), shape.text),
    **dict.fromkeys(("attempted_at", "fetched_at", "stale_since"), shape.moment),
    **dict.fromkeys(("latency_ms", "skipped"), shape.whole),
    "models": shape.listed(_model),
    "probes": shape.listed(_probe),
    "windows": shape.listed(_window),
}
