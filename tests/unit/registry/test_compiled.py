"""The compiled documents: the columns of a decision, and `models list --json` (DESIGN 3.2, 3.5)."""

from __future__ import annotations

import json
from typing import Any

from llmpool.core.config import Group, Profile, ProviderTable, Routing
from llmpool.core.deployment import CAPABILITIES, Capabilities, DeclaredModel, ObservedModel
from llmpool.core.inventory import Inventory
from llmpool.core.policy import Policy
from llmpool.core.price import Price
from llmpool.core.provider import KeyRef, Params, RateLimit
from llmpool.core.routing import DECLARED, HARD, LAST_RESORT, LOADED, LOCAL, TOOLS_OFF
from llmpool.registry import compiled, readback
from tests.builders import capability_bits
from tests.unit.registry.layers import DEN, SKY, inventory, listing, registry

ALWAYS = {
    "id",
    "provider",
    "model",
    "location",
    "source",
    "routable",
    "available",
    "capabilities",
    "context_window",
    "max_output",
    "ratings",
    "price",
    "policy",
}
NOTHING = Inventory(providers={})


def entry(*tables: ProviderTable, seen: Inventory = NOTHING, **layers: Any) -> dict[str, Any]:
    """Return the one listing entry of a registry, as JSON would give it back."""
    (found,) = compiled.listing_document(registry(*tables, **layers), seen)["models"]
    return dict(json.loads(json.dumps(found)))


def columns(*tables: ProviderTable, **layers: Any) -> Any:
    """Return the one row of a registry."""
    made = registry(*tables, **layers)
    (deployment,) = made.deployments
    return compiled.row(deployment, {provider.id: n for n, provider in enumerate(made.catalog.providers)})


def test_a_listing_entry_has_the_promised_fields() -> None:
    """Every promised field is there, unknown values are null, and optional ones stay away."""
    found = entry(SKY, models=[DeclaredModel(id="sky/a/b")])
    assert set(found) == ALWAYS
    assert (found["id"], found["provider"], found["model"]) == ("sky/a/b", "sky", "a/b")
    assert (found["context_window"], found["max_output"], found["price"]) == (None, None, None)
    assert set(found["capabilities"]) == set(CAPABILITIES)
    assert found["capabilities"]["json"] is None
    assert set(found["ratings"]) == {"quality", "speed", "cost_tier", "min_complexity"}
    assert found["policy"] == {"state": "active", "provider_state": "active"}


def test_a_listing_entry_carries_what_is_known() -> None:
    """Aliases, the price with its source, and last_resort appear where they apply."""
    price = Price(input="0.25", output="2", source="book")
    declared = DeclaredModel(id="sky/a", aliases=("x", "y"), context_window=9)
    found = entry(SKY, models=[declared], prices={"sky/a": price})
    assert found["aliases"] == ["x", "y"]
    assert found["price"] == {"input": "0.25", "output": "2", "source": "book"}
    assert found["context_window"] == 9
    assert entry(SKY, observed={"sky": [ObservedModel(name="a", max_output=8)]})["max_output"] == 8
    assert entry(DEN, observed={"den": ["x:135m"]})["last_resort"] is True


def test_an_entry_says_why_it_is_not_available() -> None:
    """A block, or a healthy listing without the model, is the reason; a failed listing is none."""
    declared = [DeclaredModel(id="den/a")]
    assert entry(DEN, models=declared)["available"] is True
    unseen = entry(DEN, models=declared, seen=inventory({"den": ["b"]}))
    assert (unseen["available"], unseen["unavailable_reason"]) == (False, "configured, not seen upstream")
    failed = Inventory(providers={"den": listing("den", error="refused", stale_since="2026-11-21T04:00:00Z")})
    stale = entry(DEN, models=declared, seen=failed)
    assert (stale["available"], stale["stale_since"]) == (True, "2026-11-21T04:00:00Z")
    off = entry(DEN, models=declared, policies={"den/a": Policy(state="inactive")})
    assert (off["available"], off["unavailable_reason"]) == (False, "inactive by policy")
    assert off["policy"]["state"] == "inactive"


def test_a_row_holds_capabilities_as_bits() -> None:
    """Yes and no are apart, and what is unknown is in neither."""
    seen = ObservedModel(name="a", capabilities=Capabilities(chat=True, images=False, json=True))
    found = columns(SKY, observed={"sky": [seen]})
    assert found.yes == capability_bits("chat", "streaming", "tools", "json")
    assert found.no == capability_bits("images")


def test_a_row_holds_ratings_window_and_prices() -> None:
    """The figures a decision needs are columns; a price that is unknown is None."""
    declared = DeclaredModel(
        id="sky/a", quality=9, speed=2, cost_tier=3, min_complexity="complex", context_window=7
    )
    price = Price(input="0.25", output="2", source="book")
    found = columns(DEN, SKY, models=[declared], prices={"sky/a": price})
    assert (found.id, found.provider, found.window) == ("sky/a", 1, 7)
    assert (found.quality, found.speed, found.cost_tier, found.min_complexity) == (9, 2, 3, 2)
    assert (found.input_price, found.output_price) == (0.25, 2.0)
    assert columns(SKY, models=[declared]).input_price is None


def test_a_rows_flags_say_what_kind_of_deployment_it_is() -> None:
    """Local, declared, loaded, last resort, tools switched off and hard are one bit each."""
    loaded = ObservedModel(name="a", state="loaded")
    assert columns(DEN, observed={"den": [loaded]}).flags == LOCAL | LOADED
    assert columns(DEN, observed={"den": [ObservedModel(name="a", loaded_context=1)]}).flags == LOCAL | LOADED
    assert columns(DEN, observed={"den": ["x:135m"]}).flags == LOCAL | LAST_RESORT
    off = DeclaredModel(id="sky/a", supports=(("tools", False),))
    assert columns(SKY, models=[off]).flags == DECLARED | TOOLS_OFF
    assert columns(SKY.replace(enabled=False), observed={"sky": ["a"]}).flags == HARD


def test_the_routing_document_survives_json() -> None:
    """Providers with every kind of field, profiles, groups and aliases come back equal."""
    table = SKY.replace(
        keys=(KeyRef(label="a", source="command", command=("pass", "show", "a")),),
        headers=(("X-Team", "search"),),
        rate_limit=RateLimit(rpm=3),
        params=Params(temperature=0.5),
        allowed_models=("gpt-*",),
    )
    made = registry(
        table,
        DEN,
        models=[DeclaredModel(id="den/a", aliases=("small",))],
        observed={"sky": ["gpt-x"]},
        routing=Routing(fallbacks=("den/a",), quality_target=0.3),
        profiles=(Profile(name="p", hints=(("k", "v"),), needs=("tools",)),),
        groups=(Group(name="g", providers=("den",)), Group(name="h", models=("gpt-*",))),
        default_model="den/a",
    )
    document = compiled.routing_document(made, inventory({"sky": []})) | {"generation": 7}
    read = json.loads(json.dumps(document))
    back = readback.table(read)
    config = made.catalog.config
    assert back.rows == [compiled.row(each, {"den": 0, "sky": 1}) for each in made.deployments]
    assert (back.routing, back.profiles, back.groups) == (config.routing, config.profiles, config.groups)
    assert (back.aliases, back.default_model, back.generation) == ({"small": "den/a"}, "den/a", 7)
    assert tuple(map(readback.provider, read["providers"])) == made.catalog.providers
    assert read["providers"][1]["fetched_at"] == "2026-11-21T03:44:00Z"


def test_compiling_twice_gives_the_same() -> None:
    """Fresh layers of the same content make equal documents, so the generation stays."""
    layers: dict[str, Any] = {"models": [DeclaredModel(id="den/a")], "observed": {"den": ["b"], "sky": ["c"]}}
    seen = inventory(layers["observed"])
    one, two = registry(DEN, SKY, **layers), registry(SKY, DEN, **layers)
    assert compiled.routing_document(one, seen) == compiled.routing_document(two, seen)
    assert compiled.listing_document(one, seen) == compiled.listing_document(two, seen)
