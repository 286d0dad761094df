"""The strategy `value`: the cheapest that is good enough for this very prompt."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.config import Routing
from llmpool.core.routing import Decision, RouteRequest, RoutingRow
from llmpool.router.alike import Alike
from llmpool.router.explain import decision_json
from llmpool.router.replay import GUESSED, as_recorded, differences, recorded
from llmpool.router.route import route
from llmpool.router.value import expected
from llmpool.router.whatif import changes
from tests.builders import facts, row, table

VALUE = Routing(strategy="value")
FLEET = (
    row("den/small", quality=5, cost_tier=0),
    row("cloud/mini", quality=7, cost_tier=1, input_price=0.25, output_price=2.0),
    row("cloud/large", quality=9, cost_tier=3, input_price=1.25, output_price=10.0),
    row("cloud/new", quality=9, cost_tier=2, local=False),
)


def decide(
    *rows: RoutingRow, routing: Routing = VALUE, known: dict[str, Any] | None = None, **asked: Any
) -> Decision:
    """Decide among *rows*, or the fleet, for what is *asked*."""
    return route(
        RouteRequest(**asked), table(rows or FLEET, routing=routing), facts(**(known or {}))
    ).decision


def order(**asked: Any) -> list[str]:
    """Return the models of the fleet in the order chosen."""
    return [each.deployment.partition("/")[2] for each in decide(**asked).candidates]


@pytest.mark.parametrize(
    ("quality", "difficulty", "chance"),
    [
        (5, 0.0, 0.891),
        (5, 0.5, 0.679),
        (5, 1.0, 0.354),
        (9, 0.5, 0.862),
        (10, 0.0, 0.969),
        (10, 1.0, 0.679),
        (0, 1.0, 0.125),
    ],
)
def test_expected_quality_is_that_of_rasch(quality: int, difficulty: float, chance: float) -> None:
    """1 / (1 + exp(-(0.75 + 2.7 (q / 10 - d)))), rounded to three places."""
    assert expected(quality, difficulty) == chance


@given(st.integers(0, 10), st.integers(0, 10), st.floats(0, 1), st.floats(0, 1))
def test_better_models_and_easier_prompts_never_fare_worse(a: int, b: int, hard: float, easy: float) -> None:
    """The chance grows with the rating and falls with the difficulty, and stays between 0 and 1."""
    low, high = sorted((a, b))
    easy, hard = sorted((hard, easy))
    assert 0 < expected(low, hard) <= expected(high, hard) <= expected(high, easy) < 1


def test_the_cheapest_that_is_good_enough_leads() -> None:
    """An easy prompt goes to the free one, a harder one to whoever reaches the target for the least."""
    assert order(difficulty=0.0) == ["small", "mini", "large", "new"]
    assert order(difficulty=0.3) == ["mini", "large", "new", "small"]
    assert order(difficulty=0.5) == ["large", "new", "mini", "small"]


@pytest.mark.parametrize(
    ("quality", "hardest"), [(4, 0.164), (5, 0.264), (7, 0.464), (8, 0.564), (10, 0.764)]
)
def test_which_rating_answers_which_difficulty(quality: int, hardest: float) -> None:
    """With the usual target of 0.8 a point of rating reaches a tenth of difficulty further."""
    assert expected(quality, hardest) >= 0.8 > expected(quality, hardest + 0.003)


def test_the_candidates_tell_what_they_were_ranked_by() -> None:
    """The rating, and the price where one is known: USD of a billion tokens in and as many out."""
    told = {each.deployment: dict(each.hits) for each in decide(difficulty=0.0).candidates}
    assert told["den/small"] == {"quality": 5, "price_per_billion": 0}
    assert told["cloud/mini"] == {"quality": 7, "price_per_billion": 2250}
    assert told["cloud/new"] == {"quality": 9}


def test_one_alone_is_no_choice_to_tell_of() -> None:
    """Of a single one nothing is said of a target that it does not reach."""
    assert decide(FLEET[0], difficulty=1.0).notes == ()


def test_a_warm_conversation_stays_where_a_good_answer_is_expected() -> None:
    """While its prompt cache is likely warm it stays with whoever reaches the target, whatever it costs."""
    asked: dict[str, Any] = {"continues": "cloud/large", "warm": True}
    assert decide(difficulty=0.0, **asked).selected == "cloud/large"
    assert decide(difficulty=0.0, continues="cloud/large").selected == "den/small"


def test_a_warm_conversation_moves_on_where_it_got_too_hard() -> None:
    """Who falls short of the target, and of the best, does not keep it; the decision says why it moves."""
    decision = decide(difficulty=0.5, continues="den/small", warm=True)
    assert decision.selected == "cloud/large"
    assert decision.notes == (
        "den/small answered last, but a good answer to this is not to be expected there (0.679)",
    )
    stays = decide(difficulty=0.5, continues="den/small", warm=True, quality_target=0.6)
    assert (stays.selected, stays.notes) == ("den/small", ())
    wished = decide(difficulty=0.5, continues="den/small", warm=True, prefer="cloud/new")
    assert (wished.selected, wished.notes) == ("cloud/new", ())


def test_a_warm_conversation_stays_where_nobody_does_better() -> None:
    """Where no one reaches the target and it is with the best already, it stays there."""
    decision = decide(difficulty=1.0, continues="cloud/new", warm=True)
    assert decision.selected == "cloud/new"


def test_unknown_prices_come_last_among_the_good_enough() -> None:
    """What nobody knows the price of is asked after all that have one, before those that are too weak."""
    assert order(difficulty=0.5)[:2] == ["large", "new"]


def test_where_nobody_is_good_enough_the_best_is_asked() -> None:
    """The best goes first, equals by price, and the decision says that more was hoped for."""
    decision = decide(difficulty=1.0)
    assert [each.deployment for each in decision.candidates][:2] == ["cloud/large", "cloud/new"]
    assert decision.notes == (
        "nobody who may answer is expected to reach 0.8; the best is cloud/large, with 0.618",
    )


def test_equals_go_by_latency_then_loaded_ones() -> None:
    """At the same price whoever answers faster leads; of those never measured, who is loaded."""
    twins = (row("a/m"), row("b/m"), row("c/m", loaded=True))
    assert decide(*twins, known={"latency": {"b": 90.0}}, difficulty=0.0).selected == "b/m"
    assert decide(*twins, difficulty=0.0).selected == "c/m"


def test_the_target_of_the_request_goes_before_the_configs() -> None:
    """`--quality` asks for more or less than `quality_target`."""
    assert decide(difficulty=0.0, quality_target=0.9).selected == "cloud/mini"
    assert (
        decide(difficulty=0.0, routing=Routing(strategy="value", quality_target=0.94)).selected
        == "cloud/large"
    )
    assert decide(difficulty=0.3, quality_target=0.5).selected == "den/small"


def test_last_resorts_stay_last() -> None:
    """What is below auto_min_quality leads only where nothing better is eligible (ruling 6)."""
    weak = row("den/tiny", quality=3, last_resort=True)
    assert [each.deployment for each in decide(weak, FLEET[1], difficulty=0.0).candidates] == [
        "cloud/mini",
        "den/tiny",
    ]


def test_requirements_come_first() -> None:
    """Nothing is good value that may not answer (ruling 3)."""
    assert decide(difficulty=0.5, local_only=True).selected == "den/small"
    assert decide(difficulty=0.0, min_quality=8).selected == "cloud/large"


def test_a_query_nobody_judged_is_middling() -> None:
    """Without a difficulty it is taken for 0.5, and the decision does not claim one."""
    decision = decide()
    assert (decision.selected, decision.difficulty) == ("cloud/large", None)


def test_the_decision_tells_the_difficulty_where_it_counted() -> None:
    """It is recorded and in the reasoning with `value`; with the other strategies it is not."""
    line = decision_json(decide(difficulty=0.25))
    assert line["difficulty"] == 0.25
    assert "difficulty 0.25" in line["reasoning"]
    assert "difficulty" not in decision_json(decide(difficulty=0.25, routing=Routing()))


def test_the_bands_of_the_difficulty_can_take_the_place_of_keywords() -> None:
    """`[routing] complexity = "difficulty"`: the score table is fed by it; without, by keywords alone."""
    judged = Routing(complexity="difficulty")
    told = [decide(query="why", difficulty=d, routing=judged).complexity for d in (0.34, 0.35, 0.64, 0.65)]
    assert told == ["simple", "moderate", "moderate", "complex"]
    assert decide(query="why", difficulty=0.1, routing=Routing()).complexity == "complex"
    assert decide(query="why", routing=judged).complexity == "complex"


def test_a_recorded_difficulty_is_replayed() -> None:
    """A line that tells it is asked with it again; an older one with the middle of its complexity."""
    line = decision_json(decide(difficulty=0.71))
    assert recorded(line).request.difficulty == 0.71
    del line["difficulty"]
    assert recorded(line | {"complexity": "simple"}).request.difficulty == 0.175
    assert recorded(line | {"difficulty": True, "complexity": "complex"}).request.difficulty == 0.825


@given(
    st.floats(0, 1),
    st.floats(0, 1),
    st.sampled_from([0.5, 0.8, 0.95]),
    st.sampled_from(["keywords", "difficulty"]),
)
def test_what_is_alike_is_decided_alike(one: float, other: float, target: float, judge: str) -> None:
    """Two difficulties that a simulation takes for the same give the same deployment."""
    pool = table(FLEET, routing=Routing(strategy="value", quality_target=target, complexity=judge))
    alike = Alike(pool)
    asked = [RouteRequest(difficulty=round(each, 3)) for each in (one, other)]
    if alike.key(asked[0]) == alike.key(asked[1]):
        first, second = (route(each, pool, facts()).decision for each in asked)
        assert (first.selected, first.complexity) == (second.selected, second.complexity)


def test_difficulties_that_no_rating_tells_apart_are_alike() -> None:
    """A simulation decides them once; those that another rating answers are apart."""
    alike = Alike(table(FLEET, routing=VALUE))
    one, same, other = (alike.key(RouteRequest(difficulty=each)) for each in (0.001, 0.002, 0.5))
    assert one == same != other


def test_what_would_change_it_is_told() -> None:
    """A little less, and a little more, than is good enough now is tried."""
    request, pool = RouteRequest(difficulty=0.0), table(FLEET, routing=VALUE)
    told = {
        each.what: each.selected
        for each in changes(request, pool, facts(), route(request, pool, facts()).decision)
    }
    assert told["--quality 0.9"] == "cloud/mini"


def test_a_replay_says_where_the_difficulty_is_a_guess() -> None:
    """Nobody recorded it with the strategy `score`: asked again by `value`, the middle stands for it."""
    line = decision_json(decide(query="hello", difficulty=0.9, routing=Routing()))
    again = decide(difficulty=recorded(line).request.difficulty)
    assert as_recorded(again, line).notes[-1] == GUESSED
    assert GUESSED not in as_recorded(again, line | {"difficulty": 0.5}).notes


def test_points_of_one_strategy_are_not_held_against_figures_of_another() -> None:
    """What `score` adds up and what `value` goes by share no scale, so no rule has changed between them."""
    line = decision_json(decide(query="hello", routing=Routing()))
    now = decide(difficulty=0.0)
    assert differences(line, now, {each.id for each in FLEET})["rules"] == []
    dearer = decide(*(each._replace(input_price=9.0) for each in FLEET), difficulty=0.0, quality_target=0.9)
    before = decision_json(decide(difficulty=0.0, quality_target=0.9))
    changed = differences(before, dearer, {each.id for each in FLEET})["rules"]
    assert {each["rule"] for each in changed} == {"price_per_billion"}
