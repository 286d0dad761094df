"""Why a deployment is where it is, costs what it costs and is chosen or not: what `provenance` has not."""

from __future__ import annotations

from typing import Any

from llmpool.core.config import Config
from llmpool.core.deployment import Deployment
from llmpool.core.policy import Policy
from llmpool.core.provider import Provider
from llmpool.registry import kinds
from llmpool.registry.capabilities import UNKNOWN, Told

Ground = dict[str, Any]
_UNDECIDED = Policy()


def grounds(deployment: Deployment, provider: Provider, told: Told, config: Config) -> dict[str, Ground]:
    """Give each of these fields as `provenance` does: `value`, `from`, and what others say of it."""
    found = {
        "price": _price(deployment),
        "location": _location(deployment, provider, config),
        "source": {"value": deployment.source, "from": _listed_by(told) or "routing"},
        "routable": _routable(deployment, told, config),
        "policy": _policy(deployment.policy),
        "provider_policy": _policy(deployment.provider_policy),
    }
    if deployment.aliases:
        found["aliases"] = {"value": list(deployment.aliases), "from": "config"}
    return found


def _price(deployment: Deployment) -> Ground:
    price, seen = deployment.price, deployment.observed
    value = {"input": price.input, "output": price.output} if price else None
    ground: Ground = {"value": value, "from": price.source if price else UNKNOWN}
    if price and price.matched:
        ground["matched"] = price.matched
    if price and price.valid_from:
        ground["valid_from"] = price.valid_from
    if seen and (seen.input_price or seen.output_price):
        ground["observed"] = {"input": seen.input_price or None, "output": seen.output_price or None}
    return ground


def _location(deployment: Deployment, provider: Provider, config: Config) -> Ground:
    """Say who places a deployment: the owner, else its provider, unless the server only forwards it."""
    table = next((table for table in config.providers if table.id == provider.id), None)
    origin = "config" if table and table.location else "provider"
    if deployment.location != provider.location:
        origin = "name" if kinds.runs_elsewhere(deployment.model) else "observed"
    return {"value": deployment.location, "from": origin, "provider": provider.location}


def _listed_by(told: Told) -> str:
    """Name the strongest source that has the model at all."""
    if told.declared is not None:
        return "config"
    if told.by_catalog:
        return "catalog" if told.catalog is not None else ""
    return "observed" if told.observed is not None else ""


def _routable(deployment: Deployment, told: Told, config: Config) -> Ground:
    """Say who lets a deployment be chosen automatically; `default` holds without a policy (ruling 6)."""
    listed = _listed_by(told)
    default = listed == "config" or (bool(listed) and config.routing.discovered == "routable")
    origin = "policy" if deployment.routable_source == "overlay" else listed or "routing"
    return {"value": deployment.routable, "from": origin, "default": default}


def _policy(policy: Policy) -> Ground:
    origin = "default" if policy == _UNDECIDED else "policy"
    told = {"reason": policy.reason, "updated_at": policy.updated_at}
    return {"value": policy.effective_state, "from": origin} | {k: v for k, v in told.items() if v}
