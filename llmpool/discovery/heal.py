"""Look around where too little is known to decide: the self-heal of reconcile-resolve 8."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from llmpool.core.ids import split_ref
from llmpool.core.inventory import ProviderInventory
from llmpool.core.routing import RouteRequest
from llmpool.core.text import few
from llmpool.discovery.observe import NO_KEY
from llmpool.discovery.refresh import refresh
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool
from llmpool.registry.staleness import epoch
from llmpool.state import inventory, policy

AGAIN = 5.0  # seconds in which nobody is asked twice
# How long a good listing is taken to have every name: a person's own server gets models by the minute, what
# the source remembers of a vendor it trusts for an hour.
TRUSTED = {"local": AGAIN, "cloud": 3600.0}
PATIENCE = 10.0  # seconds for each provider: somebody waits for an answer
NAMED = 3  # providers that are named while they are waited for


class Round(NamedTuple):
    """Whom to ask, and whether somebody who may know better was asked a moment ago."""

    due: tuple[str, ...]
    asked_just_now: bool


def heal(pool: Pool, wanted: RouteRequest, tell: Callable[[str], None]) -> bool:
    """Ask those providers who may have what *wanted* could not find; say whether to decide once more.

    Nobody is asked without a key, offline (but for the embedded one), against a policy, or for a request that
    leaves it out. Where all fail there is no use in deciding again, and nothing is raised: the first error
    says what is wrong.
    """
    turn = around(pool, wanted)
    if not turn.due:
        if turn.asked_just_now:
            pool.forget()  # another process may have written down what it heard
        return turn.asked_just_now
    tell(f"note: asking what they have: {few(turn.due, NAMED)}")
    try:
        seen = refresh(pool, turn.due, timeout=PATIENCE).observed
    except LlmpoolError as error:
        tell(f"note: that failed: {error.message}")
        return False
    for entry in seen:
        if entry.error and entry.error_kind != NO_KEY:
            tell(f"note: {entry.provider} did not tell: {entry.error}")
    return any(not entry.error for entry in seen)


def around(pool: Pool, wanted: RouteRequest) -> Round:
    """Choose whom to ask: those never listed or stale; for a name nobody carries, also listings gone old."""
    now, seen = pool.clock(), inventory.read(pool.paths.state).providers
    decided, keyless = policy.read(pool.paths.state), pool.facts().keyless
    able = [
        str(entry["id"])
        for entry in pool.table.providers
        if entry["enabled"]
        and entry["id"] not in keyless
        and not (entry["id"] in decided and decided[entry["id"]].effective_state == "inactive")
        and not (entry["metadata"] == "catalog" and entry["id"] in seen)
        and _concerned(entry, wanted, pool)
    ]
    trusted = {str(e["id"]): TRUSTED.get(e["location"], AGAIN) for e in pool.table.providers}
    just_now = [name for name in able if name in seen and _age(seen[name].attempted_at, now) < AGAIN]
    due = [
        name
        for name in able
        if name not in just_now and _is_due(seen.get(name), now, trusted[name], named=bool(wanted.model))
    ]
    return Round(tuple(due), bool(just_now))


def _concerned(entry: Mapping[str, Any], wanted: RouteRequest, pool: Pool) -> bool:
    """Say whether a provider may answer the request at all, as far as that does not hang on its models."""
    name, owner = entry["id"], split_ref(wanted.model)[0]
    pinned = owner and any(other["id"] == owner for other in pool.table.providers)
    if name in wanted.exclude or (pinned and name != owner):
        return False
    if (wanted.local_only or wanted.mode == "local") and entry["location"] != "local":
        return False
    group = next((group for group in pool.table.groups if group.name == wanted.group), None)
    return group is None or group.providers is None or name in group.providers


def _is_due(seen: ProviderInventory | None, now: float, trusted: float, *, named: bool) -> bool:
    if seen is None or seen.error or seen.stale_since or not seen.fetched_at:
        return True
    return named and _age(seen.fetched_at, now) >= trusted


def _age(at: str, now: float) -> float:
    """Return how long ago *at* is; never was and a time to come, from a clock set back, are long ago."""
    age = now - epoch(at) if at else -1.0
    return age if age >= 0 else float("inf")
