"""The strategies besides score (pool-routing-formats 15, rows 1 to 7)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import Routing
from llmpool.core.routing import RouteRequest
from llmpool.router.route import route
from tests.builders import facts, row, table

F1 = (
    {"id": "provider-high", "priority": 100},
    {"id": "provider-medium", "priority": 50},
    {"id": "provider-low", "priority": 10},
)
PRICES = {"high": (10.0, 20.0), "medium": (5.0, 10.0), "low": (1.0, 2.0)}


def pool_of(strategy: str) -> Any:
    """Build fixture F1: three providers that serve test-model at three priorities and prices."""
    rows = [
        row(f"provider-{name}/test-model", cost_tier=1, input_price=a, output_price=b)
        for name, (a, b) in PRICES.items()
    ]
    return table(rows, providers=F1, routing=Routing(strategy=strategy))


def order(strategy: str, **known: Any) -> list[tuple[str, float]]:
    """Return (provider, score) in the order chosen."""
    candidates = route(RouteRequest(), pool_of(strategy), facts(**known)).decision.candidates
    return [(c.deployment.partition("/")[0].removeprefix("provider-"), c.score) for c in candidates]


def test_priority_row_1() -> None:
    """Row 1: the highest priority first; scores count down from the number of candidates."""
    assert order("priority") == [("high", 3), ("medium", 2), ("low", 1)]


def test_cost_row_2() -> None:
    """Row 2: the cheapest first; the score is one over the sum of both prices."""
    assert order("cost") == [("low", 1 / 3), ("medium", 1 / 15), ("high", 1 / 30)]


def test_latency_row_3() -> None:
    """Row 3: the fastest first; the score is one over milliseconds."""
    known = {"latency": {"provider-high": 500.0, "provider-medium": 100.0, "provider-low": 300.0}}
    assert order("latency", **known) == [("medium", 0.01), ("low", 1 / 300), ("high", 0.002)]


def test_unknown_latency_comes_after_known_by_priority() -> None:
    """A provider never measured comes after all that were, by priority among themselves."""
    assert [p for p, _ in order("latency", latency={"provider-low": 900.0})] == ["low", "high", "medium"]


def test_round_robin_row_4() -> None:
    """Row 4: nine calls reach each provider three times, in the order of their ids."""
    turns = [order("round_robin", cursors={"test-model": n})[0][0] for n in range(9)]
    assert turns == ["high", "low", "medium"] * 3


def test_exclude_row_5() -> None:
    """Row 5: an excluded provider is left out, the next by priority answers."""
    request = RouteRequest(exclude=("provider-high",))
    assert route(request, pool_of("priority"), facts()).decision.selected == "provider-medium/test-model"


def test_sticky_row_7() -> None:
    """Row 7: a preferred provider comes first, the rest keep their order."""
    choice = route(RouteRequest(prefer="provider-low"), pool_of("priority"), facts())
    assert [ref.partition("/")[0] for ref in choice.plan] == [
        "provider-low",
        "provider-high",
        "provider-medium",
    ]


def test_unknown_price_sorts_last_unless_local() -> None:
    """Ruling 4: no price means last, except for local deployments, which are free."""
    rows = (row("a/x", cost_tier=1), row("b/x", cost_tier=1, input_price=1.0, output_price=1.0), row("c/x"))
    choice = route(RouteRequest(), table(rows, routing=Routing(strategy="cost")), facts())
    assert [(c.deployment, c.score) for c in choice.decision.candidates] == [
        ("c/x", 1000),
        ("b/x", 0.5),
        ("a/x", 0),
    ]


@pytest.mark.parametrize("strategy", ["priority", "cost", "latency", "round_robin"])
def test_resting_providers_are_filtered(strategy: str) -> None:
    """Ruling 2: provider cooldowns are points in score and filters everywhere else."""
    known = {"cooling": {"provider-low": "rests"}}
    decision = route(RouteRequest(), pool_of(strategy), facts(**known)).decision
    assert [r.deployment for r in decision.rejections] == ["provider-low/test-model"]
    assert len(decision.candidates) == 2


def test_a_lone_provider_never_rests() -> None:
    """With one enabled provider a cooldown never blocks (ruling 10)."""
    only = table([row("a/m")], routing=Routing(strategy="priority"))
    assert route(RouteRequest(), only, facts(cooling={"a": "rests"})).decision.selected == "a/m"


def test_the_turn_is_named_before_it_is_taken() -> None:
    """The counter's name does not depend on whose turn it is, with two models at one provider too."""
    rows = table([row("den/a"), row("den/b")], routing=Routing(strategy="round_robin"))
    cursors: dict[str, int] = {}
    chosen = []
    for _ in range(4):
        decision = route(RouteRequest(), rows, facts(cursors=cursors)).decision
        chosen.append(decision.selected)
        cursors[decision.turn] = cursors.get(decision.turn, 0) + 1
    assert chosen == ["den/a", "den/b", "den/a", "den/b"]
