"""What a refresh reports as changed, provider by provider."""

from __future__ import annotations

import json
from typing import Any

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.price import Price
from llmpool.registry import compiled
from llmpool.registry.diff import Change, Moved, diff, document
from tests.unit.registry.layers import SKY, inventory, listing, registry


def test_equal_inventories_have_no_difference() -> None:
    """Nothing changed, nothing reported; nothing at all likewise."""
    assert diff(inventory({"den": ["a"]}), inventory({"den": ["a"]})) == []
    assert diff(inventory({}), inventory({})) == []


def test_new_and_missing_models_are_named_in_order() -> None:
    """Added and gone are sorted, whatever order a provider lists in."""
    old, new = inventory({"den": ["b", "x"]}), inventory({"den": ["z", "b", "a"]})
    assert diff(old, new) == [Change("den", added=("a", "z"), gone=("x",))]


def test_a_first_observation_adds_everything() -> None:
    """A provider that was never seen brings all its models."""
    assert diff(inventory({}), inventory({"den": ["a"]})) == [Change("den", added=("a",))]


def test_loading_and_unloading_is_seen_on_models_that_stay() -> None:
    """Only models listed both times are loaded or unloaded; a new one is just added."""

    def listed(**states: str) -> Inventory:
        return inventory({"den": [ObservedModel(name=n, state=state) for n, state in states.items()]})

    old = listed(a="loaded", b="", c="loaded", gone="loaded")
    new = listed(a="", b="loaded", c="loaded", fresh="loaded")
    (change,) = diff(old, new)
    assert (change.loaded, change.unloaded) == (("b",), ("a",))
    assert (change.added, change.gone) == (("fresh",), ("gone",))


def alone(seen: ProviderInventory) -> Inventory:
    """Build an inventory of one provider."""
    return Inventory(providers={seen.provider: seen})


def test_a_failure_is_reported_when_it_is_news() -> None:
    """The first failure and another error are reported; the same error again is not."""
    well, refused = alone(listing("den", ["a"])), alone(listing("den", ["a"], error="refused"))
    slow = alone(listing("den", ["a"], error="timed out"))
    assert diff(well, refused) == [Change("den", failed="refused")]
    assert diff(refused, refused) == []
    assert diff(refused, slow) == [Change("den", failed="timed out")]
    assert diff(alone(listing("sky")), refused)[0].failed == "refused"


def test_a_recovery_is_reported() -> None:
    """The first good answer after a failure says so."""
    failed, well = alone(listing("den", ["a"], error="refused")), alone(listing("den", ["a"]))
    assert diff(failed, well) == [Change("den", recovered=True)]


def test_changes_come_in_provider_order() -> None:
    """Reports read the same every time."""
    changes = diff(inventory({}), inventory({"sky": ["a"], "den": ["a"], "edge": []}))
    assert [change.provider for change in changes] == ["den", "sky"]


def test_a_change_without_content_is_false() -> None:
    """Only the provider's name is no change."""
    assert not Change("den")
    assert Change("den", recovered=True)


def test_another_spelling_is_no_other_model() -> None:
    """Ruling 18: `a` and `a:latest` are one model, whichever of them a provider lists today."""
    assert diff(inventory({"den": ["a"]}), inventory({"den": ["a:latest"]})) == []


def test_what_a_provider_reports_of_a_model_is_compared() -> None:
    """A model pulled anew under its old name has another digest; times and windows are not compared here."""
    old = ObservedModel(name="a", digest="1", quantization="Q4_0", context_window=4096)
    new = old.replace(digest="2", quantization="", context_window=8192)
    (change,) = diff(inventory({"den": [old]}), inventory({"den": [new]}))
    assert change == Change(
        "den", changed=(Moved("a", "digest", "1", "2"), Moved("a", "quantization", "Q4_0", None))
    )


def entries(*tables: Any, **layers: Any) -> list[dict[str, Any]]:
    """Compile the listing of a registry."""
    seen = inventory(layers.get("observed", {}))
    return list(compiled.listing_document(registry(*tables, **layers), seen)["models"])


def test_effective_values_are_compared_by_the_listings() -> None:
    """Window, capabilities, ratings and place are told as they count, whoever changed them."""
    before = entries(SKY, observed={"sky": [ObservedModel(name="a-8b", context_window=4096)]})
    able = Capabilities(images=True)
    seen = ObservedModel(name="a-8b", context_window=8192, capabilities=able, parameter_size="70B")
    after = entries(SKY, observed={"sky": [seen]})
    (change,) = diff(inventory({}), inventory({}), before, after)
    assert (change.provider, change.added, change.gone, change.repriced) == ("sky", (), (), ())
    assert change.changed == (
        Moved("a-8b", "context_window", 4096, 8192),
        Moved("a-8b", "images", False, True),
        Moved("a-8b", "quality", 5, 8),
        Moved("a-8b", "speed", 7, 3),
    )


def test_a_new_price_is_told_apart_from_other_changes() -> None:
    """Each of the two prices that is another now, unknown included; the cost tier follows as a rating."""
    dear = {"sky/a": Price(input="10", output="30", source="book")}
    cheap = {"sky/a": Price(input="0.5", output="30", source="book")}
    costs = [entries(SKY, observed={"sky": ["a"]}, prices=prices) for prices in ({}, dear, cheap)]
    nobody = inventory({})
    (change,) = diff(nobody, nobody, costs[1], costs[2])
    assert change.repriced == (Moved("a", "input", "10", "0.5"),)
    assert diff(nobody, nobody, costs[0], costs[1])[0].repriced == (
        Moved("a", "input", None, "10"),
        Moved("a", "output", None, "30"),
    )
    assert diff(nobody, nobody, costs[0], costs[0]) == []


def test_a_provider_that_lists_another_price_reprices_its_model() -> None:
    """What it listed last time is compared with what it lists now; a price in force goes before that."""

    def listed(name: str, price: str) -> Inventory:
        return inventory({"sky": [ObservedModel(name=name, input_price=price, output_price="30")]})

    (change,) = diff(listed("a", "10"), listed("a", "0.5"))
    assert change == Change("sky", repriced=(Moved("a", "input", "10", "0.5"),))
    assert diff(listed("a", ""), listed("a", "10"))[0].repriced == (Moved("a", "input", None, "10"),)
    assert diff(listed("a", "10"), listed("a:latest", "10")) == []
    assert diff(inventory({}), listed("a", "10")) == [Change("sky", added=("a",))]
    costs = [
        entries(SKY, observed={"sky": ["a"]}, prices={"sky/a": Price(input=price, output="9", source="book")})
        for price in ("1", "2")
    ]
    (change,) = diff(listed("a", "10"), listed("a", "0.5"), *costs)
    assert change.repriced == (Moved("a", "input", "1", "2"),)


def test_a_deployment_in_one_listing_only_is_no_change_of_values() -> None:
    """What came or went is added or gone, by what the provider lists, and not every value of it as well."""
    before, after = entries(SKY, observed={"sky": ["a"]}), entries(SKY, observed={"sky": ["b"]})
    assert diff(inventory({"sky": ["a"]}), inventory({"sky": ["b"]}), before, after) == [
        Change("sky", added=("b",), gone=("a",))
    ]


def test_the_document_of_a_change_is_json() -> None:
    """Every part is there, and moves are objects with names for their values."""
    change = Change("den", added=("a",), changed=(Moved("b", "tools", None, True),), failed="refused")
    assert json.loads(json.dumps(document(change))) == {
        "provider": "den",
        "added": ["a"],
        "gone": [],
        "changed": [{"model": "b", "field": "tools", "was": None, "now": True}],
        "repriced": [],
        "loaded": [],
        "unloaded": [],
        "failed": "refused",
        "recovered": False,
    }
