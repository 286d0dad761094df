"""What a refresh reports as changed, provider by provider."""

from __future__ import annotations

from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.registry.diff import Change, diff
from tests.unit.registry.layers import inventory, listing


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
