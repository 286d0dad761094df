"""The `score` strategy: points per deployment, highest first (catalog-registry-router 6.5 to 6.7)."""

from __future__ import annotations

from llmpool.core.routing import LOADED, Candidate, Facts, RoutingRow, RuleHit
from llmpool.router import experience
from llmpool.router.features import Features
from llmpool.router.weights import BASE, RULES


def rank(rows: list[RoutingRow], features: Features, facts: Facts, detail: int = 0) -> list[Candidate]:
    """Score *rows* and put the best first; the best *detail* of them carry their rule hits, all with 0.

    Ties go to the lower cost tier, then the higher quality, then a loaded model (DESIGN ruling 27), then
    the row that came first, which is id order.
    """
    rules = [rule for rule in RULES if rule.applies(features)]
    points = [rule.points for rule in rules]
    latency_counts = features.interactive or features.prefer_speed
    scored: list[tuple[int, int, int, bool, int]] = []
    for place, row in enumerate(rows):
        total = BASE if features.complexity >= row.min_complexity else 0
        for worth in points:
            total += worth(row, features)
        if seen := facts.experience.get(row.id):
            total += sum(hit.points for hit in experience.hits(seen, latency_counts))
        scored.append((-total, row.cost_tier, -row.quality, not row.flags & LOADED, place))
    scored.sort()

    def hits(row: RoutingRow) -> tuple[RuleHit, ...]:
        """Say which rules made a row's score; told apart from adding up, which is done for every row."""
        base = (RuleHit("base", BASE),) if features.complexity >= row.min_complexity else ()
        fired = tuple(RuleHit(rule.name, worth) for rule in rules if (worth := rule.points(row, features)))
        seen = facts.experience.get(row.id)
        return base + fired + (experience.hits(seen, latency_counts) if seen else ())

    shown = detail or len(scored)
    return [
        Candidate(rows[key[4]].id, -key[0], hits(rows[key[4]]) if n < shown else ())
        for n, key in enumerate(scored)
    ]
