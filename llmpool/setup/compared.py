"""What other settings would have come to: who would be chosen instead, what that costs, takes and is worth.

Figures are about the decisions where they are known for all settings that stand side by side, so that a sum
or a mean can be held against the next one; how many those are is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from llmpool.core.routing import RoutingRow
from llmpool.pricing.book import plain
from llmpool.router.value import expected
from llmpool.setup.charged import Counts, Ends, Spent

MOVES = 10  # changes from one deployment to another that are listed
REASONS = 5  # reasons why nobody may answer that are listed
TODAY = 0  # the place of today's setting among the ends of a course


class Expected(NamedTuple):
    """What is known of a deployment: its columns, and its average latency, 0 when unknown."""

    row: RoutingRow
    latency_ms: int


class Course(NamedTuple):
    """Who would be chosen under today's setting, and under each of the others; *drifted*: not as recorded."""

    drifted: bool
    ends: tuple[str, ...]
    reasons: tuple[str, ...] = ()  # why nobody may answer, at each end where nobody does


class Sums:
    """How many decisions took a course, how hard they were, and the tokens of those that were counted.

    Of the *guessed* no difficulty was recorded: they have the one in the middle of their complexity.
    """

    def __init__(self) -> None:
        self.decisions = self.counted = self.guessed = 0
        self.difficulties: Counter[float] = Counter()
        self.spent = Spent()

    def add(self, difficulty: float, *, judged: bool, tokens: Counts | None = None, ends: Ends = ()) -> None:
        """Add one decision, with its tokens and what they are charged at each end."""
        self.decisions += 1
        self.difficulties[difficulty] += 1
        self.guessed += not judged
        if tokens is not None:
            self.counted += 1
            self.spent.add(ends, tokens)


class Figure(NamedTuple):
    """A sum or mean at each of the ends that were asked for, over how many decisions; none of none."""

    values: list[Any]
    decisions: int


class Comparison(NamedTuple):
    """All decisions of a span by their course; *skipped* counts by reason the lines that tell too little.

    *known* is what is expected of each deployment today; of one that only another setting has, there.
    """

    courses: Mapping[Course, Sums]
    skipped: Mapping[str, int]
    known: Mapping[str, Expected]

    @property
    def decisions(self) -> int:
        """Count the decisions that were routed again."""
        return sum(each.decisions for each in self.courses.values())

    @property
    def guessed(self) -> int:
        """Count those of which no difficulty was recorded."""
        return sum(each.guessed for each in self.courses.values())

    def changed(self, place: int = 1) -> int:
        """Count those that a setting alone gives to another deployment, or to none, or to one at last."""
        return sum(n.decisions for course, n in self.courses.items() if course.ends[0] != course.ends[place])

    def as_json(self) -> dict[str, Any]:
        """Show one other setting as `policy simulate --json` does."""
        cost, (unpriced, uncounted) = self.cost((TODAY, 1))
        figures = {
            "cost": _pair(cost, _amount) | {"unpriced": unpriced, "uncounted": uncounted},
            "latency_ms": _pair(self.latency((TODAY, 1)), _rounded(1)),
            "quality": _pair(self.quality((TODAY, 1)), _rounded(1)),
            "expected_quality": _pair(self.expected_quality((TODAY, 1)), _rounded(3)),
        }
        return self._about(self.moved(1) | figures)

    def side_by_side(self, today: str, strategies: list[str]) -> dict[str, Any]:
        """Show several strategies as `policy simulate --json` does, and *today*'s before them."""
        places = tuple(range(len(strategies) + 1))
        cost, (unpriced, uncounted) = self.cost(places)
        means = {
            "latency_ms": (self.latency(places), _rounded(1)),
            "quality": (self.quality(places), _rounded(1)),
            "expected_quality": (self.expected_quality(places), _rounded(3)),
        }
        figures = {"cost": (cost, _amount)} | means
        rows = [
            {"strategy": name, "nobody": self._nobody(place)}
            | {
                key: shown(figure.values[place]) if figure.decisions else None
                for key, (figure, shown) in figures.items()
            }
            for place, name in enumerate([today, *strategies])
        ]
        others = [row | self.moved(place) for place, row in enumerate(rows[1:], 1)]
        over = {key: figure.decisions for key, (figure, _) in figures.items()}
        told = {"today": rows[0], "strategies": others}
        return self._about(told | {"over": over | {"unpriced": unpriced, "uncounted": uncounted}})

    def _about(self, told: dict[str, Any]) -> dict[str, Any]:
        """Add what is so whatever is tried."""
        first = {"decisions": self.decisions, "skipped": dict(self.skipped)}
        return first | told | {"guessed_difficulty": self.guessed, "since_recorded": self.drifted()}

    def moved(self, place: int) -> dict[str, Any]:
        """Tell what a setting changes: how many decisions, from whom to whom, and who finds nobody."""
        moves = self.moves(place)
        return {
            "changed": self.changed(place),
            "moves": moves[:MOVES],
            "moves_total": len(moves),
            "not_eligible": self.not_eligible(place),
        }

    def moves(self, place: int = 1) -> list[dict[str, Any]]:
        """List who would be chosen instead of whom, the commonest first; null is nobody."""
        counts: Counter[tuple[str, str]] = Counter()
        for course, each in self.courses.items():
            if course.ends[TODAY] != course.ends[place]:
                counts[course.ends[TODAY], course.ends[place]] += each.decisions
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"from": a or None, "to": b or None, "decisions": n} for (a, b), n in ordered]

    def not_eligible(self, place: int = 1) -> dict[str, Any]:
        """Count the decisions nobody may answer: under today's setting, under the other, and newly so."""
        reasons: Counter[str] = Counter()
        for course, each in self.courses.items():
            if course.ends[TODAY] and not course.ends[place]:
                reasons[course.reasons[place]] += each.decisions
        told = [{"reason": reason, "decisions": count} for reason, count in reasons.most_common(REASONS)]
        found = {"today": self._nobody(TODAY), "other": self._nobody(place)}
        return found | {"became": reasons.total(), "reasons": told}

    def _nobody(self, place: int) -> int:
        return sum(each.decisions for course, each in self.courses.items() if not course.ends[place])

    def drifted(self) -> int:
        """Count the decisions that today's setting no longer makes as they were recorded."""
        return sum(each.decisions for course, each in self.courses.items() if course.drifted)

    def cost(self, places: tuple[int, ...]) -> tuple[Figure, tuple[int, int]]:
        """Add up recorded tokens at some ends where all have a price; others are only counted.

        Cached tokens are taken to be cached there as well.
        """
        totals, priced, unpriced, uncounted = [Decimal(0)] * len(places), 0, 0, 0
        for _, each in self._answered(places):
            amounts, known, unknown = each.spent.costs(places)
            totals = [total + amount for total, amount in zip(totals, amounts, strict=True)]
            priced, unpriced = priced + known, unpriced + unknown
            uncounted += each.decisions - each.counted
        return Figure(totals, priced), (unpriced, uncounted)

    def latency(self, places: tuple[int, ...]) -> Figure:
        """Average the milliseconds that deployments took so far."""
        return self._mean(places, lambda each, sums: each.latency_ms * sums.decisions or None)

    def quality(self, places: tuple[int, ...]) -> Figure:
        """Average the ratings."""
        return self._mean(places, lambda each, sums: each.row.quality * sums.decisions)

    def expected_quality(self, places: tuple[int, ...]) -> Figure:
        """Average the chance of a good answer, each decision at its own difficulty."""
        return self._mean(places, _expected)

    def _mean(self, places: tuple[int, ...], total: Callable[[Expected, Sums], float | None]) -> Figure:
        """Average a figure over the decisions where it is known at all of some ends."""
        sums, count = [0.0] * len(places), 0
        for course, each in self._answered(places):
            known = [self.known.get(course.ends[place]) for place in places]
            found = [None if one is None else total(one, each) for one in known]
            amounts = [amount for amount in found if amount is not None]
            if len(amounts) == len(places):
                count += each.decisions
                sums = [one + more for one, more in zip(sums, amounts, strict=True)]
        return Figure([one / count if count else 0.0 for one in sums], count)

    def _answered(self, places: tuple[int, ...]) -> Iterator[tuple[Course, Sums]]:
        """Go through the courses at all of whose ends somebody answers."""
        return (
            (course, each)
            for course, each in self.courses.items()
            if all(course.ends[place] for place in places)
        )


def _expected(each: Expected, sums: Sums) -> float:
    quality = each.row.quality
    return sum(count * expected(quality, hard) for hard, count in sums.difficulties.items())


def _pair(figure: Figure, shown: Callable[[Any], Any]) -> dict[str, Any]:
    """Show a figure at two ends, and how far they are apart."""
    today, other = figure.values
    told = {"today": today, "other": other, "difference": other - today}
    values = {name: shown(value) if figure.decisions else None for name, value in told.items()}
    return values | {"decisions": figure.decisions}


def _amount(value: Decimal) -> str:
    return plain(value)


def _rounded(digits: int) -> Callable[[float], float]:
    return lambda value: round(value, digits)
