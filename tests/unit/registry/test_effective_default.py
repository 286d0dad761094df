"""Default and recovery model under policy: 1.5 and G2, G3 of catalog-registry-router, as rulings 3 and 19."""

from __future__ import annotations

from llmpool.core.deployment import DeclaredModel
from llmpool.core.policy import Policy
from llmpool.core.routing import RouteRequest, RoutingTable
from llmpool.registry import compiled, readback
from llmpool.router.route import route
from tests.builders import facts
from tests.unit.registry.layers import DEN, SKY, inventory, registry

EVERYBODY = ("den/a", "den/small", "sky/big")


def table(default: str = "sky/big", recovery: str = "", **policies: Policy) -> RoutingTable:
    """Compile three declared models under these policies, by id with `_` for `/`."""
    made = registry(
        DEN,
        SKY,
        models=[DeclaredModel(id=name) for name in EVERYBODY],
        policies={name.replace("_", "/"): policy for name, policy in policies.items()},
        default_model=default,
        recovery_model=recovery,
    )
    return readback.table(compiled.routing_document(made, inventory({})) | {"generation": 1})


def chosen(made: RoutingTable, **request: object) -> tuple[str, ...]:
    """Return the order in which deployments would be tried for a request that nothing else meets."""
    return route(RouteRequest(query="hello", **request), made, facts()).plan  # type: ignore[arg-type]


def test_g2_a_demoted_default_is_not_the_way_out() -> None:
    """G2's router default is the first eligible one; here that is a candidate anyway (ruling 3)."""
    made = table(sky_big=Policy(routable=False))
    assert made.default_model == "sky/big"  # what the config says is shown as it is
    assert set(chosen(made)) == {"den/a", "den/small"}
    nobody = dict.fromkeys(("den_a", "den_small", "sky_big"), Policy(routable=False))
    assert chosen(table(**nobody)) == ()


def test_g3_an_inactive_default_gives_way_to_the_recovery_model() -> None:
    """Inactive is by name only, and the config's naming it is not a person's; the recovery model answers."""
    asleep = {"den_a": Policy(state="inactive"), "sky_big": Policy(state="inactive")}
    demoted = {"den_small": Policy(routable=False)}
    assert chosen(table(recovery="den/small", **asleep)) == ("den/small",)
    assert chosen(table(recovery="den/small", **asleep, **demoted)) == ()
    assert chosen(table(recovery="den/small", **asleep, den_small=Policy(state="flagged"))) == ("den/small",)


def test_a_default_nobody_listed_answers_where_nothing_else_does() -> None:
    """It is called only by name, and its owner named it; but it must meet what the request requires."""
    made = registry(DEN, SKY, default_model="sky/unlisted")
    alone = readback.table(compiled.routing_document(made, inventory({})) | {"generation": 1})
    assert chosen(alone) == ("sky/unlisted",)
    assert chosen(alone, local_only=True) == ()
