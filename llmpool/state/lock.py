"""A lock that several processes share, and files and directories that only their owner may read.

The lock sits on a separate file, `NAME.lock`, because a rename gives the data file a new inode and would
leave the lock on the old one. That file is never removed: whoever removed it would let two processes hold
"the" lock on two inodes. The kernel frees the lock when its holder dies, however it dies.
"""

from __future__ import annotations

import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from llmpool.errors import Busy, StateUnusable

_SPACE = "free some space there, or point LLMPOOL_STATE_DIR at another disk"
_RIGHTS = "make it readable and writable for this user, or point LLMPOOL_STATE_DIR at a directory that is"
_IN_THE_WAY = "move what is in the way there, or point LLMPOOL_STATE_DIR at another directory"
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
}

_FIRST_PAUSE = 0.0002
_LONGEST_PAUSE = 0.01  # short, so that whoever waits longest is not the one who looks least often

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
def locked(path: Path, *, shared: bool = False, wait: float = 10.0) -> Iterator[None]:
    """Hold the lock of *path* inside the block; raise Busy when it is not free within *wait* seconds.

    Several may hold it *shared*, one alone otherwise (on Windows always one alone). It does not nest:
    a block that locks the same path again waits for itself.
    """
    try:
        descriptor = open_private(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise unusable(path, error, "lock") from error
    try:
        _wait_for(descriptor, path, shared=shared, wait=wait)
        try:
            yield
        finally:
            _unlock(descriptor)
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path, *, shared: bool, wait: float) -> None:
    """Look for the lock again and again; a signal still gets through, as it would not in a blocking call."""
    deadline = time.monotonic() + wait
    pause = _FIRST_PAUSE
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
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)


def open_private(path: Path, flags: int, mode: int = 0o600) -> int:
    """Open *path* with os.open; what this creates, missing directories included, is its owner's alone."""
    try:
        return os.open(path, flags | _BINARY, mode)
    except FileNotFoundError:
        make_directory(path.parent)
        return os.open(path, flags | _BINARY, mode)


def make_directory(path: Path) -> None:
    """Make *path* and what is missing above it, each 0700 (`parents=True` gives only the last its mode)."""
    try:
        path.mkdir(0o700)
    except FileExistsError:
        if not path.is_dir():
            raise
    except FileNotFoundError:
        if path.parent == path:
            raise
        make_directory(path.parent)
        make_directory(path)


def unusable(path: Path, error: OSError, doing: str = "write") -> StateUnusable:
    """Return the error that says what could not be done to *path*, why, and the way out."""
    reason = error.strerror or type(error).__name__
    return StateUnusable(f"cannot {doing} {path}: {reason}", hint=_REMEDIES.get(error.errno or 0, _ANY))
