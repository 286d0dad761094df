"""Files of one JSON object per line, to which several processes append at once (DESIGN 3.5).

How an append stays whole: all appenders of a directory share one lock and open the file after taking it, so
nobody writes to a file that a rewrite (which takes the lock alone) has replaced. A line is one os.write
under O_APPEND, which the kernel does not interleave. A writer that finds no newline at the end starts with
one, and afterwards looks at the byte before its own line: had another's write torn in between, it writes
its line again. A writer whose own write came up short, or that the disk would not sync, lets the shared lock
go, takes it alone, cuts its part off if nobody has written behind it, and writes the line in full or restores
the length and raises: what raised is not there, and may be appended again. Where the file was rewritten or
pruned in between, a line that is whole is in what came of it, and that is synced: it is not written twice.
What a crash still leaves is a torn line, which readers skip and count. An empty line, which they skip, is a
newline too many: of a write that crosses a page another writer may see the half.
What the system refuses raises StateUnusable.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.errors import StateUnusable
from llmpool.state.jsonfile import (
    MOST_BYTES,
    encode,
    sync_directory,
    warn,
    write_all,
    write_atomic,
)
from llmpool.state.lock import locked, open_private, unusable

_SUFFIX = ".jsonl"
_DAY_SHAPE = "0000-00-00"
_DIGITS = str.maketrans("123456789", "000000000")

# An open file, where in it a write began, and what it left there; a class costs 0.6 ms to make.
_Part = tuple[int, int, bytes]


class Lines(NamedTuple):
    """What a file holds: its records in order, and how many lines were none."""

    records: list[dict[str, Any]]
    bad: int


def append(path: Path, record: dict[str, Any]) -> bool:
    """Add *record* as one line of *path*; when this returns, it survives a power cut.

    It returns whether the line is the first of the file.
    """
    line = lines_of([record])
    try:
        with ExitStack() as opened:  # to the end: an open file is told from one that took its place
            torn, first = _append_beside_others(path, line, opened)
            if torn:
                _append_alone(path, line, torn)
    except OSError as error:
        raise unusable(path, error) from error
    return first


def append_all(path: Path, records: Iterable[dict[str, Any]]) -> None:
    """Add *records* as lines with nobody's between them; a full disk takes all of them or none."""
    try:
        _append_alone(path, lines_of(records))
    except OSError as error:
        raise unusable(path, error) from error


def put_together(path: Path, records: Iterable[dict[str, Any]], *, anew: bool = False) -> None:
    """Add *records* as lines of which all are there or none, come what may.

    The file is written anew for that, since a crash may leave the half of what is appended; what it held is
    there in full until then. *anew* forgets that.
    """
    lines = lines_of(records)
    with locked(gate(path.parent)):
        write_atomic(path, lines if anew else _held(path) + lines)


def _held(path: Path) -> bytes:
    """Return what a file holds, its last line whole."""
    found = content(path)
    return found if found.endswith(b"\n") or not found else found + b"\n"


def content(path: Path) -> bytes:
    """Return what a file holds that is worked on as a whole; one that would fill the memory is refused."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _too_large(path)
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise unusable(path, error, "read") from error


def _too_large(path: Path) -> StateUnusable:
    fact = f"{path} is larger than {MOST_BYTES >> 20} MiB, so it is not read"
    return StateUnusable(fact, hint=f"move it away: {path}")


def read(path: Path) -> Lines:
    """Return the records of *path*; lines that are no JSON object are skipped and counted.

    A line that another process is writing at this moment may count as bad: it is whole the next time.
    """
    records: list[dict[str, Any]] = []
    bad = 0
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
            if os.fstat(file.fileno()).st_size > MOST_BYTES:
                raise _too_large(path)
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


def lines_of(records: Iterable[dict[str, Any]]) -> bytes:
    """Return *records* as they are kept, one a line."""
    return b"".join(encode(record) + b"\n" for record in records)


def gate(directory: Path) -> Path:
    """Return what the appenders of *directory* lock: one for all its files."""
    return directory / "append"


def _append_beside_others(path: Path, line: bytes, opened: ExitStack) -> tuple[_Part | None, bool]:
    """Append under the shared lock; the sync comes after it, so that a rewrite need not wait for the disk.

    Returns what is to be mended, and whether the line is the first of the file, which stays *opened*.
    """
    with locked(gate(path.parent), shared=True):
        descriptor = _open(path)
        opened.callback(os.close, descriptor)
        size = os.fstat(descriptor).st_size
        _keep_name(path, size)
        part = _write_line(descriptor, size, line)
    if not part[2].endswith(line):
        return part, not size
    try:
        os.fsync(descriptor)
    except OSError:
        return part, not size
    return None, not size


def _write_line(descriptor: int, size: int, line: bytes) -> _Part:
    """Write *line* so that it begins a line, and return what of it was written where; it may be less."""
    for payload in (_on_its_own_line(descriptor, size, line), b"\n" + line):
        written = os.write(descriptor, payload)
        start = os.lseek(descriptor, 0, os.SEEK_CUR) - written
        if written < len(payload) or payload[:1] == b"\n" or _begins_a_line(descriptor, start):
            break
    return descriptor, start, payload[:written]


def _append_alone(path: Path, line: bytes, torn: _Part | None = None) -> None:
    """Take back a torn part and write *line* in full, or leave the file as long as it was."""
    with locked(gate(path.parent)):
        if torn and torn[2].endswith(line) and not _is_same(path, torn[0]):
            return
        descriptor = _open(path)
        try:
            if torn and not _cut_off(descriptor, torn) and torn[2].endswith(line):
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


def _is_same(path: Path, descriptor: int) -> bool:
    """Say whether *path* is still the open file; it may have been rewritten, or pruned."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _cut_off(descriptor: int, torn: _Part) -> bool:
    """Remove a part that the file still ends with; say whether it is gone; behind it others may stand."""
    _, start, part = torn
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
