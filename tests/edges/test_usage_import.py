"""setup.usage_import: records of elsewhere come in once, and what is none is named with its file and line."""

from __future__ import annotations

import errno
import json
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import Paths
from llmpool.errors import Busy, Misuse, StateUnusable
from llmpool.importers import usage_source
from llmpool.pool import Pool, open_pool
from llmpool.setup import usage_spool
from llmpool.setup.usage_import import Taken, take_in
from llmpool.state import ledger, rollup
from tests.unit.importers.test_usage_record import RECORD
from tests.unit.importers.test_zimaos_usage import OURS, THEIRS

NOW = 1_795_233_600.0  # 2026-11-21 04:00:00 UTC
SCHEMA = (
    "CREATE TABLE pp_usage (id INTEGER PRIMARY KEY AUTOINCREMENT, provider_id TEXT NOT NULL,"
    " data TEXT NOT NULL, timestamp TEXT NOT NULL)"
)


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "secrets.json")
    return open_pool(paths, env={}, clock=lambda: NOW)


def taken(pool: Pool, source: Path, tool: str = "", **options: Any) -> Taken:
    return take_in(pool, str(source), tool, lambda _text: None, **options)


def counts(done: Taken) -> tuple[int, int, int]:
    return done.taken, done.there, done.broken


def write(path: Path, *lines: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    texts = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(text + b"\n" for text in texts))
    return path


def database(path: Path, rows: Iterable[tuple[Any, ...]], *, schema: str = SCHEMA) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(schema)
        made.executemany("INSERT INTO pp_usage (provider_id, data, timestamp) VALUES (?, ?, ?)", rows)
    return path


def theirs(number: int, **changes: Any) -> dict[str, Any]:
    return THEIRS | {"id": f"usage_{number:016x}"} | changes


def kept(pool: Pool) -> list[dict[str, Any]]:
    return list(ledger.Reading(pool.paths.state, ledger.USAGE))


def snapshot(directory: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(directory)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_state_directory_of_zimaos_is_taken_in_once(pool: Pool, tmp_path: Path) -> None:
    """Its day files and its database, a record that is in both counted once, days in UTC, nothing changed."""
    zima = tmp_path / "zima"
    write(zima / "usage" / "2026-03-09.jsonl", THEIRS, theirs(2, timestamp="2026-03-09T23:30:00-02:00"))
    write(zima / "usage" / "notes.txt", b"not ours")
    database(zima / "pool.db", [("a", json.dumps(THEIRS), "x"), ("a", json.dumps(theirs(3)), "x")])
    before = snapshot(zima)
    done = taken(pool, zima)
    assert counts(done) == (3, 1, 0)
    assert (done.days, done.files) == ({"2026-03-09": 2, "2026-03-10": 1}, 2)
    assert kept(pool)[0] == OURS
    assert counts(taken(pool, zima, "zimaos")) == (0, 4, 0)
    assert len(kept(pool)) == 3
    assert snapshot(zima) == before


def test_the_write_ahead_log_of_a_database_counts(pool: Pool, tmp_path: Path) -> None:
    """A database that its program still has open is read as of now, and no byte beside it changes."""
    path = tmp_path / "zima" / "pool.sqlite"
    database(path, [])
    with closing(sqlite3.connect(path, isolation_level=None)) as live:
        live.execute("PRAGMA journal_mode = WAL")
        live.execute("PRAGMA wal_autocheckpoint = 0")
        live.execute("INSERT INTO pp_usage VALUES (NULL, 'a', ?, 'x')", [json.dumps(THEIRS)])
        before = snapshot(path.parent)
        assert "pool.sqlite-wal" in before
        assert counts(taken(pool, path)) == (1, 0, 0)
        assert snapshot(path.parent) == before
    assert kept(pool) == [OURS]


def test_rows_that_are_no_records_are_named(pool: Pool, tmp_path: Path) -> None:
    """By file and row; the time beside a record stands in for one that it lacks."""
    timeless = json.dumps({name: value for name, value in THEIRS.items() if name != "timestamp"})
    path = database(
        tmp_path / "pool.db",
        [
            ("a", "{torn", "x"),
            ("a", timeless, "2026-03-10T01:59:59+02:00"),
            ("a", b"\xff\x00", "x"),
            ("a", "x" * (usage_source.LONGEST_LINE + 1), "x"),
            ("a", timeless, "yesterday"),
            ("a", "", ""),
        ],
    )
    done = taken(pool, path)
    assert counts(done) == (1, 0, 5)
    assert [(fault.place, fault.reason) for fault in done.faults] == [
        ("row 1", "not JSON"),
        ("row 3", "not JSON"),
        ("row 4", "longer than any record"),
        ("row 5", "no time with its offset"),
        ("row 6", "not JSON"),
    ]
    assert kept(pool)[0]["at"] == "2026-03-09T23:59:59.000Z"


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("CREATE TABLE other (a)", "no table pp_usage"),
        ("CREATE VIEW pp_usage AS SELECT 1 AS data, 2 AS timestamp", "no table pp_usage"),
        ("CREATE TABLE pp_usage (a)", "no such column"),
    ],
)
def test_a_database_without_usage_is_refused(pool: Pool, tmp_path: Path, schema: str, why: str) -> None:
    """By name; a view is no table, for it would run whatever it says."""
    path = tmp_path / "pool.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute(schema)
    with pytest.raises(Misuse, match=why) as refused:
        taken(pool, path)
    assert str(path) in refused.value.message


def test_a_damaged_database_is_refused(pool: Pool, tmp_path: Path) -> None:
    """With its name and what SQLite says; nothing is taken."""
    path = database(tmp_path / "pool.db", [("a", json.dumps(theirs(n)), "x") for n in range(200)])
    whole = path.read_bytes()
    for broken in (whole[:100], whole[:4096] + b"\xff" * (len(whole) - 4096), b"SQLite format 3\x00junk"):
        path.write_bytes(broken)
        with pytest.raises(Misuse, match=r"cannot be read as a SQLite database|no table pp_usage"):
            taken(pool, path)
    assert kept(pool) == []


def test_a_database_that_is_written_to_all_the_time_is_busy(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is copied while it changes is no database; the run says so instead of reading it."""
    path = database(tmp_path / "pool.db", [])
    copy = shutil.copyfile

    def changing(source: Path, target: Path) -> None:
        copy(source, target)
        os.utime(source, ns=(1, path.stat().st_mtime_ns + 1))

    monkeypatch.setattr(shutil, "copyfile", changing)
    with pytest.raises(Busy, match="being written to"):
        taken(pool, path)


def test_both_kinds_of_lines_are_told_apart(pool: Pool, tmp_path: Path) -> None:
    """Unless the owner says which it is: then the other kind is broken."""
    path = write(tmp_path / "mixed.jsonl", THEIRS, RECORD)
    assert counts(taken(pool, path, "zimaos", dry_run=True)) == (1, 0, 1)
    assert counts(taken(pool, path, "llmpool", dry_run=True)) == (1, 0, 1)
    assert kept(pool) == []
    assert counts(taken(pool, path)) == (2, 0, 0)
    assert sorted(record["id"] for record in kept(pool)) == sorted([OURS["id"], RECORD["id"]])


def test_broken_lines_cost_themselves_alone(pool: Pool, tmp_path: Path) -> None:
    """Each is named by its number, blank ones are none, one without end does not fill the memory."""
    endless = b'{"id": "' + b"x" * (3 * usage_source.LONGEST_LINE)
    path = write(tmp_path / "a.jsonl", b"", RECORD, b"{torn", {"a": 1}, endless, RECORD | {"id": "usage_2"})
    path.write_bytes(path.read_bytes() + json.dumps(RECORD | {"id": "usage_3"}).encode())  # no line end
    done = taken(pool, path)
    assert counts(done) == (3, 0, 3)
    assert [(fault.place, fault.reason) for fault in done.faults] == [
        ("line 3", "not JSON"),
        ("line 4", "neither a usage record of llmpool nor of ZimaOS"),
        ("line 5", "longer than any record"),
    ]
    assert done.reasons == {fault.reason: 1 for fault in done.faults}


def test_only_the_first_broken_lines_are_named(pool: Pool, tmp_path: Path) -> None:
    """All are counted, by reason."""
    path = write(tmp_path / "a.jsonl", RECORD, *[b"x"] * 100, *[{"a": 1}] * 10)
    done = taken(pool, path)
    assert (done.broken, len(done.faults)) == (110, 20)
    assert done.reasons == {"not JSON": 100, "neither a usage record of llmpool nor of ZimaOS": 10}


def test_a_file_of_something_else_is_refused(pool: Pool, tmp_path: Path) -> None:
    """With the first line and what is wrong with it."""
    path = write(tmp_path / "usage.csv", b"id,at,provider", b"1,2,3")
    with pytest.raises(Misuse, match=r"usage.csv, line 1: not JSON \(and 1 lines more\)"):
        taken(pool, path)
    assert counts(taken(pool, write(tmp_path / "empty.jsonl"))) == (0, 0, 0)


def test_what_is_not_there_is_refused(pool: Pool, tmp_path: Path) -> None:
    """A path that leads nowhere, a directory without usage, a tool nobody knows."""
    (tmp_path / "empty").mkdir()
    for source, tool, why in (
        ("gone.jsonl", "", "does not exist"),
        ("empty", "", "no usage records in"),
        ("empty", "other", "--from 'other' is not known"),
    ):
        with pytest.raises(Misuse, match=why):
            taken(pool, tmp_path / source, tool)


def test_records_of_the_future_stay_out(pool: Pool, tmp_path: Path) -> None:
    """They would count for every day to come; a clock that is a few hours ahead is none."""
    ahead, far = RECORD | {"at": "2026-11-21T09:00:00Z"}, RECORD | {"id": "u2", "at": "2026-11-23T00:00:00Z"}
    done = taken(pool, write(tmp_path / "a.jsonl", ahead, far))
    assert counts(done) == (1, 0, 1)
    assert done.faults[0].reason == "its time has not come yet"


def test_a_day_that_was_pruned_takes_nothing(pool: Pool, tmp_path: Path) -> None:
    """What is left of it may hold these records already, so they are left out, and that is told."""
    sums = pool.paths.state / ledger.USAGE / rollup.FOLDER / f"2026-03-09{rollup.KEPT}"
    sums.parent.mkdir(parents=True)
    sums.touch()
    done = taken(pool, write(tmp_path / "a.jsonl", THEIRS, RECORD))
    assert (counts(done), done.pruned) == ((1, 0, 0), {"2026-03-09": 1})


def test_a_dry_run_changes_nothing(pool: Pool, tmp_path: Path) -> None:
    """It counts what the run would take."""
    path = write(tmp_path / "a.jsonl", RECORD, RECORD)
    assert counts(taken(pool, path, dry_run=True)) == (1, 1, 0)
    assert not pool.paths.state.exists()
    assert counts(taken(pool, path)) == (1, 1, 0)


def test_how_far_it_is_is_told(pool: Pool, tmp_path: Path) -> None:
    """Which file is read and which day is added to."""
    said: list[str] = []
    path = write(tmp_path / "a.jsonl", RECORD)
    take_in(pool, str(path), "", said.append)
    assert said == [f"reading {path}: 0 lines", "sorting 1 records", "adding 2026-11-21"]


def test_what_cannot_be_read_is_told(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that no file can have, a temporary directory that is full."""
    with pytest.raises(Misuse, match="cannot read"):
        taken(pool, Path("a\0b"))
    path = database(tmp_path / "pool.db", [])
    monkeypatch.setattr(tempfile, "TemporaryDirectory", full)
    with pytest.raises(StateUnusable, match="cannot make a temporary directory: No space left"):
        taken(pool, path)


def test_a_full_disk_takes_nothing(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where records wait for their day there is no room: a clear error, and no day is touched."""
    path = write(tmp_path / "a.jsonl", *[RECORD | {"id": f"u{n}", "tag": "t" * 4000} for n in range(50)])
    made = usage_spool.Spool.__init__

    def small(spool: usage_spool.Spool) -> None:
        made(spool)
        spool._run("PRAGMA max_page_count = 20")

    monkeypatch.setattr(usage_spool.Spool, "__init__", small)
    with pytest.raises(StateUnusable, match="temporary file: database or disk is full"):
        taken(pool, path)
    assert not pool.paths.state.exists()


def full(**_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_sorting_gives_signs_of_life_and_can_be_stopped(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes minutes with millions of records: Ctrl-C ends it at once, and nothing was taken by then."""
    source = write(tmp_path / "x.jsonl", RECORD, RECORD | {"id": "usage_2"})
    monkeypatch.setattr(usage_spool, "STEPS", 1)
    told: list[str] = []

    def tell(text: str) -> None:
        told.append(text)
        if told.count("sorting 2 records") == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take_in(pool, str(source), "", tell)
    assert told[1:] == ["sorting 2 records"] * 3
    assert not pool.paths.state.exists()
