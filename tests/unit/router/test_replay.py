"""router.replay: the features of a recorded decision as a request, and how two answers differ."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.deployment import COMPLEXITIES
from llmpool.core.routing import Decision, Experience, RouteRequest, RoutingRow
from llmpool.router import analyze
from llmpool.router.explain import decision_json
from llmpool.router.replay import as_recorded, differences, recorded
from llmpool.router.route import route
from tests.builders import facts, row, table

BIG = row("sky/big", quality=10, cost_tier=3, window=200_000)
SMALL = row("den/small", quality=5, speed=8)
MID = row("sky/mid", quality=7, speed=8, cost_tier=1)


def decide(rows: tuple[RoutingRow, ...], request: RouteRequest, **known: Any) -> Decision:
    made = table(sorted(rows, key=lambda r: r.id), generation=known.pop("generation", 1))
    return route(request, made, facts(**known), stamp=("d-1", "2026-11-21T03:44:00.000Z")).decision


def logged(decision: Decision, **request: Any) -> dict[str, Any]:
    """Write a decision as the log has it, and read it back."""
    line = json.loads(json.dumps(decision_json(decision)))
    line["request"] |= request
    return line


def test_a_target_of_nothing_is_one_that_was_said() -> None:
    """Whoever asks for the cheapest, however good, is not given the target of the config in a replay."""
    asked = RouteRequest(query="explain it", strategy="value", quality_target=0.0, difficulty=0.5)
    line = logged(decide((BIG, SMALL), asked), strategy="value")
    assert recorded(line).request.quality_target == 0


@pytest.mark.parametrize("complexity", COMPLEXITIES)
def test_what_stands_for_the_text_is_judged_as_the_text_was(complexity: str) -> None:
    """The query is gone; the request made of a record has the complexity that was recorded."""
    line = logged(decide((BIG,), RouteRequest(query="?"))) | {"complexity": complexity}
    level, _ = analyze.complexity(recorded(line).request.query)
    assert COMPLEXITIES[level] == complexity


def test_features_come_back_as_they_were() -> None:
    """Whatever a request asked for is asked again; what it left to the config is left to it."""
    asked = RouteRequest(
        query="explain it",
        context_size=700,
        needs=("tools",),
        tool_count=5,
        priority="background",
        hints=(("quality_floor", "6"),),
        min_quality=6,
        max_cost="0.5",
        max_tokens=100,
        local_only=True,
        exclude=("sky/big", "sky"),
        prefer="den",
    )
    line = logged(decide((BIG, SMALL), asked), stated=True, strategy="cost", mode="local", force=True)
    assert recorded(line) == (
        asked.replace(query="why", strategy="cost", mode="local", difficulty=0.825),
        True,
        False,
    )
    bare = recorded(logged(decide((BIG,), RouteRequest(stated=False))))
    assert bare == (RouteRequest(stated=False, difficulty=0.5), False, False)


@pytest.mark.parametrize(
    "change",
    [
        {"request": None},
        {"request": {}},
        {"complexity": "odd"},
        *(
            {"request": {"context_size": 1} | odd}
            for odd in (
                {"context_size": -1},
                {"context_size": True},
                {"needs": "tools"},
                {"needs": [1]},
                {"hints": {"a": 1}},
                {"hints": []},
                {"min_quality": "7"},
                {"stated": 1},
                {"fallback": "yes"},
            )
        ),
    ],
    ids=str,
)
def test_a_line_that_tells_too_little_is_refused(change: dict[str, Any]) -> None:
    """Features of another type, or none at all, are a ValueError and never a guess."""
    with pytest.raises(ValueError, match=r"recorded|should be"):
        recorded(logged(decide((BIG,), RouteRequest())) | change)


def test_the_same_again_differs_in_nothing() -> None:
    """Replayed over the same table and facts a decision is the same to the last point."""
    request = RouteRequest(query="compare where", context_size=900)
    then = decide((BIG, SMALL, MID), request)
    line = logged(then)
    now = as_recorded(decide((BIG, SMALL, MID), recorded(line).request), line)
    assert decision_json(now) | {"at": then.at, "request": line["request"]} == line
    told = differences(line, now, {r.id for r in (BIG, SMALL, MID)})
    assert (told["same"], told["rules"], told["came"], told["went"]) == (
        True,
        [],
        {"total": 0, "deployments": []},
        {"total": 0, "deployments": []},
    )


def test_it_says_why_another_is_chosen_today() -> None:
    """Generation, standings, the rules that give other points, and who came and went."""
    request = RouteRequest(query="hello")
    line = logged(decide((BIG, SMALL), request, generation=3))
    cheaper = SMALL._replace(cost_tier=1)
    new = row("den/new", quality=8, speed=9)
    seen = {"den/small": Experience(0, 5, 0, 0)}
    now = decide((cheaper, MID, new), recorded(line).request, generation=5, experience=seen)
    told = differences(line, now, {r.id for r in (cheaper, MID, new)})
    assert told["selected"] == {"then": "den/small", "now": "den/new"}
    assert told["generation"] == {"then": 3, "now": 5}
    assert told["winners"] == [
        {
            "deployment": "den/small",
            "then": {"state": "candidate", "place": 1, "score": 45},
            "now": {"state": "candidate", "place": 3, "score": 12},
        },
        {
            "deployment": "den/new",
            "then": {"state": "not there"},
            "now": {"state": "candidate", "place": 1, "score": 45},
        },
    ]
    assert told["rules"] == [
        {"deployment": "den/small", "rule": "free_model_bonus", "then": 15, "now": 0},
        {"deployment": "den/small", "rule": "cost_penalty_moderate", "then": 0, "now": -8},
        {"deployment": "den/small", "rule": "experience_reliability_penalty", "then": 0, "now": -10},
    ]
    assert told["came"] == {"total": 2, "deployments": ["den/new", "sky/mid"]}
    assert told["went"] == {"total": 1, "deployments": ["sky/big"]}


def test_a_winner_that_may_not_answer_today() -> None:
    """A winner of then is gone, or rejected with today's reasons."""
    line = logged(decide((BIG, SMALL), RouteRequest(query="hello")))
    barred = SMALL._replace(blocked="inactive by policy")
    now = decide((BIG, barred), recorded(line).request)
    (winner, _), rejected = differences(line, now, {"sky/big", "den/small"})["winners"], "rejected"
    assert winner["now"] == {"state": rejected, "reasons": ["inactive by policy"]}
    gone = differences(line, decide((BIG,), recorded(line).request), {"sky/big"})["winners"][0]
    assert gone["now"] == {"state": "gone"}


def test_what_was_not_kept_is_not_made_up() -> None:
    """Of a decision with more candidates than its line holds, nobody says who came since."""
    many = tuple(row(f"a/m{n:03}") for n in range(80))
    line = logged(decide(many, RouteRequest(query="hello")))
    assert (len(line["candidates"]), line["candidates_total"]) == (50, 80)
    best = row("a/m079", speed=9)
    told = differences(line, decide((*many[:79], best), recorded(line).request), {r.id for r in many})
    assert (told["came"], told["went"]["total"]) == (None, 0)
    assert told["winners"][1]["then"] == {"state": "not recorded"}
