"""The features of one request that rules look at: computed once, before any deployment is scored."""

from __future__ import annotations

import re
from typing import NamedTuple

from llmpool.core.routing import Facts, RouteRequest, RoutingTable
from llmpool.router import analyze

_INTEGER = r"[+-]?0*[0-9]{1,18}\Z"  # no more digits than the source's integers take
_BOOLEANS = ("local_only", "prefer_speed")
HINTS = {
    "channel": "homeassistant or voice favour free and fast deployments",
    "quality_floor": "an integer; 100 points off below it (a wish; --min-quality is the requirement)",
    "model_preference": "a deployment id; 25 points for it",
    "mission": "background, metacognitive or anticipation favour free deployments",
    "local_only": "true: 200 points off paid ones (a wish; --local-only is the requirement)",
    "prefer_speed": "true: 15 points for fast ones",
}


class Features(NamedTuple):
    """What the rules know of a request; *floor* is None without a valid quality floor."""

    complexity: int
    intent: str
    context: int
    tool_count: int
    interactive: bool
    local_first: bool
    voice: bool
    floor: int | None
    background_mission: bool
    preferred: str
    local_wish: bool
    local_bonuses: bool
    prefer_speed: bool
    cooling: frozenset[int]
    unreachable: frozenset[int]


def read(request: RouteRequest, table: RoutingTable, facts: Facts) -> Features:
    """Read a request's features; hints are parsed strictly, what is not understood is no hint (6.1)."""
    hints = dict(request.hints)
    floor = hints.get("quality_floor", "")
    index = {provider["id"]: n for n, provider in enumerate(table.providers)}
    return Features(
        complexity=_complexity(request, table),
        intent=analyze.intent(request.query),
        context=request.context_size,
        tool_count=request.tool_count,
        interactive=request.priority != "background",
        local_first=table.local_first,
        voice=hints.get("channel") in ("homeassistant", "voice"),
        floor=int(floor) if floor and re.match(_INTEGER, floor) else None,
        background_mission=hints.get("mission") in ("background", "metacognitive", "anticipation"),
        preferred=hints.get("model_preference", ""),
        local_wish=hints.get("local_only") == "true",
        local_bonuses=hints.get("local_only") != "false",
        prefer_speed=hints.get("prefer_speed") == "true",
        cooling=frozenset(index[p] for p in facts.cooling if p in index),
        unreachable=frozenset(index[p] for p in facts.unreachable if p in index),
    )


def _complexity(request: RouteRequest, table: RoutingTable) -> int:
    """Judge by keywords, as specified, or by the difficulty where the config wants that and it is known."""
    if table.routing.complexity == "keywords" or request.difficulty is None:
        return analyze.complexity(request.query)[0]
    return analyze.band(request.difficulty)


def misread(request: RouteRequest, table: RoutingTable) -> list[str]:
    """Say which hints move nothing because of how they are written; they are no errors (6.1)."""
    return [
        f'hint {name} "{value}" moves nothing: {why}'
        for name, value in dict(request.hints).items()
        if (why := _fault(name, value, table))
    ]


def unreadable(name: str, value: str) -> str:
    """Say what is wrong with how a hint is written; empty where nothing is."""
    if name == "quality_floor" and not re.match(_INTEGER, value):
        return "not a whole number"
    if name in _BOOLEANS and value not in ("true", "false"):
        return "neither true nor false"
    return ""


def _fault(name: str, value: str, table: RoutingTable) -> str:
    if name == "model_preference" and not any(row.id == value for row in table.rows):
        return "no deployment has that id"
    return unreadable(name, value)
