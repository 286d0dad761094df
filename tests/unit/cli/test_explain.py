"""A decision for a person: why each stands where it does, and how far the first is ahead."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from llmpool.cli import explain
from llmpool.core.config import Routing
from llmpool.core.routing import Decision, RouteRequest
from llmpool.router.explain import decision_json
from llmpool.router.route import route
from tests.builders import facts, row, table

ROWS = (
    row("a/dear", cost_tier=3, input_price=1.25, output_price=10.0, quality=9),
    row("b/cheap", cost_tier=1, input_price=0.05, output_price=0.4),
    row("c/mine", cost_tier=0),
    row("d/odd", cost_tier=1),
)
PROVIDERS = tuple({"id": name, "priority": 60 - n} for n, name in enumerate("abcd"))


def decided(strategy: str, *rows: Any, known: dict[str, Any] | None = None, **wanted: Any) -> Decision:
    """Decide over four deployments, or others."""
    pool = table(rows or ROWS, providers=PROVIDERS, routing=Routing(strategy=strategy))
    return route(RouteRequest(query="hello", **wanted), pool, facts(**(known or {}))).decision


def shown(decision: Decision, **more: Any) -> list[list[str]]:
    """Show a decision in a pipe, a line and then a column at a time."""
    told: list[str] = []
    terminal: Any = SimpleNamespace(
        for_people=False,
        out=lambda text, **_: told.append(text),
        write=told.append,
        paged=nullcontext,
        when=lambda at: at,
    )
    explain.show(terminal, decision_json(decision) | {"at": "2026-11-18T11:00:00Z"} | more, [])
    return [line.split("\t") for text in told for line in text.splitlines()]


def why(decision: Decision) -> list[str]:
    """Tell the last column of the candidates."""
    return [line[3] for line in shown(decision)[1:5]]


@pytest.mark.parametrize(
    ("strategy", "words"),
    [
        (
            "cost",
            ["free", "0.45 USD for 1 M in and 1 M out", "11.25 USD for 1 M in and 1 M out", "price unknown"],
        ),
        ("latency", ["40 ms", "1250 ms", "latency unknown", "latency unknown"]),
        ("priority", ["priority 60", "priority 59", "priority 58", "priority 57"]),
    ],
)
def test_outside_of_score_the_figure_that_counted_is_shown(strategy: str, words: list[str]) -> None:
    """Price, latency or priority, as the strategy went by it."""
    assert why(decided(strategy, known={"latency": {"b": 1250.0, "c": 40.9}})) == words


def test_a_last_resort_is_said_beside_its_points() -> None:
    """Else nobody understands why it stands behind others with fewer."""
    told = decided("score", row("a/x", quality=4), row("b/weak", speed=9, quality=3, last_resort=True))
    assert why(told)[1].startswith("last resort, base +20, ")


def test_nobody_is_ahead_by_less_than_nothing() -> None:
    """Who is preferred, or no last resort, may lead with fewer points; other strategies give none."""
    rows = row("a/x", speed=9), row("b/y", speed=1)
    assert shown(decided("score", *rows))[-1] == ["ahead by 10."]
    assert shown(decided("score", *rows, prefer="b"))[-1][2] == "a/x"
    assert shown(decided("cost", *rows))[-1][2] == "b/y"


def test_several_attempts_end_with_their_way_in_one_line() -> None:
    """One attempt needs no summary."""
    down: dict[str, Any] = {
        "deployment": "a/x", "ok": False, "latency_ms": 1200, "key": "k", "kind": "timeout", "status": 0,
        "message": "no answer", "reason": "timeout", "next": "b/y",
    }  # fmt: skip
    good = {"deployment": "b/y", "ok": True, "latency_ms": 700, "key": "none"}
    outcome = {"success": True, "served_by": "b/y", "ttft_ms": 100, "usage_id": "u-1"}
    told = decided("score", row("a/x"), row("b/y"))
    both = [line[0] for line in shown(told, outcome=outcome | {"attempts": [down, good]})]
    assert both[3:6] == [
        "  a/x  timeout: no answer  (1.2 s)",
        "  b/y  answered  (0.7 s)",
        "  a[timeout,1200ms]->b | b[success:y]",
    ]
    one = [line[0] for line in shown(told, outcome=outcome | {"attempts": [good]})]
    assert not any("success" in line for line in one)


def test_of_what_was_never_sent_no_figures_are_told() -> None:
    """A usage record without tokens, of a request that a limit held back, is neither free nor dear."""
    held: dict[str, Any] = {
        "deployment": "a/x", "ok": False, "latency_ms": 0, "key": "k", "kind": "rate_limit", "status": None,
        "message": "a is at 1 of 1 requests this minute",
    }  # fmt: skip
    outcome = {"success": False, "served_by": "", "attempts": [held], "latency_ms": 0, "usage_id": "usage_1"}
    decision = decision_json(decided("score", row("a/x"))) | {"at": "2026-11-18T11:00:00Z"}
    told: list[str] = []
    terminal: Any = SimpleNamespace(
        for_people=False,
        out=lambda text, **_: told.append(text),
        write=told.append,
        paged=nullcontext,
        when=lambda at: at,
    )
    record = {"input_tokens": None, "output_tokens": None, "cost": "0"}
    explain.show(terminal, decision | {"outcome": outcome}, [], recorded=True, usage=record)
    assert told[-1] == "nobody answered · usage_1"
