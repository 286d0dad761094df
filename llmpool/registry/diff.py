"""What a refresh changed, provider by provider.

A `Change` has `provider`; `added` and `gone`, models its listing won and lost; `changed` and `repriced`, a
`Moved(model, field, was, now)` each; `loaded` and `unloaded`, models; `failed`, the new error or empty; and
`recovered`, true when an error is over. `document(change)` is what `--json` prints of it.

Fields of `changed`: context_window, max_output, location, routable, the ratings (quality, speed, cost_tier,
min_complexity) and the capabilities by name, all as effective values from *before* and *after*, the entries
of the listing (`pool.listing["models"]`); and kind, family, parameter_size, quantization and digest as the
provider reported them. Fields of `repriced`: input and output, USD per million tokens, decimal strings: the
effective price where that moved, else the one that the provider itself listed. None is unknown. Without
*before* and *after* only what providers reported is compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.names import latest

Entry = Mapping[str, Any]  # one deployment as the listing has it
_REPORTED = ("kind", "family", "parameter_size", "quantization", "digest")
_EFFECTIVE = ("context_window", "max_output", "location", "routable")


class Moved(NamedTuple):
    """One value of one model that is another now; None is unknown."""

    model: str
    field: str
    was: Any
    now: Any


class Change(NamedTuple):
    """The difference between two observations of one provider."""

    provider: str
    added: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    changed: tuple[Moved, ...] = ()
    repriced: tuple[Moved, ...] = ()
    loaded: tuple[str, ...] = ()
    unloaded: tuple[str, ...] = ()
    failed: str = ""
    recovered: bool = False

    def __bool__(self) -> bool:
        return any(self[1:])


def diff(
    old: Inventory, new: Inventory, before: Iterable[Entry] = (), after: Iterable[Entry] = ()
) -> list[Change]:
    """Compare two inventories, and the listings compiled *before* and *after*; no difference, no entry.

    Providers that *new* has not are left out, unless the listings differ there.
    """
    values, prices = _differences(before, after)
    changes = []
    for name in sorted({*new.providers, *values, *prices}):
        change = _change(name, old.providers.get(name), new.providers.get(name))
        moved = sorted((*change.changed, *values.get(name, ())), key=lambda move: move[:2])
        paid = {(move.model, move.field): move for move in (*change.repriced, *prices.get(name, ()))}
        change = change._replace(changed=tuple(moved), repriced=tuple(paid[key] for key in sorted(paid)))
        if change:
            changes.append(change)
    return changes


def document(change: Change) -> dict[str, Any]:
    """Return a change as JSON has it: every list is there, moves are objects."""
    return {
        "provider": change.provider,
        "added": list(change.added),
        "gone": list(change.gone),
        "changed": [move._asdict() for move in change.changed],
        "repriced": [move._asdict() for move in change.repriced],
        "loaded": list(change.loaded),
        "unloaded": list(change.unloaded),
        "failed": change.failed,
        "recovered": change.recovered,
    }


def _change(name: str, old: ProviderInventory | None, new: ProviderInventory | None) -> Change:
    """Compare what one provider reported; one that was not asked reported nothing new."""
    if new is None:
        return Change(name)
    was, now = _models(old), _models(new)
    both = sorted(was.keys() & now.keys())
    return Change(
        provider=name,
        added=tuple(now[key].name for key in sorted(now.keys() - was.keys())),
        gone=tuple(was[key].name for key in sorted(was.keys() - now.keys())),
        changed=tuple(move for key in both for move in _reported(was[key], now[key])),
        repriced=tuple(move for key in both for move in _asked_for(was[key], now[key])),
        loaded=tuple(now[key].name for key in both if _is_loaded(now[key]) and not _is_loaded(was[key])),
        unloaded=tuple(now[key].name for key in both if _is_loaded(was[key]) and not _is_loaded(now[key])),
        failed=new.error if not old or new.error != old.error else "",
        recovered=bool(old and old.error and not new.error),
    )


def _models(seen: ProviderInventory | None) -> dict[str, ObservedModel]:
    """List what was reported by name; `a` and `a:latest` are one model (ruling 18)."""
    return {latest(model.name): model for model in seen.models} if seen else {}


def _is_loaded(model: ObservedModel) -> bool:
    return bool(model.state == "loaded" or model.loaded_context)


def _reported(old: ObservedModel, new: ObservedModel) -> Iterator[Moved]:
    for field in _REPORTED:
        was, now = getattr(old, field), getattr(new, field)
        if was != now:
            yield Moved(new.name, field, was or None, now or None)


def _asked_for(old: ObservedModel, new: ObservedModel) -> Iterator[Moved]:
    """Compare the prices that a provider lists; formats write the same amount in the same way."""
    for field in ("input", "output"):
        was, now = getattr(old, f"{field}_price"), getattr(new, f"{field}_price")
        if was != now:
            yield Moved(new.name, field, was or None, now or None)


def _differences(
    before: Iterable[Entry], after: Iterable[Entry]
) -> tuple[dict[str, list[Moved]], dict[str, list[Moved]]]:
    """Compare the deployments that are in both listings: values and prices, by provider."""
    known = {(entry["provider"], latest(entry["model"])): entry for entry in before}
    values: dict[str, list[Moved]] = {}
    prices: dict[str, list[Moved]] = {}
    for entry in after:
        old = known.get((entry["provider"], latest(entry["model"])))
        if old is None or old == entry:
            continue
        for kept, read in ((values, _values), (prices, _prices)):
            moves = _moves(entry["model"], read(old), read(entry))
            if moves:
                kept.setdefault(entry["provider"], []).extend(moves)
    return values, prices


def _moves(model: str, was: Entry, now: Entry) -> list[Moved]:
    fields = sorted(was.keys() | now.keys())
    return [Moved(model, f, was.get(f), now.get(f)) for f in fields if was.get(f) != now.get(f)]


def _values(entry: Entry) -> Entry:
    return {
        **{field: entry.get(field) for field in _EFFECTIVE},
        **entry["ratings"],
        **entry["capabilities"],
    }


def _prices(entry: Entry) -> Entry:
    price = entry.get("price") or {}
    return {field: price.get(field) for field in ("input", "output")}
