"""Sessions: exchanges are kept whole and in order, whoever else goes on with the same one."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from llmpool.chat import session
from llmpool.core.chat import Message
from llmpool.errors import StateUnusable
from llmpool.state import jsonl, sessions
from tests.support import python_environment

KEEP = """
import os, sys
from pathlib import Path
from llmpool.chat import session
from llmpool.core.chat import Message
os.fsync = lambda descriptor: None  # what processes see of each other does not depend on the disk
state, writer, anew = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "anew"
sys.stdin.read()  # all begin at once
for n in range(40):
    said = Message(role="user", text=f"{writer} {n}" + "x" * (n * 97 % 5000))
    heard = Message(role="assistant", text=f"{writer} {n}" + "y" * (n * 31 % 5000))
    session.keep(state, "s", (said, heard), "den/m", 1.0, anew=anew)
"""


def kept_by_many(tmp_path: Path, how: str) -> list[tuple[str, str]]:
    """Let eight processes keep exchanges in one session; return who said what there, in order."""
    command = [sys.executable, "-c", KEEP, str(tmp_path)]
    env = python_environment(tmp_path)
    children = [
        subprocess.Popen([*command, str(writer), how], env=env, cwd=tmp_path, stdin=subprocess.PIPE)
        for writer in range(8)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.close()
    assert [child.wait(60) for child in children] == [0] * 8
    turns = sessions.read(tmp_path, "s")
    return [(turn["role"], turn["text"].rstrip("xy")) for turn in turns]


def in_pairs(turns: list[tuple[str, str]]) -> bool:
    """Tell whether each question is followed by its own answer."""
    pairs = zip(turns[::2], turns[1::2], strict=True)
    return all((said[0], heard) == ("user", ("assistant", said[1])) for said, heard in pairs)


def test_exchanges_of_many_processes_stay_together(tmp_path: Path) -> None:
    """Whatever eight runs keep at once, every answer follows its question and nothing is lost."""
    turns = kept_by_many(tmp_path, "on")
    assert in_pairs(turns)
    assert len(set(turns)) == len(turns) == 8 * 40 * 2


def test_a_session_begun_anew_holds_one_exchange(tmp_path: Path) -> None:
    """Whoever begins a session anew forgets what was there and keeps its own in one step."""
    turns = kept_by_many(tmp_path, "anew")
    assert in_pairs(turns)
    assert len(turns) == 2


def test_beginning_anew_never_loses_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the new exchange cannot be written, the old session is still there."""
    old = (Message(role="user", text="a"), Message(role="assistant", text="b"))
    session.keep(tmp_path, "s", old, "den/m", 1.0, anew=False)

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as disk:
        disk.setattr(os, "write", full)
        for anew in (True, False):
            with pytest.raises(StateUnusable):
                session.keep(tmp_path, "s", old, "sky/m", 2.0, anew=anew)
    assert session.conversation(tmp_path, "s")[:2] == (old, "den/m")


def test_lines_that_are_kept_together(tmp_path: Path) -> None:
    """Several lines are written as one would be: on lines of their own, all of them or none."""
    path = tmp_path / "s.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":')
    jsonl.put_together(path, [{"n": 2}, {"n": 3}])
    assert jsonl.read(path) == ([{"n": 1}, {"n": 2}, {"n": 3}], 1)
    jsonl.append_all(path, [{"n": 4}, {"n": 5}])
    assert jsonl.read(path) == ([{"n": n} for n in range(1, 6)], 1)
    jsonl.put_together(path, [{"n": 4}], anew=True)
    assert path.read_bytes() == b'{"n":4}\n'


def test_lines_in_which_nobody_says_anything(tmp_path: Path) -> None:
    """A foreign line in a session is passed over, and a foreign time is none."""
    path = sessions.path_of(tmp_path, "s")
    jsonl.append(path, {"at": "2026-11-21T03:44:00.000Z", "role": "user", "text": "hi"})
    for line in ({"a": 1}, {"role": "user", "text": 5}, {"role": ["user"], "text": "x"}):
        jsonl.append(path, line)
    jsonl.append(path, {"at": "soon", "role": "assistant", "text": "ho", "deployment": ["x"]})
    spoken = (Message(role="user", text="hi"), Message(role="assistant", text="ho"))
    assert session.conversation(tmp_path, "s")[:2] == (spoken, "")
    assert sessions.every(tmp_path) == [sessions.Session("s", 2, "", first="hi")]


def test_a_session_that_cannot_be_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that refuses ends in exit 10, with the session still there."""
    session.keep(tmp_path, "s", (Message(role="user", text="a"),), "den/m", 1.0, anew=False)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(StateUnusable, match="cannot delete"):
        sessions.delete(tmp_path, "s")
    assert sessions.exists(tmp_path, "s")
    assert json.loads(sessions.path_of(tmp_path, "s").read_text())["text"] == "a"


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
def test_a_line_with_what_json_has_no_word_for_is_no_turn(tmp_path: Path, number: str) -> None:
    """Nobody could show it as JSON again; the turns around it are kept."""
    said = {"at": "2026-11-21T03:44:00.000Z", "role": "user", "text": "hi"}
    line = json.dumps(said)[:-1] + f', "more": {number}}}\n'
    sessions.append(tmp_path, "talk", [said])
    with sessions.path_of(tmp_path, "talk").open("a", encoding="utf-8") as file:
        file.write(line)
    sessions.append(tmp_path, "talk", [said])
    assert sessions.read(tmp_path, "talk") == [said, said]
