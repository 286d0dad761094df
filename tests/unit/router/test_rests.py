"""Who rests is asked last, and not before a time that its vendor named (DESIGN 1, rulings 2 and 10)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import Routing
from llmpool.core.routing import Rejection, RouteRequest, RoutingRow
from llmpool.router.route import Choice, route
from tests.builders import facts, row, table

ALL = ("score", "priority", "cost", "latency", "round_robin")
FILTERING = ALL[1:]
A, B, C = row("a/m", quality=9), row("b/m", quality=8), row("c/m", quality=3)
TOLD, REFUSED = (True, False), (False, True)


def choose(strategy: str, *rows: Any, request: RouteRequest | None = None, **known: Any) -> Choice:
    """Route over *rows* with one strategy; *known* are facts."""
    pool = table(rows or (A, B, C), routing=Routing(strategy=strategy))
    return route(request or RouteRequest(), pool, facts(**known))


@pytest.mark.parametrize("strategy", ALL)
def test_a_resting_deployment_is_filtered_with_every_strategy(strategy: str) -> None:
    """Ruling 2: cooldowns of deployments and keys filter everywhere, with their reason."""
    choice = choose(strategy, resting={"a/m": (900.0, "rests after timeout")})
    assert choice.plan == ("b/m", "c/m", "a/m")
    assert choice.decision.resting == ("a/m",)
    assert choice.decision.rejections == (Rejection("a/m", ("rests after timeout",)),)
    assert (choice.decision.selected, choice.decision.once, choice.decision.notes) == ("b/m", False, ())


@pytest.mark.parametrize("strategy", FILTERING)
@pytest.mark.parametrize("fact", ["cooling", "unreachable"])
def test_a_provider_that_rests_is_a_filter(strategy: str, fact: str) -> None:
    """Ruling 2: outside of `score` a provider in cooldown or out of reach is no candidate, and asked last."""
    choice = choose(strategy, **{fact: {"a": "rests"}})
    assert choice.plan == ("b/m", "c/m", "a/m")
    assert choice.decision.rejections[0] == Rejection("a/m", ("rests",))


def test_a_provider_that_rests_loses_points_in_score() -> None:
    """Ruling 2: -300 and -500, so it comes last and is still in the plan."""
    choice = choose("score", cooling={"a": "rests"})
    assert (choice.plan, choice.decision.resting) == (("b/m", "c/m", "a/m"), ())
    assert choose("score", unreachable={"a": "away"}, cooling={"b": "rests"}).plan == ("c/m", "b/m", "a/m")


@pytest.mark.parametrize("strategy", ALL)
def test_the_only_provider_never_rests_as_a_whole(strategy: str) -> None:
    """Ruling 10, and row 14: with one enabled provider its cooldown and its silence block nothing."""
    rows = (row("a/m"), row("a/n"))
    choice = choose(strategy, *rows, cooling={"a": "rests"}, unreachable={"a": "away"})
    assert set(choice.plan) == {"a/m", "a/n"}
    assert not choice.decision.once


def test_a_disabled_neighbour_is_no_second_provider() -> None:
    """Ruling 10 counts enabled ones."""
    pool = table(
        [A], providers=[{"id": "a"}, {"id": "off", "enabled": False}], routing=Routing(strategy="cost")
    )
    assert route(RouteRequest(), pool, facts(cooling={"a": "rests"})).plan == ("a/m",)


@pytest.mark.parametrize("strategy", ALL)
def test_where_all_rest_the_soonest_free_is_tried_first(strategy: str) -> None:
    """Ruling 10: it leads, the others follow as they wake, and the decision says why it is asked at all."""
    resting = {"a/m": (900.0, "until nine"), "b/m": (600.0, "until six"), "c/m": (700.0, "until seven")}
    choice = choose(strategy, resting=resting)
    assert choice.plan == choice.decision.resting == ("b/m", "c/m", "a/m")
    decision = choice.decision
    assert (decision.selected, decision.once, decision.no_eligible) == ("b/m", True, False)
    assert [c.deployment for c in decision.candidates] == ["b/m"]
    assert {r.deployment for r in decision.rejections} == {"a/m", "c/m"}
    assert decision.notes == ("all who may answer are resting; b/m is tried first (until six)",)
    assert decision.turns == ()


@pytest.mark.parametrize("strategy", ALL)
def test_without_fallback_the_soonest_free_is_tried_alone(strategy: str) -> None:
    """--no-fallback: the winner only, be it one who rests; no winner is followed by one who rests."""
    alone, both = RouteRequest(fallback=False), {"a/m": (9.0, "a rests"), "b/m": (5.0, "b rests")}
    choice = choose(strategy, A, B, request=alone, resting=both)
    assert (choice.plan, choice.decision.resting, choice.decision.once) == (("b/m",), ("b/m",), True)
    assert choice.decision.notes == ("all who may answer are resting; b/m is tried all the same (b rests)",)
    awake = choose(strategy, A, B, request=alone, resting={"a/m": (9.0, "a rests")})
    assert (awake.plan, awake.decision.resting) == (("b/m",), ())


@pytest.mark.parametrize("strategy", ALL)
def test_nobody_is_asked_before_the_time_its_vendor_named(strategy: str) -> None:
    """A rate limit with a time is kept, however soon that is over; where all have one, the first is asked."""
    limited = (1.0, "a rate limit", *TOLD)
    assert choose(strategy, resting={"a/m": limited}).plan == ("b/m", "c/m")
    some = choose(strategy, resting={"a/m": limited, "b/m": (9.0, "rests"), "c/m": (8.0, "rests")})
    assert some.plan == ("c/m", "b/m")
    everybody = {ref: (until, "a rate limit", *TOLD) for ref, until in (("a/m", 9.0), ("b/m", 8.0))}
    choice = choose(strategy, A, B, resting=everybody)
    assert (choice.plan, choice.decision.resting, choice.decision.once) == (("b/m",), ("b/m",), True)
    assert choice.decision.notes == (
        "all who may answer are resting; b/m is tried all the same (a rate limit)",
    )


@pytest.mark.parametrize("strategy", ALL)
def test_whose_keys_were_refused_is_asked_last_of_all(strategy: str) -> None:
    """A key that was refused an hour ago is the least likely to work; a last resort is likelier."""
    weak = row("d/weak", last_resort=True)
    known = {
        "a/m": (5.0, "key refused", *REFUSED),
        "b/m": (90.0, "rests"),
        "c/m": (80.0, "rests"),
        "d/weak": (1.0, "rests"),
    }
    choice = choose(strategy, A, B, C, weak, resting=known)
    assert choice.plan == ("c/m", "b/m", "d/weak", "a/m")


@pytest.mark.parametrize("strategy", FILTERING)
def test_providers_are_free_when_their_cooldown_ends(strategy: str) -> None:
    """The later of both rests counts, and one whose end nobody knows comes last."""
    choice = choose(
        strategy,
        cooling={"a": "rests", "b": "rests"},
        unreachable={"c": "away"},
        free_at={"a": 500.0, "b": 400.0},
        resting={"b/m": (600.0, "until six")},
    )
    assert choice.plan == ("a/m", "b/m", "c/m")


def test_equals_are_tried_in_the_order_of_the_strategy() -> None:
    """Free at the same moment, the better one is asked; a last resort after everybody."""
    resting = dict.fromkeys(("a/m", "b/m", "c/m"), (600.0, "rests"))
    assert choose("score", resting=resting).plan == ("a/m", "b/m", "c/m")
    tired = {ref: rest for ref, rest in resting.items() if ref != "b/m"}
    assert choose("score", C, B, A, resting=tired).plan == ("b/m", "a/m", "c/m")
    weak = row("b/weak", last_resort=True)
    known = {"a/m": (600.0, "rests"), "b/weak": (5.0, "rests")}
    assert choose("score", A, weak, resting=known).plan == ("a/m", "b/weak")
    awake = choose("score", A, weak, resting={"a/m": (600.0, "rests")})
    assert (awake.plan, awake.decision.candidates[0].last_resort) == (("b/weak", "a/m"), True)
    alone = choose("score", weak, resting={"b/weak": (5.0, "rests")})
    assert (alone.plan, alone.decision.candidates[0].last_resort) == (("b/weak",), True)


@pytest.mark.parametrize("strategy", ALL)
def test_a_resting_fallback_waits_like_everybody(strategy: str) -> None:
    """Fallbacks, default and recovery model rest like others; awake they come before whoever rests."""
    spare = row("s/m", blocked="only by name")
    pool = table([A, spare], routing=Routing(strategy=strategy, fallbacks=("s/m",)), recovery_model="s/m")

    def plan(**resting: tuple[float, str]) -> tuple[str, ...]:
        known = {name.replace("_", "/"): rest for name, rest in resting.items()}
        return route(RouteRequest(), pool, facts(resting=known)).plan

    assert plan(s_m=(9.0, "rests")) == ("a/m", "s/m")
    assert plan(a_m=(9.0, "rests")) == ("s/m", "a/m")
    assert plan(a_m=(9.0, "rests"), s_m=(5.0, "rests")) == ("s/m", "a/m")


def test_a_pin_that_rests_is_tried_once() -> None:
    """Nobody else was asked for; with --fallback those who are awake are asked first."""
    pool = table([A, B])
    known = facts(resting={"a/m": (9.0, "rests")})
    pinned = route(RouteRequest(model="a/m"), pool, known, named=pool.rows[:1])
    assert (pinned.plan, pinned.decision.once) == (("a/m",), True)
    assert pinned.decision.notes == ("nobody else may answer; a/m is tried all the same (rests)",)
    lifted = route(RouteRequest(model="a/m", fallback=True), pool, known, named=pool.rows[:1])
    assert (lifted.plan, lifted.decision.once) == (("b/m", "a/m"), False)
    assert lifted.decision.resting == ("a/m",)
    awake = route(RouteRequest(model="b/m"), pool, known, named=pool.rows[1:])
    assert (awake.plan, awake.decision.resting) == (("b/m",), ())


@pytest.mark.parametrize("strategy", ALL)
def test_of_a_name_those_who_carry_it_are_asked_at_last(strategy: str) -> None:
    """Several carry the name: they stand in for one another, resting ones last, and nobody else does."""
    pool = table([A, B, C], routing=Routing(strategy=strategy))
    named: list[RoutingRow] = pool.rows[:2]
    choice = route(RouteRequest(model="m"), pool, facts(resting={"a/m": (9.0, "rests")}), named=named)
    assert choice.plan == ("b/m", "a/m")


def test_requirements_bind_the_soonest_free() -> None:
    """Ruling 3: who may not answer is not asked, however soon it were free."""
    cloud = row("sky/m", cost_tier=2, quality=10)
    known = {"sky/m": (1.0, "rests"), "a/m": (900.0, "rests")}
    choice = choose("score", A, cloud, request=RouteRequest(local_only=True), resting=known)
    assert choice.plan == ("a/m",)
    none = choose("score", cloud, request=RouteRequest(local_only=True), resting=known)
    assert (none.plan, none.decision.no_eligible, none.decision.once) == ((), True, False)


@pytest.mark.parametrize("strategy", ALL)
def test_a_preference_waits_for_nobody(strategy: str) -> None:
    """--prefer does not move a provider to the front that is to be left alone (4.2, step 7)."""
    request = RouteRequest(prefer="a")
    rested = choose(strategy, request=request, cooling={"a": "rests"})
    assert rested.plan[0] != "a/m"
    assert rested.decision.notes == ("a is preferred, but may not answer now",)
    assert choose(strategy, request=request).plan[0] == "a/m"
