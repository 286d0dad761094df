"""Groups: providers x models, and a request that names one never leaves it (rulings 3, 18)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import Group, Routing
from llmpool.core.routing import HARD, RouteRequest
from llmpool.router import eligible, groups
from llmpool.router.route import route
from tests.builders import facts, row, table

# worked example C11: G1 {b1, b2 | m1}, G2 {b2 | m2}, b3 and m3 in none
G1 = Group(name="G1", providers=("b1", "b2"), models=("m1",))
G2 = Group(name="G2", providers=("b2",), models=("m2",))
NINE = [row(f"b{b}/m{m}") for b in (1, 2, 3) for m in (1, 2, 3)]


def members(group: Group, *rows: Any, **fields: Any) -> list[str]:
    return [each.id for each in groups.members(group, table(rows or NINE, **fields))]


def test_c11_a_groups_members_are_its_providers_times_its_models() -> None:
    """C11 as its [PORT] advice and DESIGN 3.4 have it: b1 offers m1, b2 offers m1 and m2, b3 nothing."""
    assert members(G1) == ["b1/m1", "b2/m1"]
    assert members(G2) == ["b2/m2"]
    left = table([each for each in NINE if not each.id.startswith("b1/")])
    assert [each.id for each in groups.members(G1, left)] == ["b2/m1"]


def test_c11_plain_mode_is_a_request_without_a_group() -> None:
    """C11: three providers with three models each; the source's server-wide mode gives way to --group."""
    assert len(route(RouteRequest(), table(NINE, groups=(G1, G2)), facts()).plan) == 9
    for group, expected in ((G1, ("b1/m1", "b2/m1")), (G2, ("b2/m2",))):
        request = RouteRequest(group=group.name)
        assert route(request, table(NINE, groups=(G1, G2)), facts()).plan == expected


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (None, ["den/llama3:latest", "den/qwen3:14b", "den/qwen3:8b"]),
        (("qwen3*",), ["den/qwen3:14b", "den/qwen3:8b"]),
        (("llama3",), ["den/llama3:latest"]),
        (("llama3:latest",), ["den/llama3:latest"]),
        (("*:latest",), ["den/llama3:latest"]),
        (("den/qwen3:8b", "sky/*"), ["den/qwen3:8b"]),
        (("QWEN*",), []),
        ((), []),
    ],
)
def test_models_are_names_or_patterns(models: tuple[str, ...] | None, expected: list[str]) -> None:
    """In any spelling, with or without the provider in front; case counts as it does in names."""
    rows = [row("den/llama3:latest"), row("den/qwen3:14b"), row("den/qwen3:8b"), row("sky/gpt-5")]
    assert members(Group(name="g", providers=("den",), models=models), *rows) == expected


def test_a_name_listed_without_its_tag_is_the_same_model() -> None:
    """Ruling 18: `a` and `a:latest` are one, whichever of them the group has."""
    assert members(Group(name="g", models=("a:latest",)), row("den/a"), row("den/a:8b")) == ["den/a"]


@pytest.mark.parametrize(
    ("group", "expected"),
    [
        (G1, []),
        (Group(name="g"), []),
        (Group(name="g", providers=("attic",)), ["attic is not configured"]),
        (Group(name="g", providers=("cold",)), ["cold has no models (no route to host)"]),
        (Group(name="g", providers=("off",)), ["off is disabled"]),
        (Group(name="g", providers=("new",)), ["new has no models (never listed; llmpool refresh new)"]),
        (Group(name="g", providers=("bare",)), ["bare has no models (it lists none)"]),
        (Group(name="g", models=("m1", "x*")), ["nothing matches x*"]),
        (Group(name="g", providers=("b1", "b2"), models=("x*",)), ["nothing matches x* at b1, b2"]),
        (Group(name="g", providers=()), ["its list of providers is empty"]),
        (Group(name="g", models=()), ["its list of models is empty"]),
    ],
)
def test_what_a_group_counts_on_and_does_not_find(group: Group, expected: list[str]) -> None:
    """Providers without models, each with why, and names that nobody lists."""
    listed = {"fetched_at": "2026-11-21T03:44:00Z"}
    providers: list[dict[str, Any]] = [
        *({"id": f"b{n}"} | listed for n in (1, 2, 3)),
        {"id": "cold"} | listed,
        {"id": "off", "enabled": False},
        {"id": "new"},
        {"id": "bare"} | listed,
    ]
    known = facts(unreachable={"cold": "no route to host"})
    assert groups.missing(group, table(NINE, providers=providers), known) == expected


@pytest.mark.parametrize(
    ("group", "request_", "note"),
    [
        (G2, RouteRequest(needs=("images",)), "the one deployment of group G2 may not answer"),
        (
            Group(name="g", providers=("b1", "attic")),
            RouteRequest(min_quality=9),
            "none of the 3 deployments of group g may answer: attic is not configured",
        ),
        (
            Group(name="g", providers=("b1",), models=("x",)),
            RouteRequest(),
            "group g has no deployment: nothing matches x at b1",
        ),
    ],
)
def test_a_group_that_empties_a_request_says_so(group: Group, request_: RouteRequest, note: str) -> None:
    """The decision notes which part of the group is missing; the members' own reasons are rejections."""
    asked = request_.replace(group=group.name)
    decision = route(asked, table(NINE, groups=(group,)), facts()).decision
    assert decision.no_eligible
    assert decision.notes == (note,)


def test_a_group_binds_every_way_out() -> None:
    """Ruling 3: fallbacks, default and recovery model outside of the group are in no plan."""
    outside = row("sky/big", quality=10)
    fields: dict[str, Any] = {
        "groups": (G2,),
        "routing": Routing(fallbacks=("sky/big", "b2/m2")),
        "default_model": "sky/big",
        "recovery_model": "sky/big",
    }
    request = RouteRequest(group="G2")
    assert route(request, table([*NINE, outside], **fields), facts()).plan == ("b2/m2",)
    alone = route(request, table([outside], **fields), facts())
    assert alone.plan == ()
    assert alone.decision.rejections[0].reasons == ("not in group G2",)


def test_naming_a_model_does_not_leave_the_group() -> None:
    """-m sky/big --group G2 is refused, also with --fallback, which then stays inside."""
    rows = table([*NINE, row("sky/big")], groups=(G2,))
    named = [each for each in rows.rows if each.id == "sky/big"]
    pinned = RouteRequest(model="sky/big", group="G2")
    assert route(pinned, rows, facts(), named=named).plan == ()
    assert route(pinned.replace(fallback=True), rows, facts(), named=named).plan == ("b2/m2",)


@pytest.mark.parametrize(
    ("blocked", "flags", "by_name", "by_config"),
    [
        ("", 0, True, True),
        ("only by name", 0, True, True),
        ("not routable by policy: too dear", 0, True, False),
        ("inactive by policy", 0, True, False),
        ("provider inactive by policy", HARD, False, False),
    ],
)
def test_policy_binds_what_the_config_names(blocked: str, flags: int, by_name: bool, by_config: bool) -> None:
    """Ruling 3: a caller's word lifts a deployment's policy; fallbacks, default and recovery model do not."""
    only = table([row("den/m", blocked=blocked, flags=flags)])
    request = RouteRequest()
    assert bool(eligible.check(only.rows, request, only, facts(), named=True).rows) is by_name
    found = eligible.check(only.rows, request, only, facts(), named=True, by_config=True)
    assert bool(found.rows) is by_config
    assert [r.reasons for r in found.rejections] == ([] if by_config else [(blocked,)])
