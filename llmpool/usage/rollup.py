"""Usage records added up as they are kept: in cells, one a deployment, key and tag, on each local day.

Everything a summary needs of a record is in its cell: whole numbers, money that is exact, and each latency
and time to first token in order, so that percentiles of any union of cells are exact (nearest rank).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation
from operator import add as _plus
from typing import NamedTuple

from llmpool.usage.runs import Run, Runs, joined
from llmpool.usage.span import PERIODS

TOKENS = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
    *("cache_write_1h_tokens", "reasoning_tokens"),
)
# What a cell's sums hold, in order; `told_...` counts the records that report a count of tokens.
SUMS = (
    *("requests", "successful", "failed", "unpriced", "estimated", "failovers"),
    *("streamed_ms", "streamed_tokens", "latency_ms", "ttft_ms"),
    *TOKENS,
    *(f"told_{name}" for name in TOKENS),
)
PLACE = {name: place for place, name in enumerate(SUMS)}
ZERO = Decimal(0)
EXACT = Context(prec=400, traps=[Inexact, InvalidOperation])  # what `fold.amount` lets in adds up exactly


# What of a block is looked at: its totals (of a month's block those of each day too), or cells by some names.
TOTALS, DAYS, DEPLOYMENTS, KEYS, CELLS = "totals", "days", "deployments", "keys", "cells"


class Who(NamedTuple):
    """Whose records a cell adds up; *session* is empty but where sessions were asked for."""

    deployment: str
    provider: str
    model: str
    key: str
    tag: str
    session: str = ""


class Cell(NamedTuple):
    """What records add up to: *sums* as `SUMS` names them, money, and times as sorted runs."""

    sums: Sequence[int]
    cost: Decimal
    latencies: tuple[Run, ...]
    ttfts: tuple[Run, ...]


class Day(NamedTuple):
    """A local day's records of one file: between which moments they lie, their cells, and all together."""

    first: str
    last: str
    total: Cell
    cells: Mapping[Who, Cell]


Days = dict[str, Day]


_VIEWS: dict[str, Callable[[Who], Who]] = {
    DEPLOYMENTS: lambda who: Who(who.deployment, who.provider, who.model, "", ""),
    KEYS: lambda who: Who("", "", "", who.key, who.tag),
}
_NAMES = {TOTALS: set[str](), DEPLOYMENTS: {"deployment", "provider", "model"}, KEYS: {"key", "tag"}}


def view_by(names: Iterable[str]) -> str:
    """Return the least view that tells apart what differs in any of these names."""
    wanted = set(names).difference(PERIODS)
    return next((view for view, known in _NAMES.items() if wanted <= known), CELLS)


class Sum:
    """Cells added up one after another, so that none of them has to be kept."""

    __slots__ = ("_cost", "_latencies", "_sums", "_ttfts")

    def __init__(self) -> None:
        self._sums: list[int] = [0] * len(SUMS)
        self._cost = ZERO
        self._latencies, self._ttfts = Runs(), Runs()

    def add(self, cell: Cell) -> None:
        """Add a cell."""
        self._sums = list(map(_plus, self._sums, cell.sums))
        self._cost = EXACT.add(self._cost, cell.cost)
        self._latencies.add(cell.latencies)
        self._ttfts.add(cell.ttfts)

    def cell(self) -> Cell:
        """Return what was added up by now; of runs there are some, which is all that a percentile needs."""
        return Cell(self._sums, self._cost, self._latencies.all(), self._ttfts.all())


def merged(cells: Iterable[Cell]) -> Cell:
    """Add up cells into one with one run of each kind, as it is kept."""
    whole = Sum()
    for cell in cells:
        whole.add(cell)
    return _kept(whole)


def _kept(whole: Sum) -> Cell:
    cell = whole.cell()
    return cell._replace(latencies=(joined(cell.latencies),), ttfts=(joined(cell.ttfts),))


def views(days: Days, asked: Container[str]) -> dict[str, Days]:
    """Add up the cells of days by fewer names for views *asked* for, where a third of them goes by that."""
    wanted = {view: by for view, by in _VIEWS.items() if view in asked}
    found = {view: {label: _seen(day, by) for label, day in days.items()} for view, by in wanted.items()}
    whole = _size(days)
    return {view: some for view, some in found.items() if 3 * _size(some) <= 2 * whole}


def _size(days: Days) -> int:
    return sum(len(day.cells) for day in days.values())


def _seen(day: Day, by: Callable[[Who], Who]) -> Day:
    sums: dict[Who, Sum] = {}
    for who, cell in day.cells.items():
        sums.setdefault(by(who), Sum()).add(cell)
    return day._replace(cells={who: _kept(sums.pop(who)) for who in list(sums)})


def merged_days(some: Iterable[Days]) -> Days:
    """Add up what several files hold of the same local days."""
    by_label: dict[str, list[Day]] = {}
    for days in some:
        for label, day in days.items():
            by_label.setdefault(label, []).append(day)
    return {label: found[0] if len(found) == 1 else together(found) for label, found in by_label.items()}


_NOBODY = Who("", "", "", "", "")


class Costs:
    """What blocks cost, by whose cells they have: as much as there are names, however many days there are.

    The *whole* alone is nobody's, and is known without a look at any cell.
    """

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self.begin()

    def begin(self) -> None:
        """Forget what was added by now."""
        self.by: dict[Who, Decimal] = {}

    def add(self, days: Days) -> None:
        """Add a block."""
        for day in days.values():
            for who, cell in [(_NOBODY, day.total)] if self._whole else day.cells.items():
                self.by[who] = EXACT.add(self.by.get(who, ZERO), cell.cost)


class DaySum:
    """Days added up one after another, cell by cell: what several files hold of one day, or of one month."""

    def __init__(self) -> None:
        self._first = self._last = ""
        self._total = Sum()
        self._cells: dict[Who, Sum] = {}

    def add(self, day: Day) -> None:
        """Add a day."""
        self._first = min(self._first or day.first, day.first)
        self._last = max(self._last, day.last)
        self._total.add(day.total)
        for who, cell in day.cells.items():
            known = self._cells.get(who)
            if known is None:
                known = self._cells[who] = Sum()
            known.add(cell)

    def day(self) -> Day | None:
        """Return what was added up, None of nothing; it is to be asked for once."""
        if not self._first:
            return None
        cells = {who: _kept(self._cells.pop(who)) for who in list(self._cells)}
        return Day(self._first, self._last, _kept(self._total), cells)


def together(days: Sequence[Day]) -> Day:
    """Make one of several, cell by cell."""
    whole = DaySum()
    for day in days:
        whole.add(day)
    return whole.day() or days[0]
