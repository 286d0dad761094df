"""Runs: many times in milliseconds, in order, and the percentiles of several together.

A percentile of a union is exact, by nearest rank, and nothing is merged for it. A long run has marks: how
many of its values are below each of some bounds. The marks of all runs, added up, tell between which bounds a
percentile lies; each run's own tell where its values between these are, and those alone are sorted.
"""

from __future__ import annotations

import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Final, NamedTuple

CODE: Final = "I"  # milliseconds as they are kept: 32 bits, which are 49 days
UNKNOWN_FROM = 1 << 32  # no call takes that long: such a time is unknown
MARKED = 400  # values of a run that is worth its marks

_STEPS = 16  # bounds to each doubling, which are 6 % apart at most; they end at 17 minutes
BOUNDS = (
    *range(_STEPS),
    *(step << doubling for doubling in range(16) for step in range(_STEPS, 2 * _STEPS)),
    UNKNOWN_FROM,
)
_LAST = len(BOUNDS) - 1
_SORTED = 64  # values of each run, on average, that are sorted rather than looked for


class Run(NamedTuple):
    """Values in order; a long run has its *marks*: how many are below each of `BOUNDS`."""

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
    values = memoryview(array(CODE, ordered))
    return Run(values, _marks(ordered) if len(ordered) >= MARKED else None)


def _marks(ordered: list[int]) -> memoryview:
    marks, place = array(CODE), 0
    for bound in BOUNDS:
        place = bisect_left(ordered, bound, place)
        marks.append(place)
    return memoryview(marks)


def joined(runs: Iterable[Run]) -> Run:
    """Return several runs as one."""
    some = [run for run in runs if run.values]
    if len(some) < 2:
        return some[0] if some else EMPTY_RUN
    return run_of(_ordered([run.values for run in some]))


def _ordered(runs: list[memoryview]) -> list[int]:
    """Return the values of several runs in order; sorting finds the runs, and merges them."""
    return sorted(memoryview(b"".join(runs)).cast(CODE))


def spread(runs: Iterable[Run], percents: Sequence[int]) -> Spread:
    """Describe all values of some runs; a percentile is the value at rank ceil(percent/100 x n)."""
    some = [run for run in runs if run.values]
    loose = [run.values for run in some if not run.marks]
    if len(some) < 2 or len(loose) == len(some):
        return _of_one(_ordered(loose) if len(loose) > 1 else some[0].values if some else (), percents)
    marked = [run for run in some if run.marks]
    return _of_several(marked, _ordered(loose), percents)


def _rank(percent: int, count: int) -> int:
    return -(-percent * count // 100)


def _of_one(values: Sequence[int], percents: Sequence[int]) -> Spread:
    count = len(values)
    if not count:
        return Spread(0, None, None, [None] * len(percents))
    found = [values[_rank(percent, count) - 1] for percent in percents]
    return Spread(count, values[0], values[-1], found)


def _of_several(marked: list[Run], loose: list[int], percents: Sequence[int]) -> Spread:
    """Describe long runs, and values that are in none of them."""
    marks = [run.marks for run in marked if run.marks]
    runs = [run.values for run in marked]
    below, loose_ones = _added(marks), memoryview(array(CODE, loose))
    count = below[_LAST] + len(loose)
    runs += [loose_ones] if loose else []
    found = []
    for percent in percents:
        rank = _rank(percent, count)
        end = _bound(below, loose, rank)
        low, high = BOUNDS[end - 1], BOUNDS[end]
        starts, ends = [each[end - 1] for each in marks], [each[end] for each in marks]
        if loose:
            starts.append(bisect_left(loose, low))
            ends.append(bisect_left(loose, high))
        found.append(_value(_Window(runs, starts, ends), rank, low, high))
    return Spread(count, min([run[0] for run in runs]), max([run[-1] for run in runs]), found)


def _bound(below: memoryview, loose: list[int], rank: int) -> int:
    """Find the first bound that has so many values below it; *below* does not count the loose ones."""
    first, last = bisect_left(below, rank - len(loose)), min(_LAST, bisect_left(below, rank))
    while first < last:
        middle = (first + last) // 2
        if below[middle] + bisect_left(loose, BOUNDS[middle]) >= rank:
            last = middle
        else:
            first = middle + 1
    return last


def _added(marks: list[memoryview]) -> memoryview:
    """Add up marks, bound by bound: as numbers of very many digits, of which none overflows into the next."""
    order = sys.byteorder
    whole = sum([int.from_bytes(each, order) for each in marks])
    return memoryview(whole.to_bytes(4 * len(BOUNDS), order)).cast(CODE)


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
