"""Runs: many times in milliseconds, in order, and the percentiles of several together.

A percentile of a union is exact, by nearest rank, and nothing is merged for it. A long run has marks: how
many of its values are below each of some bounds. The marks of all runs together tell between which bounds a
percentile lies; each run's own tell where its values between these are, and those alone are sorted.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from itertools import repeat
from operator import itemgetter
from typing import Final, NamedTuple

CODE: Final = "I"  # milliseconds as they are kept: 32 bits, which are 49 days
NARROW: Final = "H"  # those of a long run of which none takes more: 16 bits, which are 65 seconds
UNKNOWN_FROM = 1 << 32  # no call takes that long: such a time is unknown
MARKED = 400  # values of a run that is worth its marks
_LOOSE = 1 << 16  # values of short runs that wait before they are put in order

_STEPS = 16  # bounds to each doubling, which are 6 % apart at most; they end at 17 minutes
BOUNDS = (
    *range(_STEPS),
    *(step << doubling for doubling in range(16) for step in range(_STEPS, 2 * _STEPS)),
    UNKNOWN_FROM,
)
_LAST = len(BOUNDS) - 1
_SORTED = 16  # values of each run, on average, that are sorted rather than looked for


class Run(NamedTuple):
    """Values in order; a long run has its *marks*: how many are below each of `BOUNDS`.

    Values are 32 bits wide, those of a long run 16 where that is enough.
    """

    values: memoryview
    marks: memoryview | None = None


class Spread(NamedTuple):
    """What some runs hold together; None of no values."""

    size: int
    least: int | None
    largest: int | None
    percentiles: Sequence[int | None]


EMPTY_RUN = Run(memoryview(b"").cast(CODE))


def run_of(ordered: list[int]) -> Run:
    """Make a run of values that are in order."""
    if len(ordered) < MARKED:
        return Run(memoryview(array(CODE, ordered)))
    code = CODE if ordered[-1] >> 16 else NARROW
    return Run(memoryview(array(code, ordered)), _marks(ordered))


def _marks(ordered: list[int]) -> memoryview:
    marks, place = array(CODE), 0
    for bound in BOUNDS:
        place = bisect_left(ordered, bound, place)
        marks.append(place)
    return memoryview(marks)


def joined(runs: Iterable[Run]) -> Run:
    """Return several runs as one."""
    some = [run for run in runs if run.values]
    if not some:
        return EMPTY_RUN
    if len(some) == 1 and (some[0].marks or len(some[0].values) < MARKED):
        return some[0]
    return run_of(list(_ordered([run.values for run in some])))


class Runs:
    """Runs that come one after another; short ones, of which there may be many, become a few long ones."""

    __slots__ = ("_long", "_loose")

    def __init__(self) -> None:
        self._long: list[Run] = []
        self._loose: array[int] = array(CODE)

    def add(self, runs: Iterable[Run]) -> None:
        """Take in some runs."""
        for run in runs:
            if run.marks:
                self._long.append(run)
            elif run.values:
                self._loose.frombytes(run.values.cast("B"))
        if len(self._loose) > _LOOSE:
            self._long.append(run_of(sorted(self._loose)))
            self._loose = array(CODE)

    def all(self) -> tuple[Run, ...]:
        """Return all that came, in as many runs as are needed; what one sorts for itself has no marks."""
        if not self._loose:
            return tuple(self._long)
        return (*self._long, Run(memoryview(array(CODE, sorted(self._loose)))))


def _ordered(runs: list[memoryview]) -> Sequence[int]:
    """Return the values of several runs in order; sorting finds the runs, and merges them."""
    if len(runs) == 1:
        return runs[0]
    values: list[int] = []
    for run in runs:
        values += run.tolist()
    values.sort()
    return values


def spread(runs: Iterable[Run], percents: Sequence[int]) -> Spread:
    """Describe all values of some runs; a percentile is the value at rank ceil(percent/100 x n)."""
    some = [run for run in runs if run.values]
    loose = [run.values for run in some if not run.marks]
    if len(some) < 2 or len(loose) == len(some):
        return _of_one(_ordered([run.values for run in some]) if some else (), percents)
    rest = [memoryview(array(CODE, _ordered(loose)))] if len(loose) > 1 else loose
    return _of_several([run for run in some if run.marks], rest, percents)


def _rank(percent: int, count: int) -> int:
    return -(-percent * count // 100)


def _of_one(values: Sequence[int], percents: Sequence[int]) -> Spread:
    count = len(values)
    if not count:
        return Spread(0, None, None, [None] * len(percents))
    found = [values[_rank(percent, count) - 1] for percent in percents]
    return Spread(count, values[0], values[-1], found)


def _of_several(marked: list[Run], loose: list[memoryview], percents: Sequence[int]) -> Spread:
    """Describe long runs, and a run of the values that are in none of them, if there are such."""
    marks = [run.marks for run in marked if run.marks]
    runs = [*(run.values for run in marked), *loose]

    @cache
    def places(bound: int) -> list[int]:
        """Return where each run has its first value that is not below a bound."""
        return [*[each[bound] for each in marks], *[bisect_left(run, BOUNDS[bound]) for run in loose]]

    count, longest = sum(map(len, runs)), max(marks, key=itemgetter(_LAST))
    found = []
    for percent in percents:
        rank = _rank(percent, count)
        guess = bisect_left(longest, rank * longest[_LAST] // count)
        end = _bound(lambda bound: sum(places(bound)), rank, guess)
        window = _Window(runs, places(end - 1), places(end))
        found.append(_value(window, rank, BOUNDS[end - 1], BOUNDS[end]))
    return Spread(count, min([run[0] for run in runs]), max([run[-1] for run in runs]), found)


def _bound(below: Callable[[int], int], rank: int, guess: int) -> int:
    """Find the first bound that has so many values below it, going out from a guess, ever farther."""
    low = high = guess
    step = 1
    while low and below(low) >= rank:
        low, high, step = max(0, low - step), low, 2 * step
    while high < _LAST and below(high) < rank:
        low, high, step = high, min(_LAST, high + step), 2 * step
    return bisect_left(range(_LAST), rank, low + 1, high, key=below)


class _Window(NamedTuple):
    """Some values of each run: from its start on, and before its end."""

    runs: list[memoryview]
    starts: list[int]
    ends: list[int]


def _value(window: _Window, rank: int, low: int, high: int) -> int:
    """Return the value at a rank among all, which is in the window with all others from *low* to *high*.

    Where these are many, the middle is asked for first: how many values are below is asked of each run.
    """
    runs, starts, ends = window
    while high - low > 1 and sum(ends) - sum(starts) > _SORTED * len(runs):
        middle = (low + high) // 2
        places = [bisect_left(*each) for each in zip(runs, repeat(middle), starts, ends)]
        if sum(places) >= rank:
            high, ends = middle, places
        else:
            low, starts = middle, places
    if high - low == 1:
        return low
    values = _ordered([run[start:end] for run, start, end in zip(runs, starts, ends, strict=True)])
    return values[rank - sum(starts) - 1]
