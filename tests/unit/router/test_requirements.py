"""Requirements: they filter with a reason, and nothing ever lifts them (DESIGN rulings 3, 5, 6, 15)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.config import Group, Routing
from llmpool.core.routing import HARD, RouteRequest
from llmpool.router import eligible
from llmpool.router.route import Choice, route
from tests.builders import facts, row, table

CLOUD = row("sky/big", quality=9, cost_tier=3, window=200000, images=True, input_price=1.0, output_price=10.0)
HOME = row("den/small", quality=5, window=8192, input_price=0.0, output_price=0.0)


def choose(request: RouteRequest, *rows: Any, known: dict[str, Any] | None = None, **fields: Any) -> Choice:
    """Route over *rows*; *fields* are the table's."""
    return route(request, table(rows, **fields), facts(**(known or {})))


def why(choice: Choice, deployment: str) -> tuple[str, ...]:
    """Return why a deployment was rejected."""
    return next(r.reasons for r in choice.decision.rejections if r.deployment == deployment)


@pytest.mark.parametrize(
    ("request_", "rejected", "reason"),
    [
        (RouteRequest(local_only=True), "sky/big", "not local"),
        (RouteRequest(mode="local"), "sky/big", "not local"),
        (RouteRequest(mode="cloud"), "den/small", "not cloud"),
        (RouteRequest(min_quality=7), "den/small", "quality 5 below 7"),
        (RouteRequest(needs=("images",)), "den/small", "missing image support"),
        (RouteRequest(context_size=9000), "den/small", "context window too small"),
        (RouteRequest(exclude=("den",)), "den/small", "excluded"),
        (RouteRequest(exclude=("sky/big",)), "sky/big", "excluded"),
        (RouteRequest(max_cost="0.01"), "sky/big", "could cost 0.0410 USD, over 0.01"),
    ],
)
def test_each_requirement_rejects_with_its_reason(request_: RouteRequest, rejected: str, reason: str) -> None:
    """Whatever does not meet a requirement is rejected in words, the other deployment wins."""
    choice = choose(request_, CLOUD, HOME)
    assert why(choice, rejected) == (reason,)
    assert choice.decision.selected != rejected


def test_max_cost_refuses_what_has_no_price() -> None:
    """A cost limit cannot be kept with a price nobody knows."""
    choice = choose(RouteRequest(max_cost="1"), CLOUD._replace(input_price=None))
    assert choice.decision.no_eligible
    assert "price unknown" in why(choice, "sky/big")[0]


def test_every_reason_is_given() -> None:
    """A deployment that fails several requirements says so of each."""
    choice = choose(RouteRequest(local_only=True, min_quality=10, needs=("thinking",)), CLOUD)
    assert why(choice, "sky/big") == ("missing thinking support", "not local", "quality 9 below 10")


def test_fallbacks_are_bound_too() -> None:
    """Fallbacks, default and recovery model are in the plan only if they meet the requirements."""
    fields = {
        "routing": Routing(fallbacks=("sky/big",)),
        "default_model": "sky/big",
        "recovery_model": "sky/big",
    }
    assert choose(RouteRequest(local_only=True), CLOUD, HOME, **fields).plan == ("den/small",)
    assert choose(RouteRequest(local_only=True), CLOUD, **fields).decision.no_eligible


def test_the_default_model_is_a_way_out() -> None:
    """With nothing eligible a default model that may only be named is chosen, if it meets the request."""
    named_only = HOME._replace(blocked="only by name")
    choice = choose(RouteRequest(), named_only, default_model="den/small")
    assert choice.decision.selected == "den/small"
    assert not choice.decision.candidates
    assert choice.plan == ("den/small",)


def test_a_default_may_be_a_name_that_several_carry() -> None:
    """Then whoever of them may answer does, as with `-m NAME`; none is passed over for having a twin."""
    blocked = {"blocked": "only by name", "local": True}
    twins = [row("den/q:latest", **blocked), row("lab/q", **blocked), row("lab/other", **blocked)]
    assert choose(RouteRequest(), *twins, default_model="q").plan == ("den/q:latest", "lab/q")
    assert choose(RouteRequest(exclude=("den",)), *twins, recovery_model="q").plan == ("lab/q",)
    assert choose(RouteRequest(), *twins, default_model="r", recovery_model="").plan == ()


def test_the_plan_is_ranked_then_configured() -> None:
    """Attempts go through the ranked candidates, then fallbacks, then the recovery model."""
    spare = row("spare/m", blocked="only by name")
    last = row("last/m", blocked="only by name")
    fields = {"routing": Routing(fallbacks=("spare/m",)), "recovery_model": "last/m"}
    choice = choose(RouteRequest(), HOME, CLOUD, spare, last, **fields)
    assert choice.plan == ("den/small", "sky/big", "spare/m", "last/m")
    assert choose(RouteRequest(fallback=False), HOME, CLOUD, spare, last, **fields).plan == ("den/small",)


def test_row_13_under_ruling_3() -> None:
    """Row 13 of pool-routing-formats 15 as ruling 3 has it: a need is never dropped, nobody answers."""
    blind = row("a/m", images=False)
    for strategy in ("score", "priority", "cost", "latency", "round_robin"):
        choice = choose(RouteRequest(needs=("images",), strategy=strategy), blind, recovery_model="a/m")
        assert (choice.plan, choice.decision.no_eligible) == ((), True)
        assert why(choice, "a/m") == ("missing image support",)


def test_a_pin_pins() -> None:
    """One named deployment is tried alone; --fallback lets the others answer after it."""
    both = table([CLOUD, HOME])
    pinned = route(RouteRequest(model="sky/big"), both, facts(), named=[both.rows[0]])
    assert pinned.plan == ("sky/big",)
    lifted = route(RouteRequest(model="sky/big", fallback=True), both, facts(), named=[both.rows[0]])
    assert lifted.plan == ("sky/big", "den/small")


def test_a_pin_is_bound_by_requirements() -> None:
    """Naming a deployment lifts no requirement."""
    both = table([CLOUD, HOME])
    choice = route(RouteRequest(model="sky/big", local_only=True), both, facts(), named=[both.rows[0]])
    assert choice.decision.no_eligible
    assert choice.plan == ()


def test_naming_lifts_only_soft_blocks() -> None:
    """By name an inactive deployment answers; one whose provider is out does not."""
    soft = row("den/a", blocked="inactive by policy")
    hard = row("den/b", blocked="provider inactive by policy", flags=HARD)
    rows = table([soft, hard]).rows
    assert route(RouteRequest(), table([soft]), facts(), named=rows[:1]).decision.selected == "den/a"
    assert route(RouteRequest(), table([soft, hard]), facts(), named=rows[1:]).decision.no_eligible
    assert choose(RouteRequest(), soft).decision.no_eligible


def test_unknown_passes_only_where_nothing_known_does() -> None:
    """What is unknown of a deployment passes a requirement only when no known one passes, and says so."""
    unsure = row("a/unsure", images=None, quality=9)
    sure = row("b/sure", images=True, quality=3)
    assert choose(RouteRequest(needs=("images",)), unsure, sure).decision.selected == "b/sure"
    alone = choose(RouteRequest(needs=("images",)), unsure, row("c/no", images=False)).decision
    assert alone.selected == "a/unsure"
    assert alone.notes == ("not known of the candidates: images",)


def test_an_unknown_window_holds_an_ordinary_prompt() -> None:
    """An estimated size up to 8192 passes an unknown window; a stated one only where no known window does."""
    unsure, sure = row("a/unsure", window=0, quality=9), row("b/sure", window=32768, quality=5)
    assert len(choose(RouteRequest(context_size=5000, stated=False), unsure, sure).decision.candidates) == 2
    for request in (RouteRequest(context_size=5000), RouteRequest(context_size=9000, stated=False)):
        assert choose(request, unsure, sure).plan == ("b/sure",)
        assert choose(request, unsure).decision.notes == ("not known of the candidates: context window",)


def test_last_resorts_come_last() -> None:
    """A weak discovered deployment is chosen only when nothing better is eligible, whatever it scores."""
    weak = row("den/weak", speed=10, quality=1, last_resort=True)
    choice = choose(RouteRequest(), CLOUD, weak)
    assert choice.plan == ("sky/big", "den/weak")
    assert choice.decision.candidates[1].last_resort
    assert choose(RouteRequest(), weak).decision.selected == "den/weak"


def test_a_loaded_model_wins_a_tie() -> None:
    """Among equals the model that is loaded already answers first (ruling 27)."""
    assert choose(RouteRequest(), row("a/m"), row("b/m", loaded=True)).decision.selected == "b/m"


def test_groups_restrict() -> None:
    """A group's members are its providers times its models; everything else is rejected by name."""
    group = Group(name="family", providers=("den",), models=None)
    choice = choose(RouteRequest(group="family"), CLOUD, HOME, groups=(group,))
    assert choice.plan == ("den/small",)
    assert why(choice, "sky/big") == ("not in group family",)


def test_a_keyless_provider_is_rejected() -> None:
    """Row 15's second half: a provider without a usable key or login is out, and the reason says of what."""
    choice = choose(RouteRequest(), CLOUD, HOME, known={"keyless": {"sky": "no key: SKY_KEY is not set"}})
    assert why(choice, "sky/big") == ("no key: SKY_KEY is not set",)


def test_stale_discovered_models_stop_being_routable() -> None:
    """A listing that is too old takes discovered models out, declared ones stay."""
    found, told = row("den/found", declared=False), row("den/told", quality=1)
    choice = choose(RouteRequest(), found, told, known={"stale": {"den": "not listed since then"}})
    assert choice.plan == ("den/told",)


def test_what_a_probe_did_not_find_is_chosen_by_name_only() -> None:
    """Ruling 15: a verdict rejects with its reason, also as the only one that could; naming it lifts that."""
    known = {"absent": {"sky/big": "not configured there (probed 2026-11-21)"}}
    choice = choose(RouteRequest(), CLOUD, HOME, known=known)
    assert why(choice, "sky/big") == ("not configured there (probed 2026-11-21)",)
    assert choice.plan == ("den/small",)
    assert choose(RouteRequest(needs=("images",)), CLOUD, HOME, known=known).decision.no_eligible
    both = table([CLOUD, HOME])
    assert route(RouteRequest(), both, facts(**known), named=[both.rows[0]]).plan == ("sky/big",)


def test_prefer_moves_one_to_the_front() -> None:
    """--prefer puts the first candidate of that provider first and leaves the rest in order."""
    rows = (row("a/1", quality=9), row("b/1", quality=5), row("b/2", quality=7))
    assert choose(RouteRequest(prefer="b"), *rows).plan == ("b/2", "a/1", "b/1")


@given(
    st.lists(
        st.builds(
            lambda n, s, q, c, w: row(f"p{n % 5}/m{n}", speed=s, quality=q, cost_tier=c, window=w),
            st.integers(0, 99),
            st.integers(0, 10),
            st.integers(0, 10),
            st.integers(0, 3),
            st.sampled_from([0, 2048, 8192, 200000]),
        ),
        unique_by=lambda r: r.id,
        min_size=1,
        max_size=12,
    ),
    st.randoms(),
)
def test_the_order_of_rows_does_not_matter_beyond_ties(rows: list[Any], random: Any) -> None:
    """Routing is stable: shuffled input, sorted by id as the registry does, gives the same plan."""
    request = RouteRequest(query="compare these", context_size=500)
    first = route(request, table(sorted(rows, key=lambda r: r.id)), facts()).plan
    random.shuffle(rows)
    assert route(request, table(sorted(rows, key=lambda r: r.id)), facts()).plan == first


@given(st.integers(0, 10), st.integers(0, 10))
def test_a_worse_candidate_never_changes_the_winner(quality: int, speed: int) -> None:
    """Adding a deployment that is worse in every rating changes nothing at the top."""
    best = row("a/best", quality=10, speed=10)
    worse = row("b/worse", quality=min(quality, 9), speed=min(speed, 9), cost_tier=1)
    assert choose(RouteRequest(query="hello"), best, worse).decision.selected == "a/best"


def test_a_rejected_pin_with_fallback_lets_others_answer() -> None:
    """-m X --fallback with X ruled out chooses among the others, and says so in the decision."""
    both = table([CLOUD, HOME])
    asked = RouteRequest(model="sky/big", fallback=True, local_only=True)
    choice = route(asked, both, facts(), named=[both.rows[0]])
    assert choice.plan == ("den/small",)
    assert (choice.decision.selected, choice.decision.no_eligible) == ("den/small", False)


@pytest.mark.parametrize(
    ("other", "flags", "answers"),
    [
        ("", 0, False),
        ("only by name", 0, False),
        ("provider disabled", HARD, True),
        ("provider inactive by policy", HARD, True),
        ("inactive by policy", 0, True),
    ],
)
def test_a_name_means_who_is_inactive_where_nobody_else_may_answer_to_it(
    other: str, flags: int, *, answers: bool
) -> None:
    """Another who carries the name, and may answer, bars it; one that is barred by any name does not."""
    resting = row("den/m", blocked="inactive by policy (too slow)")
    found, _ = eligible.sharing_a_name([resting, row("sky/m", blocked=other, flags=flags)])
    assert (not found.flags & HARD) is answers
