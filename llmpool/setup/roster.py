"""The providers as they stand: config, policy, last observation and health joined; no network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.core.ids import split_ref
from llmpool.core.names import latest
from llmpool.core.policy import Policy
from llmpool.core.provider import KeyRef
from llmpool.core.record import plain
from llmpool.core.routing import HARD
from llmpool.core.times import rfc3339, span
from llmpool.core.trial import OVER, TRIAL
from llmpool.pool import Pool, unknown_provider
from llmpool.registry import readiness

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llmpool.core.inventory import ProviderInventory
    from llmpool.core.routing import Facts
    from llmpool.registry.readiness import Issue, Standing

_CHAT = 1  # the bit of the first capability
_UNDECIDED = Policy()


class View(NamedTuple):
    """All providers as they stand: a row for each, how many of what there are, and what is in the way."""

    rows: list[dict[str, Any]]
    counts: dict[str, int]
    issues: list[Issue]


def view(pool: Pool) -> View:
    """Describe all providers in id order; no network."""
    from llmpool.state import inventory, policy

    entries = pool.routing["providers"]
    if not entries:
        return View([], _counts([]), readiness.issues((), readiness.Wanted(), ()))
    seen, facts = inventory.read(pool.paths.state).providers, pool.facts()
    policies = policy.read(pool.paths.state)
    rows, standings = [], []
    for entry in entries:
        known, decided = seen.get(entry["id"]), policies.get(entry["id"], _UNDECIDED)
        standings.append(_standing(entry, known, facts, pool, decided))
        rows.append(_describe(entry, known, facts, standings[-1], pool=pool, decided=decided))
    return View(rows, _counts(rows), _issues(pool, standings, seen))


def _out(entry: dict[str, Any], decided: Policy) -> str:
    """Name the state of a provider whose owner lets it take no part; empty where it takes part."""
    if not entry["enabled"]:
        return readiness.DISABLED
    return readiness.INACTIVE if decided.effective_state == "inactive" else ""


def _standing(
    entry: dict[str, Any], seen: ProviderInventory | None, facts: Facts, pool: Pool, decided: Policy
) -> Standing:
    name = entry["id"]
    why = facts.keyless.get(name, "")
    if why.startswith(OVER) and not _out(entry, decided):
        return readiness.Standing(name, entry["name"], "error", readiness.OTHER, why)
    keyless = why.removeprefix("no key: ")
    away = pool.health.contact[name]["message"] if name in facts.unreachable else ""
    out = _out(entry, decided)
    return readiness.standing(name, entry["name"], seen, out=out, keyless=keyless, unreachable=away)


def _issues(pool: Pool, standings: list[Standing], seen: Mapping[str, ProviderInventory]) -> list[Issue]:
    """Judge the pool: what the default model means, and which models that are there chat."""
    from llmpool.registry import resolve

    table = pool.table
    meant = resolve.find(table.default_model, table) if table.default_model else []
    default = readiness.Wanted(table.default_model, tuple(row.id for row in meant))
    names = {
        name: {latest(model.name) for model in entry.models}
        for name, entry in seen.items()
        if entry.fetched_at and not entry.error
    }
    chats = [row for row in table.rows if not row.no & _CHAT and not row.flags & HARD]
    owned = (split_ref(row.id) for row in chats)
    there = {f"{owner}/{name}" for owner, name in owned if owner not in names or latest(name) in names[owner]}
    barred = all("by policy" in row.blocked for row in chats)
    return readiness.issues(readiness.in_order(standings), default, there, barred=barred)


def _describe(
    entry: dict[str, Any],
    seen: ProviderInventory | None,
    facts: Facts,
    stands: Standing,
    *,
    pool: Pool,
    decided: Policy,
) -> dict[str, Any]:
    name, now = entry["id"], pool.clock()
    state, why = _state(entry, seen, facts, decided)
    rests = _rests(pool, name, now)
    rest = next((told for told in rests if told["scope"] == "provider"), None)
    contact = pool.health.contact.get(name)
    asked = seen.attempted_at if seen else ""
    checked = max(asked, rfc3339(contact["at"]) if contact else "")
    return {
        "id": name,
        "state": state,
        "location": entry["location"],
        "format": entry["format"] or pool.memories.detected_format(pool.provider(name)) or "auto",
        "url": (entry["preset"] != TRIAL and entry["url"]) or None,
        "models": len(seen.models) if seen else 0,
        "stale_since": (seen.stale_since or None) if seen else None,
        "key": key_source(entry, pool),
        "seen": (seen.fetched_at or None) if seen else None,
        "last_check": checked or None,
        "last_error": stands.error or None,
        "readiness": None if stands.state in readiness.OUT else stands.state,
        "error_kind": stands.kind or None,
        "latency_ms": seen.latency_ms if seen and seen.fetched_at and not seen.error else None,
        "resting_until": rest["until"] if rest else None,
        "again_at": rfc3339(facts.free_at[name]) if name in facts.free_at else None,
        "resting": [told for told in rests if told is not rest],
        "reason": (rest["message"] if rest and stands.state not in readiness.OUT else why) or None,
        "policy": _policy(decided),
    }


def _policy(decided: Policy) -> dict[str, Any]:
    """Show what the owner decided; null is nothing."""
    return {
        "state": decided.effective_state,
        "routable": decided.routable,
        "reason": decided.reason or None,
        "updated_at": decided.updated_at or None,
    }


def _state(
    entry: dict[str, Any], seen: ProviderInventory | None, facts: Facts, decided: Policy
) -> tuple[str, str]:
    """Name the state of a provider in a word or two, and say why."""
    name, out = entry["id"], _out(entry, decided)
    if out:
        return out, decided.reason if out == readiness.INACTIVE else ""
    if name in facts.keyless:
        why = facts.keyless[name]
        return "inactive" if why.startswith(OVER) else "no key", why.removeprefix("no key: ")
    if name in facts.cooling or name in facts.unreachable:
        return "down", facts.cooling.get(name) or facts.unreachable[name]
    if seen is None or not seen.attempted_at:
        return "never asked", ""
    return ("error", seen.error) if seen.error else ("ok", "")


def _rests(pool: Pool, name: str, now: float) -> list[dict[str, Any]]:
    """List the cooldowns that hold now of a provider, its keys and its deployments."""
    if not pool.health.cooldowns:
        return []
    from llmpool.router import cooldown

    found = []
    for place, entry in sorted(pool.health.cooldowns.items()):
        rest = cooldown.read(entry)
        if not (rest.holds(now) and cooldown.belongs(place, name)):
            continue
        scope, _, what = place.partition(":")
        left, why = span(rest.left(now)), cooldown.why(rest.reason)
        what = what.removeprefix(f"{name}/")
        words = f"key {what} {why}, rests {left} more" if scope == "key" else f"rests {left} more after {why}"
        found.append(
            {
                "scope": scope,
                "name": what,
                "until": rfc3339(now + rest.left(now)),
                "reason": rest.reason,
                "message": f"{what} {words}" if scope == "deployment" else words,
            }
        )
    return found


def _counts(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Count the providers that take part by where they are, and the models they have listed."""
    taking_part = [row for row in rows if row["state"] not in readiness.OUT]
    return {
        "local": sum(row["location"] == "local" for row in taking_part),
        "cloud": sum(row["location"] == "cloud" for row in taking_part),
        "disabled": sum(row["state"] == readiness.DISABLED for row in rows),
        "inactive": sum(row["state"] == readiness.INACTIVE for row in rows),
        "ready": sum(row["readiness"] == "ready" for row in taking_part),
        "models": sum(row["models"] for row in taking_part),
    }


def key_source(entry: dict[str, Any], pool: Pool) -> str | None:
    """Say where a provider's key comes from, in words that may be shown."""
    from llmpool.auth.secrets import describe

    if entry["keys"]:
        refs = [KeyRef(**(key | {"command": tuple(key["command"])})) for key in entry["keys"]]
        return (
            ", ".join(describe(ref).removeprefix("variable ") for ref in refs if ref.enabled)
            or "all disabled"
        )
    if entry["oauth"]:
        found = pool.accounts.get(entry["id"], ())
        return "an account" if len(found) == 1 else f"{len(found)} accounts" if found else "no account"
    known = [name for name in entry["key_env"] if pool.env.get(name)]
    return known[0] if known else entry["key_env"][0] if entry["needs_key"] and entry["key_env"] else None


def one(pool: Pool, name: str) -> dict[str, Any]:
    """Describe one provider fully, but for how it is asked; raises UnknownName."""
    rows = {row["id"]: row for row in view(pool).rows}
    if name not in rows:
        raise unknown_provider(name, list(rows))
    provider, stale = pool.provider(name), rows[name]["stale_since"]
    return rows[name] | {
        "last_success": rows[name]["seen"],
        "dropped_at": _dropped_at(pool, stale),
        "preset": provider.preset or None,
        "priority": provider.priority,
        "optional": provider.optional,
        "rate_limit": plain(provider.rate_limit) if provider.rate_limit else None,
        "params": _said(plain(provider.params)),
        "key_rotation": provider.key_rotation if len(provider.keys) > 1 else None,
        "auth": provider.auth or None,
        "headers": [header for header, _ in (*provider.headers, *provider.header_env)],
        "allowed_models": list(provider.allowed_models),
        "alternate_urls": list(provider.alternate_urls),
        "verify_tls": provider.verify_tls,
        "key_page": provider.key_page or None,
    }


def _said(fields: dict[str, Any]) -> dict[str, Any]:
    """Keep what is set."""
    return {name: value for name, value in fields.items() if value is not None}


def _dropped_at(pool: Pool, stale: str | None) -> str | None:
    """Say when the models of a provider that fails stop being chosen; null while it does not."""
    if not stale:
        return None
    from llmpool.registry.staleness import epoch

    return rfc3339(epoch(stale) + pool.table.routing.stale_after)
