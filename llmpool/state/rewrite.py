"""Lines put in the place of others, in a file that others append to meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import takewhile
from pathlib import Path
from typing import Any, BinaryIO

from llmpool.state.jsonfile import replace, settle, temporary_of
from llmpool.state.jsonl import gate, lines_of, record
from llmpool.state.lock import locked, open_private, unusable
from llmpool.state.rollup import FOLDER, KEPT, is_in

Change = Callable[[dict[str, Any]], dict[str, Any] | None]


def revise(path: Path, change: Change) -> int:
    """Put what *change* makes of a record in its place, None leaves it, and return how many are others now.

    The file is there in full, old or new, and lines that are no record stay. Others go on appending: they
    wait only while what came meanwhile is written behind the rest. Lines that a prune which was stopped has
    left are in its sums already, and stay as they are: it is known by them what the next one removes.
    """
    found: int | None = None
    while found is None:
        try:
            found = _revised(path, change)
        except FileNotFoundError:
            return 0  # there is none, or it was pruned meanwhile
        except OSError as error:
            raise unusable(path, error) from error
    return found


def _revised(path: Path, change: Change) -> int | None:
    """Write a file anew and put it in its place, or return None where it is another by then."""
    temporary = temporary_of(path)
    with path.open("rb") as old:
        descriptor = open_private(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            with os.fdopen(descriptor, "wb") as new:
                made = _Revision(new, change)
                made.take(takewhile(_is_whole, old))
                with locked(gate(path.parent)):
                    if not made.goes_on(path, old):
                        return None
                    if made.count and _is_pruned(path):
                        return 0
                    if made.count:
                        old.close()  # Windows puts nothing in the place of an open file
                        new.close()
                        replace(temporary, path)
                        settle(path)
                    return made.count
        finally:
            temporary.unlink(missing_ok=True)


class _Revision:
    """The lines of a file on their way into a *new* one; *count* of them are others there."""

    def __init__(self, new: BinaryIO, change: Change) -> None:
        self.count = 0
        self._new, self._change = new, change
        self._end, self._last = 0, b""

    def take(self, lines: Iterable[bytes]) -> None:
        """Write more lines, and sync what is not to be thrown away."""
        for line in lines:
            other = self._other(line)
            self.count += other != line
            self._new.write(other)
            self._end += len(line)
            self._last = line
        if self.count:
            self._new.flush()
            os.fsync(self._new.fileno())

    def goes_on(self, path: Path, old: BinaryIO) -> bool:
        """Take what was appended; say no where the file is another, or lost what was taken of it."""
        with path.open("rb") as now:
            if not os.path.sameopenfile(now.fileno(), old.fileno()):
                return False
            now.seek(self._end - len(self._last))
            if now.read(len(self._last)) != self._last:
                return False
            self.take(now)
        return True

    def _other(self, line: bytes) -> bytes:
        found = record(line)
        other = None if found is None else self._change(found)
        return line if other is None else lines_of([other])


def _is_pruned(path: Path) -> bool:
    return is_in(path.parent / FOLDER / f"{path.stem}{KEPT}", path)


def _is_whole(line: bytes) -> bool:
    return line.endswith(b"\n")
