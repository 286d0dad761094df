"""Whatever a refresh sees: the difference leads from the old to the new, and there is none between equals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.names import latest
from llmpool.registry import compiled
from llmpool.registry.diff import Change, diff
from tests.unit.registry.layers import DEN, SKY, inventory, listing, registry

QUICK = settings(max_examples=25)
MODELS = st.lists(
    st.builds(
        ObservedModel,
        name=st.sampled_from(["a", "b-8b", "c:70b", "d:latest", "e/f"]),
        state=st.sampled_from(["", "loaded"]),
        digest=st.sampled_from(["", "1", "2"]),
        context_window=st.sampled_from([0, 4096, 8192]),
        capabilities=st.builds(Capabilities, tools=st.none() | st.booleans()),
    ),
    max_size=5,
    unique_by=lambda model: model.name,
)
SEEN = st.builds(
    lambda lines, error: (tuple(lines), error), MODELS, st.sampled_from(["", "refused", "timed out"])
)
INVENTORIES = st.dictionaries(st.sampled_from(["den", "sky", "new"]), SEEN).map(
    lambda seen: Inventory(providers={n: listing(n, ls, error=e) for n, (ls, e) in seen.items()})
)
OBSERVED = st.fixed_dictionaries({"den": MODELS, "sky": MODELS})


def names(seen: ProviderInventory | None) -> set[str]:
    return {latest(model.name) for model in seen.models} if seen else set()


def loaded(seen: ProviderInventory | None) -> set[str]:
    return {latest(model.name) for model in seen.models if model.state == "loaded"} if seen else set()


@QUICK
@given(INVENTORIES)
def test_equals_do_not_differ(seen: Inventory) -> None:
    """The same observation again is no news, whenever it was made."""
    later = {
        name: entry.replace(attempted_at="2027-01-01T00:00:00Z", fetched_at="", latency_ms=7)
        for name, entry in seen.providers.items()
    }
    assert diff(seen, Inventory(providers=later)) == []


@QUICK
@given(INVENTORIES, INVENTORIES)
def test_a_difference_applied_to_the_old_gives_the_new(old: Inventory, new: Inventory) -> None:
    """Models, what is loaded, and errors: nothing of it is missing, nothing is said that is not so."""
    found = {change.provider: change for change in diff(old, new)}
    for name, now in new.providers.items():
        was, change = old.providers.get(name), found.get(name, Change(name))
        added, gone = set(map(latest, change.added)), set(map(latest, change.gone))
        assert (names(was) - gone) | added == names(now)
        assert not added & names(was)
        stayed = names(was) & names(now)
        on, off = set(map(latest, change.loaded)), set(map(latest, change.unloaded))
        assert ((loaded(was) & stayed) - off) | on == loaded(now) & stayed
        error = was.error if was else ""
        assert (change.failed or ("" if change.recovered else error)) == now.error


@QUICK
@given(OBSERVED, OBSERVED)
def test_the_moves_lead_from_one_listing_to_the_other(old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Each value of each deployment that stayed is what the moves make of the old one."""
    before, after = (
        {
            entry["id"]: entry
            for entry in compiled.listing_document(registry(DEN, SKY, observed=seen), inventory(seen))[
                "models"
            ]
        }
        for seen in (old, new)
    )
    values = {
        name: entry["ratings"] | entry["capabilities"] | {"context_window": entry["context_window"]}
        for name, entry in before.items()
    }
    for change in diff(inventory(old), inventory(new), before.values(), after.values()):
        for move in change.changed:
            if move.field in values[f"{change.provider}/{move.model}"]:
                assert values[f"{change.provider}/{move.model}"][move.field] == move.was
                values[f"{change.provider}/{move.model}"][move.field] = move.now
    for name in before.keys() & after.keys():
        expected = after[name]["ratings"] | after[name]["capabilities"]
        assert values[name] == expected | {"context_window": after[name]["context_window"]}
