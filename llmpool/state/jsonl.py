"""Files of one JSON object per line, to which several processes append at once (DESIGN 3.5).

How an append stays whole: all appenders of a directory share one lock and open the file after taking it, so
nobody writes to a file that a rewrite (which takes the lock alone) has replaced. A line is one os.write
under O_APPEND, which the kernel does not interleave. A writer that finds no newline at the end starts with
one, and afterwards looks at the byte before its own line: had another's write torn in between, it writes
its line again. A writer whose own write came up short, or that the disk would not sync, lets the shared lock
go, takes it alone, cuts its part off if nobody has written behind it, and writes the line in full or restores
the length and raises: what raised is not there, and may be appended again.
What a crash still leaves is a torn line, which readers skip and count, or an empty one, which they skip.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import takewhile
from math import isfinite
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from llmpool.state.jsonfile import (
    encode,
    replace,
    settle,
    sync_directory,
    temporary_of,
    warn,
    write_all,
    write_atomic,
)
from llmpool.state.lock import locked, open_private, unusable

_SUFFIX = ".jsonl"
_DAY_SHAPE = "0000-00-00"
_DIGITS = str.maketrans("123456789", "000000000")

Change = Callable[[dict[str, Any]], dict[str, Any] | None]
_Part = tuple[int, bytes]  # where a write began, and what it left there (a class costs 0.6 ms to make)


class Lines(NamedTuple):
    """What a file holds: its records in order, and how many lines were none."""

    records: list[dict[str, Any]]
    bad: int


def append(path: Path, record: dict[str, Any]) -> bool:
    """Add *record* as one line of *path*; when this returns, it survives a power cut.

    It returns whether the line is the first of the file.
    """
    line = _lines([record])
    try:
        torn, first = _append_beside_others(path, line)
        if torn:
            _append_alone(path, line, torn)
    except OSError as error:
        raise unusable(path, error) from error
    return first


def append_all(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Add *records* as lines with nobody's between them; a full disk takes all of them or none."""
    try:
        _append_alone(path, _lines(records))
    except OSError as error:
        raise unusable(path, error) from error


def put_together(path: Path, records: Iterable[dict[str, Any]], *, anew: bool = False) -> None:
    """Add *records* as lines of which all are there or none, come what may.

    The file is written anew for that, since a crash may leave the half of what is appended; what it held is
    there in full until then. *anew* forgets that.
    """
    lines = _lines(records)
    with locked(gate(path.parent)):
        write_atomic(path, lines if anew else _held(path) + lines)


def _held(path: Path) -> bytes:
    """Return what a file holds, its last line whole."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise unusable(path, error, "read") from error
    return content if content.endswith(b"\n") or not content else content + b"\n"


def read(path: Path) -> Lines:
    """Return the records of *path*; lines that are no JSON object are skipped and counted.

    A line that another process is writing at this moment may count as bad: it is whole the next time.
    """
    records: list[dict[str, Any]] = []
    bad = 0
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            for line in file:
                found = record(line)
                if found is not None:
                    records.append(found)
                elif line.strip():
                    bad += 1
    except FileNotFoundError:
        pass  # nothing was ever written
    except OSError as error:
        raise unusable(path, error, "read") from error
    return Lines(records, bad)


def iter_days(
    directory: Path, first: str = "", last: str = "", *, newest_first: bool = False
) -> Iterator[Path]:
    """Yield the `YYYY-MM-DD.jsonl` files of *directory* from day *first* to day *last*, both included."""
    try:
        names = sorted((entry.name for entry in directory.iterdir()), reverse=newest_first)
    except FileNotFoundError:
        return
    except OSError as error:
        raise unusable(directory, error, "read") from error
    for name in names:
        day = name.removesuffix(_SUFFIX)
        if day == name or day.translate(_DIGITS) != _DAY_SHAPE:
            continue
        if first <= day and (not last or day <= last):
            yield directory / name


def revise(path: Path, change: Change) -> int:
    """Put what *change* makes of a record in its place, None leaves it, and return how many are others now.

    The file is there in full, old or new, and lines that are no record stay. Others go on appending: they
    wait only while what came meanwhile is written behind the rest.
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
        return line if other is None else _lines([other])


def _is_whole(line: bytes) -> bool:
    return line.endswith(b"\n")


def remove_before(directory: Path, day: str) -> int:
    """Remove the files of the days before *day* and return how many there were."""
    if not directory.exists():
        return 0
    with locked(gate(directory)):
        old = [path for path in iter_days(directory, last=day) if path.name.removesuffix(_SUFFIX) < day]
        try:
            for path in old:
                path.unlink(missing_ok=True)
            if old:
                sync_directory(directory)
        except OSError as error:
            raise unusable(directory, error) from error
    return len(old)


def _lines(records: Iterable[dict[str, Any]]) -> bytes:
    """Return *records* as they are kept, one a line."""
    return b"".join(encode(record) + b"\n" for record in records)


def gate(directory: Path) -> Path:
    """Return what the appenders of *directory* lock: one for all its files."""
    return directory / "append"


def _append_beside_others(path: Path, line: bytes) -> tuple[_Part | None, bool]:
    """Append under the shared lock; the sync comes after it, so that a rewrite need not wait for the disk.

    Returns what is to be mended, and whether the line is the first of the file.
    """
    with ExitStack() as stack:
        with locked(gate(path.parent), shared=True):
            descriptor = _open(path)
            stack.callback(os.close, descriptor)
            size = os.fstat(descriptor).st_size
            _keep_name(path, size)
            start, written = _write_line(descriptor, size, line)
        torn = not written.endswith(line)
        if not torn:
            try:
                os.fsync(descriptor)
            except OSError:
                torn = True
    return (start, written) if torn else None, not size


def _write_line(descriptor: int, size: int, line: bytes) -> _Part:
    """Write *line* so that it begins a line, and return what of it was written where; it may be less."""
    for payload in (_on_its_own_line(descriptor, size, line), b"\n" + line):
        written = os.write(descriptor, payload)
        start = os.lseek(descriptor, 0, os.SEEK_CUR) - written
        if written < len(payload) or payload[:1] == b"\n" or _begins_a_line(descriptor, start):
            break
    return start, payload[:written]


def _append_alone(path: Path, line: bytes, torn: _Part | None = None) -> None:
    """Take back a torn part and write *line* in full, or leave the file as long as it was."""
    with locked(gate(path.parent)):
        descriptor = _open(path)
        try:
            if torn and not _cut_off(descriptor, torn) and torn[1].endswith(line):
                warn(f"{path} is written, but a power cut may undo that")
                return
            size = os.fstat(descriptor).st_size
            _keep_name(path, size)
            try:
                write_all(descriptor, _on_its_own_line(descriptor, size, line))
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)


def _cut_off(descriptor: int, torn: _Part) -> bool:
    """Remove a part that the file still ends with; say whether it is gone; behind it others may stand."""
    start, part = torn
    os.lseek(descriptor, start, os.SEEK_SET)
    there = os.read(descriptor, len(part) + 1)
    if there == part:  # one byte more would be somebody else's
        os.ftruncate(descriptor, start)
    return len(there) <= len(part) or not there.startswith(part)


def _open(path: Path) -> int:
    """Open for appending, and for a look at the last byte."""
    return open_private(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)


def _on_its_own_line(descriptor: int, size: int, line: bytes) -> bytes:
    """Return *line*, behind a newline if the file of *size* bytes ends without one."""
    return line if _begins_a_line(descriptor, size) else b"\n" + line


def _begins_a_line(descriptor: int, position: int) -> bool:
    """Tell whether *position* is the start of the file or follows a newline."""
    if position == 0:
        return True
    os.lseek(descriptor, position - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


def _keep_name(path: Path, size: int) -> None:
    """Make the name of a file survive a power cut before anything stands in it.

    So whoever finds a line there need not ask whether the one who made the file lived to do so.
    """
    if not size:
        sync_directory(path.parent)


def record(line: str | bytes) -> dict[str, Any] | None:
    """Return the object on *line*; None where there is none, or one with what JSON has no word for."""
    try:
        found = _DECODER.decode(line if isinstance(line, str) else line.decode())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _number(text: str) -> float:
    number = float(text)
    if not isfinite(number):  # nobody could write it again
        raise ValueError(text)
    return number


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=_number)
