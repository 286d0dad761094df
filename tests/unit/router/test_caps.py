"""Budgets in routing: who is too dear, who is never refused, and who may not stand in for whom."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.config import STRATEGIES, Routing
from llmpool.core.routing import BUDGET, Cap, Decision, RouteRequest, RoutingTable
from llmpool.router import route
from llmpool.router.caps import NO_PRICE
from tests.builders import facts, row, table

BIG = row("sky/big", quality=10, local=False, cost_tier=1, input_price=2, output_price=10)
MINI = row("sky/mini", quality=8, local=False, cost_tier=1, input_price=0.1, output_price=0.4)
GIFT = row("sky/gift", quality=6, local=False, cost_tier=1, input_price=0, output_price=0)
ODD = row("odd/x", quality=5, local=False, cost_tier=1)
DEN = row("den/small", quality=4, local=True, cost_tier=1)
FLEET = (BIG, MINI, GIFT, ODD, DEN)
# the least that a call of 1000 tokens may cost: 0.00456 for big, 0.0002024 for mini


def cap(left: str, **fields: object) -> Cap:
    """Build a cap over everything that refuses."""
    given = {"name": "daily", "scope": "*", "tag": None, "steps": False, "words": "$5 of $5 spent today"}
    return Cap(**(given | {"left": Decimal(left)} | fields))  # type: ignore[arg-type]


def decide(*caps: Cap, fleet: RoutingTable | None = None, unpriced: str = "", **wanted: object) -> Decision:
    """Route a request of 1000 tokens; the better leads."""
    request = RouteRequest(query="prove it", context_size=1000, **wanted)  # type: ignore[arg-type]
    world = facts().replace(caps=caps, unpriced=unpriced)
    return route.route(request, fleet or table(FLEET), world).decision


def eligible(decision: Decision) -> set[str]:
    """Name who may answer."""
    return {candidate.deployment for candidate in decision.candidates}


def reasons(decision: Decision) -> dict[str, str]:
    """Tell why each of the others may not."""
    return {each.deployment: "; ".join(each.reasons) for each in decision.rejections}


def test_who_is_too_dear_for_what_is_left_is_left_out() -> None:
    """The dear one goes first, the cheap one stays for as long as its least answer can be paid."""
    found = decide(cap("0.0045"), unpriced="allow")
    assert eligible(found) == {"sky/mini", "sky/gift", "odd/x", "den/small"}
    assert reasons(found) == {"sky/big": "budget daily: $5 of $5 spent today"}
    assert "sky/big" in eligible(decide(cap("0.00456")))


def test_what_has_no_price_is_refused_while_a_cap_holds() -> None:
    """Over it, unless that is allowed; everywhere, where it is denied outright; and how to mend it."""
    found = decide(cap("5"))
    assert reasons(found) == {"odd/x": f"budget daily: {NO_PRICE} odd/x --input USD --output USD"}
    assert not reasons(decide(cap("5"), unpriced="allow"))
    assert not reasons(decide(cap("5", scope="sky")))
    assert set(reasons(decide(unpriced="deny"))) == {"odd/x"}


@pytest.mark.parametrize(
    ("scope", "gone"),
    [("sky", {"sky/big", "sky/mini"}), ("sky/mini", {"sky/mini"}), ("sk", set()), ("den", set())],
)
def test_a_cap_is_over_its_scope_alone(scope: str, gone: set[str]) -> None:
    """A provider or a deployment; what shares only the beginning of its name is not meant."""
    found = decide(cap("0", scope=scope), unpriced="allow")
    assert set(reasons(found)) - {"sky/gift", "den/small"} == gone


def test_a_cap_with_a_tag_is_over_requests_with_it() -> None:
    """Others may spend."""
    assert decide(cap("0", tag="batch"), unpriced="allow").selected == "sky/big"
    assert "sky/big" in reasons(decide(cap("0", tag="batch"), unpriced="allow", tag="batch"))


def test_what_would_have_been_paid_for_is_refused_rather_than_given_to_own_machines() -> None:
    """Under deny none stands in by itself; asked for, by place or by name, it answers."""
    found = decide(cap("0"), fleet=table((BIG, MINI, ODD, DEN)))
    assert found.no_eligible
    assert "refuses what would be paid for" in reasons(found)["den/small"]
    assert decide(cap("0"), local_only=True).selected == "den/small"
    assert decide(cap("0"), mode="local").selected == "den/small"
    world = facts().replace(caps=(cap("0"),))
    fleet = table(FLEET)
    for wanted in fleet.rows:
        chosen = route.route(RouteRequest(model=wanted.id), fleet, world, named=[wanted]).decision
        assert chosen.selected == (wanted.id if wanted.id in ("sky/gift", "den/small") else "")


def test_what_a_plan_has_paid_for_stands_in() -> None:
    """What costs nothing and is no machine of one's own is never refused (ruling 17)."""
    assert decide(cap("0")).selected == "sky/gift"


def test_what_costs_nothing_and_would_have_answered_anyway_answers() -> None:
    """A budget that is spent refuses nobody who asks for nothing that costs."""
    free = table((BIG, row("den/great", quality=10, local=True)), local_first=True)
    assert decide(cap("0"), fleet=free).selected == "den/great"


def test_under_local_own_machines_answer_and_the_decision_says_why() -> None:
    """Others stay out though they cost nothing, as long as nothing under the budget can be paid."""
    found = decide(cap("0", steps=True))
    assert found.selected == "den/small"
    assert eligible(found) == {"den/small"}
    assert found.notes == ("budget daily: $5 of $5 spent today; own machines answer",)
    some = decide(cap("0.0045", steps=True), unpriced="allow")
    assert some.selected == "sky/mini"
    assert "sky/gift" in eligible(some)
    assert not some.notes


@given(
    st.lists(
        st.builds(
            cap,
            st.sampled_from(["0", "0.0003", "0.0045", "9"]),
            scope=st.sampled_from(["*", "sky", "sky/big", "sky/mini"]),
            tag=st.sampled_from([None, "t"]),
            steps=st.booleans(),
        ),
        max_size=3,
    ),
    st.sampled_from(["", "allow", "deny"]),
    st.sampled_from(STRATEGIES),
    st.sampled_from([(), ("sky/big",), ("sky/mini", "odd/x")]),
    st.sampled_from(["", "sky/big", "odd/x"]),
    st.sampled_from(["", "sky/mini", "sky/big"]),
    st.sampled_from([None, True, False]),
    st.sampled_from(["", "sky/big", "sky/mini", "den/small"]),
    st.sampled_from(["", "t"]),
    st.booleans(),
)
def test_no_fallback_default_or_recovery_model_drops_a_budget(
    caps: list[Cap],
    unpriced: str,
    strategy: str,
    fallbacks: tuple[str, ...],
    default: str,
    recovery: str,
    fallback: bool | None,
    named: str,
    tag: str,
    local_only: bool,
) -> None:
    """Nobody in the plan is too dear for a cap over it, and nothing is without a price where that counts."""
    fleet = table(
        FLEET,
        default_model=default,
        recovery_model=recovery,
        routing=Routing(fallbacks=fallbacks),
    )
    request = RouteRequest(
        context_size=1000, strategy=strategy, fallback=fallback, tag=tag, local_only=local_only
    )
    world = facts().replace(caps=tuple(caps), unpriced=unpriced)
    rows = [each for each in fleet.rows if each.id == named] or None
    choice = route.route(request, fleet, world, named=rows)
    least = {"sky/big": Decimal("0.00456"), "sky/mini": Decimal("0.0002024")}
    for ref in choice.plan:
        over = [each for each in caps if each.tag in (None, tag)]
        over = [each for each in over if each.scope in ("*", ref, ref.partition("/")[0])]
        assert all(least.get(ref, Decimal(0)) <= each.left for each in over)
        if ref == "odd/x":
            assert unpriced == "allow" or (unpriced == "" and not over)
    if named == "den/small":
        assert choice.decision.selected == "den/small"
    if not choice.plan:
        assert all(
            reason.startswith(BUDGET) or reason == "not local"
            for each in choice.decision.rejections
            for reason in each.reasons
        )
