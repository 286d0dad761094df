"""What others learn while a request is under way counts for it: nobody walks into a wall that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.chat.run import Manners
from llmpool.errors import Busy
from llmpool.router.cooldown import Cooldown
from llmpool.state import health
from tests.edges.failing import NOW, Bench, failing
from tests.fakes import faults
from tests.fakes.exchange import Exchange
from tests.fakes.faults import Behaviour

REFUSED = faults.status(400)
TIRED = Cooldown(NOW + 60, 60.0, "server", 1, 0, NOW)


def meanwhile(state: Path, **rests: Cooldown) -> Behaviour:
    """Fail, when another process has just laid scopes to rest; `_` stands for `:` and `__` for `/`."""
    named = {name.replace("__", "/").replace("_", ":", 1): rest._asdict() for name, rest in rests.items()}

    def play(exchange: Exchange) -> None:
        health.update(state, lambda known: known.cooldowns.update(named))
        REFUSED(exchange)

    return play


def test_who_came_to_rest_meanwhile_is_asked_last_and_once(tmp_path: Path) -> None:
    """The next of the plan that is awake goes first; who rests by then is not asked again and again."""
    down = failing(faults.status(503))
    with Bench(tmp_path, a=[meanwhile(tmp_path / "state", deployment_b__m=TIRED)], b=down, c=()) as bench:
        came = bench.ask()
        assert (came.tried, bench.calls()) == (["a/m", "c/m"], [1, 0, 1])
        assert came.notices == ["a/m: scripted 400; c/m is asked next"]
    (tmp_path / "all").mkdir()
    last: dict[str, Any] = {
        "a": [meanwhile(tmp_path / "all/state", deployment_b__m=TIRED)],
        "b": down,
        "c": failing(REFUSED),
    }
    with Bench(tmp_path / "all", **last) as bench:
        assert bench.ask(manners=Manners(max_wait=0)).tried == ["a/m", "c/m", "b/m"]


def test_who_is_awake_again_is_asked_first(tmp_path: Path) -> None:
    """It rested when the plan was made; it has answered somebody since, so it goes before who still rests."""
    state = tmp_path / "state"

    def woken(exchange: Exchange) -> None:
        health.update(state, lambda known: known.answered("c", "c/m", "none"))
        REFUSED(exchange)

    with Bench(tmp_path, a=[woken], b=failing(REFUSED), c=[faults.status(503)]) as bench:
        later = Cooldown(NOW + 800, 900.0, "server", 3, 0, NOW)
        rests = {"deployment:b/m": TIRED._asdict(), "deployment:c/m": later._asdict()}
        health.update(state, lambda known: known.cooldowns.update(rests))
        came = bench.ask()
        assert (came.tried, came.by) == (["a/m", "c/m", "c/m"], "c/m")


def test_a_time_that_a_vendor_named_meanwhile_is_kept(tmp_path: Path) -> None:
    """It is asked before that by nobody, unless there is nobody else."""
    named = TIRED._replace(reason="rate_limit", told=NOW + 60)
    with Bench(tmp_path, a=[meanwhile(tmp_path / "state", deployment_b__m=named)], b=(), c=()) as bench:
        bench.servers["c"].behave([REFUSED])
        assert bench.ask().tried == ["a/m", "c/m"]
    (tmp_path / "alone").mkdir()
    alone = meanwhile(tmp_path / "alone/state", deployment_b__m=named)
    with Bench(tmp_path / "alone", a=[alone], b=()) as bench:
        assert bench.ask().tried == ["a/m", "b/m"]


def test_a_key_that_was_refused_meanwhile_is_not_tried(tmp_path: Path) -> None:
    """Another process found out that it is: this one asks with the next."""
    keys: dict[str, Any] = {"keys": [{"label": "x", "env": "KEY_X"}, {"label": "y", "env": "KEY_Y"}]}
    gone = Cooldown(NOW + 3600, 3600.0, "auth", 1, 0, NOW)
    with Bench(tmp_path, a=[meanwhile(tmp_path / "state", key_b__x=gone)], b=()) as bench:
        bench.env = {"KEY_X": "secret-x", "KEY_Y": "secret-y"}
        bench.configure(b=keys)
        assert bench.ask().by == "b/m"
        assert bench.servers["b"].chats[0].headers["authorization"] == "Bearer secret-y"


def test_a_rest_is_told_as_long_as_it_is(tmp_path: Path) -> None:
    """What was learnt on the way is not counted again where the end of the request says when to come back."""
    with Bench(tmp_path, a=failing(faults.status(429)), b=failing(faults.status(429))) as bench:
        error = bench.ask(manners=Manners(max_wait=0)).error
        assert isinstance(error, Busy)
        assert error.details["retry_at"] == "2026-11-18T11:07:40Z"
        assert bench.rest("deployment:a/m") == 60
