"""The commands of a conversation: what each shows and changes, and what Tab offers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.talking import Talking, talking
from tests.cli.test_interactive import kept, one, sent, turns
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

__all__ = ["talking"]


def test_the_systems_words_are_changed_midway(home: Home, talking: Talking) -> None:
    """Only the latest hold, from the next question on; /undo does not lose them, `off` takes them back."""
    with FakeServer(["m"]) as server:
        one(home, server)
        told = talking("a", "/system be brief", "/system", "b", "/system be kind", "c", "/undo", "/system")
        said = [sent(server, n)[0] for n in range(3)]
        name = kept(home)[0]["name"]
        talking("d", "/system off", "e", "/new", "f", options=("--session", name))
        later = [sent(server, n)[0] for n in range(3, 6)]
    assert said == [("user", "a"), ("system", "be brief"), ("system", "be kind")]
    assert [line for line in told.out.splitlines() if line.startswith("be ")] == ["be brief", "be kind"]
    assert later == [("system", "be kind"), ("user", "a"), ("user", "f")]


def test_what_is_attached_goes_along_once(home: Home, talking: Talking) -> None:
    """With the next question that is answered; what cannot be read is told at once."""
    one_file, other = home.cwd / "with blank.txt", home.cwd / "b.md"
    one_file.write_text("contents of one")
    other.write_text("contents of two")
    with FakeServer(["m"]) as server:
        one(home, server)
        told = talking(
            "/attach with blank.txt", "/attach b.md ./b.md", "/attach", "/attach nosuch", "/detach ./b.md",
            "look", "again", "/detach",
        )  # fmt: skip
        prompts = talking.typist.prompts
        first, second = (sent(server, n)[-1][1] for n in range(2))
    assert first == "look\n\nwith blank.txt:\ncontents of one\n\nb.md:\ncontents of two"
    assert second == "again"
    assert prompts[:7] == ["> ", "[1 attached]> ", *["[3 attached]> "] * 3, "[2 attached]> ", "> "]
    assert told.out.startswith("with blank.txt\nb.md\n./b.md\n")
    errors = [line for line in told.err.splitlines() if line.startswith("error")]
    assert errors == ["error: nosuch: No such file or directory", "error: nothing is attached"]


def test_usage_is_of_this_conversation_and_of_today(home: Home, talking: Talking) -> None:
    """Under every name it had; an undone answer was paid for, and so was a stopped one."""
    with FakeServer(["m"]) as server:
        one(home, server)
        home.here("chat", "elsewhere")
        before = talking("/usage", "a", "/undo", "b", "/save trip", "c", "/usage", "/new", "/usage").out
    told = [line for line in before.splitlines() if ":" in line]
    assert told[0] == "this conversation: nothing yet"
    assert told[1] == "today, all of it: 1 call · 7 in, 2 out · free"
    assert told[2] == "this conversation: 3 calls · 21 in, 6 out · free"
    assert told[3] == "today, all of it: 4 calls · 28 in, 8 out · free"
    assert told[4] == "this conversation: nothing yet"
    assert [each["name"] for each in kept(home)] == ["trip"]


def test_why_and_what_next(home: Home, talking: Talking) -> None:
    """The recorded decision with its attempts, and the one that the next question would meet."""
    with FakeServer(["m"]) as server:
        one(home, server)
        told = talking("/why", "/route compare a and b", "a", "/why", "/route")
    assert told.err.count("error: nothing was asked yet") == 1
    lines = told.out.splitlines()
    assert lines[0] == "next:"
    assert lines[1].startswith("den/m   complex, ")
    assert [line[:5] for line in lines].count("next ") == 1
    assert told.out.count("den/m answered · 7 in, 2 out") == 2
    assert len(server.chats) == 1


def test_thinking_and_tags(home: Home, talking: Talking) -> None:
    """They hold from the next question on, until they are changed."""
    with FakeServer(["m"]) as server:
        one(home, server, supports_thinking=True)
        told = talking("/think high", "/tag trip", "a", "/think off", "/tag off", "b", "/think loud")
        records = home.here("usage", "list", "--json").json["records"]
        efforts = [json.loads(chat.body).get("reasoning_effort") for chat in server.chats]
    assert [record.get("tag") for record in records] == [None, "trip"]
    assert efforts == ["high", "none"]
    assert "error: /think 'loud' is not known" in told.err


def test_a_question_is_written_in_the_editor(
    home: Home, talking: Talking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was saved is asked and kept in the history; an empty text and a failed editor send nothing."""
    script = home.cwd / "editor"
    script.write_text('#!/bin/sh\ncat "$1" > seen; printf "%s\\n" "$TEXT" > "$1"; exit "$CODE"\n')
    script.chmod(0o700)
    home.env |= {"VISUAL": str(script), "TEXT": "from the editor", "CODE": "0"}
    with FakeServer(["m"]) as server:
        one(home, server)
        talking("/edit half a thought")
        seen = Path(home.cwd, "seen").read_text()
        home.env["TEXT"] = ""
        empty = talking("/edit").err
        home.env |= {"TEXT": "x", "CODE": "3"}
        failed = talking("/edit").err
        asked = [sent(server, n)[-1][1] for n in range(len(server.chats))]
    assert seen == "half a thought"
    assert asked == ["from the editor"]
    assert "nothing was written, so nothing was sent" in empty
    assert "editor ended with 3, so nothing was sent" in failed
    talking()
    assert talking.typist.known == ["/edit half a thought", "from the editor", "/edit"]


def test_conversations_are_changed_between(home: Home, talking: Talking) -> None:
    """The list, one of them opened, another begun: nothing said is mixed up."""
    with FakeServer(["m"]) as server:
        one(home, server)
        home.here("chat", "--session", "old", "first")
        told = talking(
            "new", "/sessions", "/sessions old", "second", "/show", "/sessions nosuch", "/save old"
        )
        fresh = next(each["name"] for each in kept(home) if each["name"] != "old")
    assert [text for role, text in turns(home, "old") if role == "user"] == ["first", "second"]
    assert [text for role, text in turns(home, fresh) if role == "user"] == ["new"]
    assert "old goes on after 2 turns: first" in told.err
    assert "user: second\nassistant: hello there\n" in told.out
    assert 'error: no session "nosuch"' in told.err
    assert 'error: there is a session "old" already' in told.err


@pytest.mark.parametrize(
    ("line", "offers"),
    [
        ("/mo", ["/model "]),
        ("/s", ["/system ", "/save ", "/sessions ", "/show"]),
        ("/model ", ["auto", "cloud", "local", "small", "den/m"]),
        ("/model den", ["den/m"]),
        ("/retry e", ["elsewhere"]),
        ("/think ", ["off", "low", "medium", "high"]),
        ("/sessions o", ["old"]),
        ("/attach no", ["notes with blanks.md", "notes/"]),
        ("/attach notes with b", ["blanks.md"]),
        ("/attach notes/", ["notes/a.png"]),
        ("/attach .h", [".hidden"]),
        ("/tag ", []),
        ("/nosuch x", []),
        ("what is /mo", []),
        ("hello", []),
    ],
)
def test_tab_offers_what_may_follow(home: Home, talking: Talking, line: str, offers: list[str]) -> None:
    """Commands, and behind them what they take; nothing in what is said."""
    (home.cwd / "notes").mkdir()
    for name in ("notes/a.png", "notes with blanks.md", ".hidden", "other"):
        (home.cwd / name).write_text("x")
    home.write_config(provider("den", "http://127.0.0.1:9"), model("den/m", aliases=["small"]))
    (home.state / "sessions").mkdir(parents=True)
    (home.state / "sessions" / "old.jsonl").write_text('{"role": "user", "text": "x"}\n')
    found: list[str] = []
    start = max(line.rfind(" ") + 1, 0)
    talking(lambda: found.extend(talking.typist.offers(line, start)))
    assert found == offers


def test_help_fits_a_terminal(home: Home, talking: Talking) -> None:
    """Every command is in it, on one line of 80 columns each."""
    from llmpool.cli.conversing_commands import COMMANDS

    home.write_config(provider("den", "http://127.0.0.1:9"), model("den/m"))
    told = talking("/help").out.splitlines()
    assert [line.split()[0] for line in told[: len(COMMANDS)]] == [f"/{name}" for name in COMMANDS]
    assert max(map(len, told)) <= 80


def test_twice_ctrl_c_tells_the_way_out(home: Home, talking: Talking) -> None:
    """Once clears the line and says nothing."""
    home.write_config(provider("den", "http://127.0.0.1:9"), model("den/m"))
    once = talking("Ctrl-C", "/model", "Ctrl-C").err
    twice = talking("Ctrl-C", "Ctrl-C").err
    assert "leaves" not in once.replace("Ctrl-D leaves", "")
    assert "Ctrl-D or /exit leaves" in twice


def test_elsewhere_is_where_it_may_go(home: Home, talking: Talking) -> None:
    """`-m local` is a requirement and no pin, and /retry elsewhere keeps it; what is not listed is left."""
    with FakeServer(["x"]) as den, FakeServer(["y"]) as sky:
        home.write_config(
            *(provider("den", den.url), provider("sky", sky.url, location="cloud")),
            *(model("den/x"), model("sky/y")),
        )
        told = talking("a", "/retry elsewhere", options=("-m", "Local"))
        assert "den/x   excluded" in told.err
        assert "sky/y   not local" in told.err
        talking("a", "/retry elsewhere", options=("-m", "den/new", "--force"))  # which nobody lists
        assert [chat.json["model"] for chat in den.chats] == ["x", "new", "x"]
        kept = talking("/model cloud", "a", options=("--local-only",))
        assert "routing decides, among what is local" in kept.err
    assert (len(den.chats), len(sky.chats)) == (4, 0)
