"""What policies do to a registry and its decisions: 4.3 of catalog-registry-router, examples G1 to G3."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from llmpool.core.config import Routing
from llmpool.core.deployment import DeclaredModel
from llmpool.core.policy import Policy
from llmpool.core.registry import Registry
from llmpool.core.routing import RouteRequest, RoutingTable
from llmpool.registry import compiled, readback
from llmpool.router.route import route
from tests.builders import facts
from tests.unit.registry.layers import DEN, SKY, discovered_as, inventory, registry

AT, LATER = "2026-11-21T03:44:00Z", "2026-11-21T03:45:00Z"
TOLD = DeclaredModel(id="sky/told")
OFF = Policy(state="inactive", updated_at=AT)


def routing(policies: dict[str, Policy], **fields: Any) -> RoutingTable:
    """Compile a declared and a discovered deployment under *policies*, and read the table back."""
    observed = {"den": ["found"]}
    built = registry(DEN, SKY, models=[TOLD], observed=observed, policies=policies, **fields)
    return readback.table(compiled.routing_document(built, inventory(observed)) | {"generation": 1})


def plan(table: RoutingTable, model: str = "") -> tuple[str, ...]:
    """Route without a name, or with one that the row of this id carries."""
    named = [row for row in table.rows if row.id == model] if model else None
    return route(RouteRequest(model=model), table, facts(), named=named).plan


@pytest.mark.parametrize(
    ("target", "policy", "automatic", "by_name"),
    [
        ("sky/told", Policy(state="active"), True, True),
        ("sky/told", Policy(state="flagged"), True, True),
        ("sky/told", Policy(state="inactive"), False, True),
        ("sky", Policy(state="flagged"), True, True),
        ("sky", Policy(state="inactive"), False, False),
        ("sky/told", Policy(routable=False), False, True),
        ("sky/told", Policy(state="flagged", routable=False), False, True),
        ("sky/told", Policy(state="inactive", routable=True), False, True),
        ("sky", Policy(routable=False), False, True),
        ("sky", Policy(state="flagged", routable=True), True, True),
    ],
)
def test_the_effect_of_each_state(target: str, policy: Policy, automatic: bool, by_name: bool) -> None:
    """4.3's table: flagged is a label, inactive beats routable, an inactive provider is refused by name."""
    table = routing({target: policy})
    assert ("sky/told" in plan(table)) is automatic
    assert (plan(table, "sky/told") == ("sky/told",)) is by_name
    assert "den/found" in plan(table)


def test_routable_promotes_what_was_discovered() -> None:
    """4.3: with discovered = "explicit" a model answers by name only, until it is promoted."""
    explicit = discovered_as("explicit")
    assert plan(routing({}, **explicit)) == ("sky/told",)
    assert plan(routing({}, **explicit), "den/found") == ("den/found",)
    assert "den/found" in plan(routing({"den/found": Policy(routable=True)}, **explicit))


def test_a_providers_override_is_that_of_all_its_deployments() -> None:
    """DESIGN 2: routable is decided about providers too; what is decided about a deployment comes first."""
    explicit = discovered_as("explicit")
    promoted = {"den": Policy(routable=True)}
    assert "den/found" in plan(routing(promoted, **explicit))
    demoted = promoted | {"den/found": Policy(routable=False)}
    assert plan(routing(demoted, **explicit)) == ("sky/told",)


def test_the_ways_out_are_bound_by_policy() -> None:
    """Ruling 3: a fallback or recovery model that is inactive or demoted answers by a caller's word only."""
    ways = {"recovery_model": "sky/told", "routing": Routing(fallbacks=("sky/told",))}
    for off in (OFF, Policy(routable=False), Policy(state="flagged", routable=False)):
        assert plan(routing({"sky/told": off}, **ways)) == ("den/found",)
        assert plan(routing({"sky": off}, **ways)) == ("den/found",)
        assert plan(routing({"sky/told": off}, **ways), "sky/told") == ("sky/told",)


def test_a_policy_is_of_one_model_in_any_spelling() -> None:
    """Ruling 18: what is decided about `found:latest` binds `found`."""
    assert plan(routing({"den/found:latest": OFF})) == ("sky/told",)


def built(observed: dict[str, list[str]], policies: dict[str, Policy]) -> Registry:
    return registry(DEN, observed=observed, policies=policies)


def test_g1_what_moves_the_registry() -> None:
    """G1, the policy part: the registry differs after each decision, its time included, and not otherwise.

    The numbers themselves are the compiled registry's. Where the source cannot clear what is absent, ruling
    19 has it that this works: the registry without the deployment is the same with and without its policy.
    """
    here: dict[str, list[str]] = {"den": ["m"]}
    gone: dict[str, list[str]] = {"den": []}
    flagged = {"den/m": Policy(state="flagged", updated_at=AT)}
    promoted = {"den/m": Policy(state="flagged", routable=True, updated_at=AT)}
    later = {"den/m": Policy(state="flagged", routable=True, updated_at=LATER)}
    steps = [built(here, {}), built(here, flagged), built(here, promoted), built(here, later)]
    assert all(a != b for a, b in pairwise(steps))
    assert built(here, dict(later)) == steps[-1]
    assert built(gone, later).deployments == ()
    back = built(here, later).deployments[0]
    assert (back.routable, back.routable_source, back.policy) == (True, "overlay", later["den/m"])
    assert built(here, {"den/other": OFF}) == steps[0]


def test_g2_a_demoted_default_stays_what_the_config_says() -> None:
    """G2: others answer instead; the setting itself is unchanged."""
    table = routing({"sky/told": Policy(routable=False)}, default_model="sky/told")
    assert plan(table) == ("den/found",)
    assert table.default_model == "sky/told"


def test_g3_flagged_deployments_stay() -> None:
    """G3: with the default inactive the others answer, flagged ones as before."""
    policies = {"sky/told": OFF, "den/found": Policy(state="flagged")}
    assert plan(routing(policies, default_model="sky/told")) == ("den/found",)


def test_a_refusal_says_why() -> None:
    """The owner's reason stands with the rejection."""
    table = routing(
        {"sky": Policy(state="inactive", reason="billing"), "den/found": OFF.replace(reason="slow")}
    )
    rejected = route(RouteRequest(), table, facts()).decision.rejections
    assert {r.deployment: r.reasons for r in rejected} == {
        "sky/told": ("provider inactive by policy: billing",),
        "den/found": ("inactive by policy: slow",),
    }
