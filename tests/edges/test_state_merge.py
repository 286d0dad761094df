"""state.merge: records from elsewhere stand among those of a day, each once, in order of time."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.errors import StateUnusable
from llmpool.state import jsonl, ledger, merge, rollup
from llmpool.state.jsonfile import encode
from llmpool.state.merge import Line

DAY = "2026-11-21"


def record(name: str, time: str) -> dict[str, str]:
    return {"id": name, "at": f"{DAY}T{time}Z"}


def line(name: str, time: str) -> Line:
    return Line(name, f"{DAY}T{time}", encode(record(name, time)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ledger.USAGE / f"{DAY}.jsonl"


def ids(path: Path) -> list[str]:
    return [
        json.loads(text)["id"]
        for text in path.read_text(errors="replace").splitlines()
        if text.startswith('{"id"')
    ]


def test_each_new_record_stands_before_the_first_later_one(path: Path) -> None:
    """The time counts, with and without a fraction of a second; what was there keeps its order."""
    for name, time in (("b", "02:00:00"), ("d", "04:00:00.500"), ("c", "03:00:00")):
        jsonl.append(path, record(name, time))
    new = [line("a", "01:00:00"), line("b2", "02:00:00.001"), line("d2", "04:00:00.4"), line("e", "05:00:00")]
    assert merge.merge(path, new) == 4
    assert ids(path) == ["a", "b", "b2", "d2", "d", "c", "e"]


def test_a_record_that_is_there_is_not_added(path: Path) -> None:
    """Doing it twice adds nothing, and does not touch the file."""
    new = [line("a", "01:00:00"), line("b", "02:00:00")]
    assert (merge.merge(path, new), merge.merge(path, new)) == (2, 0)
    before = path.stat()
    assert merge.merge(path, [line("b", "02:00:00")]) == 0
    assert path.stat().st_ino == before.st_ino
    assert ids(path) == ["a", "b"]


def test_a_dry_run_counts_and_writes_nothing(path: Path) -> None:
    """Not even a directory is made."""
    assert merge.merge(path, [line("a", "01:00:00")], dry_run=True) == 1
    assert not path.parent.exists()


def test_lines_that_are_no_records_stay(path: Path) -> None:
    """A torn line, a deep one, one without a time: they are counted elsewhere, and nobody drops them here."""
    path.parent.mkdir(parents=True)
    torn = b'{"torn\xff'
    deep = b"[" * 200_000
    path.write_bytes(b"\n".join([deep, encode(record("b", "02:00:00")), b"", b"{}", torn]))
    assert merge.merge(path, [line("a", "01:00:00"), line("c", "03:00:00")]) == 2
    made = path.read_bytes()
    assert made.endswith(torn + b"\n" + line("c", "03:00:00").text + b"\n")
    assert made.startswith(deep + b"\n" + line("a", "01:00:00").text + b"\n")
    assert ids(path) == ["a", "b", "c"]


def test_a_pruned_day_takes_nothing(path: Path) -> None:
    """Its records are sums by now: nobody can tell which ones they hold."""
    kept = path.parent / rollup.FOLDER / f"{DAY}{rollup.KEPT}"
    kept.parent.mkdir(parents=True)
    kept.touch()
    for dry_run in (True, False):
        assert merge.merge(path, [line("a", "01:00:00")], dry_run=dry_run) is None
    assert not path.exists()


def test_who_appends_meanwhile_loses_nothing(path: Path) -> None:
    """Appends and merges take turns: every record of both is there, once."""

    def append() -> None:
        for number in range(100):
            jsonl.append(path, record(f"mine{number}", "12:00:00"))

    writer = threading.Thread(target=append)
    writer.start()
    for number in range(20):
        merge.merge(path, [line(f"theirs{number:02}", "11:00:00")])
    writer.join()
    assert sorted(ids(path)) == sorted(
        [f"mine{n}" for n in range(100)] + [f"theirs{n:02}" for n in range(20)]
    )


def test_what_cannot_be_written_leaves_the_day_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is a clear error, and no half of an import."""
    jsonl.append(path, record("b", "02:00:00"))
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise StateUnusable("cannot write: No space left on device")

    monkeypatch.setattr(merge, "write_atomic", full)
    with pytest.raises(StateUnusable, match="No space"):
        merge.merge(path, [line("a", "01:00:00")])
    assert path.read_bytes() == before


@given(st.lists(st.integers(0, 9)), st.lists(st.integers(0, 9)))
def test_two_days_in_order_become_one_in_order(
    tmp_path_factory: pytest.TempPathFactory, held: list[int], new: list[int]
) -> None:
    """Whatever the times are, both kinds keep their own order and all is in order of time."""
    path = tmp_path_factory.mktemp("day") / f"{DAY}.jsonl"
    first = [line(f"h{n}", f"0{second}:00:00") for n, second in enumerate(sorted(held))]
    second = [line(f"n{n}", f"0{second}:00:00") for n, second in enumerate(sorted(new))]
    path.write_bytes(b"".join(each.text + b"\n" for each in first))
    assert merge.merge(path, second) == len(new)
    times = [json.loads(text)["at"] for text in path.read_text().splitlines()]
    assert times == sorted(times)
    assert [name for name in ids(path) if name[0] == "h"] == [each.id for each in first]
    assert [name for name in ids(path) if name[0] == "n"] == [each.id for each in second]
