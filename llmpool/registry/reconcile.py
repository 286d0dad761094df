"""What it takes to bring providers to the declared state: models to pull, models to remove (ruling 18).

Nothing is done here. Where the words of reconcile-resolve 10 and 11 would delete or fetch by accident:
- `a` and `a:latest` are one model, and so are `llama3` and `registry.ollama.ai/library/llama3`, in whatever
  case: compared letter by letter, a pull that succeeded would be deleted and fetched again for ever (C13).
- A provider nobody declared a model of has nothing that could be undeclared. There the source deleted all.
- A listing that failed, or is stale, says nothing of what is missing: nothing is pulled or removed there.
- What the config names elsewhere (default and recovery model, fallbacks, groups, profiles) is not removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple

from llmpool.core.config import Config
from llmpool.core.ids import split_ref
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.names import latest
from llmpool.core.registry import Catalog

_OWN_REGISTRY = ("https://", "registry.ollama.ai/", "library/")  # what Ollama leaves out of its listing


class Side(NamedTuple):
    """One provider: what is declared of it, what it lists, and whether its owner lets models be removed.

    *wanted* are those of *declared* that shall be there; *spoken* are names and patterns the config has
    elsewhere. *listed* is None where the last listing failed, is stale, or never was.
    """

    provider: str
    declared: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    listed: tuple[str, ...] | None = None
    prune: bool = False
    spoken: tuple[str, ...] = ()


class Plan(NamedTuple):
    """Ids to pull, in the order of their declaration, and to remove; *kept* would go if `prune` were set.

    *unlisted* are the providers of which something is wanted while nobody knows what they have.
    """

    pulls: tuple[str, ...]
    removals: tuple[str, ...]
    kept: tuple[str, ...]
    unlisted: tuple[str, ...]


def one_name(model: str) -> str:
    """Write a model's name in the one way that all its spellings have in common."""
    name = model.strip().casefold()
    for prefix in _OWN_REGISTRY:
        name = name.removeprefix(prefix)
    return latest(name.partition("@")[0])  # LM Studio's listing has no quantization behind the name


def is_same(one: str, other: str) -> bool:
    """Say whether two names are of one model."""
    return one_name(one) == one_name(other)


def sides(catalog: Catalog, inventory: Inventory, names: Iterable[str]) -> list[Side]:
    """Say how the providers *names*, those that can pull, stand to what the catalog declares."""
    prune = {provider.id: provider.prune for provider in catalog.providers}
    declared = [(*split_ref(model.id), model.pull) for model in catalog.models]
    return [
        Side(
            provider=name,
            declared=tuple(model for owner, model, _ in declared if owner == name),
            wanted=tuple(model for owner, model, pull in declared if owner == name and pull),
            listed=_listed(inventory.providers.get(name)),
            prune=prune.get(name, False),
            spoken=_spoken(catalog.config, name),
        )
        for name in names
    ]


def plan(known: Iterable[Side], order: Mapping[str, int] | None = None) -> Plan:
    """Plan pulls and removals; *order* gives the place of an id among all declared ones."""
    pulls: list[str] = []
    removals: list[str] = []
    kept: list[str] = []
    unlisted: list[str] = []
    for side in known:
        if side.listed is None:
            unlisted += [side.provider] if side.wanted else []
            continue
        pulls += [f"{side.provider}/{model}" for model in _missing(side.wanted, side.listed)]
        (removals if side.prune else kept).extend(f"{side.provider}/{m}" for m in _undeclared(side))
    pulls.sort(key=lambda ref: (order or {}).get(ref, 0))
    return Plan(tuple(pulls), tuple(removals), tuple(kept), tuple(unlisted))


def declaration_order(catalog: Catalog) -> dict[str, int]:
    """Give each declared id its place in the config."""
    return {model.id: place for place, model in enumerate(catalog.models)}


def _listed(seen: ProviderInventory | None) -> tuple[str, ...] | None:
    if seen is None or seen.error or seen.stale_since or not seen.fetched_at:
        return None
    return tuple(model.name for model in seen.models)


def _missing(wanted: tuple[str, ...], listed: tuple[str, ...]) -> list[str]:
    """List what is wanted and not there, each model once, as it was written first."""
    there = {one_name(model) for model in listed}
    first = {one_name(model): model for model in reversed(wanted)}
    return [first[name] for name in dict.fromkeys(map(one_name, wanted)) if name not in there]


def _undeclared(side: Side) -> list[str]:
    if not side.declared or side.listed is None:
        return []
    declared = {one_name(model) for model in side.declared}
    return [m for m in side.listed if one_name(m) not in declared and not _is_spoken_of(m, side.spoken)]


def _is_spoken_of(model: str, spoken: tuple[str, ...]) -> bool:
    return any(
        is_same(model, said) or fnmatchcase(one_name(model), said) or fnmatchcase(model, said)
        for said in spoken
    )


def _spoken(config: Config, provider: str) -> tuple[str, ...]:
    """List the names and patterns of a provider's models that stand outside of `[[models]]`."""
    said = [*config.spoken]
    said += [profile.model for profile in config.profiles if profile.model]
    said += [pattern for group in config.groups for pattern in group.models or ()]
    here = (name.removeprefix(f"{provider}/") for name in said if name)
    return tuple(dict.fromkeys(here))
