"""A prompt that was too long for one goes to larger windows only (catalog-registry-router 5.7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.router.larger import larger_only
from tests.builders import row, table

WINDOWS = {"a/s": 4096, "a/t": 4096, "b/m": 8192, "c/l": 32768, "c/x": 131072, "d/u": 0}
POOL = table(row(name, window=window) for name, window in WINDOWS.items())
ALL = list(WINDOWS)


@pytest.mark.parametrize(
    ("failed", "needed", "window", "plan", "skipped"),
    [
        ("a/s", 0, 0, ["b/m", "c/l", "c/x", "d/u"], ["a/t"]),  # by the listed window
        ("b/m", 0, 0, ["c/l", "c/x", "d/u"], ["a/s", "a/t"]),
        ("c/x", 0, 6000, ["b/m", "c/l", "d/u"], ["a/s", "a/t"]),  # by the window it named itself
        ("a/s", 9000, 4096, ["c/l", "c/x", "d/u"], ["a/t", "b/m"]),  # by what it counted
        ("a/s", 8192, 4096, ["b/m", "c/l", "c/x", "d/u"], ["a/t"]),  # exactly filling a window is fine
        ("d/u", 0, 0, ["a/s", "a/t", "b/m", "c/l", "c/x"], []),  # nothing is known: all may
        ("z/gone", 0, 0, ALL, []),
        ("c/x", 0, 0, ["d/u"], ["a/s", "a/t", "b/m", "c/l"]),
    ],
)
def test_the_same_or_a_smaller_window_is_left_out(
    failed: str, needed: int, window: int, plan: list[str], skipped: list[str]
) -> None:
    """What the server named counts, else what is listed; an unknown window may be large enough."""
    rest = [ref for ref in ALL if ref != failed]
    assert larger_only(rest, POOL, failed, needed, window=window) == (plan, skipped)


def test_the_second_detour_goes_to_the_largest() -> None:
    """Whoever is refused twice asks the largest known window next; the unknown come last."""
    found = larger_only(["d/u", "b/m", "c/l", "c/x"], POOL, "a/s", again=True)
    assert found.plan == ["c/x", "c/l", "b/m", "d/u"]


def test_a_window_that_would_have_held_it_is_not_the_one_there() -> None:
    """A server that was started with less than its model could have says nothing of the others."""
    counted = larger_only(["b/m", "c/l"], POOL, "c/x", 6000)
    assert counted == (["b/m", "c/l"], [])
    rest = ["a/s", "c/l"]
    assert larger_only(rest, POOL, "c/x", about=6000) == (rest, [])
    assert larger_only(rest, POOL, "c/x", about=6000, again=True) == ([], rest)
    assert larger_only(rest, POOL, "c/x", about=90000) == ([], rest)


@given(st.permutations(ALL), st.integers(0, 200000), st.integers(0, 200000))
def test_at_most_two_detours_where_windows_are_known(order: list[str], needed: int, window: int) -> None:
    """5.7: two reroutes at most, and nobody is left out who might have taken it."""
    plan = [ref for ref in order if ref != "d/u"]
    failed, asked = plan.pop(0), 1
    while plan:
        left = larger_only(plan, POOL, failed, again=asked > 1)
        assert sorted(left.plan + left.skipped) == sorted(plan)
        if not left.plan:
            break
        failed, plan, asked = left.plan[0], left.plan[1:], asked + 1
    assert asked <= 3
    found = larger_only(order, POOL, "a/s", needed, window=window)
    assert all(WINDOWS[ref] > window and WINDOWS[ref] >= needed for ref in found.plan if WINDOWS[ref])
