"""One value out of the state database of an editor, read from a copy so that nothing of it changes.

SQLite itself would make files beside the original, or fold its write-ahead log in.
"""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from llmpool.importers.files import Unreadable

if TYPE_CHECKING:
    import sqlite3

MOST = 512 << 20  # bytes of a database; editors let theirs grow
LONGEST = 1 << 20  # bytes of a value
_SIDE_FILES = ("", "-wal", "-journal")
_TRIES = 3
_ASKED = (
    "SELECT CAST(value AS TEXT) FROM ItemTable "
    "WHERE key = ? AND length(CAST(value AS BLOB)) <= ? "
    "AND EXISTS (SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'ItemTable')"
)


class Changing(Unreadable):
    """A database that somebody goes on writing to."""


def value_of(path: Path, key: str) -> str:
    """Return the text of *key*, empty where there is none; raises Unreadable for what is no such database."""
    check_readable(path)
    import sqlite3

    try:
        with tempfile.TemporaryDirectory(prefix="llmpool-") as folder:
            copy = copied(path, Path(folder))
            with connected(copy) as database:
                row = database.execute(_ASKED, (key, LONGEST)).fetchone()
    except (sqlite3.Error, UnicodeDecodeError):  # its words quote names that are no UTF-8
        raise Unreadable(f"{path} is no state database of an editor") from None
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    return row[0] if row and isinstance(row[0], str) else ""


def check_readable(path: Path) -> None:
    """Raise Unreadable where Python cannot read any database."""
    if find_spec("sqlite3") is None or find_spec("_sqlite3") is None:
        raise Unreadable(f"{path} is a SQLite database, and this Python was built without SQLite")


@contextmanager
def connected(copy: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a database, which is neither changed nor trusted with anything that it says."""
    import sqlite3

    with closing(sqlite3.connect(copy)) as database:
        for pragma in ("trusted_schema = OFF", "query_only = ON", "cell_size_check = ON"):
            database.execute(f"PRAGMA {pragma}")
        yield database


def copied(path: Path, folder: Path, *, most: int | None = MOST) -> Path:
    """Copy a database and its logs as they were at one moment.

    Raises Changing while somebody writes, Unreadable for what is no file or has more than *most* bytes.
    """
    sources = [path.with_name(path.name + suffix) for suffix in _SIDE_FILES]
    for _ in range(_TRIES):
        before = [_stamp(source, most) for source in sources]
        for source, suffix, stamp in zip(sources, _SIDE_FILES, before, strict=True):
            target = folder / f"copy{suffix}"
            target.unlink(missing_ok=True)
            if stamp:
                shutil.copyfile(source, target)
        if [_stamp(source, most) for source in sources] == before:
            return folder / "copy"
    raise Changing(f"{path} is being written to; close its program and try again")


def _stamp(path: Path, most: int | None) -> tuple[int, int] | None:
    """Return what changes when a file is written to; raises Unreadable for what cannot be copied."""
    try:
        seen = path.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(seen.st_mode):
        raise Unreadable(f"{path} is no file")
    if most is not None and seen.st_size > most:
        raise Unreadable(f"{path} is larger than {most >> 20} MB, so it is not read")
    return seen.st_size, seen.st_mtime_ns
