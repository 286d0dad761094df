"""Checks of the pool: what keeps it from answering, stale listings, rests, formats that contradict."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llmpool.core.provider import Provider
from llmpool.core.text import few
from llmpool.core.times import rfc3339, span
from llmpool.discovery.observe import BAD_KEY, NO_KEY
from llmpool.formats.families import third_party
from llmpool.pool import Pool
from llmpool.registry.catalog import is_private
from llmpool.registry.official import CATALOG
from llmpool.registry.readiness import MISSING_KEY, NAMED, OUT
from llmpool.registry.staleness import epoch
from llmpool.router import cooldown
from llmpool.setup import roster
from llmpool.setup.doctor_case import ERROR, NOTE, WARNING, Case, Finding, quoted, runnable

AREA = "providers"
_NOT_AMISS = ("missing_default_model", "default_provider_api_key_missing")  # no fault; told among the keys


def providers(case: Case) -> Iterator[Finding]:
    """Tell what keeps the pool from answering (reconcile-resolve 15), then how old each listing is."""
    if case.pool is None:
        return
    seen = roster.view(case.pool)
    dead = {name["role"] for name in case.pool.routing["dead"]}  # which the names' own check tells
    told = {issue.code for issue in seen.issues}
    known = {*_NOT_AMISS, *(["default_model_not_available"] if "default_model" in dead else [])}
    known |= {"no_chat_models"} if "never_refreshed" in told else set()
    for issue in seen.issues:
        if issue.code not in known:
            severity = ERROR if issue.blocks else WARNING
            yield Finding(severity, AREA, "pool", issue.message, runnable(issue.hint) or issue.hint)
    rows = [row for row in seen.rows if _is_asked(case, case.pool, row)]
    for row in rows:
        yield from _listing(case, case.pool, row)
    if "never_refreshed" not in told:
        never = [row["id"] for row in rows if not row["last_check"] and not _failed_now(case, row["id"])]
        yield from _of_several(never, "never asked what it has", "never asked what they have")
    patience = case.pool.table.routing.stale_after
    ages = {r["id"]: case.now - epoch(r["seen"]) for r in rows if r["seen"] and not r["stale_since"]}
    old = {name: age for name, age in ages.items() if age > patience}
    if old:
        fact = f"last asked up to {span(max(old.values()))} ago: its models may have changed"
        yield from _of_several(list(old), fact, fact.replace("its", "their"))


def _is_asked(case: Case, pool: Pool, row: dict[str, Any]) -> bool:
    """Say whether a provider is asked for its models: it takes part, and has a key."""
    if row["state"] in OUT or row["error_kind"] == MISSING_KEY or row["id"] in case.keyless:
        return False
    return pool.provider(row["id"]).metadata != CATALOG


def _failed_now(case: Case, name: str) -> bool:
    return case.reached is not None and name in case.reached and bool(case.reached[name].error)


def _of_several(names: list[str], fact: str, facts: str) -> Iterator[Finding]:
    """Tell a note once of all the providers that it is true of."""
    if len(names) > NAMED:
        yield Finding(NOTE, AREA, few(names, NAMED), f"were {facts}", "llmpool refresh")
    else:
        for name in names:
            yield Finding(NOTE, AREA, name, f"was {fact}", quoted("llmpool", "refresh", name))


def _listing(case: Case, pool: Pool, row: dict[str, Any]) -> Iterator[Finding]:
    """Tell what became of the last try to list the models of one provider."""
    provider, stale = pool.provider(row["id"]), row["stale_since"]
    if stale and case.now - epoch(stale) > pool.table.routing.stale_after:
        fact = f"has failed to list its models since {stale}: they are no longer chosen"
        ask = quoted("llmpool", "refresh", provider.id)
        yield Finding(NOTE if provider.optional else WARNING, AREA, provider.id, fact, ask)
    elif row["last_error"]:
        yield from _last_error(case, provider, row)


def _last_error(case: Case, provider: Provider, row: dict[str, Any]) -> Iterator[Finding]:
    """Tell why the last try failed, unless that has just been found out again."""
    now = case.reached.get(provider.id) if case.reached is not None else None
    ask = quoted("llmpool", "refresh", provider.id)
    if now is None:
        if case.pool and case.pool.inventory.providers[provider.id].error_kind in (NO_KEY, BAD_KEY):
            return  # told among the keys
        severity = NOTE if provider.optional else WARNING
        yield Finding(severity, AREA, provider.id, f"failed when it was last asked: {row['last_error']}", ask)
    elif not now.error:
        fact = f"answers now; when it was last asked it failed: {row['last_error']}"
        yield Finding(NOTE, AREA, provider.id, fact, ask)


def rests(case: Case) -> Iterator[Finding]:
    """List the cooldowns that hold now, with the time left."""
    if case.pool is None:
        return
    for place, entry in sorted(case.pool.health.cooldowns.items()):
        rest = cooldown.read(entry)
        if not rest.holds(case.now):
            continue
        scope, _, what = place.partition(":")
        owner = what.partition("/")[0]
        left, until = span(rest.left(case.now)), rfc3339(case.now + rest.left(case.now))
        subject = {"key": f"key {what.partition('/')[2]} ", "deployment": ""}.get(scope, "")
        fact = f"{subject}rests {left} more (until {until}) after {_why(rest.reason)}"
        severity = WARNING if rest.reason in cooldown.REFUSING else NOTE
        named = what if scope == "deployment" else owner
        yield Finding(severity, "rests", named, fact, quoted("llmpool", "providers", "clear", owner))


def _why(reason: str) -> str:
    words = {"auth": "being refused", "quota": "being used up"}
    return words.get(reason) or cooldown.why(reason)


def formats(case: Case) -> Iterator[Finding]:
    """List what is remembered of how a provider is asked and contradicts, or departs from, the config."""
    if case.pool is None:
        return
    memories = case.pool.memories
    for entry in case.pool.routing["providers"]:
        provider = case.pool.provider(entry["id"])
        found, other = memories.detected_format(provider), memories.endpoint(provider)
        verify = quoted("llmpool", "providers", "verify", provider.id)
        if found and provider.format and found != provider.format and third_party(provider):
            fact = f"the config says format {provider.format}, but {found} was found at {provider.url}"
            yield Finding(WARNING, "formats", provider.id, fact, f"{verify} --apply")
        if other and other.rstrip("/") != provider.url.rstrip("/"):
            fact = f"is asked at {other} first, where its key was taken, not at {provider.url}"
            yield Finding(
                NOTE, "formats", provider.id, fact, quoted("llmpool", "providers", "clear", provider.id)
            )


def connections(case: Case) -> Iterator[Finding]:
    """List connections that anybody on the way may read, or answer in the server's place."""
    if case.pool is None:
        return
    for entry in case.pool.routing["providers"]:
        provider = case.pool.provider(entry["id"])
        change = ("llmpool", "providers", "set", provider.id)
        if not provider.enabled:
            continue
        if provider.url.startswith("http:") and not is_private(provider.url):
            fact = f"is asked without encryption ({provider.url}): keys and prompts can be read on the way"
            better = provider.url.replace("http:", "https:", 1)
            yield Finding(WARNING, "connections", provider.id, fact, quoted(*change, "--url", better))
        if not provider.verify_tls and provider.url.startswith("https:"):
            fact = "its certificate is not looked at (verify_tls = false): another may answer in its place"
            yield Finding(NOTE, "connections", provider.id, fact, quoted(*change, "--verify-tls"))
