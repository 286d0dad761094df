"""Conversations: who goes on with them, what is kept of an answer that broke off, and what is not."""

from __future__ import annotations

import json
import signal
from threading import Event

import pytest

from tests.fakes import faults
from tests.fakes.exchange import Exchange
from tests.fakes.server import FakeServer
from tests.support import Home, end_of, model, provider, wait_for

PRIORITY = '[routing]\nstrategy = "priority"'


def turns(home: Home, name: str = "s") -> list[dict[str, object]]:
    """Return what is kept of a session."""
    return list(home.here("chat", "--show", name, "--json").json["turns"])


def age(home: Home, at: str) -> None:
    """Let all turns of session `s` have happened at another time."""
    path = home.state / "sessions" / "s.jsonl"
    lines = [json.loads(line) | {"at": at} for line in path.read_text().splitlines()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_a_conversation_stays_while_its_cache_is_warm(home: Home) -> None:
    """Five minutes with whoever answered last, and said; then the best one answers; a rest moves it on."""
    with FakeServer(["x"]) as first, FakeServer(["y"]) as second:
        home.write_config(
            PRIORITY,
            provider("a", first.url, priority=90, location="cloud"),
            provider("b", second.url, priority=10, location="cloud"),
            model("a/x"),
            model("b/y"),
        )
        home.here("chat", "--session", "s", "-m", "b/y", "one")
        warm = home.here("chat", "--session", "s", "--json", "two").json
        decided = home.here("route", "--last", "--json").json["decision"]
        chosen = home.here("chat", "--session", "s", "--prefer", "a", "--json", "three").json["served_by"]
        home.here("chat", "--session", "s", "-m", "b/y", "four")
        second.behave([faults.status(503)] * 3)
        moved = home.here("chat", "--session", "s", "five")
        resting = home.here("chat", "--session", "s", "--json", "-m", "auto", "six")
        age(home, "2026-01-01T00:00:00.000Z")
        cold = home.here("chat", "--session", "s", "--dry-run", "--json", "seven").json["decision"]
    assert (warm["served_by"], chosen) == ("b/y", "a/x")
    assert "b/y is kept, for its prompt cache is likely warm, with" in decided["reasoning"]
    assert (decided["request"]["continues"], decided["request"]["warm"]) == ("b/y", True)
    assert moved.out == "hello there\n"
    assert resting.json["served_by"] == "a/x"
    assert (cold["selected"], "warm" in cold["request"]) == ("a/x", False)


def test_cache_marks_are_set_in_sessions_only(home: Home) -> None:
    """Ruling 25: on the system's end and on the last user turn; a plain question carries none."""
    with FakeServer(["m"], speaks=("anthropic",)) as server:
        home.write_config(provider("den", server.root, format="anthropic"), model("den/m"))
        home.here("chat", "-s", "be brief", "hi")
        home.here("chat", "--session", "s", "-s", "be brief", "hi")
        home.here("chat", "--session", "s", "and?")
        plain, begun, gone_on = (json.loads(chat.body) for chat in server.chats)
    assert "cache_control" not in json.dumps(plain)
    mark = {"type": "ephemeral"}
    for body in (begun, gone_on):
        assert body["system"][-1]["cache_control"] == mark
        assert body["messages"][-1]["content"][-1]["cache_control"] == mark
        assert json.dumps(body).count("cache_control") == 2


def test_what_was_shown_of_a_broken_answer_is_kept_and_marked(home: Home) -> None:
    """The conversation goes on from there; an answer of which nothing was shown leaves nothing."""
    with FakeServer(["m"], text="one two three four") as server:
        home.write_config(provider("den", server.url), model("den/m"))
        server.behave([faults.cut(after=2)])
        broken = home.here("chat", "--session", "s", "count")
        (asked, heard) = turns(home)
        shown = home.here("chat", "--show", "s").out
        server.behave([faults.cut(after=2)] * 9)
        unseen = home.here("chat", "--session", "s", "--json", "--max-wait", "0", "again")
        kept = len(turns(home))
        server.behave([])
        home.here("chat", "--session", "s", "go on")
        sent = json.loads(server.chats[-1].body)["messages"]
    assert (broken.code, asked["text"], heard["partial"]) == (7, "count", True)
    assert heard["text"]
    assert broken.out.rstrip("\n") == heard["text"]
    assert "[broke off]" in shown
    assert (unseen.code, kept) == (7, 2)
    assert [turn["content"] for turn in sent] == ["count", heard["text"], "go on"]


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_answer_is_kept_as_far_as_it_was_shown(
    home: Home, sign: signal.Signals, code: int
) -> None:
    """Ctrl-C in the middle loses no word that was read."""
    with FakeServer(["m"]) as server:
        server.behave([faults.slow(between=0.5, text="one two three four five six")])
        home.write_config(provider("den", server.url), model("den/m"))
        child = home.start("chat", "--session", "s", "count")
        assert child.stdout is not None
        first = child.stdout.read(1)
        result = end_of(child, send=sign)
    assert (result.code, first) == (code, "o")
    heard = turns(home)[-1]
    assert (heard["partial"], str(heard["text"]).startswith("one")) == (True, True)


def test_two_runs_of_one_session_keep_both_exchanges_whole(home: Home) -> None:
    """Each exchange stays together, in the order in which they ended."""
    done = Event()

    def late(exchange: Exchange) -> None:
        done.wait(30)
        faults.ok("late")(exchange)

    with FakeServer(["m"]) as server:
        server.behave([late, faults.ok("soon")])
        home.write_config(provider("den", server.url), model("den/m"))
        slow = home.start("chat", "--session", "s", "slow")
        wait_for(lambda: len(server.chats) == 1)
        home.here("chat", "--session", "s", "fast")
        done.set()
        assert end_of(slow).code == 0
    assert [turn["text"] for turn in turns(home)] == ["fast", "soon", "slow", "late"]
    times = [str(turn["at"]) for turn in turns(home)]
    assert times == sorted(times)
