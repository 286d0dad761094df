"""A lock that several processes share, and files and directories that only their owner may read.

The lock sits on a separate file, `NAME.lock`, because a rename gives the data file a new inode and would
leave the lock on the old one. That file stays, or two processes could hold "the" lock on two inodes; where
one was removed nevertheless, whoever waited for it notices and begins again. The kernel frees the lock when
its holder dies, however it dies; a program that the holder has started does not hold it, because the
descriptor is closed where another program begins.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from llmpool.errors import Busy, StateUnusable

if TYPE_CHECKING:
    from types import FrameType

_SPACE = "free some space there, or point LLMPOOL_STATE_DIR at another disk"
_RIGHTS = "make it readable and writable for this user, or point LLMPOOL_STATE_DIR at a directory that is"
_IN_THE_WAY = "move what is in the way there, or point LLMPOOL_STATE_DIR at another directory"
_NO_LOCKS = "point LLMPOOL_STATE_DIR at a directory on a disk of this machine; that file system has no locks"
_ANY = "check that disk, or point LLMPOOL_STATE_DIR at a directory on another one"
_REMEDIES = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EFBIG: _SPACE,
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: _IN_THE_WAY,
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOLCK: _NO_LOCKS,
    errno.ENOSYS: _NO_LOCKS,
    errno.EOPNOTSUPP: _NO_LOCKS,
}

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")

_FIRST_PAUSE = 0.0002
_QUICK_LOOKS = 7
_LONGEST_PAUSE = 0.03
_LAST_PAUSE = 0.001

if sys.platform == "win32":
    import msvcrt

    _HELD = (errno.EACCES, errno.EDEADLK)
    _BINARY = os.O_BINARY

    def _lock(descriptor: int, *, shared: bool) -> None:  # noqa: ARG001 - Windows has no shared lock here
        """Lock the first byte, at once or not at all."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        """Free the first byte."""
        os.lseek(descriptor, 0, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    _HELD = (errno.EAGAIN, errno.EWOULDBLOCK)
    _BINARY = 0

    def _lock(descriptor: int, *, shared: bool) -> None:
        """Lock the open file, at once or not at all."""
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        """Free the open file; closing alone would not, where a forked child still has it open."""
        fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path, *, shared: bool = False, wait: float = 10.0, note: str = "") -> Iterator[None]:
    """Hold the lock of *path* inside the block; raise Busy when it is not free within *wait* seconds.

    Several may hold it *shared*, one alone otherwise (on Windows always one alone). It does not nest:
    a block that locks the same path again waits for itself. `held_by` reads the *note* meanwhile.
    """
    deadline = time.monotonic() + wait
    descriptor = _open(path)
    try:
        _wait_for(descriptor, path, shared=shared, wait=wait, deadline=deadline)
        while not _is_there(descriptor, path):  # somebody has removed the file that was waited for
            stale, descriptor = descriptor, _open(path)
            os.close(stale)
            _wait_for(descriptor, path, shared=shared, wait=wait, deadline=deadline)
        try:
            if note:
                _sign(descriptor, note)
            yield
        finally:
            if note:
                _sign(descriptor, "")
            with suppress(OSError):  # what was done under it is done; closing frees it too, forks apart
                _unlock(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let a signal that would end the run wait for the end of the block; the next one does not wait.

    What is paid for is written down in there, and half of that is worse than a moment's wait.
    """
    import signal
    import threading

    heard: list[tuple[int, FrameType | None]] = []
    before: dict[int, Callable[[int, FrameType | None], object]] = {}

    def hear(number: int, frame: FrameType | None) -> None:
        signal.signal(number, before[number])
        heard.append((number, frame))

    try:
        for name in _ENDING if threading.current_thread() is threading.main_thread() else ():
            number = getattr(signal, name, None)  # Windows has no SIGHUP
            action = signal.getsignal(number) if number is not None else None
            if number is not None and callable(action):
                before[number] = action
                signal.signal(number, hear)
        yield
    finally:
        for number, action in before.items():
            signal.signal(number, action)
        for number, frame in heard:
            before[number](number, frame)


def held_by(path: Path) -> str:
    """Return the note of whoever holds the lock of *path*; empty when there is none."""
    try:
        return file_of(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def file_of(path: Path) -> Path:
    """Return the file that is locked for *path*."""
    return path.with_name(f"{path.name}.lock")


def _open(path: Path) -> int:
    try:
        return open_private(file_of(path), os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise unusable(path, error, "lock") from error


def _is_there(descriptor: int, path: Path) -> bool:
    """Say whether the lock file that is held is still the one others would open."""
    try:
        return os.path.samestat(os.fstat(descriptor), file_of(path).stat())
    except FileNotFoundError:
        return False
    except OSError:
        return True  # it cannot be looked at, but it is held


def _sign(descriptor: int, note: str) -> None:
    """Write who holds the lock, after the byte that Windows locks; a full disk only costs the note."""
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        if note:
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.write(descriptor, f" {note}\n".encode())


def _wait_for(descriptor: int, path: Path, *, shared: bool, wait: float, deadline: float) -> None:
    """Look for the lock again and again; a signal still gets through, as it would not in a blocking call.

    Whoever has waited longer looks more often, so that of many the one who came first is likely to be next.
    """
    looks = 0
    while True:
        try:
            _lock(descriptor, shared=shared)
        except OSError as error:
            if error.errno not in _HELD:
                raise unusable(path, error, "lock") from error
        else:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            message = f"{path} is in use by another llmpool process (waited {wait:g} s)"
            raise Busy(message, hint="try again when it has finished")
        time.sleep(min(_pause(looks, 1 - left / wait), left))
        looks += 1


def _pause(looks: int, waited: float) -> float:
    """Return how long to pause after so many *looks*, when that share of the patience is *waited* out."""
    if looks < _QUICK_LOOKS:  # most locks are free again in a moment
        return _FIRST_PAUSE * 2.0**looks
    pause: float = _LONGEST_PAUSE * (_LAST_PAUSE / _LONGEST_PAUSE) ** waited
    return pause


def open_private(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open *path* with os.open; what this creates, missing directories included, is its owner's alone."""
    try:
        return os.open(path, flags | _BINARY, mode)
    except FileNotFoundError:
        make_directory(path.parent)
        return os.open(path, flags | _BINARY, mode)


def make_directory(path: Path, *, above: bool = True) -> None:
    """Make *path* and what is missing above it, each 0700 (`parents=True` gives only the last its mode).

    Its name survives a power cut, or what is written into it would not.
    """
    from llmpool.state.jsonfile import sync_directory

    try:
        path.mkdir(0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
    except FileNotFoundError:
        if path.parent == path or not above:  # it is there, and still says no, as /proc does
            raise
        make_directory(path.parent)
        make_directory(path, above=False)
    else:
        with suppress(PermissionError):  # a directory that may be written and not read
            sync_directory(path.parent)


def unusable(path: Path, error: OSError, doing: str = "write") -> StateUnusable:
    """Return the error that says what could not be done to *path*, why, and the way out.

    Where a directory above it cannot be made that is what it names: one fact for all that would lie in it.
    """
    reason = error.strerror or type(error).__name__
    above = Path(error.filename) if isinstance(error.filename, str | Path) else path
    what = f"make {above}" if above in path.parents and not above.exists() else f"{doing} {path}"
    return StateUnusable(f"cannot {what}: {reason}", hint=_REMEDIES.get(error.errno or 0, _ANY))
