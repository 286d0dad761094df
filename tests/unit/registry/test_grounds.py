"""Where price, place, source, routability, policy and aliases of a deployment come from."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import ProviderTable
from llmpool.core.deployment import DeclaredModel, ObservedModel
from llmpool.core.policy import Policy
from llmpool.core.price import Price
from llmpool.registry.grounds import grounds
from llmpool.registry.merge import told
from tests.unit.registry.layers import DEN, SKY, discovered_as, inventory, registry


def of(table: ProviderTable, **layers: Any) -> dict[str, Any]:
    """Return the grounds of the one deployment of a registry."""
    made = registry(table, **layers)
    (each,), (provider,) = made.deployments, made.catalog.providers
    seen = inventory(layers.get("observed", {})).providers.get(provider.id)
    return grounds(each, provider, told(each, provider, seen), made.catalog.config)


def test_a_price_stands_with_its_source_and_what_was_observed() -> None:
    """A price nobody knows is unknown; what the provider lists is kept beside the one that counts."""
    line = ObservedModel(name="a", input_price="2")
    price = Price(input="1", output="3", source="book")
    found = of(SKY, observed={"sky": [line]}, prices={"sky/a": price})["price"]
    assert found == {
        "value": {"input": "1", "output": "3"},
        "from": "book",
        "observed": {"input": "2", "output": None},
    }
    assert of(SKY, observed={"sky": ["a"]})["price"] == {"value": None, "from": "unknown"}
    assert of(DEN, observed={"den": ["a"]})["price"]["from"] == "local"


@pytest.mark.parametrize(
    ("table", "line", "value", "origin"),
    [
        (DEN, "a", "local", "provider"),
        (SKY, "a", "cloud", "provider"),
        (SKY.replace(location="local"), "a", "local", "config"),
        (DEN, "big:120b-cloud", "cloud", "name"),
        (DEN, ObservedModel(name="a", remote=True), "cloud", "observed"),
    ],
)
def test_a_place_is_told_by_who_knows_it(
    table: ProviderTable, line: str | ObservedModel, value: str, origin: str
) -> None:
    """Ruling 5: the owner's word, else the provider's, unless its server only forwards the model."""
    found = of(table, observed={table.id: [line]})["location"]
    assert (found["value"], found["from"]) == (value, origin)


def test_routable_says_who_lets_it_be_chosen() -> None:
    """Ruling 6: declared ones by the config, listed ones by their listing, and a policy above both."""
    explicit = discovered_as("explicit")
    off = {"sky/a": Policy(routable=False, reason="dear", updated_at="2026-11-21T03:44:00Z")}
    declared = of(SKY, models=[DeclaredModel(id="sky/a", aliases=("x",))], policies=off)
    assert declared["routable"] == {"value": False, "from": "policy", "default": True}
    assert declared["policy"] == {
        "value": "active",
        "from": "policy",
        "reason": "dear",
        "updated_at": "2026-11-21T03:44:00Z",
    }
    assert declared["provider_policy"] == {"value": "active", "from": "default"}
    assert declared["source"] == {"value": "config", "from": "config"}
    assert declared["aliases"] == {"value": ["x"], "from": "config"}
    listed = of(SKY, observed={"sky": ["a"]}, **explicit)
    assert listed["routable"] == {"value": False, "from": "observed", "default": False}
    assert "aliases" not in listed
    named = of(SKY, default_model="sky/a")
    assert named["source"] == {"value": "discovered", "from": "routing"}
    assert named["routable"]["value"] is named["routable"]["default"] is False
