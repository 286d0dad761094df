"""The fleets of catalog-registry-router 8 and a short way to say what is asked of them."""

from __future__ import annotations

from typing import Any

from llmpool.core.routing import Decision, Experience, RouteRequest, RoutingRow
from llmpool.router.route import route
from tests.builders import facts, row, table

CLOUD = row("cloud", speed=6, quality=10, cost_tier=3, window=200000, images=True, provider="anthropic")
LOCAL = row("local", speed=8, quality=5, window=8192, provider="box")
FAST = row("fast", speed=8, quality=5, provider="box")
SLOW = row("slow", speed=4, quality=8, provider="box")
BACKUP = row("edge-backup/qwen3:8b", speed=8, quality=6, window=32768)
PRIMARY = row("edge-primary/qwen3:8b", speed=8, quality=7, window=32768)
CLAUDE = row("claude-sonnet-4-6", speed=7, quality=8, cost_tier=2, window=1000000, provider="anthropic")
GPT_OSS = row("gpt-oss:120b", speed=6, quality=8, window=131072, provider="spark")
HAIKU = row("haiku", speed=9, quality=7, cost_tier=1, window=200000, provider="anthropic")
SONNET = row("sonnet", speed=7, quality=9, cost_tier=2, window=200000, provider="anthropic")
OPUS = row("opus", speed=4, quality=10, cost_tier=3, window=200000, provider="anthropic")
SMALL = row("local", speed=8, quality=6, window=32768, provider="box")

A = (CLOUD, LOCAL)
B = (FAST, SLOW)
P = (BACKUP, PRIMARY)
R = (CLAUDE, GPT_OSS)
T = (HAIKU, LOCAL._replace(quality=6, window=32768), OPUS, SONNET)

PREMIUM = {"quality_floor": "10", "local_only": "false", "prefer_speed": "false"}
ASSIST = {"mission": "device_control", "quality_floor": "4", "local_only": "true", "prefer_speed": "true"}


def ask(
    fleet: tuple[RoutingRow, ...],
    query: str,
    *,
    bg: bool = False,
    local_first: bool = False,
    hints: dict[str, str] | None = None,
    known: dict[str, Any] | None = None,
    **request: Any,
) -> Decision:
    """Route *query* over *fleet*, in id order as the registry keeps it; *known* are facts."""
    asked = RouteRequest(
        query=query,
        priority="background" if bg else "interactive",
        hints=tuple((hints or {}).items()),
        **request,
    )
    rows = sorted(fleet, key=lambda r: r.id)
    return route(asked, table(rows, local_first=local_first), facts(**(known or {}))).decision


def scores(decision: Decision) -> dict[str, float]:
    """Return the candidates' scores."""
    return {candidate.deployment: candidate.score for candidate in decision.candidates}


def rules(decision: Decision, deployment: str) -> dict[str, int]:
    """Return the rules that fired for a deployment, with their points."""
    found = next(c for c in decision.candidates if c.deployment == deployment)
    return {hit.rule: hit.points for hit in found.hits}


def reasons(decision: Decision) -> dict[str, tuple[str, ...]]:
    """Return the rejections by deployment."""
    return {rejection.deployment: rejection.reasons for rejection in decision.rejections}


def seen(**fields: int) -> Experience:
    """Return an experience: S successes, F failures, average milliseconds."""
    return Experience(fields.get("S", 0), fields.get("F", 0), fields.get("ms", 0), 0)
