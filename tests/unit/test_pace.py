"""The pace of a transfer: measured, smoothed, and never of bytes that were there before."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli.transfer import amount, clock, moving
from llmpool.core.text import size
from llmpool.discovery.download import PullEvent
from llmpool.discovery.pace import Pace


def test_a_steady_transfer_has_its_rate() -> None:
    """100 bytes a second are 100 bytes a second, and 500 bytes take 5 seconds more."""
    pace = Pace()
    for second in range(6):
        pace.note(second, 100 * second, 1000)
    assert pace.rate == pytest.approx(100)
    assert pace.left() == pytest.approx(5)


def test_nothing_is_known_at_first() -> None:
    """A single figure has no pace, and neither has one without a total."""
    pace = Pace()
    assert (pace.rate, pace.left()) == (None, None)
    pace.note(0, 50, 0)
    pace.note(1, 90, 0)
    assert (pace.rate, pace.left()) == (None, None)
    pace.note(2, 90, 100)
    assert (pace.rate, pace.left()) == (None, None)


def test_what_was_there_already_was_not_fetched_just_now() -> None:
    """A pull that goes on at half has not fetched that half just now, nor a new layer that was there."""
    pace = Pace()
    pace.note(0, 5000, 10_000)
    pace.note(1, 5010, 10_000)
    assert pace.rate == pytest.approx(10)
    pace.note(2, 9000, 14_000)
    assert pace.rate == pytest.approx(10)


def test_a_burst_is_smoothed() -> None:
    """One second at ten times the pace moves the figure by less than a sixth of the way."""
    pace = Pace()
    for second in range(10):
        pace.note(second, 100 * second, 100_000)
    pace.note(10, 900 + 1000, 100_000)
    assert pace.rate is not None
    assert 100 < pace.rate < 100 + 900 / 6


def test_a_transfer_that_stands_still_slows_down() -> None:
    """Half of the pace is gone after four seconds without a byte; it never becomes negative."""
    pace = Pace()
    pace.note(0, 0, 1000)
    pace.note(1, 100, 1000)
    pace.note(5, 100, 1000)
    assert pace.rate == pytest.approx(50)
    pace.note(6, 20, 1000)
    assert 0 < (pace.rate or 0) < 50


@given(st.lists(st.tuples(st.floats(0, 5), st.integers(0, 1 << 50), st.integers(0, 1 << 50))))
def test_any_figures_have_a_pace_or_none(steps: list[tuple[float, int, int]]) -> None:
    """Rate and time left are never negative, whatever is told."""
    pace, now = Pace(), 0.0
    for passed, done, total in steps:
        now += passed
        pace.note(now, done, total)
        assert pace.rate is None or pace.rate >= 0
        assert (pace.left() or 0) >= 0


def test_a_line_of_progress() -> None:
    """As the transcript has it: how much, how fast, how long."""
    event = PullEvent("den/qwen3:14b", 3_100_000_000, 9_300_000_000, "pulling a", 48e6, 129.2)
    assert moving(event) == "  den/qwen3:14b   [######..............]   3.1 of 9.3 GB   48 MB/s   2:09 left"
    begun = PullEvent("den/a", 0, 0, "pulling manifest", None, None)
    assert moving(begun) == "  den/a   pulling manifest"
    verified = event._replace(done=event.total, status="verifying sha256 digest")
    assert (
        moving(verified)
        == "  den/qwen3:14b   [####################]   9.3 of 9.3 GB   verifying sha256 digest"
    )


@pytest.mark.parametrize(
    ("done", "total", "expected"),
    [
        (0, 0, ""),
        (512, 0, "512 B"),
        (0, 9_300_000_000, "0 of 9.3 GB"),
        (900_000, 9_300_000_000, "900.0 kB of 9.3 GB"),
        (98_400_000, 98_400_000, "98.4 of 98.4 MB"),
        (5, 700, "5 of 700 B"),
    ],
)
def test_amounts(done: int, total: int, expected: str) -> None:
    """A shared unit stands once."""
    assert amount(done, total) == expected


def test_sizes_and_times() -> None:
    """Short, and never with more digits than anybody reads."""
    assert [size(n) for n in (0, 999, 1000, 48_500_000, 9.3e9)] == [
        "0 B",
        "999 B",
        "1.0 kB",
        "48.5 MB",
        "9.3 GB",
    ]
    assert [clock(s) for s in (0, 59.9, 129, 3729, 200_000)] == ["0:00", "0:59", "2:09", "1:02:09", "2 d"]
