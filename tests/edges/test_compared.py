"""setup.compared: what decisions would have come to elsewhere; what is not known is counted, never 0."""

from __future__ import annotations

from typing import Any

from llmpool.setup.compared import Comparison, Course, Expected, Sums
from tests.builders import row

KNOWN = {
    "den/a": Expected(row("den/a", quality=5), 800),
    "sky/b": Expected(row("sky/b", quality=9, cost_tier=2, input_price=2.0, output_price=10.0), 2000),
    "sky/c": Expected(row("sky/c", quality=8, cost_tier=2), 0),
}
FREE = KNOWN | {"den/a": Expected(row("den/a", quality=5, input_price=0.0, output_price=0.0), 800)}


def sums(count: int, tokens: tuple[int, int] | None = (1000, 500)) -> Sums:
    made = Sums()
    counted = dict(zip(("input_tokens", "output_tokens"), tokens, strict=True)) if tokens else {}
    for _ in range(count):
        made.add({"success": True} | counted)
    return made


def told(courses: dict[Course, Sums], known: dict[str, Expected] = FREE) -> dict[str, Any]:
    return Comparison(courses, {}, known).as_json()


def test_the_difference_in_cost_is_exact() -> None:
    """Recorded tokens at either end's prices: 1000 in and 500 out cost 0.007 USD at 2 and 10 a million."""
    shown = told({Course("den/a", "den/a", "sky/b"): sums(3), Course("sky/b", "sky/b", "sky/b"): sums(1)})
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
        {
            Course("den/a", "den/a", "sky/c"): sums(2),
            Course("den/a", "sky/b", "sky/b"): sums(5, None),
            Course("den/a", "sky/b", ""): sums(7),
            Course("x/y", "x/y", "sky/b"): sums(1),
        }
    )
    assert shown["cost"] == {
        "today": None,
        "other": None,
        "difference": None,
        "decisions": 0,
        "unpriced": 3,
        "uncounted": 5,
    }


def test_odd_counts_are_no_counts() -> None:
    """Tokens of another type, or beyond all reason, are not counted."""
    made = Sums()
    for odd in (True, "5", -1, 1 << 64, None):
        made.add({"input_tokens": odd, "output_tokens": 1})
    made.add([])
    made.add(None)
    assert (made.decisions, made.counted, made.input, made.output) == (7, 0, 0, 0)


def test_latency_and_quality_are_means_over_both_ends() -> None:
    """An average is over the decisions where both ends are known; who never answered has no latency."""
    shown = told(
        {
            Course("den/a", "den/a", "sky/b"): sums(3),
            Course("den/a", "den/a", "sky/c"): sums(1),
            Course("", "", "sky/c"): sums(9),
        }
    )
    assert shown["latency_ms"] == {"today": 800.0, "other": 2000.0, "difference": 1200.0, "decisions": 3}
    assert shown["quality"] == {"today": 5.0, "other": 8.8, "difference": 3.8, "decisions": 4}


def test_moves_are_ordered_and_bounded() -> None:
    """The commonest move first, at most ten of them, and how many there are in all."""
    courses = {Course("", "den/a", f"sky/{n:02}"): sums(n % 4 + 1) for n in range(12)}
    shown = told(courses, {})
    assert [move["decisions"] for move in shown["moves"]] == [4, 4, 4, 3, 3, 3, 2, 2, 2, 1]
    assert shown["moves"][0] == {"from": "den/a", "to": "sky/03", "decisions": 4}
    assert (shown["moves_total"], shown["changed"]) == (12, 30)


def test_who_finds_nobody() -> None:
    """Decisions nobody may answer are counted for both settings, and newly so with their reasons."""
    shown = told(
        {
            Course("a", "den/a", "", "not local"): sums(2),
            Course("b", "den/a", "", "excluded"): sums(1),
            Course("c", "", "", "not local"): sums(4),
            Course("d", "", "den/a"): sums(8),
        }
    )
    assert shown["not_eligible"] == {
        "today": 12,
        "other": 7,
        "became": 3,
        "reasons": [{"reason": "not local", "decisions": 2}, {"reason": "excluded", "decisions": 1}],
    }
    assert (shown["changed"], shown["since_recorded"]) == (11, 15)
