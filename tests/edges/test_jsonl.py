"""state.jsonl: lines appended whole, read tolerantly, repaired when torn, and pruned under the lock."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import StateUnusable
from llmpool.state import jsonl
from llmpool.state.jsonfile import write_atomic
from llmpool.state.lock import locked
from llmpool.state.rewrite import revise

posix = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")
DAYS = ("2025-12-31", "2026-01-01", "2026-11-20", "2026-11-21")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "usage" / "2026-11-21.jsonl"


def short_writes(monkeypatch: pytest.MonkeyPatch, room: list[int], meanwhile: Callable[[], None]) -> None:
    """Let each os.write take as many bytes as *room* says, then none for want of space."""
    real = os.write

    def write(descriptor: int, data: Any) -> int:
        if not room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written = real(descriptor, bytes(data[: room.pop(0)]))
        meanwhile()
        return written

    monkeypatch.setattr(os, "write", write)


def test_records_come_back_in_order(path: Path) -> None:
    """What is appended is read back, in order, one JSON object a line."""
    records = [{"n": n, "text": 'größe "\n\u2028\r'} for n in range(5)]
    for record in records:
        jsonl.append(path, record)
    assert jsonl.read(path) == (records, 0)
    assert path.read_bytes().count(b"\n") == 5


def test_a_missing_file_is_empty(path: Path) -> None:
    """Reading what was never written gives no records and creates nothing."""
    assert jsonl.read(path) == ([], 0)
    assert not path.parent.exists()


@posix
def test_modes_under_any_umask(path: Path) -> None:
    """The file and its lock are 0600, the directory 0700, even under umask 0."""
    before = os.umask(0)
    try:
        jsonl.append(path, {"n": 1})
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert {entry.name for entry in path.parent.iterdir()} == {path.name, "append.lock"}
    for entry in path.parent.iterdir():
        assert stat.S_IMODE(entry.stat().st_mode) == 0o600


def test_a_line_is_synced(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line is on the disk when append returns, after the name of a new file."""
    path.parent.mkdir()
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(stat.S_ISDIR(os.fstat(fd).st_mode)))
    path.write_bytes(b'{"n":1}\n')
    jsonl.append(path, {"n": 2})
    assert synced == [False]
    jsonl.append(path.with_name("2026-11-22.jsonl"), {"n": 1})
    assert synced[1:] == ([False] if sys.platform == "win32" else [True, False])


def test_bad_lines_are_skipped_and_counted(path: Path) -> None:
    """Lines that are no JSON object are counted, empty ones are not, and the rest is read."""
    path.parent.mkdir()
    path.write_bytes(b'{"n":1}\ntorn {"n"\n\n[1]\n\0\0\0\n"x"\n{"n":"\xff"}\r\n{"n":2}')
    assert jsonl.read(path) == ([{"n": 1}, {"n": "\ufffd"}, {"n": 2}], 4)


@pytest.mark.parametrize(
    ("tail", "records", "bad"),
    [(b'{"n":1}\n{"n":', [{"n": 1}], 1), (b'{"n":1}', [{"n": 1}], 0), (b"\0\0", [], 1), (b"\n", [], 0)],
)
def test_a_torn_tail_never_swallows_the_next_line(
    path: Path, tail: bytes, records: list[dict[str, int]], bad: int
) -> None:
    """After a torn line, or a whole one that only lacks its newline, the next append begins a line."""
    path.parent.mkdir()
    path.write_bytes(tail)
    jsonl.append(path, {"n": 2})
    jsonl.append(path, {"n": 3})
    assert jsonl.read(path) == ([*records, {"n": 2}, {"n": 3}], bad)
    assert path.read_bytes().startswith(tail)


def test_a_full_disk_leaves_the_file_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without space an append ends in exit 10 with file, reason and way out, and the file is unchanged."""
    jsonl.append(path, {"n": 1})
    before = path.read_bytes()
    for room in ([], [3], [3, 2]):
        with monkeypatch.context() as full:
            short_writes(full, room, lambda: None)
            with pytest.raises(StateUnusable) as caught:
                jsonl.append(path, {"n": 2})
        assert str(path) in caught.value.message
        assert os.strerror(errno.ENOSPC) in caught.value.message
        assert "LLMPOOL_STATE_DIR" in caught.value.hint
        assert path.read_bytes() == before
    jsonl.append(path, {"n": 2})
    assert jsonl.read(path) == ([{"n": 1}, {"n": 2}], 0)


def test_a_short_write_is_made_good(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write that came up short is taken back and done again in full: the record is there once."""
    jsonl.append(path, {"n": 1})
    short_writes(monkeypatch, [3, 2, 100], lambda: None)
    jsonl.append(path, {"n": 2})
    assert path.read_bytes() == b'{"n":1}\n{"n":2}\n'


def test_a_line_written_behind_a_torn_one_is_not_cut(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever repairs its own short write leaves alone what others wrote behind it meanwhile."""
    jsonl.append(path, {"n": 1})
    others = [b'\n{"n":2}\n']

    def other() -> None:
        if others:
            with path.open("ab") as file:
                file.write(others.pop())

    short_writes(monkeypatch, [3, 100], other)
    jsonl.append(path, {"n": 3})
    assert jsonl.read(path) == ([{"n": 1}, {"n": 2}, {"n": 3}], 1)


def test_a_line_glued_to_anothers_torn_one_is_written_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When another's write tears between the look at the end and the write, the record is not lost."""
    jsonl.append(path, {"n": 1})
    real, torn = os.write, [b'{"n":']

    def write(descriptor: int, data: bytes) -> int:
        if torn:
            with path.open("ab") as file:
                file.write(torn.pop())
        return real(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    jsonl.append(path, {"n": 2})
    assert jsonl.read(path) == ([{"n": 1}, {"n": 2}], 1)


def test_a_failed_sync_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that did not reach the disk is not called written."""
    path.parent.mkdir()

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(StateUnusable, match="cannot write"):
        jsonl.append(path, {"n": 1})


def test_unreadable_files_and_directories(path: Path) -> None:
    """A directory where a file should be, or the reverse, is an error with its way out (exit 10)."""
    path.mkdir(parents=True)
    for act in (jsonl.read, lambda p: jsonl.append(p, {})):
        with pytest.raises(StateUnusable, match="2026-11-21"):
            act(path)
    (path / "file").touch()
    with pytest.raises(StateUnusable, match="cannot read"):
        list(jsonl.iter_days(path / "file"))


def test_days_in_order(tmp_path: Path) -> None:
    """Days come in date order, or newest first, within both limits; other files are not days."""
    others = ("2026-11-21.jsonl.lock", ".2026-11-21.jsonl.1-aa.tmp", "2026-11.jsonl", "append.lock", "notes")
    for name in [*(f"{day}.jsonl" for day in reversed(DAYS)), *others, "2026-11-2x.jsonl"]:
        (tmp_path / name).touch()
    days = [path.stem for path in jsonl.iter_days(tmp_path)]
    assert days == list(DAYS)
    assert [path.stem for path in jsonl.iter_days(tmp_path, newest_first=True)] == list(reversed(DAYS))
    between = jsonl.iter_days(tmp_path, "2026-01-01", "2026-11-20")
    assert [path.stem for path in between] == ["2026-01-01", "2026-11-20"]
    assert [path.stem for path in jsonl.iter_days(tmp_path, first="2026-11-21")] == ["2026-11-21"]
    assert list(jsonl.iter_days(tmp_path / "none")) == []


def test_what_is_revised_takes_the_place_of_what_it_was(path: Path) -> None:
    """Records are changed by rule, how many is told, and every other line stays byte for byte."""
    path.parent.mkdir()
    path.write_bytes(b'{"n": 1}\nbroken\n{"n":2}\n{"n":3,  "x":"\xc3\xa4"}\n{"n"')
    assert revise(path, lambda record: {"n": 20} if record["n"] == 2 else None) == 1
    assert path.read_bytes() == b'{"n": 1}\nbroken\n{"n":20}\n{"n":3,  "x":"\xc3\xa4"}\n{"n"'
    jsonl.append(path, {"n": 4})
    assert jsonl.read(path).records == [{"n": 1}, {"n": 20}, {"n": 3, "x": "ä"}, {"n": 4}]


def test_a_revision_without_effect_writes_nothing(path: Path) -> None:
    """A revision that changes nothing leaves the file itself, and creates none."""
    assert revise(path, lambda record: {}) == 0
    assert not path.parent.exists()
    jsonl.append(path, {"n": 1})
    before = path.stat().st_ino
    assert revise(path, lambda record: None) == 0
    assert revise(path, dict) == 0
    assert path.stat().st_ino == before


def test_pruning_removes_the_days_before(tmp_path: Path) -> None:
    """Pruning removes the files of earlier days and nothing else."""
    assert jsonl.remove_before(tmp_path / "none", "2026-11-20") == 0
    for name in (*(f"{day}.jsonl" for day in DAYS), "2025-01.json"):
        (tmp_path / name).touch()
    assert jsonl.remove_before(tmp_path, "2026-11-20") == 2
    assert {path.name for path in tmp_path.iterdir()} == {
        "2026-11-20.jsonl",
        "2026-11-21.jsonl",
        "2025-01.json",
        "append.lock",
    }


def test_others_append_while_a_file_is_revised(path: Path) -> None:
    """They do not wait for it, however long it takes, and nothing of theirs is lost or left as it was."""
    for number in range(3):
        jsonl.append(path, {"n": number})

    def change(record: dict[str, Any]) -> dict[str, Any]:
        if record["n"] < 3:
            with locked(path.parent / "append", shared=True, wait=0):
                pass
            jsonl.append(path, {"n": record["n"] + 3})
        return record | {"seen": True}

    assert revise(path, change) == 6
    assert jsonl.read(path).records == [{"n": number, "seen": True} for number in range(6)]
    assert [each.name for each in path.parent.iterdir() if each.suffix == ".tmp"] == []


@pytest.mark.parametrize("how", ["cut", "other", "gone"])
def test_a_file_that_is_another_by_then_is_revised_from_its_beginning(path: Path, how: str) -> None:
    """Whoever takes back a torn line, imports or prunes meanwhile is not undone."""
    for number in range(2):
        jsonl.append(path, {"n": number})
    seen: list[int] = []

    def change(record: dict[str, Any]) -> dict[str, Any]:
        seen.append(record["n"])
        if seen == [0, 1]:
            if how == "cut":
                os.truncate(path, len(b'{"n":0}\n'))
                jsonl.append(path, {"n": 2})
            elif how == "other":
                write_atomic(path, b'{"n":0}\n{"n":1}\n{"n":2}\n')
            else:
                path.unlink()
        return record | {"seen": True}

    left = {"cut": [0, 2], "other": [0, 1, 2], "gone": []}[how]
    assert revise(path, change) == len(left)
    assert seen == [0, 1, *left]
    assert jsonl.read(path).records == [{"n": number, "seen": True} for number in left]
    assert [each.name for each in path.parent.iterdir() if each.suffix == ".tmp"] == []


@pytest.mark.parametrize("how", ["revised", "gone"])
def test_a_line_that_was_taken_over_is_not_written_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Where the disk would not sync it, and the file was rewritten or pruned by then, it is in that."""
    jsonl.append(path, {"n": 1})
    real, left = os.fsync, ["once"]

    def sync(descriptor: int) -> None:
        if not left:
            real(descriptor)
            return
        left.pop()
        if how == "gone":
            path.unlink()
        else:
            revise(path, lambda record: record | {"cost": "0.1"})
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", sync)
    jsonl.append(path, {"n": 2})
    rewritten = [{"n": 1, "cost": "0.1"}, {"n": 2, "cost": "0.1"}]
    assert jsonl.read(path).records == ([] if how == "gone" else rewritten)
    assert path.exists() is (how != "gone")


def test_a_file_that_would_fill_the_memory_is_not_read(path: Path) -> None:
    """Who works on one as a whole is told of it; those who read line by line go on."""
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate((256 << 20) + 1)
    acts: list[Callable[[Path], object]] = [jsonl.read, jsonl.content, lambda p: jsonl.put_together(p, [{}])]
    for act in acts:
        with pytest.raises(StateUnusable, match="larger than 256 MiB"):
            act(path)
    assert path.stat().st_size == (256 << 20) + 1
