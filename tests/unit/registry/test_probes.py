"""A probe's "not configured": out of automatic routing with a reason, for a week (DESIGN ruling 15)."""

from __future__ import annotations

import pytest

from llmpool.core.deployment import DeclaredModel
from llmpool.core.inventory import Probe
from llmpool.registry import compiled, probes
from tests.unit.registry.layers import DEN, SKY, inventory, probed, registry

AT = "2026-11-21T03:44:00Z"


def found(model: str, available: bool | None, at: str = AT) -> Probe:
    """Return what a probe found of *model*."""
    return Probe(model=model, at=at, available=available)


SEEN = probed(
    inventory({"sky": ["a", "b", "c", "d"]}),
    {"sky": [found("a", False), found("b", True), found("c", None)], "den": [found("m:latest", False)]},
)
MADE = registry(SKY, DEN, models=[DeclaredModel(id="den/m")], observed={"sky": ["a", "b", "c", "d"]})


def test_only_a_clear_no_is_a_verdict() -> None:
    """Answered, untold and never probed are none; `m` is what was probed as `m:latest`."""
    assert probes.verdicts(MADE, SEEN) == {"den/m": AT, "sky/a": AT}
    assert probes.verdicts(MADE, inventory({"sky": ["a"]})) == {}


def test_a_verdict_of_a_model_nobody_has_is_none() -> None:
    """Verdicts are about deployments; a probe left over from another config says nothing."""
    assert probes.verdicts(registry(SKY), SEEN) == {}


@pytest.mark.parametrize(
    ("oldest", "holds"), [("2026-11-21T03:44:00Z", True), ("2026-11-21T03:44:01Z", False)]
)
def test_a_verdict_holds_to_the_second(oldest: str, holds: bool) -> None:
    """The reason names the day of the probe; what is older than the given time is no reason any more."""
    reason = {"sky/a": "not configured there (probed 2026-11-21)"}
    assert probes.absent({"sky/a": AT}, oldest) == (reason if holds else {})


def test_the_routing_document_has_every_verdict_with_its_time() -> None:
    """Which of them still hold is for the run that reads it; old ones are data too."""
    document = compiled.routing_document(MADE, SEEN)
    assert document["absent"] == {"den/m": AT, "sky/a": AT}
    assert compiled.routing_document(MADE, inventory({}))["absent"] == {}


def test_the_listing_says_what_is_not_there() -> None:
    """Available is false with the reason while the verdict holds, and true after that."""
    for oldest, reason in (("", "not configured there (probed 2026-11-21)"), ("2026-12-01T00:00:00Z", None)):
        entries = {each["id"]: each for each in compiled.listing_document(MADE, SEEN, oldest)["models"]}
        assert (entries["sky/a"]["available"], entries["sky/a"].get("unavailable_reason")) == (
            reason is None,
            reason,
        )
        assert entries["sky/b"]["available"]
        assert entries["sky/c"]["available"]


def test_what_the_owner_decided_is_said_first() -> None:
    """A deployment that policy has put to sleep is not there for that reason, whatever a probe found."""
    (deployment,) = registry(SKY.replace(enabled=False), observed={"sky": ["a"]}).deployments
    assert (
        compiled.listed(deployment, None, "not configured there")["unavailable_reason"] == "provider disabled"
    )
