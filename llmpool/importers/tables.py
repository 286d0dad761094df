"""Rows of SQLite databases of other programs, read from a copy so that nothing of the original changes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from llmpool.importers import database
from llmpool.importers.files import Unreadable

if TYPE_CHECKING:
    import sqlite3

MAGIC = b"SQLite format 3\x00"
SUFFIXES = (".db", ".sqlite", ".sqlite3")
LONGEST = 1 << 20  # bytes of one value
MOST_ROWS = 100_000


def is_database(path: Path) -> bool:
    """Tell whether a file is a SQLite database, by its first bytes."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a database that trusts nothing it finds there; raises Unreadable for what is none."""
    database.check_readable(path)
    import sqlite3

    try:
        with (
            tempfile.TemporaryDirectory(prefix="llmpool-") as folder,
            database.connected(database.copied(path, Path(folder))) as connection,
        ):
            yield connection
    except OSError as error:
        raise Unreadable(f"cannot read {path}: {error.strerror or error}") from None
    except (sqlite3.Error, UnicodeDecodeError) as error:  # its words quote names that are no UTF-8
        raise Unreadable(f"{path} cannot be read as a SQLite database: {error}") from None


def tables(connection: sqlite3.Connection) -> set[str]:
    """Name the real tables; a view would run whatever it says."""
    asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
    return {str(name) for (name,) in connection.execute(asked)}


def rows(connection: sqlite3.Connection, table: str, *columns: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of a table that `tables` has named, as texts; None for what is none or far too long.

    Table and columns are words of this program, never of a file; a column that an older version of the
    program had not is None.
    """
    known = {str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")}
    asked = ", ".join(_text(name) if name in known else "NULL" for name in columns)
    for row in connection.execute(f"SELECT {asked} FROM {table} ORDER BY rowid LIMIT {MOST_ROWS}"):  # noqa: S608
        yield dict(zip(columns, (_decoded(value) for value in row), strict=True))


def _text(column: str) -> str:
    return f"CASE WHEN length(CAST({column} AS BLOB)) <= {LONGEST} THEN CAST({column} AS BLOB) END"


def _decoded(value: object) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None
