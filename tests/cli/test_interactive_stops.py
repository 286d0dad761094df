"""Ctrl-C in the middle of things: it stops an answer, and nothing that was kept is lost by it."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable

import pytest

from tests.cli.talking import Talking, talking
from tests.cli.test_interactive import one, turns
from tests.fakes import faults
from tests.fakes.exchange import Exchange
from tests.fakes.server import FakeServer
from tests.support import Home

__all__ = ["talking"]


def interrupting(times: int) -> Callable[[Exchange], None]:
    """Press Ctrl-C so often when a question has arrived, then answer late."""

    def play(exchange: Exchange) -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)
        faults.slow(headers=0.3, text="too late")(exchange)

    return play


@pytest.mark.parametrize("times", [1, 3])
def test_a_question_is_stopped_before_anything_came(home: Home, talking: Talking, times: int) -> None:
    """Nothing of it is kept, and asked again it is answered; a hasty second Ctrl-C is the same one."""
    with FakeServer(["m"]) as server:
        server.behave([interrupting(times)])
        one(home, server)
        told = talking("a", "/retry", "b", options=("--session", "s"))
    assert told.code == 0
    assert told.err.count("stopped before anything came; /retry asks again") == 1
    assert told.out == "hello there\nhello there\n"
    assert [text for _, text in turns(home, "s")] == ["a", "hello there", "b", "hello there"]


def test_an_answer_stays_when_asking_again_is_stopped(home: Home, talking: Talking) -> None:
    """It is put back where it was, with the words of the system that came along."""
    with FakeServer(["m"], text="A") as server:
        server.behave([faults.ok("A"), interrupting(3), faults.status(400)])
        one(home, server)
        talking("a", "/retry", "/retry", "b", options=("--session", "s", "-s", "be brief"))
    said = [("system", "be brief"), ("user", "a"), ("assistant", "A"), ("user", "b"), ("assistant", "A")]
    assert turns(home, "s") == said


def test_ctrl_c_at_the_prompt_is_the_programs_again(home: Home, talking: Talking) -> None:
    """After a question the signal is as it was before."""
    seen: list[object] = []
    with FakeServer(["m"]) as server:
        one(home, server)
        talking("a", lambda: seen.append(signal.getsignal(signal.SIGINT)))
    assert [getattr(each, "__name__", each) for each in seen] == ["interrupted"]


def test_an_answer_is_kept_until_there_is_another(home: Home, talking: Talking) -> None:
    """Whoever is killed while it is asked again finds it where it was; then the new one is there."""
    seen: list[list[str]] = []

    def look(exchange: Exchange) -> None:
        lines = (home.state / "sessions" / "s.jsonl").read_text().splitlines()
        seen.append([json.loads(line)["text"] for line in lines])
        faults.ok("B")(exchange)

    with FakeServer(["m"]) as server:
        server.behave([faults.ok("A"), look])
        one(home, server)
        talking("a", "/retry", options=("--session", "s"))
    assert seen == [["a", "A"]]
    assert [text for _, text in turns(home, "s")] == ["a", "B"]
