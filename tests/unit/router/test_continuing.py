"""A conversation stays on its deployment while its prompt cache is likely warm (demand A5.15)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import Routing
from llmpool.core.routing import LAST_RESORT, Decision, RouteRequest, RoutingRow
from llmpool.router.explain import decision_json
from llmpool.router.replay import recorded
from llmpool.router.route import Choice, route
from llmpool.router.strategy import PASSED_OVER
from tests.builders import facts, row, table

ALL = ("score", "priority", "cost", "latency", "round_robin")
FINE = row("sky/fine", quality=9, speed=9, cost_tier=1, input_price=1.0, output_price=1.0)
POOR = row("pit/poor", quality=5, speed=2, cost_tier=3, input_price=9.0, output_price=9.0)
PROVIDERS = [{"id": "sky", "priority": 90}, {"id": "pit", "priority": 10}]


def ask(
    request: RouteRequest, *rows: RoutingRow, strategy: str = "score", named: Any = None, **known: Any
) -> Choice:
    """Route over *rows*, else over a fine deployment and a poor one."""
    pool = table(rows or (POOR, FINE), providers=PROVIDERS, routing=Routing(strategy=strategy))
    known = {"latency": {"sky": 10.0, "pit": 9000.0}} | known
    return route(request, pool, facts(**known), named=named)


def warm(ref: str = "pit/poor", **fields: Any) -> RouteRequest:
    """Return a request that goes on with a conversation *ref* answered a moment ago."""
    return RouteRequest(query="and then?", continues=ref, warm=True, **fields)


@pytest.mark.parametrize("strategy", ALL)
def test_a_warm_conversation_stays_whatever_the_strategy_says(strategy: str) -> None:
    """The one that answered last goes first, the others stay behind it, and the decision says why."""
    assert ask(RouteRequest(query="and then?"), strategy=strategy, cursors={"poor": 1}).plan[-1] == "pit/poor"
    choice = ask(warm(), strategy=strategy, cursors={"poor": 1})
    assert choice.plan == ("pit/poor", "sky/fine")
    assert "pit/poor is kept, for its prompt cache is likely warm, with" in choice.decision.reasoning


@pytest.mark.parametrize("strategy", ALL)
def test_a_cold_conversation_stays_only_among_equals(strategy: str) -> None:
    """Once the cache is gone the best one answers; of equals it is the one that knows the conversation."""
    cold = warm().replace(warm=False)
    assert ask(cold, strategy=strategy, cursors={"poor": 1}).plan[0] == "sky/fine"
    twins = FINE._replace(id="sky/a"), FINE._replace(id="sky/b")
    choice = ask(cold.replace(continues="sky/b"), *twins, strategy=strategy, named=list(_numbered(twins)))
    assert (choice.plan[0], "kept" in choice.decision.reasoning) == ("sky/b", False)


def _numbered(rows: tuple[RoutingRow, ...]) -> list[RoutingRow]:
    return table(rows, providers=PROVIDERS).rows


def test_a_loaded_model_comes_before_a_cold_conversation() -> None:
    """Ruling 27: among equals a loaded local deployment wins; only then who answered last."""
    idle, loaded = row("den/idle"), row("den/loaded", loaded=True)
    request = RouteRequest(query="hi", continues="den/idle")
    assert route(request, table([idle, loaded]), facts()).plan[0] == "den/loaded"


@pytest.mark.parametrize("strategy", ALL)
def test_one_that_rests_is_left_and_said(strategy: str) -> None:
    """A cooldown of the deployment, or of its provider, moves the conversation on."""
    own = ask(warm(), strategy=strategy, resting={"pit/poor": (9.0, "rests after overload")})
    assert own.plan[0] == "sky/fine"
    assert own.decision.notes[0] == "pit/poor answered last, but may not now: rests after overload"
    whole = ask(warm(), strategy=strategy, cooling={"pit": "rests after a time-out"})
    assert whole.plan[0] == "sky/fine"
    assert whole.decision.notes[0] == "pit/poor answered last, but its provider rests"


def test_one_that_cannot_take_the_request_is_left_and_said() -> None:
    """Requirements bind a conversation as they bind all else (ruling 3)."""
    small = POOR._replace(window=1000)
    choice = ask(warm(context_size=5000), FINE, small)
    assert choice.plan == ("sky/fine",)
    assert choice.decision.notes == ("pit/poor answered last, but may not now: context window too small",)


def test_one_that_is_gone_is_not_mentioned() -> None:
    """A conversation outlives its model."""
    choice = ask(warm("old/gone"))
    assert (choice.plan[0], choice.decision.notes) == ("sky/fine", ())


def test_what_the_caller_prefers_or_names_comes_first() -> None:
    """`--prefer` and `-m` are the caller's word; a name that fits the conversation keeps it."""
    assert ask(warm(prefer="sky")).plan[0] == "sky/fine"
    assert ask(warm(), named=_numbered((FINE,))).plan == ("sky/fine",)
    both = _numbered((POOR, FINE))
    assert ask(warm(model="x"), named=both).plan[0] == "pit/poor"


@pytest.mark.parametrize("strategy", ["priority", "cost", "latency"])
def test_one_off_the_shortlist_stays_all_the_same(strategy: str) -> None:
    """It was chosen before, by name perhaps; the others are still the provider's shortlist."""
    many = [FINE._replace(id=f"sky/gpt-{n}") for n in range(9)]
    odd = FINE._replace(id="sky/odd")
    choice = ask(warm("sky/odd"), *many, odd, strategy=strategy)
    assert choice.plan[0] == "sky/odd"
    assert all(rejection.deployment != "sky/odd" for rejection in choice.decision.rejections)
    passed = ask(RouteRequest(), *many, odd, strategy=strategy).decision.rejections
    assert [(each.deployment, each.reasons) for each in passed] == [("sky/odd", (PASSED_OVER,))]


def test_a_last_resort_that_was_asked_stays() -> None:
    """Whoever began a conversation with a weak model by name goes on with it."""
    weak = POOR._replace(flags=POOR.flags | LAST_RESORT)
    choice = ask(warm(), FINE, weak)
    assert choice.plan[0] == "pit/poor"


def test_a_recorded_conversation_can_be_replayed() -> None:
    """The decision's line has what it went by; a plain request has neither field."""
    line = decision_json(ask(warm(max_tokens=9)).decision)
    again = recorded(line).request
    assert (again.continues, again.warm, again.max_tokens, again.stated) == ("pit/poor", True, 9, True)
    plain: Decision = ask(RouteRequest(stated=False)).decision
    assert {"continues", "warm", "stated"}.isdisjoint(decision_json(plain)["request"])
