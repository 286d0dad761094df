"""The worked examples of catalog-registry-router 8 on catalogs (C1-C7), and its sections 1.7 and 3.

An id is always `provider/model` (ruling 1), so no id is ever qualified later and no name is ever a blank's:
C1 to C5 are played as what that ruling makes of them. C6, the primary Ollama of 1.7, would be a provider that
nobody named; what a name without one means where something changes is in tests/edges/test_places.py.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.config.load import loads
from llmpool.core.config import ProviderTable, Routing
from llmpool.core.deployment import Capabilities, DeclaredModel, ObservedModel
from llmpool.core.inventory import Inventory
from llmpool.core.routing import RoutingTable
from llmpool.errors import AmbiguousName, ConfigInvalid, UnknownName
from llmpool.registry import compiled, merge, readback, resolve
from tests.unit.registry.layers import DEN, SKY, catalog, deployments, inventory, listing, registry

EDGE = DEN.replace(id="edge", url="http://edge.lan:11434")
SPARK = DEN.replace(id="spark", url="http://spark.lan:11434")
DEFAULT = DEN.replace(id="default", url="http://default.lan:11434")


def table(*tables: ProviderTable, **layers: object) -> RoutingTable:
    """Compile a registry of these providers and read it back as the router's table."""
    made = registry(*tables, **layers)  # type: ignore[arg-type]
    document = compiled.routing_document(made, inventory(layers.get("observed") or {}))  # type: ignore[arg-type]
    return readback.table(document | {"generation": 1})


def test_c1_one_name_at_two_providers_is_two_ids() -> None:
    """Ruling 1 replaces C1's qualifying: both have their ids, and a bare name is ambiguous as C1 has it."""
    both = table(DEFAULT, EDGE, models=[DeclaredModel(id="default/m"), DeclaredModel(id="edge/m")])
    assert [row.id for row in both.rows] == ["default/m", "edge/m"]
    with pytest.raises(AmbiguousName) as caught:
        resolve.one("m", both)
    assert caught.value.details["candidates"] == ["default/m", "edge/m"]


def test_c2_the_same_model_twice_is_an_error_that_names_it() -> None:
    """Ruling 1: the id is written out, so what is declared twice is that id."""
    text = '[providers.default]\npreset = "ollama"\n' + '[[models]]\nid = "default/m"\n' * 2
    with pytest.raises(ConfigInvalid) as caught:
        loads(text, Path("config.toml"))
    assert "default/m" in " ".join(caught.value.lines)


def test_c3_a_bare_default_that_two_carry_is_an_error() -> None:
    """The error begins with the config's key and lists the targets, as C3 has it; recovery_model's too."""
    models = [DeclaredModel(id="edge/m"), DeclaredModel(id="default/m")]
    with pytest.raises(ConfigInvalid) as caught:
        catalog(DEFAULT, EDGE, models=models, default_model="m", recovery_model="m")
    fact = '"m" is carried by default/m, edge/m. Write one of them'
    assert caught.value.lines == (f"default_model: {fact}", f"recovery_model: {fact}")


def test_1_5_a_bare_default_that_one_carries_becomes_its_id() -> None:
    """Resolved at each build, discovered ones included; what two or nobody carry stays as it is written."""
    names = {"default_model": "m", "recovery_model": "n"}
    assert table(EDGE, models=[DeclaredModel(id="edge/m")], **names).default_model == "edge/m"
    found = table(EDGE, observed={"edge": ["m", "n:latest"]}, **names)
    assert (found.default_model, found.recovery_model) == ("edge/m", "edge/n:latest")
    twins = table(EDGE, SPARK, observed={"edge": ["m"], "spark": ["m"]}, **names)
    assert (twins.default_model, twins.recovery_model) == ("m", "n")
    routing = {"routing": Routing(fallbacks=("small", "m", "edge/m"))}
    models = [DeclaredModel(id="edge/m", aliases=("small",))]
    assert table(EDGE, models=models, **routing).routing.fallbacks == ("small", "edge/m", "edge/m")


@pytest.mark.parametrize("ref", ["m", "c/m"])
def test_c4_and_c5_a_model_needs_a_provider_that_is_there(ref: str) -> None:
    """Ruling 1: no silent default provider and no guessing among two; the id has to name one."""
    text = (
        '[providers.a]\npreset = "ollama"\n[providers.b]\npreset = "ollama"\n' + f'[[models]]\nid = "{ref}"\n'
    )
    with pytest.raises(ConfigInvalid) as caught:
        loads(text, Path("config.toml"))
    assert f'"{ref}"' in " ".join(caught.value.lines)


def test_c7_a_bare_name_means_the_only_one_or_nobody() -> None:
    """A twin found elsewhere makes a bare name ambiguous (ruling 1: ids are never bare); one alone is it."""
    models = [DeclaredModel(id="default/qwen3:4b")]
    twins = table(DEFAULT, EDGE, models=models, observed={"edge": ["qwen3:4b"]})
    assert resolve.one("default/qwen3:4b", twins).id == "default/qwen3:4b"
    assert resolve.one("edge/qwen3:4b", twins).id == "edge/qwen3:4b"
    with pytest.raises(AmbiguousName):
        resolve.one("qwen3:4b", twins)
    found = table(EDGE, SPARK, observed={"edge": ["qwen3:4b"], "spark": ["qwen3:4b"]})
    with pytest.raises(AmbiguousName):
        resolve.one("qwen3:4b", found)
    assert (
        resolve.one("qwen3:4b", table(EDGE, SPARK, observed={"spark": ["qwen3:4b"]})).id == "spark/qwen3:4b"
    )
    with pytest.raises(UnknownName):
        resolve.one("qwen3:4b", table(EDGE, SPARK))


def test_1_7_a_window_that_nobody_knows_is_the_largest_declared_of_the_name() -> None:
    """An id or alias has its own window; what is only listed the largest that its name is declared with.

    There is no default beyond that: what nobody knows stays unknown (ruling 15).
    """
    models = [
        DeclaredModel(id="default/m", context_window=4096),
        DeclaredModel(id="edge/m", context_window=8192, aliases=("small",)),
    ]
    made = table(DEFAULT, EDGE, SPARK, models=models, observed={"spark": ["m", "n"]})
    assert {row.id: row.window for row in made.rows} == {
        "default/m": 4096,
        "edge/m": 8192,
        "spark/m": 8192,
        "spark/n": 0,
    }
    assert resolve.one("small", made).window == 8192


def test_3_1_what_failed_or_nobody_configured_adds_nothing() -> None:
    """What was seen at a provider the config does not know is no deployment; a failed one has none."""
    seen = inventory({"edge": ["m"], "gone": ["m"]})
    failed = {"spark": listing("spark", error="refused", error_kind="connect")}
    made = merge.overlay(catalog(EDGE, SPARK), Inventory(providers=seen.providers | failed), {})
    assert [each.id for each in made.deployments] == ["edge/m"]


def test_3_1_a_failed_provider_keeps_its_last_good_models() -> None:
    """Ruling 7 replaces 3.4: discovered models do not vanish with a failure, they go stale."""
    stale = listing("edge", ["m"], error="refused", stale_since="2026-11-21T04:00:00Z")
    made = merge.overlay(catalog(EDGE), Inventory(providers={"edge": stale}), {})
    assert [(each.id, each.observed is not None) for each in made.deployments] == [("edge/m", True)]


def test_3_1_what_does_not_chat_is_listed_and_never_chosen() -> None:
    """Ruling 6 replaces the filter of 3.1: an embedding model is a deployment, whose chat is a no."""
    found = deployments(EDGE, observed={"edge": ["nomic-embed-text", "m"]})
    assert {name: each.capabilities.chat for name, each in found.items()} == {
        "edge/m": True,
        "edge/nomic-embed-text": False,
    }


def test_3_2_discovery_never_changes_what_is_the_owners() -> None:
    """Id, source, routable, ratings and overrides stay; what was discovered stands beside them."""
    owned = DeclaredModel(
        id="edge/m", quality=9, speed=1, cost_tier=2, min_complexity="complex", supports=(("tools", False),)
    )
    seen = ObservedModel(
        name="m", family="llama", parameter_size="1B", state="loaded", capabilities=Capabilities(tools=True)
    )
    found = deployments(EDGE, models=[owned], observed={"edge": [seen]})["edge/m"]
    assert (found.source, found.routable, found.capabilities.tools) == ("config", True, False)
    assert tuple(found.ratings.as_dict().values()) == (9, 1, 2, "complex")
    assert found.observed == seen


def test_3_2_a_server_that_knows_better_ends_a_sticky_or() -> None:
    """Ruling 15 replaces 3.2: a listing that says no to images or tools beats what a name promises."""
    no = ObservedModel(name="llava", capabilities=Capabilities(images=False, tools=False))
    models = [DeclaredModel(id="edge/llava")]
    before = deployments(EDGE, models=models)["edge/llava"].capabilities
    after = deployments(EDGE, models=models, observed={"edge": [no]})["edge/llava"].capabilities
    assert (before.images, before.tools) == (True, True)
    assert (after.images, after.tools) == (False, False)


def test_3_2_what_a_listing_leaves_open_takes_nothing_away() -> None:
    """The other half of the sticky OR holds: blank and zero leave what was there."""
    models = [DeclaredModel(id="edge/llava", context_window=4096)]
    found = deployments(EDGE, models=models, observed={"edge": [ObservedModel(name="llava")]})["edge/llava"]
    assert (found.capabilities.images, found.context_window) == (True, 4096)


def test_3_3_a_window_declared_for_the_same_name_holds_elsewhere() -> None:
    """The verified example: qwen3:4b has 65536 on spark, so the one that edge lists without one has too."""
    models = [DeclaredModel(id="spark/qwen3:4b", context_window=65536)]
    found = deployments(SPARK, EDGE, models=models, observed={"edge": ["qwen3:4b"]})["edge/qwen3:4b"]
    assert (found.context_window, dict(found.origin)["context_window"]) == (65536, "config of the same model")


@pytest.mark.parametrize(
    ("provider", "tier"),
    [
        (EDGE, 0),
        (ProviderTable(id="lms", preset="ollama", format="lmstudio", url="http://lms.lan:1234"), 0),
        (ProviderTable(id="openai"), 3),
        (ProviderTable(id="google"), 1),
        (SKY, 1),
    ],
)
def test_3_3_a_discovered_models_cost_goes_by_its_provider(provider: ProviderTable, tier: int) -> None:
    """Without a price: local 0, OpenAI and Anthropic 3, others 1; a declared model falls back on it [rec]."""
    models = [DeclaredModel(id=f"{provider.id}/declared")]
    found = deployments(provider, models=models, observed={provider.id: ["unheard-of"]})
    assert {each.ratings.cost_tier for each in found.values()} == {tier}
    seen = found[f"{provider.id}/unheard-of"]
    assert (seen.ratings.quality, seen.ratings.speed, seen.ratings.min_complexity) == (5, 5, "simple")
