"""Where imported records wait for their day: on disk, so that their number does not matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmpool.errors import Misuse, StateUnusable
from llmpool.state.merge import Line

_TABLE = "CREATE TABLE spool (id TEXT PRIMARY KEY, day TEXT, at TEXT, text BLOB)"
_ROOM = "free some space there, or point TMPDIR (SQLITE_TMPDIR) at another directory"
_DAY = "SELECT id, at, text FROM spool WHERE day = ? ORDER BY at, rowid"


class Spool:
    """Records by day, each id once; a nameless temporary file that is gone when this process is."""

    def __init__(self) -> None:
        try:
            import sqlite3
        except ImportError:
            raise Misuse("an import needs SQLite, which this Python was built without") from None
        self.read = self.repeated = 0
        self._error = sqlite3.Error
        self._database = sqlite3.connect("", isolation_level=None)
        for statement in ("PRAGMA synchronous = OFF", "PRAGMA journal_mode = OFF", _TABLE, "BEGIN"):
            self._run(statement)

    def add(self, record_id: str, at: str, text: bytes) -> None:
        """Keep a record, unless one with its id came before."""
        row = (record_id, at[:10], at.rstrip("Z"), text)
        added, _ = self._run("INSERT OR IGNORE INTO spool VALUES (?, ?, ?, ?)", row)
        self.read += 1
        self.repeated += not added

    def days(self) -> list[str]:
        """Return the days that records came for, in order."""
        self._run("CREATE INDEX IF NOT EXISTS by_day ON spool (day, at)")
        return [day for (day,) in self._run("SELECT DISTINCT day FROM spool ORDER BY day")[1]]

    def lines(self, day: str) -> list[Line]:
        """Return the records of a day in order of time."""
        return [Line(*found) for found in self._run(_DAY, (day,))[1]]

    def _run(self, statement: str, values: Sequence[Any] = ()) -> tuple[int, list[tuple[Any, ...]]]:
        """Return how many rows a statement changed, and those it found."""
        try:
            done = self._database.execute(statement, values)
            return done.rowcount, done.fetchall()
        except self._error as error:
            raise StateUnusable(f"cannot keep records in a temporary file: {error}", hint=_ROOM) from None

    def close(self) -> None:
        """Let the file go."""
        self._database.close()
