"""What another setting would have come to: who would be chosen instead, and what that costs and takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from llmpool.core.outcome import TokenUsage
from llmpool.core.routing import RoutingRow
from llmpool.usage.cost import cost

MOVES = 10  # changes from one deployment to another that are listed
REASONS = 5  # reasons why nobody may answer that are listed


class Expected(NamedTuple):
    """What is known of a deployment: its columns, and its average latency, 0 when unknown."""

    row: RoutingRow
    latency_ms: int


class Course(NamedTuple):
    """Who was recorded, who would be chosen under today's setting, and who under the other."""

    recorded: str
    today: str
    other: str
    reason: str = ""  # why nobody may answer under the other


class Sums:
    """How many decisions took a course, and the tokens of those that were counted."""

    def __init__(self) -> None:
        self.decisions = self.counted = self.input = self.output = 0

    def add(self, outcome: Any) -> None:
        """Add one decision with what is recorded of its outcome."""
        self.decisions += 1
        known = outcome if isinstance(outcome, dict) else {}
        counts = [known.get(name) for name in ("input_tokens", "output_tokens")]
        if all(type(count) is int and 0 <= count < 1 << 63 for count in counts):
            self.counted += 1
            self.input += counts[0] or 0
            self.output += counts[1] or 0


class Comparison(NamedTuple):
    """All decisions of a span by their course; *skipped* counts by reason the lines that tell too little.

    *known* is what is expected of each deployment today; of one that only the other setting has, there.
    """

    courses: Mapping[Course, Sums]
    skipped: Mapping[str, int]
    known: Mapping[str, Expected]

    @property
    def decisions(self) -> int:
        """Count the decisions that were routed again."""
        return sum(each.decisions for each in self.courses.values())

    @property
    def changed(self) -> int:
        """Count those that the change alone gives to another deployment, or to none, or to one at last."""
        return sum(each.decisions for course, each in self.courses.items() if course.today != course.other)

    def as_json(self) -> dict[str, Any]:
        """Show the comparison as `policy simulate --json` does."""
        moves = self.moves()
        return {
            "decisions": self.decisions,
            "changed": self.changed,
            "skipped": dict(self.skipped),
            "moves": moves[:MOVES],
            "moves_total": len(moves),
            "not_eligible": self.not_eligible(),
            "cost": self.cost(),
            "latency_ms": self._means(lambda each: each.latency_ms or None),
            "quality": self._means(lambda each: each.row.quality),
            "since_recorded": self.drifted(),
        }

    def moves(self) -> list[dict[str, Any]]:
        """List who would be chosen instead of whom, the commonest first; null is nobody."""
        counts: Counter[tuple[str, str]] = Counter()
        for course, each in self.courses.items():
            if course.today != course.other:
                counts[course.today, course.other] += each.decisions
        ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        return [{"from": a or None, "to": b or None, "decisions": n} for (a, b), n in ordered]

    def not_eligible(self) -> dict[str, Any]:
        """Count the decisions nobody may answer: under today's setting, under the other, and newly so."""
        today = other = became = 0
        reasons: Counter[str] = Counter()
        for course, each in self.courses.items():
            today += each.decisions * (not course.today)
            other += each.decisions * (not course.other)
            if course.today and not course.other:
                became += each.decisions
                reasons[course.reason] += each.decisions
        told = [{"reason": reason, "decisions": count} for reason, count in reasons.most_common(REASONS)]
        return {"today": today, "other": other, "became": became, "reasons": told}

    def drifted(self) -> int:
        """Count the decisions that today's setting no longer makes as they were recorded."""
        return sum(each.decisions for course, each in self.courses.items() if course.recorded != course.today)

    def cost(self) -> dict[str, Any]:
        """Add up recorded tokens at today's prices, where both ends have a price; others are only counted."""
        today = other = Decimal(0)
        counted = unpriced = uncounted = 0
        for course, each in self._both():
            uncounted += each.decisions - each.counted
            before, after = self._price(course.today, each), self._price(course.other, each)
            if before is None or after is None:
                unpriced += each.counted
                continue
            counted += each.counted
            today, other = today + before, other + after
        totals = {"today": today, "other": other, "difference": other - today}
        shown = {name: f"{amount:f}" if counted else None for name, amount in totals.items()}
        return shown | {"decisions": counted, "unpriced": unpriced, "uncounted": uncounted}

    def _price(self, ref: str, sums: Sums) -> Decimal | None:
        known = self.known.get(ref)
        if known is None:
            return None
        usage = TokenUsage(input=sums.input, output=sums.output)
        return cost(known.row.input_price, known.row.output_price, usage)[0]

    def _means(self, figure: Callable[[Expected], int | None]) -> dict[str, Any]:
        """Average a figure of both ends over the decisions where both are known."""
        today = other = count = 0
        for course, each in self._both():
            ends = [self.known[ref] for ref in (course.today, course.other) if ref in self.known]
            before, after = [*map(figure, ends), None, None][:2]
            if before is not None and after is not None:
                count += each.decisions
                today += before * each.decisions
                other += after * each.decisions
        sums = {"today": today, "other": other, "difference": other - today}
        shown = {name: round(total / count, 1) if count else None for name, total in sums.items()}
        return shown | {"decisions": count}

    def _both(self) -> Iterator[tuple[Course, Sums]]:
        """Go through the courses at whose both ends somebody answers."""
        return ((course, each) for course, each in self.courses.items() if course.today and course.other)
