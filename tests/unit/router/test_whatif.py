"""router.whatif: what would have changed a choice, each case decided anew."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.routing import RouteRequest, RoutingTable
from llmpool.router import whatif
from llmpool.router.route import route
from llmpool.router.whatif import Change, changes
from tests.builders import facts, row, table

BIG = row("sky/big", quality=10, speed=6, cost_tier=3, images=True, input_price=5.0, output_price=25.0)
MID = row("sky/mid", quality=7, speed=8, cost_tier=1, input_price=0.5, output_price=1.0)
SMALL = row("den/small", quality=5, speed=8)


def what_if(made: RoutingTable, request: RouteRequest, **known: Any) -> dict[str, Change]:
    moment = facts(**known)
    decision = route(request, made, moment, detail=50).decision
    return {each.what: each for each in changes(request, made, moment, decision)}


def test_each_change_is_what_would_be_chosen() -> None:
    """Every change that is told is exactly what routing with that option says, score included."""
    made = table([SMALL, BIG, MID])
    told = what_if(made, RouteRequest(query="hello", context_size=100))
    assert told == {
        "--min-quality 6": Change("--min-quality 6", "sky/mid", 22),
        "--needs images": Change("--needs images", "sky/big", -4),
    }


def test_the_next_limit_of_cost() -> None:
    """A priced winner comes with a limit that it would just not keep, and who would."""
    made = table([BIG._replace(speed=8), MID._replace(speed=5)])
    told = what_if(made, RouteRequest(query="explain it", context_size=1000))
    assert told["--max-cost 0.10"] == Change("--max-cost 0.10", "sky/mid", 31)
    kept = route(RouteRequest(query="explain it", context_size=1000, max_cost="0.11"), made, facts())
    assert kept.decision.selected == "sky/big"


def test_with_a_provider_back() -> None:
    """Who is out of reach at the moment is asked about first, by its cooldown and by its network alike."""
    made = table([SMALL, MID])
    for name in ("cooling", "unreachable"):
        told = what_if(made, RouteRequest(query="hello"), **{name: {"den": "rests"}})
        assert told["with den back"] == Change("with den back", "den/small", 45)


def test_local_only_and_local_first() -> None:
    """For a winner in the cloud, what staying at home would mean; the config's local_first either way."""
    made = table([SMALL, row("sky/top", quality=7, speed=5, cost_tier=1)], local_first=False)
    told = what_if(made, RouteRequest(query="explain it"))
    assert told["--local-only"] == Change("--local-only", "den/small", 30)
    assert told["local_first = true"] == Change("local_first = true", "den/small", 40)


def test_nothing_is_tried_where_nothing_can_change() -> None:
    """A pinned deployment, a pool of one, and a choice of nobody have no alternatives."""
    made = table([SMALL])
    assert what_if(made, RouteRequest(query="hello")) == {}
    assert what_if(table([SMALL, MID]), RouteRequest(query="hello", min_quality=10)) == {}
    decision = route(RouteRequest(query="x", model="den/small"), table([SMALL, MID]), facts()).decision
    assert changes(RouteRequest(), table([SMALL, MID]), facts(), decision, [SMALL]) == []


@pytest.mark.parametrize(("count", "most"), [(100, 6), (1000, 6), (5000, 2), (60_000, 1)])
def test_a_large_pool_is_looked_at_less_often(monkeypatch: pytest.MonkeyPatch, count: int, most: int) -> None:
    """However many deployments, the decisions made anew look at 10,000 of them together, or at one pool."""
    made = table([row(f"a/m{n:05}", quality=n % 9) for n in range(count)])
    decision = route(RouteRequest(query="hello"), made, facts(), detail=1).decision
    calls: list[int] = []

    def counted(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        return route(RouteRequest(), table([SMALL]), facts())

    monkeypatch.setattr(whatif, "route", counted)
    changes(RouteRequest(query="hello"), made, facts(), decision)
    assert len(calls) <= most
