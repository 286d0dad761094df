"""Usage records added up as they are kept: in cells, one a deployment, key and tag, on each local day.

Everything a summary needs of a record is in its cell: whole numbers, money that is exact, and each latency
and time to first token in order, so that percentiles of any union of cells are exact (nearest rank).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Context, Decimal, Inexact, InvalidOperation, localcontext
from operator import itemgetter
from typing import NamedTuple

from llmpool.usage.runs import Run, joined

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
EMPTY = Cell((0,) * len(SUMS), ZERO, (), ())


def summed(cells: Iterable[Cell]) -> Cell:
    """Add up cells; their runs stay as they are, which is all that a percentile needs."""
    some = list(cells)
    if len(some) < 2:
        return some[0] if some else EMPTY
    with localcontext(EXACT):
        cost = sum((cell.cost for cell in some), ZERO)
    return Cell(
        [sum(column) for column in zip(*map(_SUMS_OF, some), strict=True)],
        cost,
        tuple(run for cell in some for run in cell.latencies if run.values),
        tuple(run for cell in some for run in cell.ttfts if run.values),
    )


def merged(cells: Iterable[Cell]) -> Cell:
    """Add up cells into one with one run of each kind, as it is kept."""
    whole = summed(cells)
    return whole._replace(latencies=(joined(whole.latencies),), ttfts=(joined(whole.ttfts),))


_SUMS_OF = itemgetter(0)


def merged_days(some: Iterable[Days]) -> Days:
    """Add up what several files hold of the same local days."""
    by_label: dict[str, list[Day]] = {}
    for days in some:
        for label, day in days.items():
            by_label.setdefault(label, []).append(day)
    return {label: found[0] if len(found) == 1 else together(found) for label, found in by_label.items()}


def together(days: Sequence[Day]) -> Day:
    """Make one of several, cell by cell."""
    cells: dict[Who, list[Cell]] = {}
    for day in days:
        for who, cell in day.cells.items():
            cells.setdefault(who, []).append(cell)
    return Day(
        min(day.first for day in days),
        max(day.last for day in days),
        merged(day.total for day in days),
        {who: merged(found) for who, found in cells.items()},
    )
