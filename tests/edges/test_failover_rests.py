"""Who rests is asked last: a prompt is answered whenever one provider works (DESIGN 1, ruling 10)."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.chat.manners import Manners
from llmpool.errors import Busy, UpstreamFailed
from llmpool.router.cooldown import Cooldown
from llmpool.state import health
from tests.edges.failing import NOW, Bench, failing
from tests.fakes import faults

DOWN = faults.status(503)
STRATEGIES = ("score", "value", "priority", "cost", "latency", "round_robin")


def limited(seconds: float) -> faults.Behaviour:
    """Refuse for a while, and say for how long."""
    return faults.status(429, {"Retry-After": str(seconds)})


def lay_to_rest(bench: Bench, **entries: Cooldown) -> None:
    """Let deployments `m` of providers rest."""
    named = {f"deployment:{name}/m": rest._asdict() for name, rest in entries.items()}
    health.update(bench.state, lambda state: state.cooldowns.update(named))


def after(reason: str, seconds: float = 900.0) -> Cooldown:
    """Rest after a failure of a kind."""
    return Cooldown(NOW + seconds, 900.0, reason, 3, 0, NOW)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_one_that_works_answers_though_it_rests(tmp_path: Path, strategy: str) -> None:
    """All who are awake fail: who rests is asked in the order of waking, until one of them answers."""
    servers = {"a": failing(DOWN), "b": (), "c": failing(DOWN)}
    with Bench(tmp_path, f'[routing]\nstrategy = "{strategy}"', **servers) as bench:
        lay_to_rest(bench, b=after("timeout", 800), c=after("timeout", 700))
        came = bench.ask()
        assert list(dict.fromkeys(came.tried)) == ["a/m", "c/m", "b/m"]
        assert (came.text, bench.rest("deployment:b/m")) == ("by b", 0)
        assert came.journey is not None
        assert came.journey.instead == "b/m answered instead of a/m (a/m: scripted 503)"
        assert bench.ask().by == "b/m"


def test_who_rests_is_asked_a_single_time(tmp_path: Path) -> None:
    """What is awake is repeated as ever; who rests is not, whatever it fails with."""
    with Bench(tmp_path, a=failing(DOWN), b=failing(DOWN), c=failing(faults.empty())) as bench:
        lay_to_rest(bench, b=after("overloaded"), c=after("broken"))
        came = bench.ask()
        assert isinstance(came.error, UpstreamFailed)
        assert bench.calls() == [3, 1, 1]
        assert came.tried[-2:] == ["b/m", "c/m"]


def test_the_last_of_all_is_asked_once_more_after_what_passes(tmp_path: Path) -> None:
    """Ruling 10 has one tried; where patience is left and nobody else, a fault of a moment is not the end."""
    for does, waits, calls in (([DOWN], [0.5], [1, 2]), (failing(DOWN), [0.5], [1, 2])):
        with Bench(tmp_path, a=failing(faults.status(400)), b=does) as bench:
            lay_to_rest(bench, b=after("overloaded"))
            came = bench.ask()
            assert (came.waits, bench.calls()) == (waits, calls)
            assert (came.error is None) == (does == [DOWN])
    with Bench(tmp_path, a=failing(faults.status(400)), b=[DOWN]) as bench:
        lay_to_rest(bench, b=after("overloaded"))
        assert bench.ask(manners=Manners(max_wait=0.0)).tried == ["a/m", "b/m"]
    with Bench(tmp_path, a=failing(faults.status(400)), b=failing(faults.empty())) as bench:
        lay_to_rest(bench, b=after("overloaded"))
        assert bench.ask().tried == ["a/m", "b/m"]


def test_a_winner_that_answers_leaves_the_others_in_peace(tmp_path: Path) -> None:
    """Nobody who rests is asked as long as somebody awake answers."""
    with Bench(tmp_path, a=failing(DOWN), b=(), c=()) as bench:
        lay_to_rest(bench, c=after("timeout"))
        assert (bench.ask().by, bench.calls("c")) == ("b/m", [0])


def test_a_rate_limit_that_named_a_time_is_kept(tmp_path: Path) -> None:
    """Until its moment nobody asks, whoever else fails; from then on it may be asked, though it rests yet."""
    with Bench(tmp_path, a=[limited(30)], b=failing(faults.status(400))) as bench:
        assert isinstance(bench.ask().error, UpstreamFailed)
        assert (bench.calls(), bench.rest("deployment:a/m")) == ([1, 1], 60)
        assert bench.ask().tried == ["b/m"]
        bench.now += 31
        assert (bench.ask().by, bench.calls("a")) == ("a/m", [2])


def test_where_all_named_a_time_the_first_is_asked_alone(tmp_path: Path) -> None:
    """Ruling 10 has one of them tried; asking all would be what their limits are there to stop."""
    with Bench(tmp_path, a=failing(limited(300)), b=failing(limited(200))) as bench:
        assert isinstance(bench.ask().error, Busy)
        assert bench.ask().tried == ["b/m"]
        assert bench.calls() == [1, 2]


def test_a_refused_key_is_asked_with_at_the_very_end(tmp_path: Path) -> None:
    """It may have been mended meanwhile, so it is tried, behind whatever else rests, and for longer."""
    with Bench(tmp_path, a=[faults.status(401)], b=[DOWN] * 6, c=failing(faults.status(400))) as bench:
        assert isinstance(bench.ask().error, UpstreamFailed)
        assert bench.calls() == [1, 3, 1]
        assert bench.rest("key:a/none") == 3598.5
        came = bench.ask()
        assert came.tried == ["c/m", "b/m", "a/m"]
        assert (came.by, bench.rest("key:a/none")) == ("a/m", 0)


def test_only_what_was_asked_for_is_tried(tmp_path: Path) -> None:
    """A pin is answered by nobody else, --no-fallback by the winner alone, be others only resting."""
    with Bench(tmp_path, a=failing(DOWN), b=()) as bench:
        lay_to_rest(bench, b=after("timeout"))
        assert set(bench.ask("a/m").tried) == {"a/m"}
        bench.now += 100_000
        lay_to_rest(bench, b=Cooldown(bench.now + 60, 60.0, "timeout", 1, 0, bench.now))
        assert set(bench.ask(fallback=False).tried) == {"a/m"}
        assert bench.calls("b") == [0]
