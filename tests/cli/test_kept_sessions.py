"""Conversations that are kept: listed, shown, exported and deleted, whatever somebody wrote into them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from llmpool.errors import StateUnusable
from llmpool.state import history, sessions
from tests.cli.test_sessions import turns
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

if TYPE_CHECKING:
    import pytest

PNG = "data:image/png;base64,iVBORw0KGgo="
AT = "2026-11-21T21:05:00.000Z"


def keep(home: Home, name: str, *lines: Any) -> None:
    """Write a session as it is kept; a line that is text is written as it is."""
    path = home.state / "sessions" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))


def turn(role: str, text: str, **fields: Any) -> dict[str, Any]:
    """Return a turn as it is kept."""
    return {"at": AT, "role": role, "text": text, **fields}


TALK = (
    turn("system", "be brief"),
    turn("user", "what is\non this?", images=[PNG]),
    turn("assistant", "# A *cat*\n", deployment="den/m", partial=True),
)


def test_what_a_list_tells(home: Home) -> None:
    """Of each conversation its turns, when it grew, who answered last and how it began."""
    assert home.here("chat", "--list").err == "no conversation is kept; llmpool chat -i begins one\n"
    keep(home, "cat", *TALK)
    keep(home, "old", turn("user", "x" * 100) | {"at": "2025-01-01T00:00:00.000Z"})
    keep(home, "empty")
    listed = home.here("chat", "--list")
    document = home.here("chat", "--list", "--json").json
    first, second = (line.split("\t") for line in listed.out.splitlines())
    assert first == ["cat", "3", AT, "den/m", "what is on this?"]
    assert second == ["old", "1", "2025-01-01T00:00:00.000Z", "", f"{'x' * 57}..."]
    assert document["sessions"][0] == {
        "name": "cat",
        "turns": 3,
        "updated_at": AT,
        "deployment": "den/m",
        "first": "what is\non this?",
    }


def test_a_conversation_as_a_document(home: Home) -> None:
    """Roles, times and who answered, in Markdown; what broke off says so; `--json` has the turns."""
    keep(home, "cat", *TALK)
    exported = home.here("chat", "--export", "cat").out
    assert exported == (
        "# cat\n\n## System · 2026-11-21 21:05 UTC\n\nbe brief\n"
        f"\n## You · 2026-11-21 21:05 UTC\n\n![picture]({PNG})\n\nwhat is\non this?\n"
        "\n## den/m · 2026-11-21 21:05 UTC\n\n# A *cat*\n\n*(broke off)*\n"
    )
    assert home.here("chat", "--export", "cat", "--json").json["turns"] == list(TALK)
    assert home.here("chat", "--export", "dog").code == 3


def test_a_conversation_in_a_pipe(home: Home) -> None:
    """A line that says who spoke, and the text as it is."""
    keep(home, "cat", *TALK)
    shown = home.here("chat", "--show", "cat").out
    assert (
        shown == "system: be brief\nuser: [picture] what is\non this?\nassistant: # A *cat*\n [broke off]\n"
    )


def test_a_conversation_at_a_terminal(home: Home) -> None:
    """Who spoke and when, and answers as they were shown when they were given."""
    keep(home, "cat", *TALK)
    child = home.terminal("chat", "--show", "cat", env={"NO_COLOR": None, "LLMPOOL_PAGER": "cat"}, width=80)
    child.expect_exact("\x1b[1myou  ")
    child.expect_exact("\x1b[1mden/m  ")
    child.expect(r"\x1b\[[0-9;]*mA ")
    child.expect_exact("[broke off]")


def test_a_deletion_is_what_was_named(home: Home) -> None:
    """One conversation, with what was typed in it; one that is not there is exit 3."""
    keep(home, "one", *TALK)
    keep(home, "two", *TALK)
    gone, again = home.here("chat", "--delete", "one"), home.here("chat", "--delete", "one")
    assert (gone.code, gone.err, again.code) == (0, "deleted one\n", 3)
    assert [each["name"] for each in home.here("chat", "--list", "--json").json["sessions"]] == ["two"]


def test_a_deletion_that_was_stopped_can_be_done_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was typed in a conversation is never left behind by one that is gone."""
    keep(home, "one", *TALK)
    history.add(home.state, "secret", "one")

    def full(*_given: Any) -> None:
        raise StateUnusable("no space")

    for module, name in ((history, "forget"), (sessions, "delete")):
        with monkeypatch.context() as patched:
            patched.setattr(module, name, full)
            assert home.here("chat", "--delete", "one").code == 10
    assert home.here("chat", "--delete", "one").code == 0
    assert history.read(home.state) == []


def test_hostile_turns_reach_no_terminal(home: Home) -> None:
    """Escapes, torn lines, wrong types and roles nobody has are made harmless or passed over."""
    evil = "\x1b]0;owned\x07\x1b[2J\u202etxt.exe"
    keep(
        home,
        "s",
        '{"role": "user", "text": "torn',
        "[1, 2]",
        "[" * 50_000,
        '{"role": "user", "text": 7}',
        turn("tool", "from nowhere"),
        turn("user", evil),
        turn("assistant", evil, deployment=evil, carry=5, images=[5, evil], partial="yes"),
    )
    runs = [
        home.here("chat", "--list"),
        home.here("chat", "--show", "s"),
        home.here("chat", "--export", "s"),
    ]
    for shown in runs:
        assert shown.code == 0
        assert not set("\x1b\x07\u202e") & set(shown.out)
    assert "from nowhere" not in runs[1].out
    with FakeServer(["m"]) as server:
        home.write_config(provider("den", server.url), model("den/m"))
        assert home.here("chat", "--session", "s", "go on", "--no-log").code == 0
        told = [each["role"] for each in json.loads(server.chats[-1].body)["messages"]]
    assert told == ["user", "assistant", "user"]
    assert len(turns(home, "s")) == 2


def test_a_session_of_many_megabytes_is_listed(home: Home) -> None:
    """Line by line; it is shown as a whole, and what is asked in it does not fit anybody."""
    keep(home, "s", *[turn("user", "x" * 100_000)] * 100)
    listed = home.here("chat", "--list", "--json").json["sessions"]
    assert (listed[0]["turns"], len(listed[0]["first"])) == (100, 200)
