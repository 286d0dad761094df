"""The registry as plain JSON under the source's field names (catalog-registry-router 4.4), and its summary.

A *resource* is a provider there, its `provider` the kind of server: a preset or a format. Empty, zero and
false fields are left out but for those that are always there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Any

from llmpool.core.deployment import Deployment, ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.policy import Policy
from llmpool.core.provider import Provider
from llmpool.core.registry import Registry

_ALWAYS = {
    *("generation", "local_first", "resources", "deployments"),
    *("id", "provider", "model", "resource", "source", "routable", "routable_source"),
    *("policy_state", "policy_source", "resource_policy_state", "resource_policy_source"),
}
_UNDECIDED, _UNSEEN = Policy(), ObservedModel(name="")


def snapshot(
    registry: Registry,
    inventory: Inventory,
    policies: Mapping[str, Policy],
    deployments: Iterable[Deployment] | None = None,
) -> dict[str, Any]:
    """Return the registry as JSON has it; *deployments* restricts the lists to these and their providers.

    `updated_at` is the last observation or decision; a registry that has neither goes without.
    """
    config = registry.catalog.config
    providers = {provider.id: provider for provider in registry.catalog.providers}
    shown = registry.deployments if deployments is None else tuple(deployments)
    owners = providers.keys() if deployments is None else {deployment.provider for deployment in shown}
    seen = inventory.providers
    return _told(
        {
            "generation": registry.generation,
            "updated_at": _updated_at(registry, inventory, policies),
            "default_model": registry.aliases.get(config.default_model, config.default_model),
            "recovery_model": registry.aliases.get(config.recovery_model, config.recovery_model),
            "local_first": config.local_first,
            "resources": [
                _resource(provider, seen.get(provider.id), policies.get(provider.id, _UNDECIDED))
                for provider in registry.catalog.providers
                if provider.id in owners
            ],
            "deployments": [_deployment(each, providers[each.provider]) for each in shown],
        }
    )


def summary(
    registry: Registry,
    inventory: Inventory,
    policies: Mapping[str, Policy],
    cooldowns: Mapping[str, str],
) -> dict[str, Any]:
    """Count what a registry holds, and name what is out of the ordinary; *cooldowns* are reasons by name."""
    providers = [provider.id for provider in registry.catalog.providers]
    states = {name: policies.get(name, _UNDECIDED).effective_state for name in providers}
    states |= {each.id: each.policy.effective_state for each in registry.deployments}
    counted = Counter(each.provider for each in registry.deployments)
    decided = Counter(each.policy.effective_state for each in registry.deployments)
    seen = inventory.providers
    return {
        "generation": registry.generation,
        "resources": len(providers),
        "deployments": len(registry.deployments),
        "by_resource": {name: counted[name] for name in providers},
        "by_policy_state": dict(sorted(decided.items())),
        "degraded": [name for name in providers if name in seen and seen[name].error],
        "inactive": [name for name, state in states.items() if state == "inactive"],
        "flagged": [name for name, state in states.items() if state == "flagged"],
        "promoted": [d.id for d in registry.deployments if d.routable and d.routable_source == "overlay"],
        "explicit_only": sum(not d.routable for d in registry.deployments),
        "cooldowns": dict(cooldowns),
    }


def _updated_at(registry: Registry, inventory: Inventory, policies: Mapping[str, Policy]) -> str:
    """Return when anything was last observed or decided; text order is time order."""
    known = {provider.id for provider in registry.catalog.providers}
    seen = (entry.attempted_at for name, entry in inventory.providers.items() if name in known)
    latest = max(chain(seen, (policy.updated_at for policy in policies.values())), default="")
    return f"{latest[:19]}Z" if latest else ""


def _kind(provider: Provider) -> str:
    """Name the kind of server: the preset's name, else the format's, unknown until it is detected."""
    return provider.preset or provider.format or "unknown"


def _resource(provider: Provider, seen: ProviderInventory | None, policy: Policy) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": provider.id,
        "provider": _kind(provider),
        "url": provider.url,
        "supports_chat": True,
        "supports_streaming": provider.supports_streaming is not False,
        "supports_tools": provider.supports_tools is not False,
        "supports_images": provider.supports_images is not False,
        "supports_inventory": provider.metadata != "catalog",
    }
    if seen:
        fields |= {
            "last_refresh": seen.attempted_at,
            "last_error": seen.error,
            "discovered_models": len(seen.models),
        }
    return _told(fields | _policy(policy))


def _policy(policy: Policy, prefix: str = "policy") -> dict[str, Any]:
    decided = policy != _UNDECIDED
    return {
        f"{prefix}_state": policy.effective_state,
        f"{prefix}_source": "overlay" if decided else "default",
        f"{prefix}_reason": policy.reason,
        f"{prefix}_updated_at": policy.updated_at,
    }


def _deployment(each: Deployment, provider: Provider) -> dict[str, Any]:
    seen = each.observed or _UNSEEN
    return _told(
        {
            "id": each.id,
            "model": each.model,
            "model_type": seen.kind,
            "publisher": seen.publisher,
            "provider": _kind(provider),
            "resource": each.provider,
            "source": each.source,
            "routable": each.routable,
            "routable_source": each.routable_source,
            "compatibility_type": seen.compatibility_type,
            "runner_state": seen.state,
            **_able(each, provider, seen),
            "context_window": each.context_window,
            "observed_context_window": seen.context_window,
            "max_context_window": seen.max_context,
            "loaded_context_window": seen.loaded_context,
            "loaded_instance_id": seen.loaded_instance,
            **each.ratings.as_dict(),
            "family": seen.family,
            "families": list(seen.families),
            "parameter_size": seen.parameter_size,
            "quantization": seen.quantization,
            **_policy(each.policy),
            **_policy(each.provider_policy, "resource_policy"),
        }
    )


def _able(each: Deployment, provider: Provider, seen: ObservedModel) -> dict[str, bool | None]:
    """Tell what a deployment can do, what it was seen to do, and what its provider and its owner say."""
    can, saw = each.capabilities, seen.capabilities
    declared = dict(each.declared.supports) if each.declared else {}
    return {
        "supports_tools": can.tools,
        "observed_supports_tools": saw.tools,
        "trained_for_tool_use": saw.tools or declared.get("tools"),
        "provider_supports_tools": provider.supports_tools is not False,
        "supports_streaming": can.streaming,
        "observed_supports_streaming": saw.streaming,
        "supports_images": can.images,
    }


def _told(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is empty, zero, false or unknown, but for what is always there."""
    return {name: value for name, value in fields.items() if value or name in _ALWAYS}
