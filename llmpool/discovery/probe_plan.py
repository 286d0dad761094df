"""Which models a run of probes asks, and who is left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from llmpool.core.deployment import Deployment
from llmpool.core.names import spellings
from llmpool.core.provider import Provider
from llmpool.discovery.probe_capabilities import CALLS
from llmpool.pool import Pool, unknown_provider
from llmpool.registry import resolve

EMBEDDED = "its models run inside llmpool; nothing to find out"
CATALOG = "its models come from the catalog, not from a listing"
NO_MODELS = "no models of it are known; run: llmpool refresh"


class Task(NamedTuple):
    """One model to ask."""

    provider: str
    model: str


class Plan(NamedTuple):
    """The models to ask, in order of their ids; *skipped* names who is left out, with the reason."""

    tasks: tuple[Task, ...]
    skipped: tuple[tuple[str, str], ...]

    def calls(self, *, capabilities: bool) -> int:
        """Count the calls a run makes at most, repeated ones aside."""
        return len(self.tasks) * (1 + CALLS if capabilities else 1)

    def by_provider(self) -> dict[str, int]:
        """Count the models of each provider."""
        return dict(Counter(task.provider for task in self.tasks))


def choose(pool: Pool, names: Iterable[str] = (), models: Iterable[str] = ()) -> Plan:
    """Choose the chat models of the providers *names* (none: of all) that *models* (none: all) mean.

    A model is meant by its id, its name, an alias, or a pattern with `*`. Raises UnknownName for a provider
    nobody configured and a model nobody has. Disabled providers are asked only when they are named.
    """
    known = {provider.id: provider for provider in pool.catalog.providers}
    wanted, refs = list(dict.fromkeys(names)), tuple(dict.fromkeys(models))
    for name in wanted:
        if name not in known:
            raise unknown_provider(name, list(known))
    deployments = [d for d in pool.registry.deployments if not wanted or d.provider in wanted]
    meant = _meant(pool, deployments, refs) if refs else deployments
    tasks: list[Task] = []
    skipped: list[tuple[str, str]] = []
    for name in wanted or known:
        mine = [d for d in meant if d.provider == name]
        why = _why_not(known[name], mine, named=bool(wanted), picked=bool(refs))
        if why:
            skipped += [(name, why)] if mine or not refs else []
            continue
        for deployment in mine:
            reason = _unfit(deployment, picked=bool(refs))
            if reason:
                skipped.append((deployment.id, reason))
            else:
                tasks.append(Task(name, deployment.model))
    return Plan(tuple(tasks), tuple(skipped))


def _meant(pool: Pool, deployments: list[Deployment], refs: tuple[str, ...]) -> list[Deployment]:
    found: dict[str, Deployment] = {}
    for ref in refs:
        hits = [d for d in deployments if _means(ref, d)]
        if not hits:
            raise resolve.unknown(ref, pool.table)
        found |= {d.id: d for d in hits}
    return [d for d in deployments if d.id in found]


def _means(ref: str, deployment: Deployment) -> bool:
    names = (deployment.id, *spellings(deployment.model), *deployment.aliases)
    return ref in names or ("*" in ref and any(fnmatchcase(name, ref) for name in names[:2]))


def _why_not(provider: Provider, mine: list[Deployment], *, named: bool, picked: bool) -> str:
    """Say why a whole provider is left out; nothing when it is not."""
    if not provider.enabled and not named:
        return "disabled"
    if any(d.provider_policy.effective_state == "inactive" for d in mine):
        return "inactive by policy"
    if provider.preset == "embedded":
        return EMBEDDED
    if provider.metadata == "catalog":
        return CATALOG
    return "" if mine or picked else NO_MODELS


def _unfit(deployment: Deployment, *, picked: bool) -> str:
    """Say why one model is left out; nothing when it is not."""
    if deployment.capabilities.chat is False:
        return "not a chat model"
    if deployment.blocked.startswith("not in allowed_models"):
        return deployment.blocked
    if deployment.policy.effective_state == "inactive" and not picked:
        return "inactive by policy"
    return ""
