"""What counts as a change of the registry: its generation moves when this differs, and never else.

A change is: a deployment that comes or goes, any value of one (declared, observed or effective, its price and
policy included), a provider's settings or the error text of its last observation, what the config says about
routing, and any policy, also of what is not there just now (catalog-registry-router 4.2; a policy's time is
part of it). None is: when something was observed or probed, how long that took, when a file was written, and
where the config is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter

from llmpool.core.deployment import CAPABILITIES, Deployment, ObservedModel, Ratings
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.policy import Policy
from llmpool.core.registry import Registry
from llmpool.registry import probes

_ABLE = tuple(f"capabilities.{name}" for name in CAPABILITIES)
_EFFECTIVE = attrgetter(
    *("id", "source", "location", "context_window", "max_output", "aliases", "routable", "routable_source"),
    *("last_resort", "blocked"),
    *_ABLE,
    *(f"ratings.{name}" for name in Ratings.__record_fields__),
)
_OBSERVED = attrgetter(*(name for name in ObservedModel.__record_fields__ if name != "capabilities"), *_ABLE)
_PRICE = attrgetter("input", "output", "source", "cache_read", "cache_write", "tiers")
_ROUTING = attrgetter(
    *("default_model", "recovery_model", "local_first", "routing", "profiles", "groups", "budgets")
)


def essence(registry: Registry, inventory: Inventory, policies: Mapping[str, Policy]) -> str:
    """Digest everything about a registry that is a change when it differs; the same in every process."""
    from hashlib import sha256  # only compiling needs it

    digest = sha256()
    for part in _parts(registry, inventory, policies):
        digest.update(repr(part).encode("utf-8", "backslashreplace"))
        digest.update(b"\n")
    return digest.hexdigest()[:32]


def _parts(registry: Registry, inventory: Inventory, policies: Mapping[str, Policy]) -> list[object]:
    catalog = registry.catalog
    seen = inventory.providers
    return [
        catalog.providers,
        catalog.models,
        _ROUTING(catalog.config),
        sorted(registry.aliases.items()),
        sorted(policies.items()),
        [_seen(seen[provider.id]) for provider in catalog.providers if provider.id in seen],
        sorted(probes.verdicts(registry, inventory)),
        list(map(_deployment, registry.deployments)),
    ]


def _seen(entry: ProviderInventory) -> tuple[object, ...]:
    """Return what of an observation is no time, and not in the deployments."""
    listed, stale = bool(entry.fetched_at), bool(entry.stale_since)
    return entry.provider, entry.error, entry.error_kind, entry.skipped, listed, stale


def _deployment(deployment: Deployment) -> tuple[object, ...]:
    seen, price = deployment.observed, deployment.price
    return _EFFECTIVE(deployment), seen and _OBSERVED(seen), price and _PRICE(price)
