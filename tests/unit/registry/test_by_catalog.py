"""Where a provider's models come from: its own listing, or the catalog where its owner asks (ruling 7)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import ProviderTable
from llmpool.core.deployment import Capabilities, DeclaredModel, Deployment, ModelFacts, ObservedModel
from llmpool.core.inventory import Probe
from llmpool.core.policy import Policy
from llmpool.core.provider import Provider
from llmpool.registry import official
from llmpool.registry.capabilities import Told
from llmpool.registry.merge import told, unlisted
from llmpool.registry.provenance import provenance
from tests.unit.registry.layers import DEN, catalog, deployments, discovered_as, listing

LISTED = ProviderTable(id="openai")
ASKED = LISTED.replace(metadata="catalog")
READ = official.read(
    {
        "models": {
            "openai": [
                {"id": "gpt-4o", "context_window": 999, "max_output": 99, "capabilities": ["chat", "vision"]},
                {"id": "plain"},
                {"id": "painter", "capabilities": ["image_generation"]},
            ],
            "ollama": [{"id": "llama3.3", "context_window": 128000}],
        }
    }
)
VENDORED = ModelFacts(context_window=128000, max_output=16384, capabilities=Capabilities(images=False))


def vendored(provider: Provider, model: str) -> ModelFacts | None:
    """Know gpt-4o, as the vendored table does."""
    return VENDORED if model == "gpt-4o" else None


def openai(table: ProviderTable = LISTED, **layers: Any) -> dict[str, Deployment]:
    """Build the deployments of openai and return them by model; everybody knows gpt-4o."""
    layers = {"official": READ, "facts": vendored} | layers
    return {each.model: each for each in deployments(table, **layers).values()}


def origin(found: Deployment) -> tuple[object, str]:
    """Return the window and who says so."""
    return found.context_window, dict(found.origin)["context_window"]


def test_a_catalog_provider_has_what_the_catalog_lists() -> None:
    """Its models are there without any refresh, discovered, and routable like any other."""
    found = openai(ASKED)
    assert {
        name: (each.source, each.blocked, each.observed) for name, each in found.items()
    } == dict.fromkeys(("gpt-4o", "painter", "plain"), ("discovered", "", None))
    assert found["painter"].capabilities.chat is False


def test_what_a_catalog_provider_was_seen_with_before_is_forgotten() -> None:
    """A listing from the days when it was asked is not what its owner asks for now."""
    seen = [ObservedModel(name="gpt-4o", context_window=1), ObservedModel(name="old")]
    found = openai(ASKED, observed={"openai": seen})
    assert set(found) == {"gpt-4o", "plain", "painter"}
    assert origin(found["gpt-4o"]) == (999, "catalog")


def test_a_listed_provider_has_what_it_listed() -> None:
    """Ruling 7: the catalog adds no models where the provider itself is asked."""
    assert set(openai(observed={"openai": ["gpt-4o", "new"]})) == {"gpt-4o", "new"}
    assert openai() == {}


@pytest.mark.parametrize(("table", "first"), [(LISTED, "vendored"), (ASKED, "catalog")])
def test_of_two_tables_the_one_asked_for_is_believed(table: ProviderTable, first: str) -> None:
    """The vendored table knows better as a rule; who asks for the catalog gets its word. Row 52: 999."""
    found = openai(table, models=[DeclaredModel(id="openai/gpt-4o")])["gpt-4o"]
    window, longest, sees = {"vendored": (128000, 16384, False), "catalog": (999, 99, True)}[first]
    assert origin(found) == (window, first)
    assert (found.max_output, found.capabilities.images) == (longest, sees)


def test_golden_40_a_stored_model_gets_its_figures_back() -> None:
    """Row 40: a gpt-4o stored with a context of 1 is 128000 and 16384 again once the catalog rules."""
    read = official.read(
        {"models": {"openai": [{"id": "gpt-4o", "context_window": 128000, "max_output": 16384}]}}
    )
    stored = {"openai": [ObservedModel(name="gpt-4o", context_window=1, max_output=1)]}
    found = openai(ASKED, official=read, observed=stored)["gpt-4o"]
    assert (found.context_window, found.max_output) == (128000, 16384)


def test_the_catalog_fills_only_what_nobody_observed() -> None:
    """Ruling 7: owner, observation, then tables; what the listing leaves open the catalog may tell."""
    told_nothing = openai(observed={"openai": ["gpt-4o"]}, facts=lambda *_: None)["gpt-4o"]
    assert (*origin(told_nothing), told_nothing.capabilities.images) == (999, "catalog", True)
    seen = ObservedModel(name="gpt-4o", context_window=5, capabilities=Capabilities(images=False))
    found = openai(observed={"openai": [seen]}, facts=lambda *_: None)["gpt-4o"]
    assert (*origin(found), found.capabilities.images) == (5, "observed", False)
    owned = DeclaredModel(id="openai/gpt-4o", context_window=4, supports=(("images", False),))
    found = openai(ASKED, models=[owned])["gpt-4o"]
    assert (*origin(found), found.capabilities.images) == (4, "config", False)


def test_a_probe_is_believed_before_the_catalog() -> None:
    """What was really tried outranks any table, in either mode."""
    tried = Probe(model="gpt-4o", at="2026-11-21T03:44:00Z", capabilities=Capabilities(images=False))
    assert openai(ASKED, probes={"openai": [tried]})["gpt-4o"].capabilities.images is False


def test_a_local_server_is_believed_only_where_its_owner_asks() -> None:
    """A catalog's llama3.3 is none of den's business until den is told to go by the catalog."""
    dynamic = deployments(DEN, observed={"den": ["llama3.3"]}, official=READ)["den/llama3.3"]
    assert origin(dynamic) == (0, "unknown")
    asked = deployments(DEN.replace(metadata="catalog"), official=READ)
    assert {name: origin(each) for name, each in asked.items()} == {"den/llama3.3": (128000, "catalog")}


def test_declared_models_stand_beside_the_catalogs() -> None:
    """`a` and `a:latest` are one here too, and what the catalog does not know is the owner's word."""
    models = [DeclaredModel(id="den/llama3.3:latest"), DeclaredModel(id="den/mine")]
    found = deployments(DEN.replace(metadata="catalog"), models=models, official=READ)
    assert {name: (each.source, origin(each)[0]) for name, each in found.items()} == {
        "den/llama3.3:latest": ("config", 128000),
        "den/mine": ("config", 0),
    }


def test_policy_and_discovered_bind_the_catalogs_models_too() -> None:
    """Allow-lists, `discovered = "explicit"` and promotion work as for listed ones."""
    promoted = {"openai/plain": Policy(routable=True)}
    found = openai(ASKED, policies=promoted, **discovered_as("explicit"))
    assert {name: each.blocked for name, each in found.items()} == {
        "gpt-4o": "only by name",
        "painter": "only by name",
        "plain": "",
    }
    allowed = openai(ASKED.replace(allowed_models=("gpt-*",)))
    assert [name for name, each in allowed.items() if not each.blocked] == ["gpt-4o"]


def test_an_unlisted_model_is_described_by_the_catalog_too() -> None:
    """Called by its id at a provider that never listed anything, it has the window the catalog knows."""
    made = catalog(ASKED)
    found = unlisted(made, made.providers[0], "gpt-4o", {}, facts=vendored, official=READ)
    assert origin(found) == (999, "catalog")


def test_provenance_names_each_table() -> None:
    """`models show` quotes loaded, observed, maximum, catalog and vendored apart, and who decided."""
    seen = ObservedModel(name="gpt-4o", context_window=3, loaded_context=2, max_context=4)
    both = deployments(
        LISTED, models=[DeclaredModel(id="openai/gpt-4o")], observed={"openai": [seen]}, official=READ
    )["openai/gpt-4o"]
    (provider,) = catalog(LISTED).providers
    sources = told(both, provider, listing("openai"), vendored, READ)
    assert sources.catalog == official.look_up(READ.models["openai"], "gpt-4o")
    assert provenance(both, sources)["context_window"] == {
        "value": 2,
        "from": "loaded",
        "loaded": 2,
        "observed": 3,
        "maximum": 4,
        "catalog": 999,
        "vendored": 128000,
    }


def test_the_sources_are_told_as_they_were_used() -> None:
    """What `models show` is told is what the deployment was built from, without a look at the disk."""
    tried = Probe(model="gpt-4o", at="2026-11-21T03:44:00Z", capabilities=Capabilities(json=True))
    found = openai(ASKED, probes={"openai": [tried]})["gpt-4o"]
    (provider,) = catalog(ASKED).providers
    entry = official.look_up(READ.models["openai"], "gpt-4o")
    seen = listing("openai").replace(probes=(tried,))
    assert told(found, provider, seen, vendored, READ) == Told(None, tried, None, VENDORED, entry, True)
