"""Several processes on one state directory: nothing is lost, doubled or torn."""

from __future__ import annotations

import json
import signal

import pytest

from tests.at_once import at_once
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider, wait_for


def records(home: Home, kind: str) -> list[dict]:
    """Read every line of a log; a torn one would not parse, and an empty one is allowed (state/jsonl)."""
    paths = (home.state / kind).glob("*.jsonl")
    return [json.loads(line) for path in paths for line in path.open() if line.strip()]


@pytest.mark.slow
def test_many_chats_at_once_are_all_recorded(home: Home, server: FakeServer) -> None:
    """Twelve chats and two refreshes at once: twelve answers, twelve usage lines, twelve decisions."""
    home.write_config(provider("a", server.url), model("a/m"))
    chats = [("chat", "--json", f"question {n}") for n in range(12)]
    ended = at_once(home, *chats, *[("refresh", "a")] * 2)
    assert [result.code for result in ended] == [0] * 14, ended
    given = {result.json["usage_id"] for result in ended[:12]}
    assert {record["id"] for record in records(home, "usage")} == given
    assert len(records(home, "decisions")) == 12
    health = json.loads((home.state / "health.json").read_text())["data"]
    assert health["experience"]["a/m"][0] == 12


def test_a_killed_chat_leaves_everything_usable(home: Home) -> None:
    """After kill -9 in the middle of an answer the next commands work."""
    with FakeServer(behave=[faults.slow(between=5)]) as one:
        home.write_config(provider("a", one.url), model("a/m"))
        child = home.start("chat", "hi")
        wait_for(lambda: bool(one.chats))
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        assert home.here("chat", "hi").out == "hello there\n"
        assert home.here("usage", "--json").json["total"]["successful"] == 1


def test_a_second_whole_refresh_is_told_to_try_again(home: Home) -> None:
    """One refresh of the pool runs at a time; the second ends with 75, a named one goes on."""
    with FakeServer(delay=1) as slow:
        home.write_config(provider("a", slow.url), provider("b", slow.url))
        first = home.start("refresh")
        wait_for(lambda: bool(slow.listings))
        second = home.here("refresh", "--json")
        assert (second.code, second.error["kind"]) == (75, "busy")
        assert home.here("refresh", "b").code == 0
        assert first.wait(30) == 0
        assert len(home.here("models", "--json").json["models"]) == 2


def test_a_slow_provider_delays_nobody(home: Home, server: FakeServer) -> None:
    """A hung provider costs its own time-out; the others' models are there, and the exit code is 9."""
    with FakeServer(behave_listing=[faults.hang(30)]) as hung:
        home.write_config(provider("hung", hung.url), provider("ok", server.url))
        shown = home.here("refresh", "--timeout", "2s", "--json")
        assert shown.code == 9
        by_id = {entry["id"]: entry for entry in shown.json["providers"]}
        assert by_id["ok"]["models"] == 1
        assert by_id["ok"]["latency_ms"] < 15_000  # not the half minute for which the other hangs
        assert "2 s" in by_id["hung"]["error"]
