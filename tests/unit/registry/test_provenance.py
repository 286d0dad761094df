"""`models show`: each value with its source, and what the other sources say of it."""

from __future__ import annotations

from typing import Any

from llmpool.core.deployment import (
    CAPABILITIES,
    Capabilities,
    DeclaredModel,
    ModelFacts,
    ObservedModel,
    Ratings,
)
from llmpool.core.inventory import Probe
from llmpool.registry.capabilities import Told
from llmpool.registry.provenance import provenance
from tests.unit.registry.layers import SKY, deployments

FACTS = ModelFacts(
    context_window=400000, max_output=128000, capabilities=Capabilities(images=True, json=True)
)


def shown(told: Told) -> dict[str, dict[str, Any]]:
    """Return the provenance of sky/a of which *told* is told."""
    found = deployments(
        SKY,
        models=[told.declared] if told.declared else [DeclaredModel(id="sky/a")],
        observed={"sky": [told.observed]} if told.observed else {},
        probes={"sky": [told.probe]} if told.probe else {},
        facts=lambda *_: told.facts,
    )["sky/a"]
    return provenance(found, told)


def test_every_source_that_knows_is_quoted() -> None:
    """The value and where it is from come first, then each source's own word, the overruled ones too."""
    declared = DeclaredModel(id="sky/a", context_window=200000, quality=9, supports=(("images", False),))
    observed = ObservedModel(name="a", loaded_context=4096, max_context=131072)
    tried = Probe(model="a", at="2026-11-21T03:44:00Z", capabilities=Capabilities(json=False))
    found = shown(Told(declared, tried, observed, FACTS))
    assert found["context_window"] == {
        "value": 200000,
        "from": "config",
        "declared": 200000,
        "loaded": 4096,
        "maximum": 131072,
        "vendored": 400000,
    }
    assert found["images"] == {"value": False, "from": "config", "declared": False, "vendored": True}
    assert found["json"] == {"value": False, "from": "probed", "probed": False, "vendored": True}
    assert found["max_output"] == {"value": 128000, "from": "vendored", "vendored": 128000}
    assert found["quality"] == {"value": 9, "from": "config", "declared": 9}
    assert found["speed"] == {"value": 5, "from": "default"}


def test_what_nobody_knows_is_null_and_from_nobody() -> None:
    """Unknown is null rather than 0, and no source is quoted for it."""
    found = shown(Told())
    assert found["context_window"] == {"value": None, "from": "unknown"}
    assert found["embeddings"] == {"value": None, "from": "unknown"}
    assert set(found) == {"context_window", "max_output", *Ratings.__record_fields__, *CAPABILITIES}
