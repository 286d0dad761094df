"""Summaries of usage: totals, success, times, cost, by whatever one groups them.

Figures as pool-ledger-credentials 1.6 with its advice: times over 0 only, percentiles by nearest rank, cost
of unknown price never counted as 0 but as a number of unpriced calls. They are made of cells (see `rollup`),
be these of a million records or of one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from llmpool.core.record import Record
from llmpool.usage.rollup import PLACE, TOKENS, Cell, Days, Sum, Who
from llmpool.usage.runs import Run, spread
from llmpool.usage.span import PERIODS

NONE = "none"  # the group of records that carry no such thing
GROUPINGS: dict[str, Callable[[Who], str]] = {
    "provider": lambda who: who.provider,
    "model": lambda who: who.model,
    "deployment": lambda who: who.deployment,
    "key": lambda who: who.key or NONE,
    "tag": lambda who: who.tag or NONE,
    "session": lambda who: who.session or NONE,
}
BY = (*PERIODS, *GROUPINGS)
_PERCENTS = (50, 95, 99)
_FIGURES = ("avg", "min", "max", *(f"p{percent}" for percent in _PERCENTS))

Group = tuple[str, ...]


class Summary(Record):
    """An aggregation: counts, tokens, milliseconds, USD; *unpriced* calls have no known cost.

    None is what nobody reported. *keys* says what the group is, by grouping; *best_cost* is what the same
    tokens would have cost at the best model, where one has a price.
    """

    group: str
    keys: tuple[tuple[str, str], ...] = ()
    requests: int
    successful: int
    failed: int
    success_rate: float | None
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    cache_write_1h_tokens: int | None
    reasoning_tokens: int | None
    cost: Decimal
    unpriced: int
    estimated: int
    avg_latency_ms: int | None
    min_latency_ms: int | None
    max_latency_ms: int | None
    p50_latency_ms: int | None
    p95_latency_ms: int | None
    p99_latency_ms: int | None
    avg_ttft_ms: int | None
    min_ttft_ms: int | None
    max_ttft_ms: int | None
    p50_ttft_ms: int | None
    p95_ttft_ms: int | None
    p99_ttft_ms: int | None
    tokens_per_second: float | None
    failovers: int
    failover_rate: float | None
    best_cost: Decimal | None = None

    @property
    def is_priced(self) -> bool:
        """Whether any call has a known cost, or there was none at all."""
        return self.successful + self.failed > self.unpriced or not self.unpriced

    def as_json(self) -> dict[str, Any]:
        """Show the summary with money as decimal strings, null when no call of it has a price."""
        return self.as_dict() | {
            "keys": dict(self.keys),
            "cost": f"{self.cost:f}" if self.is_priced else None,
            "best_cost": None if self.best_cost is None else f"{self.best_cost:f}",
        }


class Groups:
    """Blocks of cells added up by what *by* names, as they come: none is needed again.

    *wanted* takes some cells only; what was used on the local day *today* is added up once more.
    """

    def __init__(
        self, by: Sequence[str], wanted: Callable[[Who], bool] | None = None, today: str = ""
    ) -> None:
        self._by, self._wanted, self._today_is = by, wanted, today
        self._names = [GROUPINGS.get(name) for name in by]
        # where only time tells groups apart, a day's or a month's total is one cell
        self._whole = wanted is None and all(name in PERIODS for name in by)
        self.begin()

    def begin(self) -> None:
        """Forget what was added by now."""
        self._groups: dict[Group, Sum] = {}
        self._times: Group = ()
        self._known: dict[Who, Sum] = {}  # the groups of cells, at these times
        self._total, self._today = Sum(), Sum()

    def add(self, days: Days) -> None:
        """Add a block."""
        for label, day in days.items():
            sums = [self._total, self._today] if label == self._today_is else [self._total]
            if self._wanted is None:
                for each in sums:
                    each.add(day.total)
            self._at(tuple([PERIODS[name](label) if name in PERIODS else "" for name in self._by]))
            if self._whole:
                self._group(self._times).add(day.total)
                continue
            for who, cell in day.cells.items():
                if self._wanted is None:
                    self._group_of(who).add(cell)
                elif self._wanted(who):
                    for each in (self._group_of(who), *sums):
                        each.add(cell)

    def _at(self, times: Group) -> None:
        """Note the times of the cells that come: the same cells are in other groups at others."""
        if times != self._times:
            self._times, self._known = times, {}

    def _group_of(self, who: Who) -> Sum:
        found = self._known.get(who)
        if found is None:
            pairs = zip(self._times, self._names, strict=True)
            found = self._known[who] = self._group(tuple([t if of is None else of(who) for t, of in pairs]))
        return found

    def _group(self, group: Group) -> Sum:
        if group not in self._groups:
            self._groups[group] = Sum()
        return self._groups[group]

    def today(self) -> Summary:
        """Return what was used today."""
        return _summary("total", (), self._today.cell())

    def summaries(self) -> tuple[Summary, list[Summary]]:
        """Return the total, and one summary a group: of time in order, others the dearest first."""
        by = self._by
        found = [
            _summary(" ".join(names), tuple(zip(by, names, strict=True)), whole.cell())
            for names, whole in self._groups.items()
        ]
        timed = [name for name, _ in enumerate(by) if by[name] in PERIODS]

        def order(each: Summary) -> tuple[Any, ...]:
            when = tuple(each.keys[place][1] for place in timed)
            return when, -each.cost, -each.requests, each.group

        return _summary("total", (), self._total.cell()), sorted(found, key=order)


def _summary(group: str, keys: tuple[tuple[str, str], ...], whole: Cell) -> Summary:
    sums: dict[str, Any] = {name: whole.sums[place] for name, place in PLACE.items()}
    calls = sums["successful"] + sums["failed"]
    counts: dict[str, Any] = {
        name: sums[name] if sums[f"told_{name}"] or not calls else None for name in TOKENS
    }
    return Summary(
        group=group,
        keys=keys,
        **{name: sums[name] for name in ("requests", "successful", "failed", "unpriced", "estimated")},
        **counts,
        **_times("latency_ms", whole.latencies, sums["latency_ms"]),
        **_times("ttft_ms", whole.ttfts, sums["ttft_ms"]),
        success_rate=_rate(sums["successful"], calls, 4),
        cost=whole.cost,
        tokens_per_second=_rate(1000 * sums["streamed_tokens"], sums["streamed_ms"], 1) or None,
        failovers=sums["failovers"],
        failover_rate=_rate(sums["failovers"], calls, 4),
    )


def _times(name: str, runs: Sequence[Run], total: int) -> dict[str, Any]:
    found = spread(runs, _PERCENTS)
    average = total // found.size if found.size else None
    figures = zip(_FIGURES, (average, found.least, found.largest, *found.percentiles), strict=True)
    return {f"{what}_{name}": value for what, value in figures}


def _rate(part: int, whole: int, digits: int) -> float | None:
    return round(part / whole, digits) if whole else None
