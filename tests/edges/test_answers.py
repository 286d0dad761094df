"""setup.answers: whatever is remembered or read off, each answer is what deciding it alone gives."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from llmpool import decide
from llmpool.core.config import STRATEGIES, Group, Routing
from llmpool.core.routing import HARD, Experience, Facts, RouteRequest, RoutingRow, RoutingTable
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool
from llmpool.router.features import HINTS
from llmpool.router.foremost import Foremost
from llmpool.router.replay import Recorded
from llmpool.setup import decisions
from llmpool.setup.answers import Answers, reason_of
from llmpool.setup.quiet import Quiet
from tests.builders import facts, row, table
from tests.edges.recorded import FLEET, pool_in

WINDOWS = (0, 20, 4096, 8192, 30_000)
SIZES = sorted({n + d for w in WINDOWS for n in (w, w // 2, w * 3 // 10) for d in (-1, 0, 1) if n + d >= 0})
MODELS = ("gpt-a", "gpt-b", "m1", "m2")
REFS = [f"{provider}/{model}" for provider in "abc" for model in MODELS]
EXAMPLES = 5_000 if os.environ.get("LONG") else 20


class Still(Quiet):
    """A pool that is no more than a table and facts."""

    def __init__(self, made: RoutingTable, moment: Facts) -> None:
        known = {"table": made, "routing": {"budgets": [], "unpriced": None, "dead": []}}
        seen = SimpleNamespace(remote=False, max_context=20_000)
        inventory, catalog = SimpleNamespace(observed=lambda *_: seen), SimpleNamespace(models=())
        world = {"inventory": inventory, "catalog": catalog}
        vars(self).update(known | world, _facts=moment, _turns={}, clock=lambda: 0.0)

    def provider(self, name: str) -> Any:
        """One of the providers loads models with the windows that are asked for."""
        return SimpleNamespace(format="ollama" if name == "a" else "openai")

    def affinity(self, refs: Any) -> dict[str, int]:
        """Nobody speaks any tongue better than another."""
        return {}


@st.composite
def rows(draw: st.DrawFn) -> RoutingRow:
    priced = draw(st.sampled_from([None, 0.0, 1.0, 3.0]))
    return row(
        draw(st.sampled_from(REFS)),
        speed=draw(st.sampled_from([5, 8])),
        quality=draw(st.sampled_from([3, 6, 9])),
        cost_tier=draw(st.sampled_from([0, 2])),
        window=draw(st.sampled_from(WINDOWS)),
        images=draw(st.sampled_from([True, False, None])),
        last_resort=draw(st.integers(0, 5)) == 0,
        loaded=draw(st.booleans()),
        declared=draw(st.booleans()),
        blocked=draw(st.sampled_from(["", "", "", "inactive by policy"])),
        flags=draw(st.sampled_from([0, HARD])),
        input_price=priced,
        output_price=None if priced is None else priced * 5,
    )


@st.composite
def tables(draw: st.DrawFn) -> RoutingTable:
    found = draw(st.lists(rows(), min_size=1, max_size=10, unique_by=lambda each: each.id))
    listed = {"fetched_at": "2027-01-01T00:00:00Z", "metadata": "dynamic"}
    judge, target = draw(st.sampled_from(["keywords", "difficulty"])), draw(st.sampled_from([0.5, 0.8]))
    return table(
        sorted(found, key=lambda each: each.id),
        local_first=draw(st.booleans()),
        routing=Routing(
            strategy=draw(st.sampled_from(STRATEGIES)),
            complexity=judge,
            quality_target=target,
            fallbacks=(REFS[0],),
        ),
        default_model=draw(st.sampled_from(["", REFS[1]])),
        aliases={"short": found[0].id},
        providers=[{"id": name} | listed for name in "abc"],
        groups=(Group(name="some", providers=("a", "b"), models=("m*", "gpt-a")),),
        dear={found[0].id: [[5000, 9.0, 30.0, 0], [9000, 20.0, 60.0, 0.001]]} if draw(st.booleans()) else {},
    )


@st.composite
def moments(draw: st.DrawFn) -> Facts:
    some = st.sampled_from(REFS)
    seen = st.builds(Experience, st.integers(0, 3), st.integers(0, 3), st.sampled_from([0, 2000, 40_000]))
    known = draw(st.dictionaries(some, seen, max_size=4))
    latency = draw(st.dictionaries(st.sampled_from("abc"), st.sampled_from([5.0, 900.0]), max_size=2))
    barred: dict[str, Any] = {
        name: {"c": "so"} for name in ("keyless", "stale") if draw(st.integers(0, 4)) == 0
    }
    absent = {draw(some): "not there"} if draw(st.integers(0, 4)) == 0 else {}
    return facts(experience=known, latency=latency, absent=absent, **barred)


@st.composite
def changes(draw: st.DrawFn) -> dict[str, Any]:
    """Draw what one request asks for; most ask for little."""
    names = st.sampled_from([*REFS, "m1", "gpt-a", "short", "local", "nobody"])
    hint = st.tuples(
        st.sampled_from([*HINTS, "of_no_rule"]), st.sampled_from(["true", "6", "voice", REFS[2]])
    )
    some: dict[str, st.SearchStrategy[Any]] = {
        "max_tokens": st.sampled_from([1, 100, 4096]),
        "max_cost": st.sampled_from(["0", "0.005", "0.0252", "0.5"]),
        "needs": st.just(("images",)),
        "tool_count": st.sampled_from([4, 5, 9]),
        "priority": st.just("background"),
        "hints": st.lists(hint, max_size=2, unique_by=lambda pair: pair[0]).map(tuple),
        "model": names,
        "strategy": st.sampled_from(STRATEGIES),
        "mode": st.sampled_from(["local", "cloud"]),
        "local_only": st.just(True),
        "min_quality": st.just(6),
        "exclude": st.sampled_from([(REFS[0],), ("b",), ("nobody",)]),
        "prefer": st.sampled_from(["a", "c", REFS[3], "nobody"]),
        "group": st.just("some"),
        "fallback": st.booleans(),
        "loose": st.just(True),
        "continues": st.sampled_from(REFS),
        "warm": st.just(True),
        "tag": st.sampled_from(["x", "y"]),
        "quality_target": st.just(0.9),
    }
    chosen = draw(st.lists(st.sampled_from(sorted(some)), max_size=4, unique=True))
    return {name: draw(some[name]) for name in chosen}


@st.composite
def logs(draw: st.DrawFn) -> list[Recorded]:
    """Draw requests of a few kinds, in sizes that are close to what counts, some again and again."""
    kinds = draw(st.lists(changes(), min_size=1, max_size=3))
    found = []
    for kind in draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=12)):
        request = RouteRequest(
            query=draw(st.sampled_from(["list ", "", "why"])),
            context_size=draw(st.sampled_from(SIZES)),
            stated=draw(st.booleans()),
            difficulty=draw(st.sampled_from([0.1, 0.4, 0.5, 0.9])),
        )
        found.append(Recorded(request.replace(**kind), force=False, judged=True))
    return found


def alone(pool: Quiet, features: Recorded, turn: int) -> tuple[str, str]:
    """Decide a request by itself, over all there is, in this turn of the counters that it moves."""
    before = pool.table
    pool.turn((), 0)
    try:
        first = decisions.again(pool, features)
        pool.turn(first.turns, turn)
        decision = decisions.again(pool, features)
    except LlmpoolError as error:
        return "", error.message
    finally:
        pool.turn((), 0)
        vars(pool)["table"] = before
    return decision.selected, "" if decision.selected else reason_of(decision)


@given(tables(), moments(), logs())
@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_every_answer_is_what_deciding_it_alone_gives(
    made: RoutingTable, moment: Facts, log: list[Recorded]
) -> None:
    """Who is chosen, and why nobody is, in each turn, whatever a request asks for."""
    pool, asked = Still(made, moment), Counter[Any]()
    answers = Answers(pool)
    for features in log:
        key = answers.key(features)
        assert tuple(answers.of(features)) == alone(pool, features, asked[key]), features
        asked[key] += 1
    assert pool.table is made


def quiet(directory: Path, config: str) -> Quiet:
    pool: Pool = pool_in(directory, config)
    return Quiet(pool, pool.config, None)


def test_a_model_that_nobody_lists_is_asked_in_any_size(tmp_path: Path) -> None:
    """It is called as it stands where nothing was ever listed, and its own window is what sizes count by."""
    pool = quiet(tmp_path, FLEET)
    answers = Answers(pool)
    for size in (1, 4000, 130_000, 2_000_000):
        for limit in (None, "0.05"):
            request = RouteRequest(model="sky/gpt-4o", context_size=size, difficulty=0.5, max_cost=limit)
            features = Recorded(request, force=False, judged=True)
            assert tuple(answers.of(features)) == alone(pool, features, 0)
    assert not any(each.id == "sky/gpt-4o" for each in pool.table.rows)


@pytest.mark.parametrize("strategy", ["cost", "latency", "priority"])
def test_a_preferred_provider_may_have_last_resorts_alone(strategy: str) -> None:
    """Then it is they who take turns there, and not those whom a request would go to without the wish."""
    weak = [row("a/x", last_resort=True), row("a/y", last_resort=True)]
    pool = Still(table([*weak, row("b/m")], routing=Routing(strategy=strategy)), facts())
    request = RouteRequest(prefer="a", difficulty=0.5)
    features, answers = Recorded(request, force=False, judged=True), Answers(pool)
    for turn in range(4):
        assert tuple(answers.of(features)) == alone(pool, features, turn)


@pytest.mark.parametrize("strategy", ["score", "value"])
def test_a_choice_among_thousands_is_one_among_kinds(strategy: str) -> None:
    """Of a thousand deployments that differ in three ratings alone, three are looked at, and who is named."""
    found = [row(f"a/m{n:04}", quality=(3, 6, 9)[n % 3]) for n in range(1000)]
    few = Foremost(table(found, routing=Routing(strategy=strategy)), facts())
    assert [each.id for each in few.rows(RouteRequest())] == ["a/m0000", "a/m0001", "a/m0002"]
    named = few.rows(RouteRequest(continues="a/m0500", exclude=("a/m0000",)))
    assert [each.id for each in named] == ["a/m0001", "a/m0002", "a/m0003", "a/m0500"]


@pytest.mark.parametrize("strategy", ["cost", "priority", "round_robin"])
def test_turns_cost_as_many_decisions_as_a_provider_has_models(
    strategy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not as many as there are deployments: it is the order of one provider's models that goes round."""
    found = [row(f"{name}/m{n}") for name in "abcdefgh" for n in range(7)]
    made = table(found, routing=Routing(strategy=strategy))
    answers, count = Answers(Still(made, facts())), Counter[int]()
    real = decide.choose
    monkeypatch.setattr(decide, "choose", lambda *args: (count.update([0]), real(*args))[1])
    features = Recorded(RouteRequest(difficulty=0.5), force=False, judged=True)
    chosen = Counter(answers.of(features).selected for _ in range(560))
    assert len(chosen) == (56 if strategy == "round_robin" else 7)
    assert set(chosen.values()) == {560 // len(chosen)}
    assert count[0] == (1 if strategy == "round_robin" else 7)
