"""Lay inventory, policy and prices over the catalog: one registry of deployments with effective values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple, TypeVar

from llmpool.core.deployment import DeclaredModel, Deployment, ModelFacts, ObservedModel
from llmpool.core.ids import split_ref
from llmpool.core.inventory import Inventory
from llmpool.core.policy import Policy
from llmpool.core.price import FREE, Price
from llmpool.core.provider import Provider
from llmpool.core.registry import Catalog, Registry
from llmpool.registry import capabilities, kinds, probes, ratings
from llmpool.registry.capabilities import Told

NO_POLICY = Policy()
_Known = TypeVar("_Known")
HARD_REASONS = ("provider disabled", "provider inactive", "not in allowed_models")


Lookup = Callable[[Provider, str], ModelFacts | None]  # what vendored metadata knows of a provider's model


def no_facts(provider: Provider, model: str) -> ModelFacts | None:  # noqa: ARG001 - as a table that is empty
    """Know nothing of any model."""
    return None


class Layers(NamedTuple):
    """What is laid over each other: the catalog, policies and prices by provider or deployment id.

    *windows* are the declared context windows by model name, the largest where several are.
    """

    catalog: Catalog
    policies: Mapping[str, Policy]
    prices: Mapping[str, Price]
    windows: Mapping[str, int]


def overlay(
    catalog: Catalog,
    inventory: Inventory,
    policies: Mapping[str, Policy],
    prices: Mapping[str, Price],
    *,
    generation: int = 0,
    facts: Lookup = no_facts,
) -> Registry:
    """Build the registry; *policies* and *prices* go by provider or deployment id, *facts* looks models up.

    Deployments come out in id order, which is the router's last tie-break.
    """
    layers = Layers(catalog, policies, prices, _windows(catalog))
    deployments: list[Deployment] = []
    for provider in catalog.providers:
        declared = {m.id: m for m in catalog.models if split_ref(m.id)[0] == provider.id}
        seen = inventory.providers.get(provider.id)
        lines = {m.name: m for m in seen.models} if seen else {}
        probed = {p.model: p for p in seen.probes} if seen else {}
        for model in _names(provider, declared, lines, catalog):
            told = Told(
                declared.get(f"{provider.id}/{model}"),
                probes.probe_of(model, probed),
                _same(model, lines),
                facts(provider, model),
            )
            deployments.append(_deployment(layers, provider, model, told))
    deployments.sort(key=lambda d: d.id)
    aliases = {alias: model.id for model in catalog.models for alias in model.aliases}
    return Registry(generation=generation, catalog=catalog, deployments=tuple(deployments), aliases=aliases)


def _windows(catalog: Catalog) -> dict[str, int]:
    windows: dict[str, int] = {}
    for model in catalog.models:
        name = split_ref(model.id)[1]
        windows[name] = max(windows.get(name, 0), model.context_window or 0)
    return windows


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


def _deployment(layers: Layers, provider: Provider, model: str, told: Told) -> Deployment:
    catalog, policies, prices, windows = layers
    declared, observed = told.declared, told.observed
    name = f"{provider.id}/{model}"
    elsewhere = kinds.runs_elsewhere(model) or bool(observed and observed.remote)
    local = provider.location == "local" and not elsewhere
    price = FREE if local else _same(name, prices)
    able, origin = capabilities.decide(provider, model, told)
    window, origin["context_window"] = capabilities.window(told, windows.get(model, 0))
    longest, origin["max_output"] = capabilities.longest(model, told)
    tier = ratings.cost_tier(price, local, provider.preset)
    rated = ratings.ratings(declared, model, observed.parameter_size if observed else "", tier)
    policy, provider_policy = _same(name, policies) or NO_POLICY, policies.get(provider.id, NO_POLICY)
    routable = _routable(catalog, declared, observed) if policy.routable is None else policy.routable
    least = catalog.config.routing.auto_min_quality
    return Deployment(
        id=name,
        provider=provider.id,
        model=model,
        source="config" if declared else "discovered",
        location="local" if local else "cloud",
        declared=declared,
        observed=observed,
        capabilities=able,
        context_window=window,
        max_output=longest,
        ratings=rated,
        price=price,
        aliases=declared.aliases if declared else (),
        routable=routable,
        routable_source="overlay" if policy.routable is not None else "default",
        last_resort=not (declared and declared.quality is not None) and rated.quality < least,
        policy=policy,
        provider_policy=provider_policy,
        blocked=_blocked(provider, model, routable, policy, provider_policy),
        origin=tuple({**origin, **ratings.origin(declared)}.items()),
    )


def unlisted(
    catalog: Catalog,
    provider: Provider,
    model: str,
    policies: Mapping[str, Policy],
    facts: Lookup = no_facts,
) -> Deployment:
    """Build the deployment of a model nobody declared or observed, with all that binds it all the same."""
    layers = Layers(catalog, policies, {}, _windows(catalog))
    return _deployment(layers, provider, model, Told(facts=facts(provider, model)))


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
