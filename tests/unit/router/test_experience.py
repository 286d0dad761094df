"""What experience is worth (catalog-registry-router 6.6) and how it is gathered (6.9)."""

from __future__ import annotations

import pytest

from llmpool.core.routing import Experience
from llmpool.router.experience import hits, record


@pytest.mark.parametrize(
    ("successes", "failures", "points"),
    [
        (1, 0, 1),
        (6, 0, 6),
        (7, 1, 6),
        (500, 0, 6),
        (0, 1, -2),
        (0, 2, -4),
        (1, 6, -10),
        (0, 6, -12),
        (0, 7, -12),
        (3, 500, -12),
    ],
)
def test_reliability_is_bounded_on_both_sides(successes: int, failures: int, points: int) -> None:
    """A surplus of successes gives 1 to 6, one of failures takes 2 each up to 12."""
    (hit,) = hits(Experience(successes, failures), latency_counts=True)
    kind = "bonus" if points > 0 else "penalty"
    assert hit == (f"experience_reliability_{kind}", points)


def test_a_balance_of_outcomes_moves_nothing() -> None:
    """As many successes as failures, or none of either, fires no rule."""
    assert hits(Experience(3, 3), latency_counts=True) == ()
    assert hits(Experience(), latency_counts=True) == ()


@pytest.mark.parametrize(
    ("latency", "name", "points"),
    [
        (1, "fast", 4),
        (4000, "fast", 4),
        (4001, "ok", 2),
        (8000, "ok", 2),
        (15000, "sluggish", -4),
        (29999, "sluggish", -4),
        (30000, "slow", -8),
        (10**9, "slow", -8),
    ],
)
def test_latency_moves_by_four_steps(latency: int, name: str, points: int) -> None:
    """Each row of the table holds up to and including its boundary."""
    assert hits(Experience(avg_latency_ms=latency), latency_counts=True) == (
        (f"experience_latency_{name}", points),
    )


@pytest.mark.parametrize("latency", [0, -1, 8001, 14999])
def test_ordinary_and_unknown_latency_moves_nothing(latency: int) -> None:
    """Between ok and sluggish nothing happens, and 0 is unknown."""
    assert hits(Experience(avg_latency_ms=latency), latency_counts=True) == ()


def test_latency_counts_only_where_somebody_waits() -> None:
    """In the background only reliability counts, unless speed was asked for."""
    seen = Experience(2, 0, 1000)
    assert [hit.points for hit in hits(seen, latency_counts=False)] == [2]
    assert [hit.points for hit in hits(seen, latency_counts=True)] == [2, 4]


@pytest.mark.parametrize("seen", [Experience(4, 0, 20000), Experience(0, 2, 500), Experience(0, 1, 5000)])
def test_what_cancels_out_leaves_no_trace(seen: Experience) -> None:
    """Reasons are recorded only if their sum is not zero: +4 and -4 are silent."""
    assert hits(seen, latency_counts=True) == ()


def test_case_14_of_the_worked_examples() -> None:
    """Primary 7/1 at 3.2 s gains 6 and 4, backup 2/4 at 24 s loses 4 and 4."""
    assert [hit.points for hit in hits(Experience(7, 1, 3200), latency_counts=True)] == [6, 4]
    assert [hit.points for hit in hits(Experience(2, 4, 24000), latency_counts=True)] == [-4, -4]


def test_golden_g4_averages_are_running_integer_means() -> None:
    """G4: one success of 120 ms and 600 tokens, then a failure of 121 ms, averages 120 ms."""
    first = record(Experience(), success=True, latency_ms=120, tokens=600)
    assert first == Experience(1, 0, 120, 600)
    second = record(first, success=False, latency_ms=121, tokens=600)
    assert second == Experience(1, 1, 120, 600)


def test_each_outcome_counts_once_and_moves_the_mean_by_its_share() -> None:
    """6.9: (average x (n-1) + value) // n over all outcomes, good and bad."""
    seen = Experience()
    for value in (100, 200, 400):
        seen = record(seen, success=value < 400, latency_ms=value, tokens=value * 10)
    assert seen == Experience(2, 1, 233, 2333)


def test_what_was_gathered_makes_case_9() -> None:
    """Case 9: one failure of 5 s costs 2 and its latency gives 2 back, so no reason is recorded."""
    seen = record(Experience(), success=False, latency_ms=5000, tokens=0)
    assert hits(seen, latency_counts=True) == ()
    assert [hit.points for hit in hits(seen, latency_counts=False)] == [-2]
