"""Names of the owner's that lead nowhere any more, each with the nearest deployment that is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from llmpool.core.deployment import Deployment
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.names import latest, spellings
from llmpool.core.provider import Provider
from llmpool.core.registry import Registry
from llmpool.registry.nearest import nearest

GONE = "configured, not seen upstream"
_HELPED = 50  # of so many a nearest one is looked for, which takes some milliseconds each


class DeadName(NamedTuple):
    """A name whose target is gone. *role*: alias, default_model, recovery_model or fallback.

    *target* is the deployment that was meant, *nearest* one that is there, or empty.
    """

    name: str
    role: str
    target: str
    nearest: str


def listing_of(provider: Provider, inventory: Inventory) -> ProviderInventory | None:
    """Return what *provider* was seen with; one that is only read in the catalog is never seen."""
    return None if provider.metadata == "catalog" else inventory.providers.get(provider.id)


def is_gone(deployment: Deployment, seen: ProviderInventory | None) -> bool:
    """Say whether a healthy listing of its provider does not have a deployment."""
    return deployment.observed is None and bool(seen and seen.fetched_at and not seen.error)


def dead_names(registry: Registry, inventory: Inventory) -> tuple[DeadName, ...]:
    """List the names that lead to nothing: healthy listings have the model no more, or never had it."""
    spoken = list(_spoken(registry))
    if not spoken:
        return ()
    seen = {provider.id: listing_of(provider, inventory) for provider in registry.catalog.providers}
    gone = {d.id for d in registry.deployments if is_gone(d, seen[d.provider])}
    asked = [seen[provider.id] for provider in registry.catalog.providers if provider.enabled]
    complete = all(entry and entry.fetched_at for entry in asked)  # else it may yet turn up
    carriers = Carriers(registry)
    dead = []
    for name, role, target in spoken:
        carried = carriers.of(target)
        if gone.issuperset(carried) and (carried or complete):
            dead.append((name, role, carried[0] if carried else target))
    there = [d for d in registry.deployments if d.id not in gone and not d.blocked and d.capabilities.chat]
    return tuple(
        DeadName(name, role, target, _nearest(target, registry, there) if n < _HELPED else "")
        for n, (name, role, target) in enumerate(dead)
    )


def in_words(name: Mapping[str, str]) -> str:
    """Say of a dead name, as it is compiled, what it meant, that this is gone, and what is nearest."""
    word = "alias " + name["name"] if name["role"] == "alias" else name["role"].replace("_", " ")
    near = f"; nearest: {name['nearest']}" if name["nearest"] else ""
    return f"{word} means {name['target']}, which is gone upstream{near}"


def news(before: Sequence[Mapping[str, str]], after: Sequence[Mapping[str, str]]) -> tuple[Any, ...]:
    """Return those of *after* that were not dead *before*; another nearest one alone is no news."""
    who = itemgetter("name", "role", "target")
    known = set(map(who, before))
    return tuple(name for name in after if who(name) not in known)


def _spoken(registry: Registry) -> Iterator[tuple[str, str, str]]:
    """List the names that stand for a deployment, in the config's order: name, role, what it names."""
    config = registry.catalog.config
    yield from ((alias, "alias", target) for alias, target in registry.aliases.items())
    for role, ref in (("default_model", config.default_model), ("recovery_model", config.recovery_model)):
        if ref:
            yield ref, role, ref
    yield from ((ref, "fallback", ref) for ref in config.routing.fallbacks)


class Carriers:
    """Who carries a name; `a` and `a:latest` are one model (ruling 18)."""

    def __init__(self, registry: Registry) -> None:
        self._aliases = registry.aliases
        self._ids = {deployment.id for deployment in registry.deployments}
        self._names: dict[str, list[str]] = {}
        for deployment in registry.deployments:
            self._names.setdefault(latest(deployment.model), []).append(deployment.id)

    def of(self, ref: str) -> list[str]:
        """Return the deployments that *ref* may mean: an id, an alias, or a name that several carry."""
        for name in spellings(ref):
            if name in self._ids:
                return [name]
        if ref in self._aliases:
            return [self._aliases[ref]]
        return self._names.get(latest(ref), [])


def _nearest(target: str, registry: Registry, there: Sequence[Deployment]) -> str:
    """Return the id most like *target*, a local one for a local one if there is any."""
    place = next((d.location for d in registry.deployments if d.id == target), "")
    for ids in ([d.id for d in there if d.location == place], [d.id for d in there]):
        found = nearest(target, ids, {}, 1)
        if found:
            return found[0]
    return ""


def notes_on(ref: str, dead: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """Say it where a name of the config stands for what its provider has no more."""
    return tuple(in_words(name) for name in dead if name["name"] == ref)[:1]
