"""Providers that take part and have nothing to list: each with why, which a list of models cannot show."""

from __future__ import annotations

from typing import Any

from llmpool.core.policy import Policy
from llmpool.core.routing import Facts
from llmpool.pool import Pool
from llmpool.state import inventory, policy


def silent(pool: Pool, only: str = "") -> list[tuple[str, str]]:
    """List the providers without a model, or *only* that one, each with why; no network."""
    listed = {model["provider"] for model in pool.listing["models"]}
    without = [entry for entry in pool.routing["providers"] if entry["enabled"] and entry["id"] not in listed]
    wanted = [str(entry["id"]) for entry in without if only in ("", entry["id"])]
    if not wanted:
        return []
    decided, facts = policy.read(pool.paths.state), pool.facts()
    seen: dict[str, Any] = inventory.read(pool.paths.state).providers
    taking_part = [name for name in wanted if decided.get(name, Policy()).effective_state != "inactive"]
    return [(name, _why(name, facts, seen.get(name))) for name in taking_part]


def _why(name: str, facts: Facts, seen: Any) -> str:
    """Say why nothing is known of a provider's models: what is so just now, else how it was asked last."""
    now = facts.keyless.get(name) or facts.unreachable.get(name)
    if now:
        return now
    if seen is None or not seen.attempted_at:
        return f"never asked what it has: llmpool refresh {name}"
    return f"{seen.error} (asked {seen.attempted_at})" if seen.error else "lists no models"
