"""No model named: who stands for a provider, and in whose turn (pool-routing-formats 4.5, 5.4)."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.config import Routing
from llmpool.core.names import preference
from llmpool.core.routing import RouteRequest
from llmpool.router.route import route
from llmpool.router.shortlist import FEW, MANY, shortlist
from llmpool.router.strategy import take_turn
from tests.builders import facts, row, table

STRATEGIES = ("priority", "cost", "latency", "round_robin")


def short(*models: str) -> list[str]:
    """Return the shortlist of one provider with these models."""
    return [each.id.partition("/")[2] for each in shortlist(table([row(f"p/{m}") for m in models]).rows)]


def numbered(name: str, count: int) -> list[str]:
    """Name so many models."""
    return [f"{name}-{n:02}" for n in range(count)]


def test_row_19_known_names_stand_for_many() -> None:
    """Row 19: of nine those with a known word in the name, backwards by name."""
    models = [
        "zeta-1",
        "claude-sonnet-4-5",
        "gpt-4.1",
        "glm-4.5",
        "misc-1",
        "haiku-4-5",
        "m2.7",
        "k2.5",
        "misc-2",
    ]
    assert short(*models) == ["m2.7", "k2.5", "haiku-4-5", "gpt-4.1", "glm-4.5", "claude-sonnet-4-5"]


def test_row_20_leading_names_stand_for_very_many() -> None:
    """Row 20: of too many known ones the leading families, and the first eight where those are too many."""
    few = ["glm-4.5", "claude-sonnet-4-5", "gpt-5", "codex-mini"]
    assert short(*few, *numbered("glm", 30)) == ["gpt-5", "codex-mini", "claude-sonnet-4-5"]
    assert short(*numbered("gpt", 40)) == [f"gpt-{n}" for n in range(39, 31, -1)]


@pytest.mark.parametrize(
    ("models", "expected"),
    [
        (["b", "a"], ["b", "a"]),
        (numbered("x", FEW), numbered("x", FEW)),
        (numbered("x", FEW + 1), numbered("x", FEW + 1)),  # no known word: all of them, up to 24
        (numbered("x", MANY), numbered("x", MANY)),
        (numbered("x", MANY + 1), numbered("x", MANY + 1)[-FEW:]),
        (numbered("glm", MANY), numbered("glm", MANY)),
        (numbered("glm", MANY + 1), numbered("glm", MANY + 1)[-FEW:]),  # none leads: eight of the known
        ([*numbered("x", 30), "vendor/GPT-5"], ["vendor/GPT-5"]),
    ],
)
def test_the_boundaries_of_a_shortlist(models: list[str], expected: list[str]) -> None:
    """5.4: up to 8 all stand; up to 24 of known names; words are looked for in the normalised name."""
    assert short(*models) == sorted(expected, key=preference, reverse=True)


@given(st.lists(st.sampled_from([*numbered("gpt", 30), *numbered("x", 30)]), unique=True, min_size=1))
def test_a_shortlist_is_never_empty_nor_too_long(models: list[str]) -> None:
    """Some of the provider's own models, at most 24, in order of preference."""
    found = short(*models)
    assert 0 < len(found) <= MANY
    assert set(found) <= set(models)
    assert found == sorted(found, key=preference, reverse=True)


def pool_of(*refs: str, strategy: str = "priority", **fields: Any) -> Any:
    """Build a pool of these deployments."""
    return table([row(ref, cost_tier=1) for ref in refs], routing=Routing(strategy=strategy), **fields)


def test_row_10_one_providers_models_are_tried_before_the_next_provider() -> None:
    """Row 10: high-model-b, high-model-a, then medium-model-a."""
    providers = [{"id": "high", "priority": 100}, {"id": "medium", "priority": 50}]
    pool = pool_of("high/model-a", "high/model-b", "medium/model-a", providers=providers)
    assert route(RouteRequest(), pool, facts()).plan == ("high/model-b", "high/model-a", "medium/model-a")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_row_11_one_provider_takes_its_models_in_turn(strategy: str) -> None:
    """Row 11: three requests without a model go to three models, newest name first, and then round again."""
    pool = pool_of("p/claude-sonnet-4-5", "p/gpt-5", "p/claude-haiku-4-5", strategy=strategy)
    cursors: dict[str, int] = {}
    chosen = []
    for _ in range(6):
        decision = route(RouteRequest(), pool, facts(cursors=cursors)).decision
        cursors = take_turn(cursors, decision.turns)[1]
        chosen.append(decision.selected.partition("/")[2])
    assert chosen == ["gpt-5", "claude-sonnet-4-5", "claude-haiku-4-5"] * 2


def test_row_12_requirements_come_before_the_shortlist() -> None:
    """Row 12: without a model but with tools, the two that have tools are left, high's first."""
    rows = [row("high/with"), row("high/without", tools=False), row("medium/with")]
    providers = [{"id": "high", "priority": 100}, {"id": "medium", "priority": 50}]
    pool = table(rows, providers=providers, routing=Routing(strategy="priority"))
    assert route(RouteRequest(needs=("tools",)), pool, facts()).plan == ("high/with", "medium/with")


def test_each_provider_has_a_counter_of_its_own() -> None:
    """4.5: those whose shortlist has more than one model are rotated and counted; `score` knows none."""
    refs = ("a/x", "a/y", "b/x", "c/x", "c/y")
    decision = route(RouteRequest(), pool_of(*refs), facts()).decision
    assert decision.turns == ("auto_provider:a", "auto_provider:c")
    known = facts(cursors={"auto_provider:a": 7, "auto_provider:c": 2})
    assert route(RouteRequest(), pool_of(*refs), known).plan == ("a/x", "a/y", "b/x", "c/y", "c/x")
    assert route(RouteRequest(), pool_of(*refs, strategy="score"), facts()).decision.turns == ()


def test_a_named_model_has_no_shortlist() -> None:
    """Who named a model chose already: all that carry it stand, in the order of the strategy, unrotated."""
    pool = pool_of(*(f"p/x-{n:02}" for n in range(30)))
    choice = route(RouteRequest(model="x-*"), pool, facts(cursors={"auto_provider:p": 3}), named=pool.rows)
    assert choice.plan[:2] == ("p/x-00", "p/x-01")
    assert (len(choice.plan), choice.decision.turns) == (30, ())


def test_who_is_not_on_a_shortlist_is_told() -> None:
    """Each is rejected with that reason, and a note says what to do about it."""
    pool = pool_of(*(f"p/gpt-{n}" for n in range(8)), "p/other")
    decision = route(RouteRequest(), pool, facts()).decision
    assert [r.deployment for r in decision.rejections] == ["p/other"]
    assert decision.rejections[0].reasons == ("not on its provider's shortlist, and no model was named",)
    assert decision.notes == (
        "8 of 9 deployments are on their providers' shortlists; -m NAME asks any of them",
    )


def test_a_weak_model_takes_no_place_on_a_shortlist() -> None:
    """Ruling 6: last resorts have a list of their own, behind everybody's."""
    strong = [row(f"p/x-{n:02}") for n in range(30)]
    weak = [row(f"p/z-gpt-{n:02}", last_resort=True) for n in range(9)]
    plan = route(RouteRequest(), table([*strong, *weak], routing=Routing(strategy="priority")), facts()).plan
    assert plan[:8] == tuple(f"p/x-{n}" for n in range(29, 21, -1))
    assert plan[8] == "p/z-gpt-08"
