"""What the router has learnt, beside what was used: its statistics (catalog-registry-router 6.8)."""

from __future__ import annotations

from typing import Any

from llmpool.core.times import rfc3339
from llmpool.pool import Pool
from llmpool.router import cooldown
from llmpool.state import routed
from llmpool.usage.span import Span
from llmpool.usage.stats import Stats


def recorded(pool: Pool, span: Span) -> dict[str, Any]:
    """Show the statistics of the records in a span."""
    return statistics(pool, routed.stats(pool.paths.state, span, now=pool.clock()))


def statistics(pool: Pool, stats: Stats) -> dict[str, Any]:
    """Show statistics of a span, who rests now, and what is remembered of each deployment beyond the span."""
    health, now = pool.health, pool.clock()
    resting = {scope: cooldown.read(entry) for scope, entry in health.cooldowns.items()}
    return stats.as_json() | {
        "cooldowns": {
            scope: {"cooldown_until": rfc3339(now + rest.left(now)), "cooldown_reason": rest.reason}
            for scope, rest in resting.items()
            if rest.holds(now)
        },
        "experience": {name: seen._asdict() for name, seen in health.experience.items()},
    }
