"""Build registries for pure tests: a few presets of our own, and everything else by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from llmpool.core.config import Config, ProviderTable, Routing
from llmpool.core.deployment import DeclaredModel, Deployment, ObservedModel
from llmpool.core.inventory import Inventory, Probe, ProviderInventory
from llmpool.core.names import under_any
from llmpool.core.policy import Policy
from llmpool.core.price import Price
from llmpool.core.provider import Preset
from llmpool.core.registry import Catalog, Registry
from llmpool.registry import merge
from llmpool.registry.catalog import build_catalog
from llmpool.registry.official import NOTHING, Official

PRESETS = {
    row.id: row
    for row in (
        Preset(
            id="openai",
            name="OpenAI",
            format="openai",
            url="https://api.openai.com/v1",
            env=("OPENAI_API_KEY",),
        ),
        Preset(id="google", name="Gemini", format="google", url="https://google.test", aliases=("gemini",)),
        Preset(id="azure", name="Azure", format="openai"),
        Preset(
            id="ollama",
            name="Ollama",
            format="ollama",
            url="http://localhost:11434",
            location="local",
            needs_key=False,
        ),
        Preset(id="embedded", name="Embedded", format="openai", location="local", needs_key=False),
    )
}
DEN = ProviderTable(id="den", preset="ollama", url="http://den.lan:11434")
SKY = ProviderTable(id="sky", url="https://sky.test/v1")


def config(*tables: ProviderTable, models: Iterable[DeclaredModel] = (), **fields: Any) -> Config:
    """Build a config of these provider tables and declared models."""
    return Config(path="config.toml", exists=True, providers=tables, models=tuple(models), **fields)


def catalog(*tables: ProviderTable, models: Iterable[DeclaredModel] = (), **fields: Any) -> Catalog:
    """Build the catalog of such a config."""
    return build_catalog(config(*tables, models=models, **fields), PRESETS)


def inventory(observed: Mapping[str, Iterable[ObservedModel | str]]) -> Inventory:
    """Build an inventory of healthy listings; a plain name is a model of which nothing else is known."""
    return Inventory(providers={name: listing(name, lines) for name, lines in observed.items()})


def listing(provider: str, lines: Iterable[ObservedModel | str] = (), **fields: Any) -> ProviderInventory:
    """Build one provider's observation, a good one unless *fields* say otherwise."""
    models = tuple(ObservedModel(name=line) if isinstance(line, str) else line for line in lines)
    times = {"attempted_at": "2026-11-21T03:44:00Z", "fetched_at": "2026-11-21T03:44:00Z"}
    return ProviderInventory(provider=provider, models=models, **(times | fields))


def registry(
    *tables: ProviderTable,
    models: Iterable[DeclaredModel] = (),
    observed: Mapping[str, Iterable[ObservedModel | str]] | None = None,
    policies: Mapping[str, Policy] | None = None,
    prices: Mapping[str, Price] | None = None,
    probes: Mapping[str, Iterable[Probe]] | None = None,
    facts: merge.Lookup = merge.no_facts,
    official: Official = NOTHING,
    **fields: Any,
) -> Registry:
    """Lay everything over the catalog of *tables* and *models*; *fields* are the config's."""
    declared = catalog(*tables, models=models, **fields)
    seen = probed(inventory(observed or {}), probes or {})
    return merge.overlay(declared, seen, policies or {}, priced(prices or {}), facts=facts, official=official)


def priced(prices: Mapping[str, Price]) -> merge.Prices:
    """Look prices up by deployment id."""
    return lambda provider, model, seen: under_any(f"{provider.id}/{model}", prices)


def probed(seen: Inventory, probes: Mapping[str, Iterable[Probe]]) -> Inventory:
    """Add what probes found to an inventory."""
    entries = {
        name: seen.providers.get(name, listing(name)).replace(probes=tuple(found))
        for name, found in probes.items()
    }
    return Inventory(providers=seen.providers | entries)


def deployments(*tables: ProviderTable, **layers: Any) -> dict[str, Deployment]:
    """Build a registry and return its deployments by id."""
    return {each.id: each for each in registry(*tables, **layers).deployments}


def discovered_as(word: str, **fields: Any) -> dict[str, Routing]:
    """Return the config field that sets how discovered deployments take part."""
    return {"routing": Routing(discovered=word, **fields)}
