"""The strategies besides score (pool-routing-formats 4.4; rows 1 to 8 of its 15)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import Routing
from llmpool.core.routing import RouteRequest
from llmpool.router.route import route
from llmpool.router.strategy import take_turn
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


def test_what_the_order_went_by_is_told() -> None:
    """Priority, and how well a provider speaks the model's tongue where a name was asked for, are hits."""
    found = route(RouteRequest(), pool_of("priority"), facts()).decision.candidates
    assert [[(hit.rule, hit.points) for hit in each.hits] for each in found] == [
        [("priority", 100)],
        [("priority", 50)],
        [("priority", 10)],
    ]
    pool = pool_of("priority")
    known = facts(affinity={"provider-low/test-model": 100})
    first = route(RouteRequest(model="test-model"), pool, known, named=pool.rows).decision.candidates[0]
    assert first.hits == (("format_affinity", 100), ("priority", 10))


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


F2 = (
    row("openai/gpt-4", cost_tier=3),
    row("anthropic/gpt-4", cost_tier=3),
    row("ollama/gpt-4"),
    row("lmstudio/gpt-4"),
)
PRIORITIES = {"openai": 100, "anthropic": 90, "ollama": 80, "lmstudio": 70}


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("cloud", ["openai", "anthropic"]),
        ("local", ["ollama", "lmstudio"]),
        ("auto", ["openai", "anthropic", "ollama", "lmstudio"]),
        ("", ["openai", "anthropic", "ollama", "lmstudio"]),
    ],
)
def test_modes_row_6(mode: str, expected: list[str]) -> None:
    """Row 6: a mode is a filter. Ruling 5 for its last part: a place nobody stated is the cloud."""
    providers = [{"id": name, "priority": number} for name, number in PRIORITIES.items()]
    pool = table(F2, providers=providers, routing=Routing(strategy="priority"))
    plan = route(RouteRequest(mode=mode), pool, facts()).plan
    assert [ref.partition("/")[0] for ref in plan] == expected


def test_affinity_row_8() -> None:
    """Row 8: for a model asked for by name, who speaks its tongue comes before who has the priority."""
    relays = [row("one/claude-x", cost_tier=1), row("two/claude-x", cost_tier=1)]
    priorities = [{"id": "one", "priority": 100}, {"id": "two", "priority": 90}]
    affinity = {"one/claude-x": 300, "two/claude-x": 325}
    for strategy in ("priority", "latency"):
        pool = table(relays, providers=priorities, routing=Routing(strategy=strategy))
        known = facts(affinity=affinity, latency={"one": 10.0, "two": 900.0})
        request = RouteRequest(model="claude-x")
        assert route(request, pool, known, named=pool.rows).plan == ("two/claude-x", "one/claude-x")
        assert route(RouteRequest(), pool, known).plan == ("one/claude-x", "two/claude-x")


def test_cost_and_turns_look_neither_at_affinity_nor_at_priority() -> None:
    """4.4: the price alone orders `cost`, equals as they came; the ids alone order `round_robin`."""
    relays = [row(f"{name}/m", cost_tier=1, input_price=1.0, output_price=1.0) for name in "abc"]
    priorities = [{"id": name, "priority": n} for n, name in enumerate("abc")]
    known = facts(affinity={"c/m": 325})
    for strategy in ("cost", "round_robin"):
        pool = table(relays, providers=priorities, routing=Routing(strategy=strategy))
        assert route(RouteRequest(model="m"), pool, known, named=pool.rows).plan == ("a/m", "b/m", "c/m")


def test_who_failed_last_comes_after_its_equals() -> None:
    """4.4 with ruling 15: among equal priorities a provider whose listing failed or that is away is later."""
    pool = table(
        [row("a/m"), row("b/m"), row("c/m")],
        providers=[
            {"id": "a", "stale_since": "2026-11-21T03:44:00Z"},
            {"id": "b"},
            {"id": "c", "priority": 30},
        ],
        routing=Routing(strategy="priority"),
    )
    assert route(RouteRequest(), pool, facts()).plan == ("c/m", "b/m", "a/m")


def test_a_strategy_nobody_knows_is_priority() -> None:
    """4.4: any unknown value means priority."""
    assert order("nonsense") == order("priority")


def test_warm_models_first() -> None:
    """Ruling 27: among equals a loaded local model comes first; in turns everyone has a turn."""
    for strategy in ("priority", "cost"):
        pool = table(
            [row("den/a"), row("den/b"), row("den/c", loaded=True)], routing=Routing(strategy=strategy)
        )
        assert route(RouteRequest(), pool, facts()).decision.selected == "den/c"


def test_a_cold_load_counts_in_latency() -> None:
    """Ruling 27: a model that has to be loaded first is taken for as much slower, at servers that load."""
    rows = [row("den/cold"), row("den/warm", loaded=True), row("sky/m", cost_tier=1), row("vl/m")]
    providers = [{"id": "den", "format": "ollama"}, {"id": "sky"}, {"id": "vl", "preset": "vllm"}]
    pool = table(rows, providers=providers, routing=Routing(strategy="latency"))
    known = facts(latency={"den": 200.0, "sky": 900.0, "vl": 950.0})
    candidates = route(RouteRequest(), pool, known).decision.candidates
    assert [(c.deployment, c.score) for c in candidates] == [
        ("den/warm", 1 / 200),
        ("sky/m", 1 / 900),
        ("vl/m", 1 / 950),
        ("den/cold", 1 / 5200),
    ]


def test_less_than_a_millisecond_is_a_finite_score() -> None:
    """4.4: the source's infinity is an accident; latency counts in whole milliseconds, at least one."""
    assert dict(order("latency", latency={"provider-low": 0.4}))["low"] == 1.0


def test_a_last_resort_is_behind_everybody_and_takes_no_turn() -> None:
    """Ruling 6: with any strategy, and turns go round among the others."""
    rows = [row("a/weak", last_resort=True), row("b/m"), row("c/m")]
    for strategy in ("priority", "cost", "latency", "round_robin"):
        pool = table(rows, routing=Routing(strategy=strategy))
        for cursor in range(3):
            plan = route(RouteRequest(), pool, facts(cursors={"m": cursor})).plan
            assert plan[-1] == "a/weak"
    assert [c.score for c in route(RouteRequest(), pool, facts()).decision.candidates] == [3, 2, 1]


def test_one_alone_takes_no_turn() -> None:
    """4.4: with one candidate nothing is rotated, no counter moves and the score stays 0."""
    pool = table([row("a/m")], routing=Routing(strategy="round_robin"))
    decision = route(RouteRequest(), pool, facts()).decision
    assert [(c.deployment, c.score) for c in decision.candidates] == [("a/m", 0)]
    assert decision.turns == ()


def test_the_turn_is_named_before_it_is_taken() -> None:
    """The counter's name does not depend on whose turn it is, with two models at one provider too."""
    rows = table([row("den/a"), row("den/b")], routing=Routing(strategy="round_robin"))
    cursors: dict[str, int] = {}
    chosen = []
    for _ in range(4):
        decision = route(RouteRequest(), rows, facts(cursors=cursors)).decision
        chosen.append(decision.selected)
        assert decision.turns == ("b",)
        cursors = take_turn(cursors, decision.turns)[1]
    assert chosen == ["den/b", "den/a", "den/b", "den/a"]


def test_turns_are_handed_out_once() -> None:
    """Whoever takes a turn gets the counters as they were; the next one finds them moved by one."""
    before = {"m": 3, "other": 9}
    taken, after = take_turn(before, ("m", "auto_provider:den"))
    assert taken == {"m": 3, "auto_provider:den": 0}
    assert after == {"m": 4, "auto_provider:den": 1, "other": 9}
    assert before == {"m": 3, "other": 9}
