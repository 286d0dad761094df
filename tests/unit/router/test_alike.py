"""router.alike: requests it takes for one are routed as one, whatever the table and the strategy."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.deployment import COMPLEXITIES
from llmpool.core.routing import Experience, RouteRequest, RoutingRow, RoutingTable
from llmpool.router.alike import Alike, marks
from llmpool.router.features import HINTS
from llmpool.router.replay import recorded
from llmpool.router.route import route
from tests.builders import facts, row, table

WINDOWS = (0, 10, 20, 4096, 8192, 8193, 30_000, 128_000)
SIZES = sorted({n + d for w in WINDOWS for n in (w, w // 2, w * 3 // 10) for d in (-1, 0, 1) if n + d >= 0})


@st.composite
def rows(draw: st.DrawFn) -> RoutingRow:
    return row(
        draw(st.sampled_from(["a", "b", "c"])) + f"/m{draw(st.integers(0, 5))}",
        speed=draw(st.integers(0, 10)),
        quality=draw(st.integers(0, 10)),
        cost_tier=draw(st.integers(0, 3)),
        window=draw(st.sampled_from(WINDOWS)),
        images=draw(st.sampled_from([True, False, None])),
        input_price=draw(st.sampled_from([None, 0.0, 1.0])),
        output_price=draw(st.sampled_from([None, 0.0, 5.0])),
    )


tables = st.lists(rows(), min_size=1, max_size=6, unique_by=lambda r: r.id).map(
    lambda found: table(sorted(found, key=lambda r: r.id))
)


@st.composite
def requests(draw: st.DrawFn) -> RouteRequest:
    line: dict[str, Any] = {
        "complexity": draw(st.sampled_from(COMPLEXITIES)),
        "request": {
            "context_size": draw(st.sampled_from(SIZES)),
            "stated": draw(st.booleans()),
            "needs": draw(st.sampled_from([[], ["images"]])),
            "tool_count": draw(st.sampled_from([0, 5])),
            "priority": draw(st.sampled_from(["interactive", "background"])),
            "hints": draw(
                st.dictionaries(
                    st.sampled_from([*HINTS, "of_no_rule"]), st.sampled_from(["true", "false", "6", "voice"])
                )
            ),
            "strategy": draw(st.sampled_from(["", "cost", "latency", "round_robin"])),
            "max_cost": draw(st.sampled_from([None, "0.01"])),
            "max_tokens": draw(st.sampled_from([None, 1, 4000])),
        },
    }
    return recorded(line).request


@given(tables, requests(), st.sampled_from(SIZES), st.text(max_size=3))
def test_what_is_alike_is_routed_alike(made: RoutingTable, one: RouteRequest, size: int, word: str) -> None:
    """Where two requests share a key, they have the same candidates in the same order."""
    other = one.replace(context_size=size, hints=(*one.hints, ("of_no_rule", word)))
    alike = Alike(made)
    if alike.key(one) != alike.key(other):
        return
    moment = facts(experience={made.rows[0].id: Experience(3, 0, 2000, 10)}, latency={"a": 5.0})
    first, second = (route(each, made, moment).decision for each in (one, other))
    assert [c.deployment for c in first.candidates] == [c.deployment for c in second.candidates]
    assert first.selected == second.selected


def test_most_sizes_are_one() -> None:
    """Sizes that fill no window any further share a key; of what meets unknown windows every token counts."""
    made = [row("a/m", window=8192, input_price=1.0, output_price=5.0), row("b/m", window=100_000)]
    alike = Alike(table(made))
    keys = {alike.key(RouteRequest(context_size=size)) for size in range(1, 100_001, 7)}
    assert len(keys) == 6  # up to 30 % and 50 % of either window, and all of it
    named = {alike.key(RouteRequest(context_size=size, model="m")) for size in range(1, 100)}
    assert len(named) == 99
    met = {alike.key(RouteRequest(context_size=size, model="m"), marks([64])) for size in range(1, 100)}
    assert len(met) == 4


def test_a_limit_on_the_cost_parts_sizes_where_a_price_exceeds_it() -> None:
    """Of 1 and 5 USD per million tokens, 4,520 in and 4,096 out cost 0.025 USD: one more is too dear."""
    alike = Alike(table([row("a/m", window=0, input_price=1.0, output_price=5.0)]))
    keys = [alike.key(RouteRequest(context_size=size, max_cost="0.025")) for size in range(1, 8193)]
    assert len(set(keys)) <= 4
    assert keys[4519] != keys[4520]


def test_an_answer_that_no_window_holds_beside_the_prompt_is_another_request() -> None:
    """What a caller allows an answer counts as far as it fills a window together with the prompt."""
    alike = Alike(table([row("a/m", window=8192)]))
    fits, too_long, stated = (
        RouteRequest(context_size=5000, max_tokens=3192, stated=False),
        RouteRequest(context_size=5001, max_tokens=3192, stated=False),
        RouteRequest(context_size=5001, max_tokens=3192, stated=True),
    )
    assert alike.key(fits) != alike.key(too_long)
    assert alike.key(stated) == alike.key(stated.replace(max_tokens=4000))


def test_what_no_rule_of_the_strategy_looks_at_is_one() -> None:
    """Tags and counts that mean nothing part no requests; hints do with `score` alone."""
    alike = Alike(table([row("a/m")]))
    plain, cheap = RouteRequest(query="why"), RouteRequest(query="why", strategy="cost")
    assert alike.key(plain) == alike.key(plain.replace(tag="ci", continues="gone/m"))
    assert alike.key(plain.replace(tool_count=5)) == alike.key(plain.replace(tool_count=50))
    assert alike.key(plain) != alike.key(plain.replace(tool_count=5))
    assert alike.key(plain) != alike.key(plain.replace(query="list "))
    other = cheap.replace(query="list ", tool_count=9, hints=(("channel", "voice"),), priority="background")
    assert alike.key(cheap) == alike.key(other)
