"""The mutable world as one decision sees it: who rests, who has no key, what is stale, as of now."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.core.routing import Facts
from llmpool.core.times import rfc3339
from llmpool.core.trial import TRIAL
from llmpool.registry import readback

if TYPE_CHECKING:
    from llmpool.core.routing import Rest, RoutingTable
    from llmpool.router.cooldown import Rests
    from llmpool.state.health import Health

UNREACHABLE_FOR = 15 * 60  # seconds that a failed connect counts as unreachable (DESIGN ruling 2)


class World(NamedTuple):
    """What there is to look at: the state directory, the environment, and what was read of them."""

    state: Path
    env: Mapping[str, str]
    routing: Mapping[str, Any]
    table: RoutingTable
    health: Health
    accounts: Mapping[str, Any]
    now: float
    offline: bool


def facts(world: World) -> Facts:
    """Return the facts of a decision made now."""
    now, health, entries = world.now, world.health, world.routing["providers"]
    away = _unreachable(health, now)
    rests = _rests(world) if health.cooldowns else None
    free_at = {name: health.contact[name]["at"] + UNREACHABLE_FOR for name in away}
    for name, until in rests.free_at.items() if rests else ():
        free_at[name] = max(until, free_at.get(name, 0.0))
    return Facts(
        cooling=rests.cooling if rests else {},
        resting=_held(world, rests.resting if rests else {}),
        free_at=free_at,
        unreachable=away,
        experience=health.experience,
        keyless=_keyless(world) | (_remote(entries) if world.offline else {}),
        stale=_stale(entries, rfc3339(now - world.table.routing.stale_after)),
        absent=_absent(world.routing["absent"], now),
        latency=health.latency,
        cursors=health.cursors,
    )


def _rests(world: World) -> Rests:
    """Say who rests now: providers, and the deployments that do, or whose provider has no key awake."""
    from llmpool.router import cooldown

    return cooldown.rests(world.health.cooldowns, _labels(world), world.table.rows, world.now)


def _held(world: World, resting: dict[str, Rest]) -> dict[str, Rest]:
    """Add the deployments that a rate limit holds up; only where the log of one is kept."""
    if not (world.state / "rates").exists():
        return resting
    from llmpool.state import rates

    limits = world.routing["rate_limits"]
    held = rates.held(world.state, world.routing["providers"], limits, _labels(world), world.now)
    for row in world.table.rows if held else ():
        mine = held.get(row.id) or held.get(row.id.partition("/")[0])
        old = resting.get(row.id)
        if mine and (old is None or (mine.until > old.until and not old.told)):
            resting[row.id] = mine
    return resting


def _labels(world: World) -> dict[str, Any]:
    """Return the labels of each provider's keys."""
    entries = world.routing["providers"]
    return {entry["id"]: readback.labels(entry, world.env, world.accounts) for entry in entries}


def _keyless(world: World) -> dict[str, str]:
    """Name the providers that have no usable key, as far as the environment alone can tell."""
    entries = world.routing["providers"]
    missing = readback.keyless(entries, world.env)
    for entry in entries:
        if entry["preset"] == TRIAL and (why := _trial_over(world)):
            missing[entry["id"]] = why
        wants_login = entry["oauth"] and entry["needs_key"] and not entry["keys"]
        if wants_login and entry["id"] not in world.accounts:
            missing[entry["id"]] = "no key: nobody is logged in"
    return missing


def _trial_over(world: World) -> str:
    from llmpool.state import trial

    return trial.barred(world.state, world.now)


def _stale(entries: Collection[Mapping[str, Any]], oldest: str) -> dict[str, str]:
    """Name the providers that were listed too long ago to be relied on."""
    return {
        entry["id"]: f"not listed since {entry['stale_since']}"
        for entry in entries
        if entry.get("stale_since") and entry["stale_since"] < oldest and entry["metadata"] != "catalog"
    }


def _absent(verdicts: Any, now: float) -> dict[str, str]:
    """Name the deployments that a probe found not to be configured, while that holds."""
    if not verdicts:
        return {}
    from llmpool.registry import probes

    return probes.absent(verdicts, rfc3339(now - probes.HOLDS))


def _remote(entries: Collection[Mapping[str, Any]]) -> dict[str, str]:
    """Name the providers that only the network reaches, which is all but the embedded one."""
    return {entry["id"]: "offline" for entry in entries if entry["preset"] != "embedded"}


def _unreachable(health: Health, now: float) -> dict[str, str]:
    return {
        name: f"unreachable since {rfc3339(entry['at'])} ({entry['message']})"
        for name, entry in health.contact.items()
        if entry.get("kind") == "connect" and 0 <= now - entry["at"] < UNREACHABLE_FOR
    }
