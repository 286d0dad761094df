"""Figures as rows: what was measured in each round, what the design allows, and whether it holds."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One figure: a value for each round, in *unit*; *budget* is the most it may be, or the least.

    *best* is the figure with the least that each side took, which no neighbour weighs on; the least value
    where it is not given. *note* stands instead of figures where there are none.
    """

    what: str
    budget: float | None = None
    unit: str = "x"
    values: Sequence[float] = ()
    best: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def median(self) -> float:
        """The value in the middle."""
        return statistics.median(self.values)

    @property
    def least(self) -> float:
        """The best value there was."""
        if self.best is not None:
            return self.best
        return max(self.values) if self.at_least else min(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """Between which values the middle half of the rounds lies."""
        if len(self.values) < 4:
            return min(self.values), max(self.values)
        low, _, high = statistics.quantiles(self.values, n=4)
        return low, high

    @property
    def holds(self) -> bool | None:
        """Whether the median keeps the budget; None without one, or without figures."""
        if self.budget is None or not self.values:
            return None
        return self.median >= self.budget if self.at_least else self.median <= self.budget


def ratios(what: str, budget: float | None, ours: Sequence[float], anchor: Sequence[float]) -> Row:
    """Make the row of a cost next to its anchor, round by round."""
    values = [mine / theirs for mine, theirs in zip(ours, anchor, strict=True)]
    return Row(what, budget, values=values, best=min(ours) / min(anchor))


HEAD = ("what", "budget", "median", "best", "middle half", "held")
_WIDTHS = (60, 11, 11, 11, 14, 6)


def line(row: Row) -> str:
    """Write a row of the table for a terminal."""
    first, *rest = cells(row)
    told = "".join(f"{cell:>{width}}" for cell, width in zip(rest, _WIDTHS[1:], strict=True))
    return f"{first:{_WIDTHS[0]}}{told}".rstrip() if row.values else f"{first:{_WIDTHS[0]}}  {row.note}"


def head() -> str:
    """Write the head of the table for a terminal."""
    rest = "".join(f"{cell:>{width}}" for cell, width in zip(HEAD[1:], _WIDTHS[1:], strict=True))
    return f"{HEAD[0]:{_WIDTHS[0]}}{rest}"


def markdown(rows: Sequence[Row]) -> Iterator[str]:
    """Write the rows as a table of Markdown."""
    yield f"| {' | '.join(HEAD)} |"
    yield "|---|--:|--:|--:|--:|---|"
    for row in rows:
        yield f"| {' | '.join(cells(row))} |" if row.values else f"| {row.what} | | | | | {row.note} |"


def cells(row: Row) -> tuple[str, ...]:
    """Write what stands in the columns of a row."""
    if not row.values:
        return (row.what, *[""] * 5)
    bound = "" if row.budget is None else f"{'>= ' if row.at_least else ''}{_number(row.budget, row.unit)}"
    low, high = (_number(value, row.unit).split()[0].removesuffix("x") for value in row.spread)
    held = {None: "", True: "yes", False: "NO"}[row.holds]
    return (
        row.what,
        bound,
        _number(row.median, row.unit),
        _number(row.least, row.unit),
        f"{low}-{high}",
        held,
    )


def _number(value: float, unit: str) -> str:
    digits = 0 if value >= 100 or value == int(value) else 1 if value >= 10 else 2 if value >= 0.1 else 3
    return f"{value:.{digits}f}{unit if unit == 'x' else f' {unit}'}"
