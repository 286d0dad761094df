"""Count what a process does to files under some directories, and at one of these calls kill it or fail it.

Loaded into a child alone (`tests.crash.forks`, or `sitecustomize` of a real `python -m llmpool`): it puts its
own functions in the place of those of `os`, `fcntl` and `io`, for good. It stands on the standard library.
"""

from __future__ import annotations

import builtins
import errno
import fcntl
import io
import os
import re
import signal
import stat
import threading
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
BEFORE, HALF, AFTER = "before", "half", "after"
KILLS = (BEFORE, HALF, AFTER)
CHANGES = ("open", "mkdir", "rename", "link", "unlink", "rmdir", "ftruncate", "chmod", "utime")


class Fault(NamedTuple):
    """An error that calls of some *kinds* end with; *lasting* is from there on, as a disk stays full."""

    number: int
    kinds: tuple[str, ...]
    lasting: bool = True


FAULTS = {
    "full": Fault(errno.ENOSPC, ("write", "open", "mkdir", "rename", "link", "fsync")),
    "full once": Fault(errno.ENOSPC, ("write", "open", "mkdir", "rename", "link", "fsync"), lasting=False),
    "read-only": Fault(errno.EROFS, ("write", *CHANGES)),
    "broken disk": Fault(errno.EIO, ("write", "fsync", "rename", "unlink", "ftruncate"), lasting=False),
    "no locks": Fault(errno.ENOLCK, ("flock",)),
}
ACTS = (*KILLS, *FAULTS)


class Step(NamedTuple):
    """A call that was made: its kind and path, what it did (*data*), where in the file, to which inode."""

    kind: str
    path: str
    data: Any = None
    place: int = 0
    inode: int = 0


Call = tuple[str, str]  # its kind, and which file that was, by a name that is the same in every run


def nth(calls: list[Call], number: int) -> tuple[Call, int]:
    """Tell a call of a run, counted from 1, by what another run has as well: the how manyth on its file."""
    call = calls[number - 1]
    return call, calls[:number].count(call)


class _Watch:
    """What is watched in this process: the directories, the calls there were, where to act and how.

    It acts at call *number*, or at the *wanted* one: where there are threads, their calls come in any order,
    but each file sees the same ones.
    """

    def __init__(
        self, roots: Iterable[str], number: int, act: str, wanted: tuple[Call, int] | None = None
    ) -> None:
        self.roots = tuple(os.path.realpath(root) for root in roots)
        self.number = number
        self.act = act
        self.wanted = wanted
        self.struck = False  # whether the call was reached
        self.steps: list[Step] = []
        self.calls: list[Call] = []
        self.lock = threading.RLock()
        self.last_words: Callable[[], None] = _nothing  # before it is killed

    def path(self, place: Any) -> str:
        """Return the path of a descriptor or a name if it is watched, else nothing."""
        if isinstance(place, int):
            try:
                found = os.readlink(f"/proc/self/fd/{place}")
            except OSError:
                return ""
        else:
            text = os.fsdecode(place)
            found = os.path.join(os.path.realpath(os.path.dirname(text) or "."), os.path.basename(text))
        return found if any(found == r or found.startswith(r + os.sep) for r in self.roots) else ""

    def _name(self, path: str) -> str:
        """Name a file below the directories; the names of temporary ones have a number of their own."""
        root = next(r for r in self.roots if path == r or path.startswith(r + os.sep))
        return re.sub(r"\d+-[0-9a-f]{8}", "", path[len(root) + 1 :])

    def _is_here(self) -> bool:
        if self.wanted is None:
            return len(self.calls) == self.number
        return not self.struck and nth(self.calls, len(self.calls)) == self.wanted

    def around(self, kind: str, path: str, call: Callable[[], Any], half: Callable[[], Any]) -> Any:
        """Make a call, unless this is where something happens instead."""
        with self.lock:
            self.calls.append((kind, self._name(path)))
            here = self._is_here()
            self.struck |= here
            if here and self.act in KILLS:
                if self.act == HALF:
                    half()
                if self.act == AFTER:
                    call()
                self.last_words()
                os.kill(os.getpid(), signal.SIGKILL)
            fault = FAULTS.get(self.act)
            if fault and kind in fault.kinds and (here or (fault.lasting and self.struck)):
                if here:
                    half()
                raise OSError(fault.number, os.strerror(fault.number), path)
            return call()


def install(
    roots: Iterable[str], number: int = 0, act: str = BEFORE, wanted: tuple[Call, int] | None = None
) -> _Watch:
    """Watch this process from now on; at call *number* (from 1; 0 never), or at a *wanted* one, it acts."""
    watch = _Watch(roots, number, act, wanted)
    _wrap_opening(watch)
    _wrap_descriptors(watch)
    _wrap_names(watch)
    return watch


def write_all(descriptor: int, content: bytes) -> None:
    """Write to a file that is not watched."""
    while content:
        content = content[os.write(descriptor, content) :]


def _nothing() -> None:
    """Do nothing: a call that cannot be half done."""


def _inode(path: str) -> int:
    try:
        return os.lstat(path).st_ino
    except OSError:
        return 0


def _wrap_opening(watch: _Watch) -> None:
    real, real_open = os.open, io.open

    def opening(path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        found = watch.path(path) if flags & WRITING and dir_fd is None else ""
        if not found:
            return real(path, flags, mode, dir_fd=dir_fd)

        def call() -> int:
            made = not os.path.lexists(found)
            descriptor = real(path, flags, mode)
            told = ("made" if made else "", bool(flags & os.O_TRUNC))
            watch.steps.append(Step("open", found, told, 0, os.fstat(descriptor).st_ino))
            return descriptor

        return int(watch.around("open", found, call, _nothing))

    def builtin(file: Any, mode: str = "r", buffering: int = -1, *args: Any, **more: Any) -> Any:
        if not set(mode) & set("wax") or not watch.path(file):
            return real_open(file, mode, buffering, *args, **more)
        how = os.O_TRUNC if "w" in mode else os.O_APPEND if "a" in mode else os.O_EXCL
        descriptor = file
        if not isinstance(file, int):
            descriptor = opening(file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | how, 0o666)
        raw = _Raw(descriptor, "wb", closefd=more.pop("closefd", True))
        if buffering == 0:
            return raw
        stream = io.BufferedWriter(raw)
        return stream if "b" in mode else io.TextIOWrapper(stream, *args, **more)

    os.open, io.open, builtins.open = opening, builtin, builtin


class _Raw(io.FileIO):
    """A file whose writes are seen."""

    def write(self, data: Any) -> int:
        return os.write(self.fileno(), data)


def _wrap_descriptors(watch: _Watch) -> None:
    write, fsync, truncate, flock = os.write, os.fsync, os.ftruncate, fcntl.flock

    def writing(descriptor: int, data: Any) -> int:
        path = watch.path(descriptor)
        if not path:
            return write(descriptor, data)

        def call(size: int | None = None) -> int:
            taken = bytes(data)[:size]
            written = write(descriptor, taken)
            place = os.lseek(descriptor, 0, os.SEEK_CUR) - written
            inode = os.fstat(descriptor).st_ino
            watch.steps.append(Step("write", path, taken[:written], place, inode))
            return written

        return int(watch.around("write", path, call, lambda: call(len(bytes(data)) // 2)))

    def syncing(descriptor: int) -> None:
        path = watch.path(descriptor)
        if not path:
            fsync(descriptor)
            return

        def call() -> None:  # the disk itself is not asked: what processes see does not depend on it
            seen = os.fstat(descriptor)
            kind = "fsync directory" if stat.S_ISDIR(seen.st_mode) else "fsync"
            watch.steps.append(Step(kind, path, None, 0, seen.st_ino))

        watch.around("fsync", path, call, _nothing)

    def truncating(descriptor: int, size: int) -> None:
        path = watch.path(descriptor)

        def call() -> None:
            truncate(descriptor, size)
            watch.steps.append(Step("ftruncate", path, None, size, os.fstat(descriptor).st_ino))

        if path:
            watch.around("ftruncate", path, call, _nothing)
        else:
            truncate(descriptor, size)

    def locking(descriptor: int, how: int) -> None:
        path = watch.path(descriptor)
        if path:
            watch.around("flock", path, lambda: flock(descriptor, how), _nothing)
        else:
            flock(descriptor, how)

    os.write, os.fsync, os.ftruncate, fcntl.flock = writing, syncing, truncating, locking
    os.fdatasync = syncing


def _wrap_names(watch: _Watch) -> None:
    def one(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def called(path: Any, *args: Any, **more: Any) -> Any:
            found = watch.path(path)
            if not found:
                return real(path, *args, **more)

            def call() -> Any:
                inode = _inode(found)
                result = real(path, *args, **more)
                watch.steps.append(Step(kind, found, None, 0, inode))
                return result

            return watch.around(kind, found, call, _nothing)

        return called

    def two(kind: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def called(source: Any, target: Any, **more: Any) -> Any:
            old, new = watch.path(source), watch.path(target)
            if not (old or new):
                return real(source, target, **more)

            def call() -> None:
                inode = _inode(os.fspath(source))
                real(source, target, **more)
                watch.steps.append(Step(kind, old, new, 0, inode))

            return watch.around(kind, new or old, call, _nothing)

        return called

    for name, kind in (("unlink", "unlink"), ("remove", "unlink"), ("mkdir", "mkdir"), ("rmdir", "rmdir")):
        setattr(os, name, one(kind, getattr(os, name)))
    for name in ("chmod", "utime", "truncate"):
        setattr(os, name, one(name, getattr(os, name)))
    for name, kind in (("replace", "rename"), ("rename", "rename"), ("link", "link")):
        setattr(os, name, two(kind, getattr(os, name)))
