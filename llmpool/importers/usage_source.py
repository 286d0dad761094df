"""Where usage records of other places are: lines of JSONL files, rows of a SQLite database; all read only.

A database is read from a copy, so that nothing of the original changes.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from llmpool.errors import Busy, Misuse, StateUnusable
from llmpool.importers.database import Changing, check_readable, connected, copied
from llmpool.importers.tables import MAGIC, SUFFIXES

if TYPE_CHECKING:
    import sqlite3

LONGEST_LINE = 1 << 20  # bytes; no record is longer
_ROOM = "free some space there, or point TMPDIR at another directory"
_NOTHING = "a state directory of ZimaOS has usage/YYYY-MM-DD.jsonl, or a SQLite file with the table pp_usage"
_ROWS = (
    "SELECT rowid, CASE WHEN length(CAST(coalesce(data, '') AS BLOB)) <= ? "
    "THEN CAST(coalesce(data, '') AS BLOB) END, CAST(substr(timestamp, 1, 64) AS BLOB) "
    "FROM pp_usage ORDER BY rowid"
)


class Raw(NamedTuple):
    """A line or a row: what it is called in its file, its text (None: too long), and a time beside it."""

    place: str
    text: bytes | None
    at: str = ""


def find(place: Path) -> list[Path]:
    """Return the files to read at *place*: itself, or what a directory has; raises Misuse for none."""
    try:
        if not place.is_dir():
            place.stat()
            return [place]
        folder = place / "usage" if (place / "usage").is_dir() else place
        found = sorted(path for path in folder.iterdir() if path.suffix == ".jsonl" and path.is_file())
        found += sorted(path for path in place.iterdir() if path.suffix in SUFFIXES and _has_usage(path))
    except FileNotFoundError:
        raise Misuse(f"{place} does not exist", hint=_NOTHING) from None
    except (OSError, ValueError) as error:  # a name may hold what no name may hold
        raise _unreadable(place, error) from None
    if not found:
        raise Misuse(f"there are no usage records in {place}", hint=_NOTHING)
    return found


def read(path: Path) -> Iterator[Raw]:
    """Yield the lines or rows of a file; raises Misuse where it cannot be read, Busy while it is written."""
    try:
        with path.open("rb") as file:
            if not _is_database(file):
                yield from _lines(file)
                return
    except OSError as error:
        raise _unreadable(path, error) from None
    with _opened(path) as database:
        yield from _rows(database, path)


def read_stream(name: str, file: BinaryIO) -> Iterator[Raw]:
    """Yield the lines of what is open already; raises Misuse where it cannot be read."""
    try:
        yield from _lines(file)
    except OSError as error:
        raise _unreadable(name, error) from None


def _lines(file: BinaryIO) -> Iterator[Raw]:
    """Yield the lines that are not blank; of one that never ends, no more than its beginning is held."""
    number = 0
    while line := file.readline(LONGEST_LINE):
        number += 1
        whole = line.endswith(b"\n") or len(line) < LONGEST_LINE
        if not whole:
            _skip_rest(file)
        if line.strip():
            yield Raw(f"line {number}", line if whole else None)


def _skip_rest(file: BinaryIO) -> None:
    while (part := file.readline(LONGEST_LINE)) and not part.endswith(b"\n"):
        pass


def _is_database(file: BinaryIO) -> bool:
    """Look at the first bytes without taking them, for what is read may be a pipe."""
    peek = getattr(file, "peek", None)
    return bool(peek and peek(len(MAGIC))[: len(MAGIC)] == MAGIC)


def _has_usage(path: Path) -> bool:
    """Tell whether a file is a database with usage records; others may lie about too."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        if not _is_database(file):
            return False
    with _opened(path) as database:
        return _table(database, path)


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a database that trusts nothing it finds in there."""
    check_readable(path)
    with _folder() as folder, connected(_copied(path, Path(folder))) as database:
        yield database


def _folder() -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix="llmpool-")
    except OSError as error:
        raise StateUnusable(f"cannot make a temporary directory: {error.strerror}", hint=_ROOM) from None


def _copied(path: Path, folder: Path) -> Path:
    """Copy a database as it was at one moment; raises Busy when somebody goes on writing to it."""
    try:
        return copied(path, folder, most=None)
    except Changing:
        wait = "try again when the program that writes it has stopped"
        raise Busy(f"{path} is being written to", hint=wait) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _table(database: sqlite3.Connection, path: Path) -> bool:
    """Tell whether there is a real table of usage records; a view would run whatever it says."""
    asked = (
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'pp_usage' AND sql NOT LIKE '%VIRTUAL%'"
    )
    return bool(_asked(database, path, asked))


def _rows(database: sqlite3.Connection, path: Path) -> Iterator[Raw]:
    import sqlite3

    if not _table(database, path):
        raise Misuse(f"{path} has no table pp_usage", hint=_NOTHING)
    try:
        for number, data, at in database.execute(_ROWS, [LONGEST_LINE]):
            yield Raw(f"row {number}", data, (at or b"").decode("utf-8", "replace"))
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _damaged(path, error) from None


def _asked(database: sqlite3.Connection, path: Path, question: str) -> list[tuple[object, ...]]:
    import sqlite3

    try:
        return database.execute(question).fetchall()
    except (sqlite3.Error, UnicodeDecodeError) as error:  # its words quote names that are no UTF-8
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> Misuse:
    return Misuse(
        f"{path} cannot be read as a SQLite database: {error}", hint="name a copy of it that is whole"
    )


def _unreadable(path: Path | str, error: Exception) -> Misuse:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Misuse(f"cannot read {path}: {reason}", hint="name a file or directory that you can read")
