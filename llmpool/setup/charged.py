"""What recorded tokens would have cost elsewhere: each request at its own size and time, summed exactly.

A price that depends on neither is one and the same for all requests, and the tokens of all can be added up
before it is applied; one with tiers or a history falls into flat rates that hold for some of them each.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from llmpool import costs
from llmpool.core.outcome import TokenUsage
from llmpool.core.routing import LOCAL
from llmpool.pool import Pool
from llmpool.pricing.book import FREE, RATES, Priced, Rates, Tiers
from llmpool.pricing.total import cost
from llmpool.registry.staleness import epoch
from llmpool.usage.cost import COUNTED

ZERO = Decimal(0)
Ends = tuple[Rates | None, ...]  # what holds for a request at today's choice, and at each other one
_NAMES = tuple(f"{name}_tokens" for name in COUNTED)
_MOST = 1 << 63
_ANY = datetime.max.replace(tzinfo=UTC)  # a price that never changed is asked for no time


class Counts(NamedTuple):
    """The tokens of a request, or of several; cached ones are part of the input, reasoning of the output."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0
    cache_write_1h: int = 0
    reasoning: int = 0

    @property
    def adds_up(self) -> bool:
        """Whether no part is more than the whole of it: such counts cost together what each costs alone."""
        cached = self.cache_read + self.cache_write
        return (
            self.cache_write_1h <= self.cache_write and cached <= self.input and self.reasoning <= self.output
        )


def counts(outcome: Any) -> Counts | None:
    """Read the counts of an outcome; None where input or output was not counted, odd ones of parts are 0."""
    if not isinstance(outcome, dict):
        return None
    whole, answer, *parts = [_count(outcome.get(name)) for name in _NAMES]
    return None if whole is None or answer is None else Counts(whole, answer, *(part or 0 for part in parts))


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < _MOST else None


class Till:
    """The prices of a pool's deployments, each looked up once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._own = {row.id for row in pool.table.rows if row.flags & LOCAL}
        self._known: dict[str, Rates | Priced | None] = {}
        self._sized: dict[tuple[str, int, int], Rates] = {}

    def rates(self, ref: str, at: str, prompt: int) -> Rates | None:
        """Return the flat rates of a request of that time and size; None where no price is known."""
        if ref not in self._known:
            self._known[ref] = self._looked_up(ref)
        found = self._known[ref]
        if not isinstance(found, Priced):
            return found
        moment = datetime.fromtimestamp(epoch(at), UTC) if len(found.steps) > 1 else _ANY
        rates = found.at(moment)
        if not rates.by_tokens:
            return None
        key = (ref, id(rates), sum([prompt > start for start in _starts(rates)]))
        if key not in self._sized:
            self._sized[key] = _flat(rates, prompt)
        return self._sized[key]

    def _looked_up(self, ref: str) -> Rates | Priced | None:
        """Look a price up; what holds for any request is told as its rates."""
        if not ref or ref in self._own:
            return FREE if ref else None
        found = costs.price_of(self._pool, ref)
        if found is None or len(found.steps) > 1 or found.steps[0].rates.tiered:
            return found
        rates = found.steps[0].rates
        return rates if rates.by_tokens else None


@cache
def _starts(rates: Rates) -> list[int]:
    """List the sizes of a prompt above which another of the rates holds."""
    return sorted({start for each in rates[:-1] if isinstance(each, Tiers) for start, _ in each.above})


def _flat(rates: Rates, prompt: int) -> Rates:
    flat: dict[str, Any] = {
        name: each.at(prompt) if isinstance(each, Tiers) else each
        for name, each in zip(RATES, rates[:-1], strict=True)
    }
    return Rates(**flat)


class Spent:
    """The tokens of counted requests, added up by the rates that hold for them."""

    def __init__(self) -> None:
        self._sums: dict[tuple[Ends, Counts | None], list[int]] = {}

    def add(self, ends: Ends, tokens: Counts) -> None:
        """Add a request; one whose parts do not add up stays by itself."""
        key = (ends, None if tokens.adds_up else tokens)
        sums = self._sums.get(key)
        if sums is None:
            self._sums[key] = [1, *tokens]
        else:
            sums[:] = [one + more for one, more in zip(sums, (1, *tokens), strict=True)]

    def costs(self, places: tuple[int, ...]) -> tuple[list[Decimal], int, int]:
        """Add up the costs at some of the ends; count requests with and without a price at all of them."""
        totals, priced, unpriced = [ZERO] * len(places), 0, 0
        for (ends, alone), (requests, *sums) in self._sums.items():
            rates = [each for each in (ends[place] for place in places) if each is not None]
            if len(rates) < len(places):
                unpriced += requests
                continue
            priced += requests
            each_costs = [_cost(one, alone, requests, sums) for one in rates]
            totals = [total + amount for total, amount in zip(totals, each_costs, strict=True)]
        return totals, priced, unpriced


def _cost(rates: Rates, alone: Counts | None, requests: int, sums: list[int]) -> Decimal:
    if alone is not None:
        return requests * cost(rates, usage_of(alone))
    return cost(rates, usage_of(Counts(*sums)), requests)


def usage_of(tokens: Counts) -> TokenUsage:
    """Return the counts as `costs` takes them."""
    return TokenUsage(**tokens._asdict())
