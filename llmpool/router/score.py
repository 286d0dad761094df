"""The `score` strategy: points per deployment, highest first (catalog-registry-router 6.5 to 6.7)."""

from __future__ import annotations

from itertools import repeat
from operator import add

from llmpool.core.routing import LOADED, Candidate, Facts, RoutingRow, RuleHit
from llmpool.router.features import Features
from llmpool.router.weights import BASE, RULES, Rule


def rank(rows: list[RoutingRow], features: Features, facts: Facts, detail: int = 0) -> list[Candidate]:
    """Score *rows* and put the best first; the best *detail* of them carry their rule hits, all with 0.

    Ties go to the lower cost tier, then the higher quality, then a loaded model (DESIGN ruling 27), then
    the row that came first, which is id order.
    """
    rules = [rule for rule in RULES if rule.applies(features)]
    keys = [
        (-total, row.cost_tier, -row.quality, not row.flags & LOADED, place)
        for place, (row, total) in enumerate(zip(rows, _totals(rows, rules, features, facts), strict=True))
    ]
    keys.sort()
    shown = detail or len(keys)
    best = [
        Candidate(rows[key[4]].id, -key[0], _hits(rows[key[4]], rules, features, facts))
        for key in keys[:shown]
    ]
    return best + [Candidate(rows[key[4]].id, -key[0], ()) for key in keys[shown:]]


def _totals(rows: list[RoutingRow], rules: list[Rule], features: Features, facts: Facts) -> list[int]:
    """Add up the points of each row, a rule at a time."""
    totals = [BASE if features.complexity >= row.min_complexity else 0 for row in rows]
    for rule in rules:
        totals = list(map(add, totals, map(rule.points, rows, repeat(features))))
    if facts.experience:
        for place, row in enumerate(rows):
            if row.id in facts.experience:
                totals[place] += sum(hit.points for hit in _learnt(row, features, facts))
    return totals


def _learnt(row: RoutingRow, features: Features, facts: Facts) -> tuple[RuleHit, ...]:
    seen = facts.experience.get(row.id)
    if not seen:
        return ()
    from llmpool.router import experience

    return experience.hits(seen, features.interactive or features.prefer_speed)


def _hits(row: RoutingRow, rules: list[Rule], features: Features, facts: Facts) -> tuple[RuleHit, ...]:
    """Say which rules made a row's score; told apart from adding up, which is done for every row."""
    base = (RuleHit("base", BASE),) if features.complexity >= row.min_complexity else ()
    fired = tuple(RuleHit(rule.name, worth) for rule in rules if (worth := rule.points(row, features)))
    return base + fired + _learnt(row, features, facts)
