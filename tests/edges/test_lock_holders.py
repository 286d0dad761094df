"""state.lock: whoever dies lets go, whoever is started by a holder never holds, and who holds it is told."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from llmpool.errors import Busy, StateUnusable
from llmpool.state import lock
from llmpool.state.lock import held_by, locked
from tests.support import python_environment

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and fork are POSIX")

HOLD = """
import os, subprocess, sys, time
from pathlib import Path
from llmpool.state.lock import locked
with locked(Path(sys.argv[1]), note="someone"):
    child = subprocess.Popen(["sleep", "30"], stdin=0, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sys.stdout.write(f"{child.pid}\\n")
    sys.stdout.flush()
    {then}
"""


def holder(path: Path, then: str) -> tuple[subprocess.Popen[str], int]:
    """Start a process that takes the lock, starts a child that lingers, and then does *then*."""
    code = textwrap.dedent(HOLD).replace("{then}", then)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        env=python_environment(path.parent),
    )
    assert process.stdout is not None
    return process, int(process.stdout.readline())


@posix
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_holder_lets_go_though_its_child_lives(tmp_path: Path, sent: signal.Signals) -> None:
    """The kernel frees the lock; a program that was started under it has no hold on it."""
    path = tmp_path / "refresh"
    process, child = holder(path, "time.sleep(30)")
    try:
        with pytest.raises(Busy), locked(path, wait=0):
            pytest.fail("two held the lock")
        process.send_signal(sent)
        process.communicate(timeout=10)
        os.kill(child, 0)  # it is still there
        with locked(path, wait=0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


@posix
def test_a_holder_that_ends_well_lets_go_though_its_child_lives(tmp_path: Path) -> None:
    """Likewise at an ordinary end."""
    path = tmp_path / "refresh"
    process, child = holder(path, "pass")
    try:
        assert process.wait(10) == 0
        with locked(path, wait=0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)


@posix
def test_a_forked_child_holds_nothing_once_its_parent_let_go(tmp_path: Path) -> None:
    """The lock is given back by name, not only by closing: a copy of the descriptor does not keep it."""
    path = tmp_path / "refresh"
    holds = locked(path)
    with holds:
        child = os.fork()
        if not child:
            threading.Event().wait(30)
            os._exit(0)
    try:
        with locked(path, wait=0):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_the_note_says_who_holds_it(tmp_path: Path) -> None:
    """It is there while the lock is held, and gone afterwards, whatever ended the block."""
    path = tmp_path / "refresh"
    assert held_by(path) == ""
    with locked(path, note="4711 since noon"):
        assert held_by(path) == "4711 since noon"
    assert held_by(path) == ""
    with pytest.raises(ZeroDivisionError), locked(path, note="4711"):
        raise ZeroDivisionError
    assert held_by(path) == ""


def test_a_longer_note_before_leaves_nothing_behind(tmp_path: Path) -> None:
    """What a killed holder wrote is replaced, not written over in part."""
    path = tmp_path / "refresh"
    (tmp_path / "refresh.lock").write_text(" " + "x" * 100)
    with locked(path, note="short"):
        assert held_by(path) == "short"
    with locked(path):
        assert held_by(path) == ""


def test_a_note_that_cannot_be_written_is_no_reason_not_to_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk takes the note, not the lock."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(lock.os, "ftruncate", full)
    with (
        locked(tmp_path / "refresh", note="me"),
        pytest.raises(Busy),
        locked(tmp_path / "refresh", wait=0),
    ):
        pytest.fail("two held the lock")


@posix
def test_a_lock_file_that_is_gone_is_made_anew(tmp_path: Path) -> None:
    """Whoever waited for the file that was removed holds the new one, as everybody after it does."""
    path = tmp_path / "refresh"
    file = tmp_path / "refresh.lock"
    freed, waiting = threading.Event(), threading.Event()
    got: list[str] = []

    def wait() -> None:
        waiting.set()
        with locked(path, wait=10), pytest.raises(Busy), locked(path, wait=0):
            pytest.fail("two held the lock")
        got.append("both on one file")
        freed.set()

    with locked(path):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert waiting.wait(60)
        threading.Event().wait(0.1)  # it has opened the file by now
        file.unlink()
    assert freed.wait(60)
    waiter.join()
    assert got == ["both on one file"]
    with locked(path, wait=0):
        assert file.exists()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_said_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As on some network disks: exit code 10, what cannot be locked, and where to go instead."""

    def refuse(descriptor: int, *, shared: bool) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(lock, "_lock", refuse)
    with pytest.raises(StateUnusable) as caught, locked(tmp_path / "refresh"):
        pytest.fail("locked where no locks are")
    assert (caught.value.exit_code, "refresh" in caught.value.message) == (10, True)
    assert "LLMPOOL_STATE_DIR" in caught.value.hint
    assert "has no locks" in caught.value.hint
