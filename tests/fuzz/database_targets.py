"""Databases of other programs: what stands in a row, and the bytes of the file itself."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from functools import cache, partial
from pathlib import Path
from typing import Any

from llmpool.config.paths import Paths
from llmpool.importers import cc_switch, database, files, usage_source, zimaos_usage
from llmpool.importers.found import first_text, key_of
from llmpool.importers.usage_record import NotARecord, parse
from llmpool.pool import open_pool
from llmpool.setup import moving_back, moving_in
from llmpool.setup.moving_logins import Manner
from llmpool.usage.fields import FIELDS
from tests.edges import foreign_pools as foreign
from tests.fuzz import bytewise
from tests.fuzz.plan import Step
from tests.fuzz.promise import Target, fit, kept, refused_or_read
from tests.unit.importers.test_zimaos_usage import THEIRS

KEY = "antigravityAuthStatus"
CC_SWITCH = b'export ANTHROPIC_API_KEY="sk-ant-1234567890"\nbase_url = https://r.test/v1\nprovider=openai\n'


def _editor(path: Path) -> None:
    """Make the state of an editor."""
    _made(path, "ItemTable", "key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB", [(KEY, '{"apiKey": "x"}')])


def _usage(path: Path) -> None:
    """Make what ZimaOS keeps of its usage."""
    columns = "id TEXT PRIMARY KEY, data TEXT, timestamp TEXT"
    _made(path, "pp_usage", columns, [("u1", json.dumps(THEIRS), "2026-03-02T07:25:00Z")])


def _pool(path: Path) -> None:
    """Make what ZimaOS keeps of its pool."""
    foreign.zimaos_database(path)


def _legacy(path: Path) -> None:
    """Make what ZimaOS kept before it had a pool."""
    foreign.write(path, foreign.LEGACY)


def _decided(path: Path) -> None:
    """Make what was decided in Thane."""
    columns = "namespace TEXT, key TEXT, value TEXT, PRIMARY KEY (namespace, key)"
    rows = [(space, key, json.dumps(value)) for space, key, value in foreign.DECIDED]
    _made(path, "operational_state", columns, rows)


def _made(path: Path, table: str, columns: str, rows: list[tuple[str, ...]]) -> None:
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(f"CREATE TABLE {table} ({columns})")
        made.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def _value(path: Path) -> None:
    """Read the login of an editor."""
    status = files.parsed(database.value_of(path, KEY), path)
    kept([key_of(status.get("apiKey")), first_text(status.get("email"))])


def _records(path: Path) -> None:
    """Read records of usage; each is one, or says why not."""
    for raw in usage_source.read(path):
        fit(raw.place)
        try:
            source = parse(raw.text or b"")
            made = zimaos_usage.record(source if source.get("timestamp") else source | {"timestamp": raw.at})
        except NotARecord as error:
            fit(str(error))
        else:
            kept(made)
            assert all(FIELDS[field](value) for field, value in made.items()), made


def _moved(source: str, path: Path) -> None:
    """Move in from a database, and take it back; what does not come along is told."""
    own = path.parent / "own"
    pool = open_pool(Paths(own / "config.toml", own / "state", own / "secrets.json"), env={})
    made = moving_in.plan(pool, source, str(path))
    for step in made.steps:
        fit(step.what)
        fit(step.why)
    if made.changes:
        moving_in.carry_out(pool, made, Manner(where="file", plaintext=True))
        moving_back.undo(pool, moving_back.find(pool, ""))


def in_database(read: Callable[[Path], Any], content: bytes) -> None:
    """Put the bytes into a file that is called as a database is, and have it read."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "x.db"
        path.write_bytes(content)
        with refused_or_read():
            read(path)


@cache
def _bytes(make: Callable[[Path], None]) -> bytes:
    with tempfile.TemporaryDirectory() as place:
        make(path := Path(place) / "x.db")
        return path.read_bytes()


def rewritten(content: bytes, steps: tuple[Step, ...]) -> bytes:
    """Mutate what stands in the database: the JSON of every text in it in turn, or else its bytes."""
    inner = tuple(step for step in steps if step.kind >> 8 & 3)
    outer = tuple(step for step in steps if not step.kind >> 8 & 3)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "x.db"
        path.write_bytes(content)
        with closing(sqlite3.connect(path)) as made, made:
            for step in inner:
                _rewrite(made, step)
        return bytewise.mutated(path.read_bytes(), outer)


def _rewrite(made: sqlite3.Connection, step: Step) -> None:
    tables = [str(name) for (name,) in made.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    table = tables[step.place % len(tables)]
    columns = [str(row[1]) for row in made.execute(f"PRAGMA table_info({table})")]
    column = columns[step.place // 7 % len(columns)]
    for number, text in made.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
        new = bytewise.json_document(str(text or "").encode(), (step,))
        value = (new, new.decode("utf-8", "replace"), None, -1, 2.5)[
            (0, 1, 1, 1, 1, 1, 2, 3, 4)[step.value % 9]
        ]
        made.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE rowid = ?", (value, number))


def read_lines(content: bytes) -> None:
    """Read the text of cc-switch."""
    with refused_or_read():
        found = cc_switch.parse(content.decode("utf-8", "replace"))
        kept([found.key, found.key_env, found.url, found.provider])


def _target(name: str, make: Callable[[Path], None], read: Callable[[Path], Any]) -> Target:
    return Target(f"parse-rows-{name}", lambda: [_bytes(make)], rewritten, partial(in_database, read))


TARGETS = [
    _target("editor", _editor, _value),
    _target("usage", _usage, _records),
    _target("pool", _pool, partial(_moved, "zimaos")),
    _target("decided", _decided, partial(_moved, "thane")),
    Target(
        "parse-legacy",
        lambda: [_bytes(_legacy)],
        bytewise.json_document,
        partial(in_database, partial(_moved, "zimaos")),
    ),
    Target("parse-cc-switch", lambda: [CC_SWITCH], bytewise.text_lines, read_lines),
]
