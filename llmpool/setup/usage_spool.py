"""Where imported records wait for their day: on disk, so that their number does not matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llmpool.errors import Misuse, StateUnusable
from llmpool.state.merge import Line

STEPS = 1_000_000  # of SQLite, some hundredths of a second, between two signs of life
_INTERRUPTED = "SQLITE_INTERRUPT"
_CACHE = 32 << 10  # KiB that are held while millions of rows are sorted
_BEGIN = (
    *("PRAGMA synchronous = OFF", "PRAGMA journal_mode = OFF", f"PRAGMA cache_size = -{_CACHE}"),
    "CREATE TABLE spool (id TEXT, day TEXT, at TEXT, text BLOB)",
    "BEGIN",
)
# An id that is looked up for each row takes a page of the disk each time; sorted they pass in one go.
_REPEATED = (
    "DELETE FROM spool WHERE rowid IN (SELECT row FROM (SELECT rowid AS row, id, "
    "lag(id) OVER (ORDER BY id, rowid) AS before FROM spool) WHERE id = before)"
)
_ROOM = "free some space there, or point TMPDIR (SQLITE_TMPDIR) at another directory"
_DAY = "SELECT id, at, text FROM spool WHERE day = ? ORDER BY at, rowid"


class Spool:
    """Records by day, each id once; a nameless temporary file that is gone when this process is.

    *repeated* counts the records that came again, once the days are known.
    """

    def __init__(self) -> None:
        try:
            import sqlite3
        except ImportError:
            raise Misuse("an import needs SQLite, which this Python was built without") from None
        self.read = self.repeated = 0
        self._sorted = False
        self._error = sqlite3.Error
        self._database = sqlite3.connect("", isolation_level=None)
        for statement in _BEGIN:
            self._run(statement)

    def add(self, record_id: str, at: str, text: bytes) -> None:
        """Keep a record."""
        row = (record_id, at[:10], at.rstrip("Z"), text)
        self._run("INSERT INTO spool VALUES (?, ?, ?, ?)", row)
        self.read += 1

    def days(self, alive: Callable[[], None] = lambda: None) -> list[str]:
        """Return the days that records came for, in order; of those with the same id the first stays.

        *alive* is called now and then: with millions of records this takes minutes.
        """
        if not self._sorted:
            self._database.set_progress_handler(alive, STEPS)
            self._sort()
            self._database.set_progress_handler(None, 0)
        return [day for (day,) in self._run("SELECT DISTINCT day FROM spool ORDER BY day")[1]]

    def _sort(self) -> None:
        """Drop what came before under the same id, and find the records of a day together."""
        self._sorted = True
        self._run("CREATE INDEX by_id ON spool (id)")
        self.repeated, _ = self._run(_REPEATED)
        self._run("DROP INDEX by_id")
        self._run("CREATE INDEX by_day ON spool (day, at)")

    def lines(self, day: str) -> list[Line]:
        """Return the records of a day in order of time."""
        return [Line(*found) for found in self._run(_DAY, (day,))[1]]

    def _run(self, statement: str, values: Sequence[Any] = ()) -> tuple[int, list[tuple[Any, ...]]]:
        """Return how many rows a statement changed, and those it found."""
        try:
            done = self._database.execute(statement, values)
            return done.rowcount, done.fetchall()
        except self._error as error:
            if getattr(error, "sqlite_errorname", "") == _INTERRUPTED:
                raise KeyboardInterrupt from None  # which struck while *alive* was called
            raise StateUnusable(f"cannot keep records in a temporary file: {error}", hint=_ROOM) from None

    def close(self) -> None:
        """Let the file go."""
        self._database.close()
