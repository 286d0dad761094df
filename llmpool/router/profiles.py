"""Profiles: named sets of routing options and hints, laid under a request.

Four are built in (DESIGN ruling 28, of the virtual models in catalog-registry-router 7.2 and the callers in
7.3); the owner's of the same name takes the place of one. `premium` and `fast` only wish, as any hint does.
`private` is kept by a requirement besides its wishes: what is called so must never leave the house.
"""

from __future__ import annotations

from llmpool.core.config import Profile
from llmpool.core.routing import RouteRequest, RoutingTable
from llmpool.errors import UnknownName

BEST = 10  # what the best quality is taken to be where nothing is rated
_HINTS = {
    "premium": {"local_only": "false", "prefer_speed": "false"},
    "fast": {
        "mission": "device_control",
        "quality_floor": "4",
        "local_only": "true",
        "prefer_speed": "true",
    },
    "private": {"quality_floor": "1", "local_only": "true", "prefer_speed": "true"},
    "background": {"mission": "background", "quality_floor": "7", "local_only": "true"},
}
BUILT_IN = tuple(_HINTS)


def max_quality(table: RoutingTable) -> int:
    """Return the highest quality of those that may be chosen automatically, 10 where none is rated (6.9)."""
    return max((row.quality for row in table.rows if not row.blocked), default=0) or BEST


def find(name: str, table: RoutingTable) -> Profile:
    """Return the owner's profile of that name, else the built-in one; raises UnknownName."""
    own = next((profile for profile in table.profiles if profile.name == name), None)
    if own is not None:
        return own
    if name not in _HINTS:
        configured = [profile.name for profile in table.profiles]
        built_in = [each for each in BUILT_IN if each not in configured]
        raise missing("profile", name, configured, built_in)
    floor = {"quality_floor": str(max_quality(table))} if name == "premium" else {}
    return Profile(
        name=name,
        local_only=name == "private",
        priority="background" if name == "background" else None,
        hints=tuple((floor | _HINTS[name]).items()),
    )


def laid_under(request: RouteRequest, table: RoutingTable, name: str) -> RouteRequest:
    """Lay a profile under the request: what the caller said wins, hints of both are kept.

    Raises UnknownName for a profile that does not exist.
    """
    profile = find(name, table)
    hints = {**dict(profile.hints), **dict(request.hints)}
    return request.replace(
        local_only=request.local_only or profile.local_only,
        model=request.model or profile.model or "",
        strategy=request.strategy or profile.strategy or "",
        mode=request.mode or profile.mode or "",
        group=request.group or profile.group or "",
        min_quality=request.min_quality if request.min_quality is not None else profile.min_quality,
        quality_target=profile.quality_target if request.quality_target is None else request.quality_target,
        max_cost=request.max_cost if request.max_cost is not None else profile.max_cost,
        needs=tuple(dict.fromkeys((*request.needs, *profile.needs))),
        prefer=request.prefer or profile.prefer or "",
        exclude=(*request.exclude, *profile.exclude),
        hints=tuple(hints.items()),
        priority="background" if "background" in (request.priority, profile.priority) else request.priority,
    )


def missing(what: str, name: str, known: list[str], built_in: list[str] | None = None) -> UnknownName:
    """Build the error for a profile or group that nobody configured."""
    from llmpool.core.near import meant, near

    every = [*known, *(built_in or ())]
    ways = [meant(near(name, every, most=1)), f"configured: {', '.join(known) or 'none'}"]
    if built_in:
        ways.append(f"built in: {', '.join(built_in)}")
    return UnknownName(
        f'no {what} "{name}"', hint="   ".join(filter(None, ways)), details={"candidates": every}
    )
