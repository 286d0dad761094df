"""router.alike: requests it takes for one are routed as one, whatever the table and the strategy."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.deployment import COMPLEXITIES
from llmpool.core.routing import Experience, RouteRequest, RoutingRow, RoutingTable
from llmpool.router.alike import Alike
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
    """Sizes that fill no window any further share a key; a price on tokens tells them all apart."""
    alike = Alike(table([row("a/m", window=8192), row("b/m", window=100_000)]))
    keys = {alike.key(RouteRequest(context_size=size)) for size in range(1, 100_001, 7)}
    assert len(keys) == 6  # up to 30 % and 50 % of either window, and all of it
    dear = {alike.key(RouteRequest(context_size=size, max_cost="1")) for size in range(1, 100)}
    named = {alike.key(RouteRequest(context_size=size, model="m")) for size in range(1, 100)}
    assert len(dear) == len(named) == 99
