"""The score table as data: catalog-registry-router 6.5, rules 2 to 19 in the order they apply."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from llmpool.core.routing import RoutingRow
from llmpool.router.analyze import COMPLEX, MODERATE, SIMPLE
from llmpool.router.features import Features

BASE = 20  # for a deployment whose min_complexity the request reaches

FAST = 7  # speed from which a deployment counts as fast
GOOD = 7  # quality from which a deployment counts as good
MANY_TOOLS = 4  # more tools than that want a good one


class Rule(NamedTuple):
    """One row: its name, whether it can fire for this request at all, and its points for a deployment."""

    name: str
    applies: Callable[[Features], bool]
    points: Callable[[RoutingRow, Features], int]


def _fast(points: int) -> Callable[[RoutingRow, Features], int]:
    return lambda row, _: points if row.speed >= FAST else 0


def _free(points: int) -> Callable[[RoutingRow, Features], int]:
    return lambda row, _: 0 if row.cost_tier else points


def _cost(points: int) -> Callable[[RoutingRow, Features], int]:
    return lambda row, _: points * row.cost_tier


def _crowded(row: RoutingRow, f: Features, share: float) -> bool:
    """Whether the context takes more than *share* of the window; an unknown window counts as full."""
    return not row.window or f.context / row.window > share


RULES = (
    Rule("speed_bonus", lambda f: f.complexity == SIMPLE, _fast(15)),
    Rule(
        "quality_bonus",
        lambda f: f.complexity == COMPLEX,
        lambda row, _: 2 * row.quality if row.quality >= GOOD else 0,
    ),
    Rule("cost_penalty_simple", lambda f: f.complexity == SIMPLE, _cost(-15)),
    Rule("cost_penalty_moderate", lambda f: f.complexity == MODERATE, _cost(-8)),
    Rule("cost_penalty_complex", lambda f: f.complexity == COMPLEX, _cost(-3)),
    Rule("free_model_bonus", lambda f: f.complexity != COMPLEX and f.local_bonuses, _free(15)),
    Rule(
        "context_penalty",
        lambda f: f.context > 0,
        lambda row, f: -30 if row.quality < GOOD and _crowded(row, f, 0.3) else 0,
    ),
    Rule(
        "context_bonus",
        lambda f: f.context > 0,
        lambda row, f: 10 if row.quality >= GOOD and _crowded(row, f, 0.5) else 0,
    ),
    Rule(
        "tools_penalty",
        lambda f: f.tool_count > MANY_TOOLS,
        lambda row, _: -20 if row.quality < GOOD else 0,
    ),
    Rule("local_first", lambda f: f.local_first and f.local_bonuses, _free(10)),
    Rule("interactive_speed", lambda f: f.interactive, _fast(10)),
    Rule("channel_ha_bonus", lambda f: f.voice, _free(20)),
    Rule("channel_ha_speed", lambda f: f.voice, _fast(10)),
    Rule(
        "below_quality_floor",
        lambda f: f.floor is not None,
        lambda row, f: -100 if row.quality < (f.floor or 0) else 0,
    ),
    Rule("mission_background_bonus", lambda f: f.background_mission and f.local_bonuses, _free(20)),
    Rule("model_preference", lambda f: bool(f.preferred), lambda row, f: 25 if row.id == f.preferred else 0),
    Rule("local_only_penalty", lambda f: f.local_wish, lambda row, _: -200 if row.cost_tier > 0 else 0),
    Rule("prefer_speed_bonus", lambda f: f.prefer_speed, _fast(15)),
    Rule(
        "resource_cooldown",
        lambda f: bool(f.cooling),
        lambda row, f: -300 if row.provider in f.cooling else 0,
    ),
    Rule(
        "resource_unreachable",
        lambda f: bool(f.unreachable),
        lambda row, f: -500 if row.provider in f.unreachable else 0,
    ),
)
