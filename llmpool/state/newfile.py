"""A file of the owner's that is written bit by bit, and seen whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from llmpool.errors import Misuse, StateUnusable
from llmpool.state.jsonfile import remove_leftovers, sync_directory, temporary_of
from llmpool.state.lock import open_private, unusable

Write = Callable[[str], object]
_WAY_OUT = "name a file in a directory that can be written"


@contextmanager
def new_file(path: Path, *, replace: bool, follow: bool = True) -> Iterator[Write]:
    """Give what writes to *path*, which appears when the block ends well, for its owner alone.

    A file that is there raises Misuse unless it may be *replaced*; a terminal or a pipe is written to as it
    is. A symbolic link stays, and what it points to is written; without *follow* the
    file takes its place.
    """
    if path.exists() and not path.is_file():
        with _told(path), path.open("w", encoding="utf-8", newline="") as stream:
            yield stream.write
        return
    path = path.resolve() if follow else path.parent.resolve() / path.name
    _check(path, replace=replace)
    temporary = temporary_of(path)
    with _told(path):
        descriptor = open_private(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as stream:
                yield stream.write
                stream.flush()
                os.fsync(stream.fileno())
            _put(temporary, path, replace=replace)
        finally:
            temporary.unlink(missing_ok=True)
        sync_directory(path.parent)
        remove_leftovers(path.parent)


def _check(path: Path, *, replace: bool) -> None:
    """Raise before anything is written what would be in the way afterwards."""
    if not path.parent.is_dir():
        raise Misuse(f"there is no directory {path.parent}", hint="make it first, or name another one")
    if path.exists() and not replace:
        raise _in_the_way(path)


def _put(temporary: Path, path: Path, *, replace: bool) -> None:
    """Give the file its name; one that somebody has made meanwhile stays."""
    if replace:
        temporary.replace(path)
        return
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise _in_the_way(path) from None
    except OSError:  # a file system without hard links
        temporary.replace(path)


def _in_the_way(path: Path) -> Misuse:
    return Misuse(f"{path} exists", hint="--force replaces it")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Tell what the system says in the words of the project."""
    try:
        yield
    except OSError as error:
        told: StateUnusable = unusable(path, error)
        told.hint = _WAY_OUT
        raise told from error
