"""How a provider or a deployment stands with its owner: everything decided that binds it, in one view."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from llmpool.core.config import Group
from llmpool.core.ids import split_ref
from llmpool.core.names import spellings
from llmpool.core.policy import Policy
from llmpool.core.provider import Provider
from llmpool.core.routing import HARD
from llmpool.pool import Pool
from llmpool.registry import merge
from llmpool.router import groups
from llmpool.setup import targets
from llmpool.state import policy


class Standing(NamedTuple):
    """What binds a target; *own* and *provider* are policies, None where nothing is decided.

    *automatic* and *by_name* are why it is not chosen so, empty when it may be. *model* is empty for a
    provider, *enabled* None where no such one is configured, *allowed* the patterns of its allow-list;
    *deployments* counts those it has.
    """

    target: str
    model: str
    there: bool
    own: Policy | None
    provider: Policy | None
    enabled: bool | None
    allowed: tuple[str, ...]
    groups: tuple[str, ...]
    automatic: str
    by_name: str
    deployments: int


class Decided(NamedTuple):
    """Policies by target, and which of those targets are not there now."""

    policies: dict[str, Policy]
    gone: frozenset[str]


def decided(pool: Pool, pattern: str = "") -> Decided:
    """Read all policies, or those of the targets that a pattern means; raises UnknownName for none."""
    policies = policy.read(pool.paths.state)
    wanted = targets.matching(pattern, policies, see="llmpool policy") if pattern else policies
    gone = frozenset(name for name in wanted if not targets.is_there(pool, name))
    return Decided({name: policies[name] for name in sorted(wanted)}, gone)


def standing(pool: Pool, ref: str) -> Standing:
    """Put together what binds the provider or deployment *ref*; raises UnknownName, AmbiguousName."""
    policies = policy.read(pool.paths.state)
    target, _ = targets.one(pool, ref, policies)
    name, _, model = target.partition("/")
    provider = next((pool.provider(name) for e in pool.routing["providers"] if e["id"] == name), None)
    automatic, by_name = _reasons(pool, target, provider, policies)
    there = [model for owner, model in (split_ref(row.id) for row in pool.table.rows) if owner == name]
    return Standing(
        target=target,
        model=model,
        there=targets.is_there(pool, target),
        own=policies.get(target),
        provider=policies.get(name) if model else None,
        enabled=provider.enabled if provider else None,
        allowed=provider.allowed_models if provider else (),
        groups=tuple(g.name for g in pool.table.groups if _belongs(g, name, [model] if model else there)),
        automatic=automatic,
        by_name=by_name,
        deployments=len(there),
    )


def _belongs(group: Group, provider: str, models: list[str]) -> bool:
    """Say whether one of the models is in the group; of a provider that has none yet, whether it may be."""
    return (
        any(groups.has(group, provider, each) for each in models) if models else groups.takes(group, provider)
    )


def _reasons(
    pool: Pool, target: str, provider: Provider | None, decided: Mapping[str, Policy]
) -> tuple[str, str]:
    """Say why a target is not chosen automatically, and why not by name; empty when it is."""
    name, _, model = target.partition("/")
    if provider is None:
        return (f"no provider {name} is configured",) * 2
    if not model:
        return (_provider_out(provider, decided),) * 2
    same = spellings(target)
    row = next((row for row in pool.table.rows if row.id in same), None)
    if row is not None:
        return row.blocked, row.blocked if row.flags & HARD else ""
    blocked = merge.unlisted(pool.catalog, provider, model, decided).blocked
    hard = blocked if blocked.startswith(merge.HARD_REASONS) else ""
    return hard or f"not listed at {name} now", hard


def _provider_out(provider: Provider, decided: Mapping[str, Policy]) -> str:
    if not provider.enabled:
        return "disabled in the config"
    own = decided.get(provider.id, merge.NO_POLICY)
    reason = f": {own.reason}" if own.reason else ""
    return f"inactive by policy{reason}" if own.effective_state == "inactive" else ""
