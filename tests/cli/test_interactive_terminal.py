"""A conversation at a real terminal: its keys, its signals, and the terminal as it was before."""

from __future__ import annotations

import json
import readline
import signal
import termios
import time
from typing import Any

import pytest

from tests.cli.test_interactive import kept, sent, turns
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, finish, model, provider, wait_for

WORDS = "one two three four five six seven eight nine ten"


def configured(home: Home, server: FakeServer) -> None:
    """Configure one provider with one model."""
    home.write_config(provider("den", server.url), model("den/m"))


def modes(child: Any) -> list[Any]:
    """Return how the terminal is set."""
    return list(termios.tcgetattr(child.child_fd))


def prompted(child: Any, prompt: str = "> ") -> None:
    """Wait until something may be typed."""
    child.expect_exact(prompt)


@pytest.mark.skipif("libedit" in (readline.__doc__ or ""), reason="libedit knows no marked pastes")
def test_a_conversation_at_a_terminal(home: Home) -> None:
    """Typed, pasted, stopped, asked again, and left; what was shown is kept, the terminal is as it was."""
    with FakeServer(["m"], text="**hello** there") as server:
        configured(home, server)
        child = home.terminal("chat", "-i", env={"NO_COLOR": "1"})
        child.expect_exact("/help lists the commands; Ctrl-D leaves")
        child.expect_exact("\x1b[?2004h")
        prompted(child)
        child.sendline("first")
        child.expect_exact("hello** there")
        child.expect_exact("den/m · ")
        prompted(child)
        child.send("\x1b[200~pasted\n  in two lines\x1b[201~\r")
        child.expect_exact("den/m · ")
        prompted(child)
        child.send("with alt\x1b\renter\r")
        child.expect_exact("den/m · ")
        prompted(child)
        server.behave([faults.slow(between=0.05, text=WORDS * 40)])
        child.sendline("stop me")
        child.expect_exact("two three")
        child.sendintr()
        child.expect_exact("stopped; what is above is kept")
        prompted(child)
        child.send("half a line")
        child.expect_exact("half a line")
        time.sleep(0.2)  # an interrupt while readline is at work on a key waits for the next key
        child.sendintr()
        prompted(child)
        child.send("/mod\t\t\r")
        child.expect_exact("routing decides; den/m answered last")
        prompted(child)
        child.send("\x1b[A\x1b[A\x1b[A\r")  # the third line back: with alt
        child.expect_exact("den/m · ")
        prompted(child)
        child.sendeof()
        ended = finish(child)
        said = [sent(server, n)[-1][1] for n in range(len(server.chats))]
    (session,) = kept(home)
    assert ended.code == 0
    assert f"kept as {session['name']}; go on: llmpool chat -i --session {session['name']}" in ended.out
    assert "\x1b[1m" not in ended.out
    assert said == ["first", "pasted\n  in two lines", "with alt\nenter", "stop me", "with alt\nenter"]
    stopped = turns(home, session["name"])[7]
    assert stopped[1].startswith("one two three")
    assert len(stopped[1]) < len(WORDS * 40)
    (day,) = (home.state / "usage").glob("*.jsonl")
    records = [json.loads(line) for line in day.read_text().splitlines()]
    assert [record.get("interrupted") for record in records] == [None, None, None, True, None]


@pytest.mark.parametrize(("moment", "sent"), [("prompt", signal.SIGHUP), ("answer", signal.SIGTERM)])
def test_a_session_is_ended_from_outside(home: Home, moment: str, sent: signal.Signals) -> None:
    """143, the window that is closed too, with all that was shown kept and the terminal as it was before."""
    with FakeServer(["m"]) as server:
        server.behave([faults.ok("hello"), faults.slow(between=0.05, text=WORDS * 40)])
        configured(home, server)
        child = home.terminal("chat", "-i", "hi", env={"NO_COLOR": "1"})
        before = modes(child)
        child.expect_exact("den/m · ")
        prompted(child)
        if moment == "answer":
            child.sendline("count")
            child.expect_exact("two three")
        else:
            assert modes(child)[3] != before[3]  # while a line is edited it is another
        child.kill(sent)
        ended = finish_with_modes(child)
    (session,) = kept(home)
    said = turns(home, session["name"])
    assert ended == (143, before[3])
    assert said[:2] == [("user", "hi"), ("assistant", "hello")]
    assert len(said) == (4 if moment == "answer" else 2)


def finish_with_modes(child: Any) -> tuple[int, int]:
    """Read a terminal child to its end; return its exit code and how it left the terminal."""
    import pexpect

    wait_for(lambda: not child.isalive())
    left = modes(child)[3]
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, left


def test_answers_go_to_a_file_and_the_talk_to_the_terminal(home: Home) -> None:
    """With stdout elsewhere the prompt is on stderr, and the file holds answers alone."""
    import shlex
    import sys

    import pexpect

    with FakeServer(["m"]) as server:
        configured(home, server)
        command = f"{shlex.quote(sys.executable)} -m llmpool chat -i > out"
        child = pexpect.spawn("/bin/sh", ["-c", command], env=home.env, cwd=str(home.cwd), encoding="utf-8")
        prompted(child)
        child.sendline("hi")
        child.expect_exact("den/m · ")
        prompted(child)
        child.sendline('"""two')
        prompted(child, ". ")
        child.sendline('lines"""')
        child.expect_exact("den/m · ")
        prompted(child)
        child.sendeof()
        ended = finish(child)
        said = [sent(server, n)[-1][1] for n in range(2)]
    assert ended.code == 0
    assert said == ["hi", "two\nlines"]
    assert (home.cwd / "out").read_text() == "hello there\nhello there\n"
