"""Warm models first: among equals a loaded local deployment wins (DESIGN ruling 27)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import Routing
from llmpool.core.routing import RouteRequest, RoutingRow
from llmpool.router.route import route
from llmpool.router.strategy import COLD_LOAD
from tests.builders import facts, row, table

IDLE, LOADED = row("den/a"), row("den/b", loaded=True)


def plan(strategy: str, *rows: RoutingRow, named: bool = True, **known: Any) -> tuple[str, ...]:
    """Order *rows* by a strategy, as ones that a caller named; *known* are facts and the providers."""
    providers = known.pop("providers", [{"id": "den", "format": "ollama"}])
    pool = table(rows, providers=providers, routing=Routing(strategy=strategy))
    return route(
        RouteRequest(query="hi"), pool, facts(**known), named=list(pool.rows) if named else None
    ).plan


@pytest.mark.parametrize("strategy", ["score", "priority", "cost", "latency"])
@pytest.mark.parametrize("rows", [(IDLE, LOADED), (LOADED, IDLE)])
def test_among_equals_the_loaded_one_wins(strategy: str, rows: tuple[RoutingRow, ...]) -> None:
    """Whatever decides before it, and in whatever order they come."""
    assert plan(strategy, *rows) == ("den/b", "den/a")
    assert plan(strategy, *rows, latency={"den": 100.0}) == ("den/b", "den/a")


@pytest.mark.parametrize("strategy", ["score", "cost", "latency"])
def test_it_decides_nothing_but_ties(strategy: str) -> None:
    """Points, price and latency come first; a loaded model is no reason to pay, or to wait longer."""
    better = {
        "score": (row("den/a", quality=9, speed=9), row("den/b", loaded=True, speed=1)),
        "cost": (
            row("den/a", input_price=1.0, output_price=1.0),
            row("den/b", loaded=True, input_price=2.0, output_price=2.0),
        ),
        "latency": (row("sky/a", local=False), row("den/b", loaded=True)),
    }[strategy]
    order = plan(strategy, *better, latency={"sky": 10.0, "den": 6000.0})
    assert order[0] == better[0].id


def test_priority_comes_before_what_is_loaded() -> None:
    """The owner's order of providers is the owner's word."""
    providers = [{"id": "den", "priority": 10}, {"id": "pit", "priority": 90}]
    assert plan("priority", LOADED, row("pit/a"), providers=providers) == ("pit/a", "den/b")


def test_a_cold_load_counts_in_latency() -> None:
    """A model that has to be loaded first takes that much longer; a server that keeps its own does not."""
    near, far = row("den/a"), row("sky/m", local=False)
    known = {"den": 100.0, "sky": 100.0 + COLD_LOAD / 2}
    ollama = [{"id": "den", "format": "ollama"}, {"id": "sky"}]
    assert plan("latency", near, far, providers=ollama, latency=known) == ("sky/m", "den/a")
    vllm = [{"id": "den", "format": "openai", "preset": "vllm"}, {"id": "sky"}]
    assert plan("latency", near, far, providers=vllm, latency=known) == ("den/a", "sky/m")
    warm = row("den/a", loaded=True)
    assert plan("latency", warm, far, providers=ollama, latency=known) == ("den/a", "sky/m")


@pytest.mark.parametrize("strategy", ["priority", "cost", "latency"])
def test_the_first_of_a_shortlist_is_a_loaded_one(strategy: str) -> None:
    """Unnamed, each provider stands with its shortlist; of that the loaded one goes first."""
    assert plan(strategy, IDLE, LOADED, named=False)[0] == "den/b"


def test_one_that_somebody_else_runs_is_never_warm() -> None:
    """Only a machine of ours is known to have a model in memory."""
    flagged = row("sky/b", local=False, loaded=True)
    for strategy in ("priority", "cost", "latency"):
        assert plan(strategy, row("sky/a", local=False), flagged, providers=[]) == ("sky/a", "sky/b")
