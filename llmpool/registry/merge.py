"""Lay inventory, policy and prices over the catalog: one registry of deployments with effective values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from llmpool.core.deployment import DeclaredModel, Deployment, ModelFacts, ObservedModel
from llmpool.core.ids import split_ref
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.names import fits, latest, spellings, under_any
from llmpool.core.policy import Policy, chosen_automatically
from llmpool.core.price import FREE, Price
from llmpool.core.provider import Provider
from llmpool.core.registry import Catalog, Registry
from llmpool.registry import capabilities, kinds, ratings
from llmpool.registry.capabilities import Told
from llmpool.registry.official import CATALOG, NOTHING, Official, look_up
from llmpool.registry.told import window_of

NO_POLICY = Policy()
HARD_REASONS = ("provider disabled", "provider inactive", "not in allowed_models")

Lookup = Callable[[Provider, str], ModelFacts | None]  # what vendored metadata knows of a provider's model
Prices = Callable[[Provider, str, ObservedModel | None], Price | None]  # what a model costs that is not local


def no_facts(provider: Provider, model: str) -> ModelFacts | None:  # noqa: ARG001 - as a table that is empty
    """Know nothing of any model."""
    return None


def unpriced(provider: Provider, model: str, seen: ObservedModel | None) -> Price | None:  # noqa: ARG001
    """Know no price of any model."""
    return None


class Layers(NamedTuple):
    """What is laid over each other: the catalog, policies by provider or deployment id, and prices.

    *windows* are the declared context windows by model name, the largest where several are.
    """

    catalog: Catalog
    policies: Mapping[str, Policy]
    prices: Prices
    windows: Mapping[str, int]


def overlay(
    catalog: Catalog,
    inventory: Inventory,
    policies: Mapping[str, Policy],
    prices: Prices = unpriced,
    *,
    facts: Lookup = no_facts,
    official: Official = NOTHING,
) -> Registry:
    """Build the registry; *policies* go by provider or deployment id, *facts* and *prices* look models up.

    A provider of metadata mode `catalog` has the models that *official* lists, whatever it was seen with.
    Deployments come out in id order, which is the router's last tie-break.
    """
    layers = Layers(catalog, policies, prices, _windows(catalog))
    tables = _by_provider(catalog)
    deployments: list[Deployment] = []
    for provider in catalog.providers:
        declared, seen = tables.get(provider.id, {}), inventory.providers.get(provider.id)
        by_catalog, known = provider.metadata == CATALOG, official.known(provider)
        lines = {m.name: m for m in seen.models} if seen and not by_catalog else {}
        probed = {p.model: p for p in seen.probes} if seen else {}
        learnt = seen.windows if seen else ()
        for model in _names(provider, declared, known if by_catalog else lines, catalog):
            sources = Told(
                declared.get(f"{provider.id}/{model}"),
                under_any(model, probed),
                under_any(model, lines),
                facts(provider, model),
                look_up(known, model),
                by_catalog,
                window_of(model, learnt) if learnt else 0,
            )
            deployments.append(_deployment(layers, provider, model, sources))
    deployments.sort(key=lambda d: d.id)
    aliases = {alias: model.id for model in catalog.models for alias in model.aliases}
    return Registry(
        generation=0,  # it is given when the registry is kept
        catalog=_with_ids(catalog, deployments, aliases),
        deployments=tuple(deployments),
        aliases=aliases,
    )


def _with_ids(catalog: Catalog, deployments: Iterable[Deployment], aliases: Mapping[str, str]) -> Catalog:
    """Put an id in place of each bare name that stands for the one deployment carrying it (1.5, ruling 1).

    Likewise of one that is spelt with its tag where the deployment is not, or the other way round.
    """
    config, routing = catalog.config, catalog.config.routing
    spoken = [ref for ref in config.spoken if ref and ref not in aliases]
    if not spoken:
        return catalog
    known = {each.id: each.id for each in deployments}
    ids = {ref: found for ref in spoken if (found := under_any(ref, known))}
    bare = {ref: set[str]() for ref in spoken if "/" not in ref}
    for each in deployments if bare else ():
        for name in bare.keys() & set(spellings(each.model)):
            bare[name].add(each.id)
    ids |= {ref: next(iter(all_)) for ref, all_ in bare.items() if len(all_) == 1}
    meant = config.replace(
        default_model=ids.get(config.default_model, config.default_model),
        recovery_model=ids.get(config.recovery_model, config.recovery_model),
        routing=routing.replace(fallbacks=tuple(ids.get(ref, ref) for ref in routing.fallbacks)),
    )
    return catalog.replace(config=meant)


def told(
    deployment: Deployment,
    provider: Provider,
    seen: ProviderInventory | None,
    facts: Lookup = no_facts,
    official: Official = NOTHING,
) -> Told:
    """Say again what each source tells of a deployment, as it was built from that."""
    return Told(
        deployment.declared,
        under_any(deployment.model, {p.model: p for p in seen.probes} if seen else {}),
        deployment.observed,
        facts(provider, deployment.model),
        look_up(official.known(provider), deployment.model),
        provider.metadata == CATALOG,
        window_of(deployment.model, seen.windows) if seen else 0,
    )


def _by_provider(catalog: Catalog) -> dict[str, dict[str, DeclaredModel]]:
    """Sort the declared models by their providers."""
    tables: dict[str, dict[str, DeclaredModel]] = {}
    for model in catalog.models:
        tables.setdefault(split_ref(model.id)[0], {})[model.id] = model
    return tables


def _windows(catalog: Catalog) -> dict[str, int]:
    windows: dict[str, int] = {}
    for model in catalog.models:
        name = split_ref(model.id)[1]
        windows[name] = max(windows.get(name, 0), model.context_window or 0)
    return windows


def _names(
    provider: Provider,
    declared: Mapping[str, DeclaredModel],
    listed: Iterable[str],
    catalog: Catalog,
) -> list[str]:
    """List a provider's models: declared, those config names as default or fallback, then listed ones.

    `a` and `a:latest` are one model (ruling 18): it is called as it is declared.
    """
    names = [split_ref(ref)[1] for ref in declared]
    tagged = {latest(name) for name in names}
    for owner, model in map(split_ref, catalog.config.spoken):
        if owner == provider.id and latest(model) not in tagged:
            names.append(model)
            tagged.add(latest(model))
    return [*names, *(name for name in listed if latest(name) not in tagged)]


def _deployment(layers: Layers, provider: Provider, model: str, told: Told) -> Deployment:
    catalog, policies, prices, windows = layers
    declared, observed = told.declared, told.observed
    name = f"{provider.id}/{model}"
    elsewhere = kinds.runs_elsewhere(model) or bool(observed and observed.remote)
    local = provider.location == "local" and not elsewhere
    price = FREE if local else prices(provider, model, observed)
    able, origin = capabilities.decide(provider, model, told)
    window, origin["context_window"] = capabilities.window(told, windows.get(model, 0))
    longest, origin["max_output"] = capabilities.longest(model, told)
    tier = ratings.cost_tier(price, local, provider.preset)
    rated = ratings.ratings(declared, model, observed.parameter_size if observed else "", tier)
    policy, provider_policy = under_any(name, policies) or NO_POLICY, policies.get(provider.id, NO_POLICY)
    routable, routable_source = chosen_automatically(policy, provider_policy, _routable(catalog, told))
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
        routable_source=routable_source,
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
    *,
    prices: Prices = unpriced,
    facts: Lookup = no_facts,
    official: Official = NOTHING,
) -> Deployment:
    """Build the deployment of a model nobody declared or observed, with all that binds it all the same."""
    layers = Layers(catalog, policies, prices, _windows(catalog))
    known = look_up(official.known(provider), model)
    sources = Told(facts=facts(provider, model), catalog=known, by_catalog=provider.metadata == CATALOG)
    return _deployment(layers, provider, model, sources)


def _routable(catalog: Catalog, told: Told) -> bool:
    """Say whether a deployment takes part in automatic routing before any policy (ruling 6)."""
    listed = told.catalog if told.by_catalog else told.observed
    return told.declared is not None or (
        listed is not None and catalog.config.routing.discovered == "routable"
    )


def _blocked(provider: Provider, model: str, routable: bool, policy: Policy, provider_policy: Policy) -> str:
    """Give the reason a deployment is not chosen automatically; hard ones are those of the provider."""
    if not provider.enabled:
        return "provider disabled"
    if provider_policy.effective_state == "inactive":
        return "provider inactive by policy" + (
            f": {provider_policy.reason}" if provider_policy.reason else ""
        )
    if provider.allowed_models and not any(fits(model, each) for each in provider.allowed_models):
        return "not in allowed_models"
    if policy.effective_state == "inactive":
        return "inactive by policy" + (f": {policy.reason}" if policy.reason else "")
    if routable:
        return ""
    decided = policy.routable is not None or provider_policy.routable is not None
    return "not routable by policy" if decided else "only by name"
