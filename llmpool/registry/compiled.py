"""The compiled registry: what hot commands read instead of config, inventory and policy (DESIGN 3.5).

Two documents: *routing*, the few columns a decision needs, and *listing*, what `models list` shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmpool.core.deployment import ASKED_OUTPUT, CAPABILITIES, COMPLEXITIES, Deployment
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.policy import Policy
from llmpool.core.record import plain
from llmpool.core.registry import Registry
from llmpool.core.routing import (
    DECLARED,
    HARD,
    LAST_RESORT,
    LOADED,
    LOCAL,
    TOOLS_OFF,
    RoutingRow,
)
from llmpool.registry import dead, generation, probes
from llmpool.registry.merge import HARD_REASONS

NO_POLICIES: Mapping[str, Policy] = {}
NOT_DEAR: Mapping[str, list[list[Any]]] = {}


def routing_document(
    registry: Registry,
    inventory: Inventory,
    policies: Mapping[str, Policy] = NO_POLICIES,
    dear: Mapping[str, list[list[Any]]] = NOT_DEAR,
) -> dict[str, Any]:
    """Compile what a decision and a call need: providers, rows, and the config's words on routing.

    *absent* has every verdict of a probe with its time: which of them still hold, a run's clock decides.
    *essence* is what moves the generation when it differs.
    """
    config = registry.catalog.config
    providers = []
    for provider in registry.catalog.providers:
        seen = inventory.providers.get(provider.id)
        listed = {"stale_since": seen.stale_since, "fetched_at": seen.fetched_at} if seen else {}
        providers.append(plain(provider) | listed)
    place = {provider.id: n for n, provider in enumerate(registry.catalog.providers)}
    return {
        "providers": providers,
        "rows": [list(row(deployment, place)) for deployment in registry.deployments],
        "windows": _asked_windows(registry),
        "outputs": _short_outputs(registry),
        "rate_limits": {
            d.id: plain(d.declared.rate_limit)
            for d in registry.deployments
            if d.declared and d.declared.rate_limit
        },
        "dear": dear,
        "absent": probes.verdicts(registry, inventory),
        "aliases": registry.aliases,
        "default_model": config.default_model,
        "recovery_model": config.recovery_model,
        "local_first": config.local_first,
        "routing": plain(config.routing),
        "profiles": plain(config.profiles),
        "groups": plain(config.groups),
        "budgets": plain(config.budgets),
        "unpriced": config.unpriced,
        "dead": [name._asdict() for name in dead.dead_names(registry, inventory)],
        "essence": generation.essence(registry, inventory, policies),
    }


def _asked_windows(registry: Registry) -> dict[str, int]:
    """Return the windows that calls ask for where a server loads on demand: the declared, else the loaded."""
    formats = {provider.id: provider.format for provider in registry.catalog.providers}
    windows = {
        d.id: (d.declared and d.declared.context_window) or (d.observed.loaded_context if d.observed else 0)
        for d in registry.deployments
        if formats[d.provider] in ("ollama", "")
    }
    return {name: window for name, window in windows.items() if window}


def _short_outputs(registry: Registry) -> dict[str, int]:
    """Return the longest answers where a format that insists on a limit would ask for more."""
    formats = {provider.id: provider.format for provider in registry.catalog.providers}
    return {
        d.id: d.max_output
        for d in registry.deployments
        if 0 < d.max_output < ASKED_OUTPUT and formats[d.provider] in ("anthropic", "")
    }


def row(deployment: Deployment, place: Mapping[str, int]) -> RoutingRow:
    """Compile one deployment into the columns of a decision."""
    yes = no = 0
    for bit, name in enumerate(CAPABILITIES):
        known = getattr(deployment.capabilities, name)
        yes |= (known is True) << bit
        no |= (known is False) << bit
    rated, price, seen = deployment.ratings, deployment.price, deployment.observed
    declared = dict(deployment.declared.supports) if deployment.declared else {}
    flags = (
        LOCAL * (deployment.location == "local")
        | LAST_RESORT * deployment.last_resort
        | LOADED * bool(seen and (seen.loaded_context or seen.state == "loaded"))
        | DECLARED * (deployment.source == "config")
        | TOOLS_OFF * (declared.get("tools") is False)
        | HARD * deployment.blocked.startswith(HARD_REASONS)
    )
    return RoutingRow(
        deployment.id,
        place[deployment.provider],
        yes,
        no,
        deployment.context_window,
        rated.speed,
        rated.quality,
        rated.cost_tier,
        COMPLEXITIES.index(rated.min_complexity),
        flags,
        deployment.blocked,
        float(price.input) if price else None,
        float(price.output) if price else None,
    )


def listing_document(registry: Registry, inventory: Inventory, oldest: str = "") -> dict[str, Any]:
    """Compile what `models list --json` prints, one object a deployment (DESIGN 3.2).

    Verdicts of probes count from *oldest* on, a time in RFC 3339.
    """
    absent = probes.absent(probes.verdicts(registry, inventory), oldest)
    seen = {p.id: dead.listing_of(p, inventory) for p in registry.catalog.providers}
    default = default_ids(registry)
    return {
        "models": [
            listed(d, seen[d.provider], absent.get(d.id, ""), default=d.id in default)
            for d in registry.deployments
        ]
    }


def default_ids(registry: Registry) -> frozenset[str]:
    """Return the deployments that the default model means: none, one, or all that carry a name."""
    ref = registry.catalog.config.default_model
    return frozenset(dead.Carriers(registry).of(ref)) if ref else frozenset()


def listed(
    deployment: Deployment, seen: ProviderInventory | None, absent: str = "", *, default: bool = False
) -> dict[str, Any]:
    """Show one deployment; unknown values are null, others not there. *absent* is a probe's verdict."""
    reason = deployment.blocked or absent
    if not reason and dead.is_gone(deployment, seen):
        reason = dead.GONE
    entry: dict[str, Any] = {
        "id": deployment.id,
        "provider": deployment.provider,
        "model": deployment.model,
        "location": deployment.location,
        "source": deployment.source,
        "routable": deployment.routable,
        "available": not reason,
    }
    if reason:
        entry["unavailable_reason"] = reason
    price = deployment.price
    entry |= {
        "capabilities": deployment.capabilities.as_dict(),
        "context_window": deployment.context_window or None,
        "max_output": deployment.max_output or None,
        "ratings": deployment.ratings.as_dict(),
        "price": {"input": price.input, "output": price.output, "source": price.source} if price else None,
        "policy": {
            "state": deployment.policy.effective_state,
            "provider_state": deployment.provider_policy.effective_state,
        },
    }
    if deployment.aliases:
        entry["aliases"] = list(deployment.aliases)
    if deployment.last_resort:
        entry["last_resort"] = True
    if default:
        entry["default"] = True
    if seen and seen.stale_since:
        entry["stale_since"] = seen.stale_since
    return entry
