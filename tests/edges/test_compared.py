"""setup.compared: what decisions would have come to elsewhere; what is not known is counted, never 0."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmpool.pricing.book import FREE, Rates
from llmpool.router.value import expected
from llmpool.setup.charged import Counts, counts
from llmpool.setup.compared import Comparison, Course, Expected, Sums
from tests.builders import row

KNOWN = {
    "den/a": Expected(row("den/a", quality=5), 800),
    "sky/b": Expected(row("sky/b", quality=9, cost_tier=2), 2000),
    "sky/c": Expected(row("sky/c", quality=8, cost_tier=2), 0),
}
RATES = {"den/a": FREE, "sky/b": Rates(input=Decimal(2), output=Decimal(10))}
NO_TOKENS = None


def course(recorded: str, *ends: str, reason: str = "") -> Course:
    return Course(recorded != ends[0], ends, tuple("" if end else reason for end in ends))


def sums(
    taken: Course, count: int, tokens: tuple[int, int] | None = (1000, 500), hard: float | None = None
) -> tuple[Course, Sums]:
    """Return a course with so many decisions on it, priced as `RATES` has their ends."""
    made, ends = Sums(), tuple(RATES.get(end) for end in taken.ends)
    for _ in range(count):
        used = Counts(*tokens) if tokens else None
        made.add(0.5 if hard is None else hard, judged=hard is not None, tokens=used, ends=ends)
    return taken, made


def told(*courses: tuple[Course, Sums], known: dict[str, Expected] | None = None) -> dict[str, Any]:
    return Comparison(dict(courses), {}, KNOWN if known is None else known).as_json()


def test_the_difference_in_cost_is_exact() -> None:
    """Recorded tokens at either end's prices: 1000 in and 500 out cost 0.007 USD at 2 and 10 a million."""
    shown = told(
        sums(course("den/a", "den/a", "sky/b"), 3),
        sums(course("sky/b", "sky/b", "sky/b"), 1),
    )
    assert shown["cost"] == {
        "today": "0.007",
        "other": "0.028",
        "difference": "0.021",
        "decisions": 4,
        "unpriced": 0,
        "uncounted": 0,
    }


def test_what_has_no_price_or_no_count_is_apart() -> None:
    """Calls without a price at either end, or without tokens, are in no total and in a count of their own."""
    shown = told(
        sums(course("den/a", "den/a", "sky/c"), 2),
        sums(course("den/a", "sky/b", "sky/b"), 5, NO_TOKENS),
        sums(course("den/a", "sky/b", "", reason="no"), 7),
        sums(course("x/y", "x/y", "sky/b"), 1),
    )
    assert shown["cost"] == {
        "today": None,
        "other": None,
        "difference": None,
        "decisions": 0,
        "unpriced": 3,
        "uncounted": 5,
    }


@pytest.mark.parametrize("odd", [True, "5", -1, 1 << 64, None])
def test_odd_counts_are_no_counts(odd: object) -> None:
    """Tokens of another type, or beyond all reason, are not counted; of cached ones they are none."""
    assert counts({"input_tokens": odd, "output_tokens": 1}) is None
    assert counts({"input_tokens": 1, "output_tokens": odd}) is None
    assert counts({"input_tokens": 1, "output_tokens": 1, "cache_read_tokens": odd}) == Counts(1, 1)


def test_an_outcome_of_another_kind_has_no_counts() -> None:
    """A line without an outcome, or with one that is no table, was not counted."""
    assert counts(None) is None
    assert counts([]) is None


def test_latency_and_quality_are_means_over_both_ends() -> None:
    """An average is over the decisions where both ends are known; who never answered has no latency."""
    shown = told(
        sums(course("den/a", "den/a", "sky/b"), 3),
        sums(course("den/a", "den/a", "sky/c"), 1),
        sums(course("", "", "sky/c"), 9),
    )
    assert shown["latency_ms"] == {"today": 800.0, "other": 2000.0, "difference": 1200.0, "decisions": 3}
    assert shown["quality"] == {"today": 5.0, "other": 8.8, "difference": 3.8, "decisions": 4}


def test_expected_quality_is_that_of_each_decision_at_its_own_difficulty() -> None:
    """Not that of the mean rating at the mean difficulty; where none was recorded that is counted."""
    moved, made = sums(course("den/a", "den/a", "sky/b"), 1, hard=0.0)
    for _ in range(2):
        made.add(1.0, judged=True)
    shown = told((moved, made), sums(course("den/a", "den/a", "den/a"), 1))
    today = expected(5, 0.0) + 2 * expected(5, 1.0) + expected(5, 0.5)
    other = expected(9, 0.0) + 2 * expected(9, 1.0) + expected(5, 0.5)
    assert shown["expected_quality"] == {
        "today": round(today / 4, 3),
        "other": round(other / 4, 3),
        "difference": round((other - today) / 4, 3),
        "decisions": 4,
    }
    assert shown["guessed_difficulty"] == 1


def test_moves_are_ordered_and_bounded() -> None:
    """The commonest move first, at most ten of them, and how many there are in all."""
    courses = [sums(course("", "den/a", f"sky/{n:02}"), n % 4 + 1) for n in range(12)]
    shown = told(*courses, known={})
    assert [move["decisions"] for move in shown["moves"]] == [4, 4, 4, 3, 3, 3, 2, 2, 2, 1]
    assert shown["moves"][0] == {"from": "den/a", "to": "sky/03", "decisions": 4}
    assert (shown["moves_total"], shown["changed"]) == (12, 30)


def test_who_finds_nobody() -> None:
    """Decisions nobody may answer are counted for both settings, and newly so with their reasons."""
    shown = told(
        sums(course("a", "den/a", "", reason="not local"), 2),
        sums(course("b", "den/a", "", reason="excluded"), 1),
        sums(course("c", "", "", reason="not local"), 4),
        sums(course("d", "", "den/a"), 8),
    )
    assert shown["not_eligible"] == {
        "today": 12,
        "other": 7,
        "became": 3,
        "reasons": [{"reason": "not local", "decisions": 2}, {"reason": "excluded", "decisions": 1}],
    }
    assert (shown["changed"], shown["since_recorded"]) == (11, 15)


def test_side_by_side_every_figure_is_of_the_same_decisions() -> None:
    """One that any strategy has no price, no latency or nobody for is left out of that figure of all."""
    courses = [
        sums(course("den/a", "den/a", "sky/b", "den/a"), 2, hard=0.2),
        sums(course("den/a", "den/a", "sky/b", "sky/c"), 1, hard=0.2),
        sums(course("den/a", "den/a", "", "sky/b", reason="no"), 1, hard=0.2),
    ]
    shown = Comparison(dict(courses), {}, KNOWN).side_by_side("score", ["value", "cost"])
    assert shown["today"] == {
        "strategy": "score",
        "nobody": 0,
        "cost": "0",
        "latency_ms": 800.0,
        "quality": 5.0,
        "expected_quality": 0.826,
    }
    value, cost = shown["strategies"]
    assert (value["strategy"], value["changed"], value["nobody"]) == ("value", 4, 1)
    assert (value["cost"], value["latency_ms"], value["quality"]) == ("0.014", 2000.0, 9.0)
    assert (cost["strategy"], cost["changed"], cost["cost"], cost["quality"]) == ("cost", 2, "0", 6.0)
    assert value["not_eligible"]["became"] == 1
    assert shown["over"] == {
        "cost": 2,
        "latency_ms": 2,
        "quality": 3,
        "expected_quality": 3,
        "unpriced": 1,
        "uncounted": 0,
    }


def test_side_by_side_of_nothing_is_unknown() -> None:
    """Without a decision no strategy has a figure."""
    shown = Comparison({}, {}, KNOWN).side_by_side("score", ["value"])
    assert {shown["today"][name] for name in ("cost", "latency_ms", "quality", "expected_quality")} == {None}
