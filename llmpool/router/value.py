"""The strategy `value`: the cheapest deployment that is expected to be good enough for this very prompt.

How good that is: a deployment whose quality is rated *q*, 0 to 10, answers a prompt of difficulty *d*, from 0
to 1, well with the chance `1 / (1 + exp(-(LEVEL + STEEPNESS * (q / 10 - d))))`. This is the model of Rasch
(1960): ability and difficulty lie on one scale, and only their distance counts; a point of rating makes up
for a tenth of difficulty. Of a target of 0.8 that makes: a rating of 5 reaches it up to a difficulty of 0.26,
and each point more up to a tenth more, 0.46 with 7, 0.76 with 10.

The two figures are fitted to outcomes of a weak and a strong model on exam questions, each judged by what was
learned of other subjects: `python -m tests.benchmarks calibration` does it again, and says by how much what
is expected misses what was observed.
"""

from __future__ import annotations

from math import exp

from llmpool.core.routing import LOADED, LOCAL, Candidate, Facts, RoutingRow, RoutingTable, RuleHit
from llmpool.router.strategy import total_price

LEVEL, STEEPNESS = 0.75, 2.7
PRICE = "price_per_billion"  # USD, of as many tokens in and as many out: whole numbers, as all hits are
MIDDLING = 0.5  # the difficulty of a prompt that nobody judged


def expected(quality: int, difficulty: float) -> float:
    """Return the chance, 0 to 1, that a deployment rated *quality* answers well at this *difficulty*."""
    return round(1 / (1 + exp(-(LEVEL + STEEPNESS * (quality / 10 - difficulty)))), 3)


def rank(
    rows: list[RoutingRow], table: RoutingTable, facts: Facts, difficulty: float, target: float
) -> list[Candidate]:
    """Rank who reaches *target* by price, unknown ones last, equals by latency; then others by quality."""
    by_quality = {quality: expected(quality, difficulty) for quality in {row.quality for row in rows}}
    known = [facts.latency.get(str(entry["id"]), 0.0) for entry in table.providers]

    def key(row: RoutingRow) -> tuple[bool, float, bool, float, bool, float, bool]:
        chance, cost, latency = by_quality[row.quality], total_price(row), known[row.provider]
        reaches = chance >= target
        is_cold = row.flags & (LOCAL | LOADED) == LOCAL
        return (
            *(not reaches, 0.0 if reaches else -chance, cost is None, cost or 0.0),
            *(not latency, latency, is_cold),
        )

    return [Candidate(row.id, by_quality[row.quality], _figures(row)) for row in sorted(rows, key=key)]


def _figures(row: RoutingRow) -> tuple[RuleHit, ...]:
    """Tell what it went by: the rating, and the price where it is known."""
    price, rated = total_price(row), RuleHit("quality", row.quality)
    return (rated,) if price is None else (rated, RuleHit(PRICE, round(price * 1000)))


def remark(ranked: list[Candidate], target: float) -> list[str]:
    """Say it where nobody is expected to be good enough, and the best one is chosen."""
    if len(ranked) < 2 or ranked[0].score >= target:
        return []  # of one alone there is no choice to tell of
    best = f"{ranked[0].deployment}, with {ranked[0].score:.3f}"
    return [f"nobody who may answer is expected to reach {target:g}; the best is {best}"]


def short(ranked: list[Candidate], ref: str, target: float) -> str:
    """Say it where *ref* falls short of the target and of the one that leads; else nothing."""
    found = next((each for each in ranked if each.deployment == ref), None)
    if found is None or found.score >= min(target, ranked[0].score):
        return ""
    return f"{ref} answered last, but a good answer to this is not to be expected there ({found.score:.3f})"
