"""Routing over any pool: nobody is lost, nothing forbidden is asked, nothing depends on how rows come."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.core.config import Group, Routing
from llmpool.core.routing import Experience, RouteRequest
from llmpool.router import eligible
from llmpool.router.route import Choice, route
from tests.builders import facts, row, table

STRATEGIES = ("score", "value", "priority", "cost", "latency", "round_robin")
PROVIDERS = ("a", "b", "c", "d")
NAMES = ("gpt-5", "claude-x", "m", "glm-4.5", "qwen3:8b", "z")
REFS = tuple(f"{provider}/{name}" for provider in PROVIDERS for name in NAMES)
MODEL = st.builds(
    row,
    st.sampled_from(REFS),
    speed=st.integers(0, 10),
    quality=st.integers(0, 10),
    cost_tier=st.integers(0, 3),
    window=st.sampled_from([0, 2048, 8192, 200_000]),
    min_complexity=st.sampled_from(["simple", "moderate", "complex"]),
    tools=st.sampled_from([True, False, None]),
    images=st.sampled_from([True, False, None]),
    local=st.booleans(),
    last_resort=st.booleans(),
    loaded=st.booleans(),
    blocked=st.sampled_from(["", "", "", "only by name", "inactive by policy"]),
    input_price=st.sampled_from([None, 0.0, 0.3, 5.0]),
    output_price=st.sampled_from([None, 0.0, 1.2, 30.0]),
)
ROWS = st.lists(MODEL, unique_by=lambda each: each.id, min_size=1, max_size=14)
REQUEST = st.builds(
    RouteRequest,
    query=st.sampled_from(["hello", "explain this", "turn on the lamp", "search it"]),
    context_size=st.sampled_from([0, 500, 5000, 100_000]),
    stated=st.booleans(),
    needs=st.sampled_from([(), ("tools",), ("tools", "images")]),
    tool_count=st.sampled_from([0, 9]),
    priority=st.sampled_from(["interactive", "background"]),
    hints=st.dictionaries(
        st.sampled_from(["quality_floor", "local_only", "prefer_speed", "mission", "model_preference"]),
        st.sampled_from(["true", "false", "7", "background", "a/gpt-5"]),
    ).map(lambda hints: tuple(hints.items())),
    strategy=st.sampled_from(STRATEGIES),
    mode=st.sampled_from(["", "auto", "cloud", "local"]),
    local_only=st.booleans(),
    min_quality=st.sampled_from([None, None, 5]),
    max_cost=st.sampled_from([None, None, "0.01"]),
    exclude=st.lists(st.sampled_from([*PROVIDERS, *REFS]), max_size=3).map(tuple),
    prefer=st.sampled_from(["", *PROVIDERS]),
    group=st.sampled_from(["", "", "some"]),
    fallback=st.sampled_from([None, True, False]),
)
WORLD = st.fixed_dictionaries(
    {
        "cooling": st.dictionaries(st.sampled_from(PROVIDERS), st.just("rests"), max_size=2),
        "unreachable": st.dictionaries(st.sampled_from(PROVIDERS), st.just("away"), max_size=2),
        "keyless": st.dictionaries(st.sampled_from(PROVIDERS), st.just("no key"), max_size=1),
        "latency": st.dictionaries(st.sampled_from(PROVIDERS), st.floats(0.0, 60_000.0)),
        "cursors": st.dictionaries(
            st.sampled_from([*NAMES, *(f"auto_provider:{p}" for p in PROVIDERS)]), st.integers(0, 99)
        ),
        "resting": st.dictionaries(
            st.sampled_from(REFS), st.tuples(st.floats(1.0, 9000.0), st.just("rests")), max_size=8
        ),
        "free_at": st.dictionaries(st.sampled_from(PROVIDERS), st.floats(1.0, 9000.0)),
        "experience": st.dictionaries(
            st.sampled_from(REFS),
            st.builds(Experience, st.integers(0, 20), st.integers(0, 20), st.integers(0, 40_000)),
        ),
    }
)
WAYS_OUT = st.fixed_dictionaries(
    {
        "default_model": st.sampled_from(["", *REFS]),
        "recovery_model": st.sampled_from(["", *REFS]),
        "routing": st.builds(Routing, fallbacks=st.lists(st.sampled_from(REFS), max_size=3).map(tuple)),
        "local_first": st.booleans(),
    }
)
GROUPS = (Group(name="some", providers=("a", "c")),)


def pool(rows: list[Any], **fields: Any) -> Any:
    """Build the table as the registry would: rows in the order of their ids."""
    return table(sorted(rows, key=lambda each: each.id), groups=GROUPS, **fields)


def scores(choice: Choice) -> dict[str, float]:
    """Return the candidates' scores."""
    return {candidate.deployment: candidate.score for candidate in choice.decision.candidates}


@settings(max_examples=40)  # ten to twenty milliseconds each
@given(ROWS, REQUEST, WORLD)
def test_every_row_is_a_candidate_or_a_rejection(rows: list[Any], request: RouteRequest, world: Any) -> None:
    """The ranking is a permutation of who is eligible, awake and standing; everybody else has a reason."""
    whole = pool(rows, default_model="")
    decision = route(request, whole, facts(**world)).decision
    ranked = [candidate.deployment for candidate in decision.candidates]
    rejected = [rejection.deployment for rejection in decision.rejections]
    assert sorted(ranked + rejected) == [each.id for each in whole.rows]
    met = eligible.check(whole.rows, request, whole, facts(**world), named=False).rows
    assert set(ranked) <= {each.id for each in met}
    assert all(rejection.reasons for rejection in decision.rejections)
    assert bool(ranked) == bool(met)  # a prompt is answered whenever somebody may


@settings(max_examples=40)  # ten to twenty milliseconds each
@given(ROWS, REQUEST, WORLD, WAYS_OUT)
def test_requirements_bind_every_way_out(
    rows: list[Any], request: RouteRequest, world: Any, ways_out: Any
) -> None:
    """Ruling 3: nothing in a plan, fallbacks included, that a requirement or an owner forbids."""
    whole = pool(rows, **ways_out)
    choice = route(request, whole, facts(**world))
    known = {each.id: each for each in whole.rows}
    names = [str(entry["id"]) for entry in whole.providers]
    for ref in choice.plan:
        each = known[ref]
        provider = names[each.provider]
        local = bool(each.flags & 1)
        assert local or not (request.local_only or request.mode == "local")
        assert not (local and request.mode == "cloud" and not request.local_only)
        assert ref not in request.exclude
        assert provider not in request.exclude
        assert provider not in world["keyless"]
        assert not request.group or provider in {"a", "c"}
        assert each.quality >= (request.min_quality or 0)
        assert each.blocked != "inactive by policy"
        assert not each.window or each.window >= request.context_size
    assert len(set(choice.plan)) == len(choice.plan)
    assert choice.decision.no_eligible == (not choice.plan)
    assert choice.decision.selected == (choice.plan[0] if choice.plan else "")


@settings(max_examples=40)  # ten to twenty milliseconds each
@given(ROWS, REQUEST, WORLD, st.sampled_from(REFS))
def test_who_may_not_answer_never_changes_who_does(
    rows: list[Any], request: RouteRequest, world: Any, ref: str
) -> None:
    """One more deployment that is not eligible leaves the winner, and everybody's score, as they were."""
    rows = [each for each in rows if each.id != ref]
    barred = row(ref, quality=10, speed=10, blocked="inactive by policy")
    enabled = [{"id": name} for name in PROVIDERS]  # the same providers before and after
    before = route(request, pool(rows, providers=enabled, default_model=""), facts(**world))
    after = route(request, pool([*rows, barred], providers=enabled, default_model=""), facts(**world))
    assert after.plan == before.plan
    assert scores(after) == scores(before)


@settings(max_examples=40)  # ten to twenty milliseconds each
@given(ROWS, REQUEST, WORLD, st.randoms(use_true_random=False))
def test_points_do_not_depend_on_the_order_of_rows(
    rows: list[Any], request: RouteRequest, world: Any, random: Any
) -> None:
    """Points belong to a deployment and a request; only full ties go by the order of the rows."""
    request = request.replace(strategy="score")
    providers = [{"id": name} for name in PROVIDERS]
    first = route(request, pool(rows, providers=providers, default_model=""), facts(**world))
    random.shuffle(rows)
    shuffled = table(rows, groups=GROUPS, providers=providers, default_model="")
    second = route(request, shuffled, facts(**world))
    assert first.decision.once or scores(first) == scores(second)


@settings(max_examples=40)  # ten to twenty milliseconds each
@given(ROWS, REQUEST, WORLD)
def test_the_same_question_has_the_same_answer(rows: list[Any], request: RouteRequest, world: Any) -> None:
    """Routing is pure: it changes neither the table nor the facts it is given."""
    whole, known = pool(rows), facts(**world)
    first = route(request, whole, known)
    assert route(request, whole, known) == first
    assert known == facts(**world)
