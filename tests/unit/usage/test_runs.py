"""Runs of times: what several hold together is what one sorted list of all their values says."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.usage.runs import BOUNDS, MARKED, UNKNOWN_FROM, Run, joined, run_of, spread

PERCENTS = (1, 50, 95, 99, 100)
# How times are made of a random one below 1: spread out, close together, all equal, and beyond the bounds.
KINDS = (
    lambda part: int(3000 * part**3),
    lambda part: 70_000 + int(900 * part),
    lambda part: 2000,
    lambda part: int(5 * part),
    lambda part: int(UNKNOWN_FROM * part),
)
LENGTHS = st.sampled_from((0, 1, 7, MARKED - 1, MARKED, 1500, 4000))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(LENGTHS, st.sampled_from(KINDS)), max_size=6), st.integers(0, 1000))
def test_a_spread_is_that_of_all_values(shapes: list[tuple[int, object]], seed: int) -> None:
    """Long runs and short ones, alike or not, have the extremes and percentiles of their values together."""
    dice = random.Random(seed)
    lists = [sorted(kind(dice.random()) for _ in range(length)) for length, kind in shapes]  # type: ignore[operator]
    ordered = sorted(value for each in lists for value in each)
    found = spread([run_of(each) for each in lists], PERCENTS)
    ends = (ordered[0], ordered[-1]) if ordered else (None, None)
    assert (found.size, found.least, found.largest) == (len(ordered), *ends)
    expected = [ordered[-(-p * len(ordered) // 100) - 1] if ordered else None for p in PERCENTS]
    assert list(found.percentiles) == expected
    assert list(joined([run_of(each) for each in lists]).values) == ordered


@pytest.mark.parametrize("length", [MARKED - 1, MARKED])
def test_only_a_long_run_has_marks(length: int) -> None:
    """Marks tell of each bound how many values are below it; a short run is looked through without."""
    run: Run = run_of(list(range(length)))
    assert run.marks is None if length < MARKED else list(run.marks or ()) == [min(b, length) for b in BOUNDS]
