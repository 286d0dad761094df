"""The `score` strategy: points per deployment, highest first (catalog-registry-router 6.5 to 6.7)."""

from __future__ import annotations

from llmpool.core.routing import LOADED, Candidate, Facts, RoutingRow, RuleHit
from llmpool.router import experience
from llmpool.router.features import Features
from llmpool.router.weights import BASE, RULES


def rank(rows: list[RoutingRow], features: Features, facts: Facts) -> list[Candidate]:
    """Score *rows* and put the best first.

    Ties go to the lower cost tier, then the higher quality, then a loaded model (DESIGN ruling 27), then
    the row that came first, which is id order.
    """
    rules = [(rule.name, rule.points) for rule in RULES if rule.applies(features)]
    base = RuleHit("base", BASE)
    latency_counts = features.interactive or features.prefer_speed
    scored: list[tuple[int, int, int, bool, int, str, list[RuleHit]]] = []
    for row in rows:
        hits = [base] if features.complexity >= row.min_complexity else []
        for name, points in rules:
            if worth := points(row, features):
                hits.append(RuleHit(name, worth))
        if seen := facts.experience.get(row.id):
            hits.extend(experience.hits(seen, latency_counts))
        total = sum([hit[1] for hit in hits])
        scored.append(
            (-total, row.cost_tier, -row.quality, not row.flags & LOADED, len(scored), row.id, hits)
        )
    scored.sort()
    return [Candidate(s[5], -s[0], tuple(s[6])) for s in scored]
