"""Watches what a run inside this process makes: files and directories as they come to be, and children."""

from __future__ import annotations

import builtins
import io
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock


class Child(NamedTuple):
    """A process that was started: its command line, and its environment."""

    argv: tuple[str, ...]
    env: dict[str, str]

    @property
    def text(self) -> str:
        """What `ps` shows to everybody."""
        return "\0".join(self.argv)


class Watched:
    """What came to be: *exposed* are paths that others could look into when they were made."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.exposed: list[str] = []
        self.made: list[str] = []
        self.children: list[Child] = []

    def saw(self, path: Any, mode: int) -> None:
        """Take down a file or directory that was just made."""
        named = os.path.abspath(os.fsdecode(path))
        if not named.startswith(f"{self.directory}{os.sep}"):
            return
        short = named.removeprefix(f"{self.directory}{os.sep}")
        self.made.append(short)
        if stat.S_IMODE(mode) & 0o077:
            self.exposed.append(f"{short} {stat.S_IMODE(mode):04o}")


@contextmanager
def watching(directory: Path) -> Iterator[Watched]:
    """Watch under *directory*, with the umask that lets everything through."""
    watched = Watched(directory)
    before = os.umask(0)
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(os, "open", _open(watched, os.open)))
        stack.enter_context(mock.patch.object(os, "mkdir", _mkdir(watched, os.mkdir)))
        plain = _plain_open(watched, builtins.open)
        stack.enter_context(mock.patch.object(builtins, "open", plain))
        stack.enter_context(mock.patch.object(io, "open", plain))
        execute = subprocess.Popen._execute_child  # type: ignore[attr-defined]
        stack.enter_context(mock.patch.object(subprocess.Popen, "_execute_child", _execute(watched, execute)))
        try:
            yield watched
        finally:
            os.umask(before)


def _open(watched: Watched, real: Any) -> Any:
    def opened(path: Any, flags: int, mode: int = 0o777, **more: Any) -> int:
        new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        descriptor: int = real(path, flags, mode, **more)
        if new:
            watched.saw(path, os.fstat(descriptor).st_mode)
        return descriptor

    return opened


def _mkdir(watched: Watched, real: Any) -> Any:
    def made(path: Any, *arguments: Any, **more: Any) -> None:
        real(path, *arguments, **more)
        watched.saw(path, os.lstat(path).st_mode)

    return made


def _plain_open(watched: Watched, real: Any) -> Any:
    def opened(file: Any, mode: str = "r", *arguments: Any, **more: Any) -> Any:
        makes = set("wax") & set(mode) and not isinstance(file, int) and not os.path.lexists(file)
        stream = real(file, mode, *arguments, **more)
        if makes:
            watched.saw(file, os.fstat(stream.fileno()).st_mode)
        return stream

    return opened


def _execute(watched: Watched, real: Any) -> Any:
    def execute(self: Any, args: Any, *rest: Any) -> Any:
        words = [args] if isinstance(args, (str, bytes, os.PathLike)) else args
        env = rest[5] if len(rest) > 5 else None
        named = tuple(os.fsdecode(word) for word in words)
        watched.children.append(Child(named, dict(os.environ if env is None else env)))
        return real(self, args, *rest)

    return execute
