"""What moves the generation and what does not (catalog-registry-router 4.2)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import Group, Profile, Routing
from llmpool.core.deployment import Capabilities, DeclaredModel, ModelFacts, ObservedModel
from llmpool.core.inventory import Inventory, Probe
from llmpool.core.policy import Policy
from llmpool.core.price import Price
from llmpool.registry.generation import essence
from tests.unit.registry.layers import DEN, SKY, inventory, listing, probed, registry

AT, LATER = "2026-11-21T03:44:00Z", "2026-11-22T03:44:00Z"
SEEN = ObservedModel(name="a", context_window=4096, capabilities=Capabilities(tools=True))


def digest(
    *tables: Any, seen: Inventory | None = None, policies: dict[str, Policy] | None = None, **layers: Any
) -> str:
    """Digest a registry of den and sky, where sky lists one model unless *layers* say otherwise."""
    layers = {"observed": {"sky": [SEEN]}} | layers
    made = registry(*(tables or (DEN, SKY)), policies=policies, **layers)
    found = probed(inventory(layers["observed"]), layers.get("probes", {}))
    return essence(made, seen or found, policies or {})


USUAL = digest()


@pytest.mark.parametrize(
    "changed",
    [
        {"observed": {"sky": [SEEN, "b"]}},
        {"observed": {"sky": []}},
        {"observed": {"sky": [SEEN], "den": []}},
        {"observed": {"sky": [SEEN.replace(context_window=8192)]}},
        {"observed": {"sky": [SEEN.replace(state="loaded")]}},
        {"observed": {"sky": [SEEN.replace(digest="2")]}},
        {"observed": {"sky": [SEEN.replace(capabilities=Capabilities(tools=False))]}},
        {"models": [DeclaredModel(id="sky/a")]},
        {"models": [DeclaredModel(id="sky/a", aliases=("x",))]},
        {"models": [DeclaredModel(id="sky/a", pull=True)]},
        {"prices": {"sky/a": Price(input="1", output="2", source="book")}},
        {"facts": lambda *_: ModelFacts(max_output=7)},
        {"probes": {"sky": [Probe(model="a", at=AT, available=False)]}},
        {"policies": {"sky/a": Policy(state="flagged", updated_at=AT)}},
        {"policies": {"sky": Policy(reason="dear", updated_at=AT)}},
        {"policies": {"sky/absent": Policy(state="inactive", updated_at=AT)}},
        {"routing": Routing(fallbacks=("sky/a",))},
        {"local_first": False},
        {"default_model": "sky/a"},
        {"groups": (Group(name="g"),)},
        {"profiles": (Profile(name="p"),)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_each_of_these_is_a_change(changed: dict[str, Any]) -> None:
    """Models, values, prices, verdicts, policies of whatever is there or not, and the words on routing."""
    assert digest(**changed) != USUAL


def test_a_providers_settings_are_a_change() -> None:
    """Another URL, location or allow-list is another registry."""
    for fields in ({"location": "cloud"}, {"url": "http://den:1"}, {"allowed_models": ("x",)}):
        assert digest(DEN.replace(**fields), SKY) != USUAL


def test_an_error_text_is_a_change() -> None:
    """4.2: inventories differ deeply, the words of an error included; staleness is part of that."""

    def failed(error: str, stale: str = "") -> str:
        entry = listing("sky", [SEEN], error=error, error_kind="connect", stale_since=stale)
        return digest(seen=Inventory(providers={"sky": entry}))

    assert len({USUAL, failed("refused"), failed("no route"), failed("refused", AT)}) == 4
    assert failed("refused", AT) == failed("refused", LATER)


def test_times_and_durations_are_none() -> None:
    """When and how fast something was observed or probed moves nothing, nor where the config is kept."""
    entry = listing("sky", [SEEN], attempted_at=LATER, fetched_at=LATER, latency_ms=99)
    assert digest(seen=Inventory(providers={"sky": entry})) == USUAL
    verdicts = (Probe(model="a", at=at, available=False, latency_ms=ms) for at, ms in ((AT, 1), (LATER, 2)))
    assert len({digest(probes={"sky": [verdict]}) for verdict in verdicts}) == 1
    assert digest(catalog_url="https://elsewhere.test/", templates=(("t", "{input}"),)) == USUAL


def test_the_time_of_a_policy_is_part_of_it() -> None:
    """4.2: the same state with the same time is the same, with a later time it is a change."""
    first, again, later = (
        digest(policies={"sky/a": Policy(state="active", updated_at=at)}) for at in (AT, AT, LATER)
    )
    assert first == again
    assert len({USUAL, first, later}) == 3


def test_half_a_character_can_be_digested() -> None:
    """Broken servers send names with half a surrogate pair."""
    assert digest(observed={"sky": ["\ud800"]}) != USUAL
