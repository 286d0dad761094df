"""The owner's prices set and taken back, and what deployments cost with where that comes from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from llmpool import costs
from llmpool.core.ids import split_ref
from llmpool.core.near import meant, near
from llmpool.core.text import clean
from llmpool.core.times import rfc3339
from llmpool.core.word import word
from llmpool.errors import Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.pricing.book import Priced, Rates, Step, Tiers, plain, read_priced
from llmpool.pricing.lookup import Own, is_pattern
from llmpool.pricing.validate import amount
from llmpool.registry import resolve
from llmpool.state import prices

LONGEST = 512  # characters of a name that has a price
DEFAULT = ""  # stands for all that has no price of its own, where a name is asked for


class Entry(NamedTuple):
    """A deployment, or a model that nobody lists, and what it costs; None is unknown."""

    ref: str
    priced: Priced | None


class Shown(NamedTuple):
    """A price, and what it would be without the owner's own, where it is one of these."""

    entry: Entry
    otherwise: Priced | None = None


class Put(NamedTuple):
    """A price that was set or taken back, for what, and the deployments it counts for or did.

    *local*: it is that of a deployment which runs on one's own machines, and those stay free.
    """

    key: str
    rates: Mapping[str, str]
    deployments: tuple[str, ...]
    local: bool = False


def entries(pool: Pool) -> Iterator[Entry]:
    """Go through all deployments with what they cost, in the order of their ids."""
    lines = pool.cost_lines
    if lines is None:
        yield from (Entry(row.id, costs.price_of(pool, row.id)) for row in pool.table.rows)
        return
    known: dict[int, Priced] = {}
    for key, value in json.loads(f"[{lines}]"):
        if isinstance(key, int):
            known[key] = read_priced(value)
        else:
            yield Entry(key, None if value is None else known[value])


def own(pool: Pool) -> Own:
    """Return the prices that the owner set."""
    return prices.read(pool.paths.state)


def book(pool: Pool) -> dict[str, Any]:
    """Say which price book is in force, and where and when it came from."""
    stored = pool.price_book
    return {
        "version": pool.prices.book.version,
        "source_url": stored.source_url or None,
        "last_updated_at": stored.last_updated_at or None,
    }


def show(pool: Pool, ref: str) -> Shown:
    """Find what *ref* costs: a deployment, an alias, a name, or a model that nobody lists.

    Raises AmbiguousName for a name that several deployments carry.
    """
    rows = resolve.find(ref, pool.table)
    ref = resolve.one(ref, pool.table).id if rows else _name(ref)
    entry = Entry(ref, costs.price_of(pool, ref))
    if entry.priced is None or entry.priced.source not in ("custom", "default"):
        return Shown(entry)
    provider, model = split_ref(ref)
    seen = next((d.observed for d in pool.registry.deployments if d.id == ref), None)
    return Shown(entry, pool.prices.without_own().priced(provider, model, seen))


def put(pool: Pool, target: str, given: Mapping[str, str]) -> Put:
    """Set the price of *target*; what is not *given* stays as it was. Raises Misuse for what is no price."""
    rates = {name: _amount(name, text) for name, text in given.items()}
    key = _key(pool, target) if target else DEFAULT
    at = rfc3339(pool.clock())

    def change(known: Own) -> Own:
        old = (known.custom.get(key) if key else known.default) or {}
        entry = {**old, **rates, "set_at": at}
        missing = [name for name in ("input", "output") if name not in entry]
        if missing:
            raise Misuse(
                f"a price has an input and an output, USD per million tokens; missing: {', '.join(missing)}",
                hint=f"llmpool usage prices set {word(target or '--default')} --input 1.25 --output 10",
            )
        if not key:
            return known._replace(default=entry)
        return known._replace(custom={**known.custom, key: entry})

    after = prices.update(pool.paths.state, change)
    pool.forget()
    entry = (after.custom[key] if key else after.default) or {}
    counting = tuple(_counting(pool, key))
    priced = costs.price_of(pool, key) if "/" in key and not counting and not is_pattern(key) else None
    return Put(key, _rates(entry), counting, bool(priced and priced.source == "local"))


def drop(pool: Pool, keys: Sequence[str]) -> list[Put]:
    """Take prices back, `DEFAULT` is the default; for what has none UnknownName is raised, and all stay.

    An alias stands for its deployment, as where a price is set, unless a price is kept under that very name.
    """
    known, aliases = own(pool).custom, pool.table.aliases
    keys = list(dict.fromkeys(key if key in known else aliases.get(key, key) for key in keys))
    counted = {key: tuple(_counting(pool, key)) for key in keys}
    gone: list[Put] = []

    def change(known: Own) -> Own:
        for key in keys:
            entry = known.custom.get(key) if key else known.default
            if entry is None:
                raise _unset(key, known)
            gone.append(Put(key, _rates(entry), counted[key]))
        custom = {key: entry for key, entry in known.custom.items() if key not in keys}
        return Own(custom=custom, default=None if DEFAULT in keys else known.default)

    prices.update(pool.paths.state, change)
    pool.forget()
    return gone


def keys(known: Own) -> list[str]:
    """List everything the owner has set a price for."""
    return [*sorted(known.custom), *([DEFAULT] if known.default else [])]


def as_json(pool: Pool, priced: Priced | None) -> dict[str, Any] | None:
    """Show a price as `--json` does (DESIGN 3.2): decimal texts, and null for an unknown one."""
    if priced is None:
        return None
    step = priced.step_at(datetime.fromtimestamp(pool.clock(), UTC))
    shown: dict[str, Any] = {"input": None, "output": None} | _flat(step.rates)
    if tiers := _tiers(step.rates):
        shown["tiers"] = tiers
    shown |= {"source": priced.source, "matched": priced.matched or None, "version": priced.version or None}
    if step.since:
        shown["valid_from"] = step.since.isoformat()
    if len(priced.steps) > 1:
        shown["steps"] = [_step(each) for each in priced.steps]
    return shown


def _step(step: Step) -> dict[str, Any]:
    shown = {"from": step.since.isoformat() if step.since else None, **_flat(step.rates)}
    if step.hours:
        shown["hours"] = [each.isoformat("minutes") for each in step.hours]
    return shown


def _flat(rates: Rates) -> dict[str, Any]:
    """Return the rates of short prompts by name, those there are."""
    pairs = [*zip(Rates._fields[:-1], rates[:-1], strict=True)]
    known = {name: _base(rate) for name, rate in pairs if rate is not None}
    other = {name: _base(rate) for name, rate in rates.other}
    return known | ({"other": other} if other else {})


def _base(rate: Any) -> str:
    return plain(rate.base if isinstance(rate, Tiers) else rate)


def _tiers(rates: Rates) -> list[dict[str, Any]]:
    """List what longer prompts cost: above how many tokens, and the rates that are others from there on."""
    tiered = {name: rate for name, rate in zip(Rates._fields, rates, strict=True) if isinstance(rate, Tiers)}
    starts = sorted({start for rate in tiered.values() for start, _ in rate.above})
    return [
        {"above": start} | {name: plain(rate.at(start + 1)) for name, rate in tiered.items()}
        for start in starts
    ]


def _rates(entry: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(entry[name]) for name in prices.AMOUNTS if name in entry}


def _counting(pool: Pool, key: str) -> Iterator[str]:
    """Name the deployments that go by a price of the owner's."""
    matched = key or "default"
    source = "custom" if key else "default"
    for ref, priced in entries(pool):
        if priced is not None and (priced.source, priced.matched) == (source, matched):
            yield ref


def _key(pool: Pool, target: str) -> str:
    """Return what a price is kept under: an id for an alias, else the target as it is."""
    target = _name(target)
    return target if is_pattern(target) else pool.table.aliases.get(target, target)


def _name(text: str) -> str:
    if not text.strip() or len(text) > LONGEST or clean(text) != text or not text.isprintable():
        raise Misuse(
            "that is no name of a model", hint="write provider/model, a model, or a pattern: 'gpt-*'"
        )
    return text.strip()


def _amount(name: str, text: str) -> str:
    try:
        return plain(Decimal(amount(text.strip().removeprefix("$"), name)))
    except ValueError:
        raise Misuse(
            f"{name.replace('_', ' ')}: {text!r:.40} is no price",
            hint="USD per million tokens, in plain digits and not negative: 1.25",
        ) from None


def _unset(key: str, known: Own) -> UnknownName:
    close = near(key, known.custom)
    hint = meant(close, "see them: llmpool usage prices list --own")
    what = f'"{key}"' if key else "all that has none"
    return UnknownName(f"no price is set for {what}", hint=hint, details={"candidates": close})
