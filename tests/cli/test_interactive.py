"""A conversation: what a question brings along, what is kept of it, and what its commands change."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.errors import StateUnusable
from llmpool.state import jsonl
from tests.cli.talking import Talking, talking
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

__all__ = ["talking"]
PRIORITY = '[routing]\nstrategy = "priority"'


def sent(server: FakeServer, place: int = -1) -> list[tuple[str, str]]:
    """Return what a model was told in one request, by role."""
    return [(turn["role"], turn["content"]) for turn in json.loads(server.chats[place].body)["messages"]]


def one(home: Home, server: FakeServer, **fields: Any) -> None:
    """Configure one provider with one model."""
    home.write_config(provider("den", server.url), model("den/m", **fields))


def kept(home: Home) -> list[dict[str, Any]]:
    """List the conversations."""
    return list(home.here("chat", "--list", "--json").json["sessions"])


def turns(home: Home, name: str) -> list[tuple[str, str]]:
    """Return what is kept of one."""
    return [
        (each["role"], each["text"]) for each in home.here("chat", "--show", name, "--json").json["turns"]
    ]


@pytest.mark.parametrize("for_good", [False, True])
def test_a_conversation_that_cannot_be_kept_goes_on_in_memory(
    home: Home, talking: Talking, monkeypatch: pytest.MonkeyPatch, for_good: bool
) -> None:
    """Whoever is asked knows what was said; at the end it is kept, or the run ends with 10."""
    real, full = jsonl.put_together, [True]

    def put(*args: Any, **options: Any) -> None:
        if full:
            raise StateUnusable("no room left")
        real(*args, **options)

    with FakeServer(["m"]) as server:
        one(home, server)
        monkeypatch.setattr(jsonl, "put_together", put)
        done = talking("one", "two", *([] if for_good else [full.clear]), options=("--session", "s"))
        known = sent(server)
    assert [text for role, text in known if role == "user"] == ["one", "two"]
    assert done.err.count("from here on this conversation is in memory alone: no room left") == 1
    assert (done.code, "conversation is not kept" in done.err) == ((10, True) if for_good else (0, False))
    if not for_good:
        assert [text for role, text in turns(home, "s") if role == "user"] == ["one", "two"]


def test_it_refuses_to_talk_with_a_pipe(home: Home) -> None:
    """Nobody types there; what does the like of it is named."""
    refused = home.here("chat", "-i", stdin="hi\n")
    assert (refused.code, refused.out) == (2, "")
    assert "-i talks with a person, and stdin is no terminal" in refused.err
    assert "llmpool chat --session NAME" in refused.err


def test_it_does_not_begin_where_nobody_could_answer(home: Home, talking: Talking) -> None:
    """Before anything is typed in vain."""
    told = talking("a long question")
    assert (told.code, talking.typist.prompts) == (6, [])
    assert "llmpool init" in told.err


def test_a_conversation_is_kept_under_a_name_of_its_own(home: Home, talking: Talking) -> None:
    """Each question knows the ones before it; the end says where it is kept, and -c goes on there."""
    with FakeServer(["m"]) as server:
        one(home, server)
        first = talking("and you?", options=("who are you?", "-s", "be brief"))
        (session,) = kept(home)
        name = session["name"]
        begun = sent(server, 0), sent(server, 1)
        again = talking("more", options=("-c",))
        went_on = sent(server)
        silent = talking(options=("--session", "other"))
    asked = ("user", "who are you?")
    assert (first.code, first.out) == (0, "hello there\nhello there\n")
    assert f"kept as {name}; go on: llmpool chat -i --session {name}" in first.err
    assert begun[0] == [("system", "be brief"), asked]
    assert begun[1] == [("system", "be brief"), asked, ("assistant", "hello there"), ("user", "and you?")]
    assert (session["turns"], session["first"], session["deployment"]) == (5, "who are you?", "den/m")
    assert f"{name} goes on after 5 turns: and you?" in again.err
    assert went_on[:4] == begun[1]
    assert (went_on[-1], len(went_on)) == (("user", "more"), 6)
    assert "kept" not in silent.err
    assert [each["name"] for each in kept(home)] == [name]


def test_nothing_is_kept_without_a_log(home: Home, talking: Talking) -> None:
    """The conversation lives in memory, and is one all the same; no file has a word of it."""
    with FakeServer(["m"], text="an answer of its own") as server:
        one(home, server)
        home.here("chat", "--session", "s", "before")
        told = talking("a private word", "/undo", "another", options=("--no-log",))
        alone = sent(server)
        talking("/sessions s", "a third word", options=("--no-log", "--session", "s"))
        went_on = sent(server)
        talking("a fourth word", "/save on-order", "/new", "a fifth word", options=("--no-log",))
    assert alone == [("user", "another")]
    assert told.err.endswith("nothing of it is kept\n")
    assert went_on[0] == ("user", "before")
    assert turns(home, "s") == [("user", "before"), ("assistant", "an answer of its own")]
    assert (
        home.files_with("private word")
        == home.files_with("third word")
        == home.files_with("fifth word")
        == []
    )
    assert home.files_with("fourth word") == ["state/sessions/on-order.jsonl"]


def test_the_history_is_for_the_arrow_keys(home: Home, talking: Talking) -> None:
    """What was typed comes back in the next session, unless it began with a blank or its own was deleted."""
    with FakeServer(["m"]) as server:
        one(home, server)
        talking("one", " hidden", "/model", options=("--session", "s"))
        talking("two", options=("--session", "t"))
        talking()
        known = talking.typist.known
        left = home.here("chat", "--delete", "s", stdin="n\n")
        gone = home.here("chat", "--delete", "s", stdin="y\n")
    assert known == ["one", "/model", "two"]
    assert (left.code, gone.code) == (2, 0)
    assert "delete s, 4 turns? It cannot be undone. [y/N]" in left.err
    assert [home.files_with(word) for word in ('"one"', "hidden")] == [[], []]
    assert home.files_with('"two"') == ["state/history.json", "state/sessions/t.jsonl"]


def test_an_error_is_one_question_s(home: Home, talking: Talking) -> None:
    """Each is told as a run would end with it, and the session goes on; what failed is not kept."""
    with FakeServer(["m"]) as server:
        server.behave([faults.status(400), faults.status(401)])
        one(home, server)
        told = talking("bad", "/retry", "/model nosuch/x", "/nosense", "good")
        (session,) = kept(home)
    assert told.out == "hello there\n"
    lines = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert lines[0].startswith("error: den/m: ")
    assert lines[1].startswith("error: den")
    assert lines[2:] == ['error: no model "nosuch/x" is known', "error: there is no command /nosense"]
    assert turns(home, session["name"]) == [("user", "good"), ("assistant", "hello there")]


def test_undo_and_retry_change_the_end(home: Home, talking: Talking) -> None:
    """A question is taken back with its answer, or asked again in its place; failing changes nothing."""
    with FakeServer(["m"]) as server:
        server.behave([faults.ok("A"), faults.ok("B"), faults.ok("B2"), faults.status(400), faults.ok("C")])
        one(home, server)
        told = talking("a", "b", "/retry", "/retry", "/undo", "c", options=("--session", "s"))
        undone = talking("/undo", "/undo", "/undo", "/retry", options=("--session", "s"))
    assert sent(server, 2) == sent(server, 1) == sent(server, 3)
    assert turns_of(server, 4) == ["a", "A", "c"]
    assert told.out == "A\nB\nB2\nC\n"
    assert "took back: b" in told.err
    assert [line for line in undone.err.splitlines() if "took" in line] == ["took back: c", "took back: a"]
    assert undone.err.count("error: there is no question to ask again") == 1
    assert kept(home) == []


def turns_of(server: FakeServer, place: int) -> list[str]:
    """Return what was said in one request."""
    return [text for _, text in sent(server, place)]


def test_who_answers_is_chosen_and_let_go(home: Home, talking: Talking) -> None:
    """A model that is named answers, and the prompt says so; elsewhere is not where it was."""
    with FakeServer(["x"]) as first, FakeServer(["y"]) as second:
        home.write_config(
            PRIORITY,
            provider("a", first.url, priority=90),
            provider("b", second.url, priority=10),
            model("a/x"),
            model("b/y"),
        )
        told = talking(
            "1", "/model b/y", "2", "/model", "/model auto", "/retry elsewhere", "/retry b/y", "/why"
        )
        prompts = talking.typist.prompts
        asked = len(first.chats), len(second.chats)
    assert prompts[:6] == ["> ", "> ", "b/y> ", "b/y> ", "b/y> ", "> "]
    assert "b/y answers; whoever is best: /model auto" in told.out
    assert "routing decides; b/y answered last" in told.err
    assert asked == (2, 2)
    (last,) = [line for line in told.out.splitlines() if " answered · " in line]
    assert last.startswith("b/y answered · 7 in, 2 out · ")


def test_what_changes_meanwhile_counts(home: Home, talking: Talking) -> None:
    """A long session sees what others change: the config, and who rests."""
    with FakeServer(["x"]) as first, FakeServer(["y"]) as second:
        served = [provider("a", first.url, priority=90), model("a/x")]
        home.write_config(PRIORITY, *served)

        def another() -> None:
            home.write_config(PRIORITY, *served, provider("b", second.url, priority=95), model("b/y"))

        def resting() -> None:
            second.behave([faults.status(503)] * 9)
            assert home.here("chat", "-m", "b/y", "--max-wait", "0", "x").code == 7
            second.behave([])

        told = talking("1", another, "/model b/y", "2", resting, "/model auto", "3")
        asked = [turns_of(first, n)[-1] for n in range(len(first.chats))]
    assert asked == ["1", "3"]
    assert told.out.count("hello there\n") == 3
