"""A decision as JSON: the one shape that `--json` prints and the decision log keeps (DESIGN 3.2)."""

from __future__ import annotations

from typing import Any

from llmpool.core.ids import split_ref
from llmpool.core.record import plain
from llmpool.core.routing import Decision

SHOWN = 50  # candidates kept of each decision, unless all are asked for


def decision_json(decision: Decision, limit: int = SHOWN) -> dict[str, Any]:
    """Show a decision as `--json` and the log have it (DESIGN 3.2), with at most *limit* candidates."""
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
        "intent": decision.intent,
        "candidates": [
            {"deployment": c.deployment, "score": c.score, "hits": [hit._asdict() for hit in c.hits]}
            | ({"last_resort": True} if c.last_resort else {})
            for c in shown
        ],
        "candidates_total": len(decision.candidates),
        "rejections": [{"deployment": r.deployment, "reasons": list(r.reasons)} for r in decision.rejections],
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
    return line | ({"notes": list(decision.notes)} if decision.notes else {})
