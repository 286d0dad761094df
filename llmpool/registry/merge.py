"""Lay inventory, policy and prices over the catalog: one registry of deployments with effective values."""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeVar

from llmpool.core.deployment import CAPABILITIES, Capabilities, DeclaredModel, Deployment, ObservedModel
from llmpool.core.ids import split_ref
from llmpool.core.inventory import Inventory
from llmpool.core.policy import Policy
from llmpool.core.price import FREE, Price
from llmpool.core.provider import Provider
from llmpool.core.registry import Catalog, Registry
from llmpool.registry import kinds, ratings

NO_POLICY = Policy()
_Known = TypeVar("_Known")
HARD_REASONS = ("provider disabled", "provider inactive", "not in allowed_models")


class Layers(NamedTuple):
    """What is laid over each other: the catalog, policies and prices by provider or deployment id."""

    catalog: Catalog
    policies: Mapping[str, Policy]
    prices: Mapping[str, Price]


def overlay(
    catalog: Catalog,
    inventory: Inventory,
    policies: Mapping[str, Policy],
    prices: Mapping[str, Price],
    generation: int = 0,
) -> Registry:
    """Build the registry; *policies* and *prices* go by provider or deployment id.

    Deployments come out in id order, which is the router's last tie-break.
    """
    layers = Layers(catalog, policies, prices)
    deployments: list[Deployment] = []
    for provider in catalog.providers:
        declared = {m.id: m for m in catalog.models if split_ref(m.id)[0] == provider.id}
        observed = inventory.providers.get(provider.id)
        lines = {m.name: m for m in observed.models} if observed else {}
        for model in _names(provider, declared, lines, catalog):
            line = _same(model, lines)
            entry = declared.get(f"{provider.id}/{model}")
            deployments.append(_deployment(layers, provider, model, entry, line))
    deployments.sort(key=lambda d: d.id)
    aliases = {alias: model.id for model in catalog.models for alias in model.aliases}
    return Registry(generation=generation, catalog=catalog, deployments=tuple(deployments), aliases=aliases)


def _names(
    provider: Provider,
    declared: Mapping[str, DeclaredModel],
    lines: Mapping[str, ObservedModel],
    catalog: Catalog,
) -> list[str]:
    """List a provider's models: declared, those config names as default or fallback, then observed ones."""
    config = catalog.config
    names = {split_ref(ref)[1] for ref in declared}
    spoken = (config.default_model, config.recovery_model, *config.routing.fallbacks)
    names |= {split_ref(ref)[1] for ref in spoken if split_ref(ref)[0] == provider.id}
    tagged = {kinds.latest(name) for name in names}
    return [*names, *(name for name in lines if name not in names and kinds.latest(name) not in tagged)]


def _same(name: str, known: Mapping[str, _Known]) -> _Known | None:
    """Find what is known of a model or deployment; `a` and `a:latest` are one (ruling 18)."""
    return next((known[spelling] for spelling in kinds.spellings(name) if spelling in known), None)


def _deployment(
    layers: Layers,
    provider: Provider,
    model: str,
    declared: DeclaredModel | None,
    observed: ObservedModel | None,
) -> Deployment:
    catalog, policies, prices = layers
    name = f"{provider.id}/{model}"
    elsewhere = kinds.runs_elsewhere(model) or bool(observed and observed.remote)
    local = provider.location == "local" and not elsewhere
    price = FREE if local else _same(name, prices)
    capabilities, origin = _capabilities(provider, model, declared, observed)
    window, window_origin = _context(catalog, model, declared, observed)
    tier = ratings.cost_tier(price, local, provider.preset)
    declared_values = declared.as_dict() if declared else {}
    size = observed.parameter_size if observed else ""
    rated = ratings.ratings(declared, model, size, tier)
    policy, provider_policy = _same(name, policies) or NO_POLICY, policies.get(provider.id, NO_POLICY)
    routable = _routable(catalog, declared, observed) if policy.routable is None else policy.routable
    least = catalog.config.routing.auto_min_quality
    rating_origin = {
        k: "config" if declared_values.get(k) is not None else "default" for k in rated.as_dict()
    }
    return Deployment(
        id=name,
        provider=provider.id,
        model=model,
        source="config" if declared else "discovered",
        location="local" if local else "cloud",
        declared=declared,
        observed=observed,
        capabilities=capabilities,
        context_window=window,
        ratings=rated,
        price=price,
        aliases=declared.aliases if declared else (),
        routable=routable,
        routable_source="overlay" if policy.routable is not None else "default",
        last_resort=not (declared and declared.quality is not None) and rated.quality < least,
        policy=policy,
        provider_policy=provider_policy,
        blocked=_blocked(provider, model, routable, policy, provider_policy),
        origin=tuple({**origin, "context_window": window_origin, **rating_origin}.items()),
    )


def unlisted(catalog: Catalog, provider: Provider, model: str, policies: Mapping[str, Policy]) -> Deployment:
    """Build the deployment of a model nobody declared or observed, with all that binds it all the same."""
    return _deployment(Layers(catalog, policies, {}), provider, model, None, None)


def _routable(catalog: Catalog, declared: DeclaredModel | None, observed: ObservedModel | None) -> bool:
    """Say whether a deployment takes part in automatic routing before any policy (ruling 6)."""
    return declared is not None or (observed is not None and catalog.config.routing.discovered == "routable")


def _blocked(provider: Provider, model: str, routable: bool, policy: Policy, provider_policy: Policy) -> str:
    """Give the reason a deployment is not chosen automatically; hard ones are those of the provider."""
    if not provider.enabled:
        return "provider disabled"
    if provider_policy.effective_state == "inactive":
        return "provider inactive by policy" + (
            f": {provider_policy.reason}" if provider_policy.reason else ""
        )
    if provider.allowed_models and not _allowed(model, provider.allowed_models):
        return "not in allowed_models"
    if policy.effective_state == "inactive":
        return "inactive by policy" + (f": {policy.reason}" if policy.reason else "")
    return "" if routable else "only by name"


def _allowed(model: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(spelling, m) for spelling in kinds.spellings(model) for m in patterns)


def _capabilities(
    provider: Provider, model: str, declared: DeclaredModel | None, observed: ObservedModel | None
) -> tuple[Capabilities, dict[str, str]]:
    """Decide each capability: override, observed, the provider's, the name, the format (ruling 15)."""
    text = kinds.is_text_model(model)
    by_name = {
        "chat": text,
        "images": text and _sees(model, observed),
        "thinking": kinds.thinks(model) if text else False,
        "embeddings": kinds.is_embedding(model) or None,
    }
    layers = (
        ("config", dict(declared.supports) if declared else {}),
        ("observed", observed.capabilities.as_dict() if observed else {}),
        ("provider", {name: getattr(provider, f"supports_{name}", None) for name in CAPABILITIES}),
        ("name", by_name),
        ("format", {"streaming": text, "tools": text}),
    )
    values: dict[str, bool | None] = {}
    origin: dict[str, str] = {}
    for name in CAPABILITIES:
        known = ((source, layer.get(name)) for source, layer in layers)
        origin[name], values[name] = next(((s, v) for s, v in known if v is not None), ("unknown", None))
    return Capabilities(**values), origin


def _sees(model: str, observed: ObservedModel | None) -> bool:
    return kinds.sees_images(
        model, observed.family if observed else "", observed.families if observed else ()
    )


def _context(
    catalog: Catalog, model: str, declared: DeclaredModel | None, observed: ObservedModel | None
) -> tuple[int, str]:
    """Decide the context window: config, observed, loaded, maximum, another declaration of the same name."""
    if declared and declared.context_window:
        return declared.context_window, "config"
    if observed:
        for window in (observed.context_window, observed.loaded_context, observed.max_context):
            if window:
                return window, "observed"
    twins = [m.context_window or 0 for m in catalog.models if split_ref(m.id)[1] == model]
    return max(twins, default=0), "config of the same model" if any(twins) else "unknown"
