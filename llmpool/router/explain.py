"""A decision as JSON: the one shape that `--json` prints and the decision log keeps (DESIGN 3.2)."""

from __future__ import annotations

from collections import Counter
from typing import Any

from llmpool.core.ids import split_ref
from llmpool.core.record import plain
from llmpool.core.routing import Decision, Rejection

SHOWN = 50  # candidates, and rejections, kept of each decision, unless all are asked for
GROUPS = 20  # kinds of rejections that are counted, where there are more rejections than that


def decision_json(decision: Decision, limit: int = SHOWN) -> dict[str, Any]:
    """Show a decision as `--json` and the log have it (DESIGN 3.2).

    At most *limit* candidates and as many rejections: a line of the log is not as long as a registry is. Of
    more rejections than that, `rejected_for` counts who is out for which reasons.
    """
    provider, model = split_ref(decision.selected) if decision.selected else ("", "")
    shown = decision.candidates[:limit] if limit else decision.candidates
    line = {
        "id": decision.id,
        "at": decision.at,
        "selected": decision.selected or None,
        "model": model or None,
        "provider": provider or None,
        "strategy": decision.strategy,
        "mode": decision.mode,
        "complexity": decision.complexity,
        **({} if decision.difficulty is None else {"difficulty": decision.difficulty}),
        "intent": decision.intent,
        "candidates": [
            {"deployment": c.deployment, "score": c.score, "hits": [hit._asdict() for hit in c.hits]}
            | ({"last_resort": True} if c.last_resort else {})
            for c in shown
        ],
        "candidates_total": len(decision.candidates),
        "rejections": [rejection.as_json() for rejection in _telling(decision.rejections, limit)],
        "rejections_total": len(decision.rejections),
        "reasoning": decision.reasoning,
        "no_eligible": decision.no_eligible,
        "generation": decision.generation,
        "request": {
            "query_length": decision.query_length,
            "context_size": decision.context_size,
            "needs": list(decision.needs),
            "tool_count": decision.tool_count,
            "priority": decision.priority,
            "hints": dict(decision.hints),
            "model": decision.requested,
        }
        | plain(dict(decision.options)),
    }
    if limit and len(decision.rejections) > limit:
        line["rejected_for"] = _counted(decision.rejections)
    if decision.once:
        line["once"] = True
    return line | ({"notes": list(decision.notes)} if decision.notes else {})


def _telling(rejections: tuple[Rejection, ...], limit: int) -> list[Rejection]:
    """Take the rejections that tell most: one for each set of reasons, then the first of the others."""
    if not limit or len(rejections) <= limit:
        return list(rejections)
    first: dict[tuple[str, ...], int] = {}
    for place, rejection in enumerate(rejections):
        first.setdefault(rejection.reasons, place)
    places = list(dict.fromkeys([*first.values(), *range(limit)]))[:limit]
    return [rejections[place] for place in sorted(places)]


def _counted(rejections: tuple[Rejection, ...]) -> list[dict[str, Any]]:
    """Count the rejections by their reasons, the commonest first."""
    counts = Counter(rejection.reasons for rejection in rejections)
    return [{"reasons": list(reasons), "count": count} for reasons, count in counts.most_common(GROUPS)]
