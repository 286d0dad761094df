"""state.lock: who may hold it, for how long others wait, and what it leaves on disk."""

from __future__ import annotations

import errno
import os
import stat
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from llmpool.errors import Busy, StateUnusable
from llmpool.state import lock
from llmpool.state.lock import locked, make_directory

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes and shared locks are POSIX")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_one_holder_at_a_time(tmp_path: Path) -> None:
    """While one holds the lock nobody else gets it; afterwards the next one does."""
    path = tmp_path / "health.json"
    with locked(path), pytest.raises(Busy), locked(path, wait=0):
        pytest.fail("two held the lock")
    with locked(path, wait=0):
        pass


def test_busy_names_the_file_and_waits_as_long_as_asked(tmp_path: Path) -> None:
    """Busy comes after the wait, not before and not much later, and names the file (exit 75)."""
    path = tmp_path / "health.json"
    with locked(path):
        began = time.monotonic()
        with pytest.raises(Busy) as caught, locked(path, wait=0.1):
            pytest.fail("two held the lock")
        waited = time.monotonic() - began
    assert 0.1 <= waited < 1
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert caught.value.exit_code == 75


def test_a_waiter_gets_the_lock_when_it_is_freed(tmp_path: Path) -> None:
    """Whoever waits goes on as soon as the holder is done."""
    path = tmp_path / "health.json"
    taken = threading.Event()

    def hold() -> None:
        with locked(path):
            taken.set()
            time.sleep(0.1)

    holder = threading.Thread(target=hold)
    holder.start()
    assert taken.wait(60)
    began = time.monotonic()
    with locked(path, wait=100):
        assert time.monotonic() - began < 50
    holder.join()


@posix
def test_shared_holders_keep_only_the_lone_one_out(tmp_path: Path) -> None:
    """Several hold a shared lock side by side, and nobody alone meanwhile; nor they while one is alone."""
    path = tmp_path / "append"
    first, second = locked(path, shared=True), locked(path, shared=True, wait=0)
    with first, second, pytest.raises(Busy), locked(path, wait=0):
        pytest.fail("held alone beside shared holders")
    with locked(path), pytest.raises(Busy), locked(path, shared=True, wait=0):
        pytest.fail("shared beside one alone")


def test_an_error_in_the_block_frees_the_lock(tmp_path: Path) -> None:
    """An exception inside the block passes through as it is, and the lock is free."""
    path = tmp_path / "health.json"
    with pytest.raises(ZeroDivisionError), locked(path):
        raise ZeroDivisionError
    with locked(path, wait=0):
        pass


@posix
def test_the_lock_file_is_private_and_stays(tmp_path: Path) -> None:
    """The lock file is 0600 in 0700 directories whatever the umask, and is not removed."""
    before = os.umask(0)
    try:
        with locked(tmp_path / "a" / "b" / "health.json"):
            pass
    finally:
        os.umask(before)
    assert mode(tmp_path / "a" / "b" / "health.json.lock") == 0o600
    assert mode(tmp_path / "a") == mode(tmp_path / "a" / "b") == 0o700


def test_a_file_where_the_directory_should_be(tmp_path: Path) -> None:
    """A state directory that is a file is an error with a way out, not a traceback (exit 10)."""
    (tmp_path / "state").write_text("in the way")
    with pytest.raises(StateUnusable) as caught, locked(tmp_path / "state" / "health.json"):
        pytest.fail("locked in a file")
    assert "health.json" in caught.value.message
    assert "LLMPOOL_STATE_DIR" in caught.value.hint


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that has no locks is said so at once, not waited for."""

    def refuse(descriptor: int, *, shared: bool) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(lock, "_lock", refuse)
    with pytest.raises(StateUnusable, match="cannot lock"), locked(tmp_path / "health.json"):
        pytest.fail("locked where no locks are")


def test_make_directory_twice(tmp_path: Path) -> None:
    """A directory that is already there is fine; a file there is not."""
    make_directory(tmp_path / "a" / "b")
    make_directory(tmp_path / "a" / "b")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_directory(tmp_path / "file")


@posix
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_a_file_system_that_says_no_for_ever() -> None:
    """Where a directory is there and nothing can be made in it, that is the answer."""
    with pytest.raises(OSError, match="No such file"):
        make_directory(Path("/proc/llmpool/state"))


def test_a_lock_that_cannot_be_given_up_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done under it is done; closing the file frees it for the next one."""

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    with monkeypatch.context() as patch:
        patch.setattr(lock, "_unlock", fail)
        with locked(tmp_path / "health.json"):
            pass
    with locked(tmp_path / "health.json", wait=0):
        pass


def test_whoever_has_waited_longest_looks_most_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is free again in a moment is seen at once; of many who wait the first to come is ahead."""
    now, looks = [0.0], []

    def look(descriptor: int, *, shared: bool) -> None:
        looks.append(now[0])
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(lock, "_lock", look)
    monkeypatch.setattr(lock, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    with pytest.raises(Busy), locked(tmp_path / "config", wait=10):
        pytest.fail("nobody frees it")
    seconds = [sum(int(look) == second for look in looks[7:]) for second in range(10)]
    assert looks[3] < 0.002
    assert seconds == sorted(seconds)
    assert seconds[0] < 50 < 500 < seconds[-1] < 1000
    assert 10 <= now[0] < 10.001
