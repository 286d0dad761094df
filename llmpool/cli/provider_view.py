"""A provider as `providers list` and `show` have it: config, last observation and health joined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli.output import ago
from llmpool.core.provider import KeyRef
from llmpool.pool import unknown_provider

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.core.provider import Provider
    from llmpool.pool import Pool


def every(pool: Pool) -> list[dict[str, Any]]:
    """Describe all providers in id order."""
    from llmpool.state import inventory

    if not pool.routing["providers"]:
        return []
    seen, facts = inventory.read(pool.paths.state), pool.facts()
    return [
        _describe(entry, seen.providers.get(entry["id"]), facts, pool) for entry in pool.routing["providers"]
    ]


def _describe(entry: dict[str, Any], seen: Any, facts: Any, pool: Pool) -> dict[str, Any]:
    name = entry["id"]
    state, why = "ok", ""
    if not entry["enabled"]:
        state = "disabled"
    elif name in facts.keyless:
        state, why = "no key", facts.keyless[name].removeprefix("no key: ")
    elif name in facts.cooling or name in facts.unreachable:
        state, why = "down", facts.cooling.get(name) or facts.unreachable[name]
    elif seen is None:
        state = "never asked"
    elif seen.error:
        state, why = "error", seen.error
    return {
        "id": name,
        "state": state,
        "location": entry["location"],
        "format": entry["format"] or pool.memories.detected_format(pool.provider(name)) or "auto",
        "url": entry["url"] or None,
        "models": len(seen.models) if seen else 0,
        "stale_since": (seen.stale_since or None) if seen else None,
        "key": key_source(entry, pool),
        "seen": (seen.fetched_at or None) if seen else None,
        "reason": why or None,
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
    known = [name for name in entry["key_env"] if pool.env.get(name)]
    return known[0] if known else entry["key_env"][0] if entry["needs_key"] and entry["key_env"] else None


def table(terminal: Terminal, rows: list[dict[str, Any]]) -> None:
    """Show the providers as a table."""
    from llmpool.cli import tables

    now = terminal.pool.clock()
    lines = [
        [
            row["id"],
            row["state"],
            row["location"],
            f"{row['models']}{' stale' if row['stale_since'] else ''}",
            row["key"] or "none",
            ago(row["seen"] or "", now),
            row["reason"] or "",
        ]
        for row in rows
    ]
    tables.show(terminal, ["id", "state", "where", ">models", "key", "seen", ""], lines)


_WHY = {
    "user_pinned": "pinned by the config",
    "endpoint_lock": "the URL ends in its path",
    "model_memory": "what worked for the model",
    "detected": "detected",
    "family_default": "as the model's family is best asked; the first that works is remembered",
}


def how_asked(pool: Pool, provider: Provider) -> dict[str, Any]:
    """Tell the plan of a provider's calls: where, in which format and why, and what it is asked without."""
    from llmpool.formats import plan as plans

    memories, now = pool.memories, pool.clock()
    endpoint = memories.endpoint(provider)
    planned = plans.plan(provider, "", memories.memory(provider, "", now), url=endpoint)
    why = _WHY.get(planned.source, planned.source)
    if planned.source == "family_default" and len(planned.candidates) == 1:
        why = "its preset's own"
    if planned.source == "detected" and provider.format:
        why = "its preset's or the config's own, others if that is not there"
    refused = {
        deployment.partition("/")[2]: names
        for deployment in memories.refusals
        if deployment.partition("/")[0] == provider.id and (names := memories.refused(deployment, now))
    }
    return {
        "format": planned.selected,
        "format_why": why,
        "formats_in_turn": list(plans.order(planned)),
        "endpoint": endpoint or memories.base(provider) or None,
        "formats_learnt": [f"{model}: {name}" for model, name in sorted(_learnt(pool, provider).items())],
        "can": _profile(memories.profile(provider)),
        "asked_without": [f"{model}: {', '.join(names)}" for model, names in sorted(refused.items())],
    }


def _learnt(pool: Pool, provider: Provider) -> dict[str, str]:
    """Return the format that worked for each model, where that is known of models one by one."""
    memories, now = pool.memories, pool.clock()
    start = f"{provider.id} "
    names = {key.split(" ", 2)[2] for key in memories.models if key.startswith(start)}
    known = {name: memories.memory(provider, name, now).model for name in names}
    served = {name: memories.alias(provider, name, now) for name in names}
    return {
        name: f"{wire}, answered by {served[name]}" if served[name] else wire
        for name, wire in known.items()
        if wire
    }


def _profile(profile: dict[str, Any]) -> list[str]:
    """Show what a verification found a provider able to do."""
    return [f"{name.removeprefix('supports_')} {words(value)}" for name, value in profile.items()]


def words(value: object) -> str:
    """Show a value as a person reads it."""
    if isinstance(value, list):
        return ", ".join(map(words, value))
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def kind(pool: Pool, provider: Provider) -> str:
    """Name what a provider is: its preset's name, else the format it speaks."""
    if provider.preset:
        from llmpool.config.presets import presets

        return presets()[provider.preset].name
    known = pool.memories.detected_format(provider) or provider.format
    return f"speaks {known}" if known else "lists as OpenAI does"


def _limits(pool: Pool, provider: Provider) -> list[tuple[str, float | None]]:
    from llmpool.credentials import timeouts_of

    limits = timeouts_of(provider, pool.table)
    return [
        ("connect", limits.connect),
        ("first token", limits.first_token),
        ("read", limits.read),
        ("total", limits.total),
    ]


def one(pool: Pool, name: str) -> dict[str, Any]:
    """Describe one provider fully; raises UnknownName."""
    rows = {row["id"]: row for row in every(pool)}
    if name not in rows:
        raise unknown_provider(name, list(rows))
    provider = pool.provider(name)
    return (
        rows[name]
        | how_asked(pool, provider)
        | {
            "preset": provider.preset or None,
            "priority": provider.priority,
            "optional": provider.optional,
            "headers": [header for header, _ in (*provider.headers, *provider.header_env)],
            "allowed_models": list(provider.allowed_models),
            "alternate_urls": list(provider.alternate_urls),
            "verify_tls": provider.verify_tls,
            "timeouts": [f"{what} {limit:g} s" for what, limit in _limits(pool, provider) if limit],
            "key_page": provider.key_page or None,
        }
    )
