"""What of a roll-up is read: as much as a summary looks at, and that alone is held against its checksum."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.state import collect, prune, rollcells, rollfile, rollup
from llmpool.usage.rollup import CELLS, DAYS, DEPLOYMENTS, KEYS, TOTALS, Cell, Day, Who, view_by
from llmpool.usage.runs import MARKED, run_of
from llmpool.usage.span import Span
from tests.edges.test_rollups import NOW, add, in_berlin
from tests.summing import summarize

__all__ = ["in_berlin"]
WIDE = 1 << 16


@pytest.fixture
def month(tmp_path: Path) -> Path:
    """Return the file of a month in which two deployments were used with two keys."""
    for day in range(10, 20):
        for number, key in enumerate("abab"):
            add(tmp_path, f"2026-11-{day}T1{number}:00:00Z", key=key, deployment=f"den/{number // 2}")
    for by in ("deployment", "key", "day"):
        assert sum(spent(tmp_path, by).values()) == 40
    return tmp_path / "usage" / "rollup" / "2026-11.month"


def spent(state: Path, *by: str) -> dict[str, Decimal]:
    """Return the cost of each group, read as a summary by it is."""
    finer, view = "day" in by, view_by(by)
    found = collect.collect(state, Span(), now=NOW, finer=finer, view=view)
    return {group.group: group.cost for group in summarize(found.blocks, by)[1]}


def sections(path: Path) -> dict[str, tuple[int, int]]:
    """Tell where each section of a roll-up begins and ends."""
    with path.open("rb") as file:
        file.readline()
        head, place = rollfile.json.loads(file.readline()), file.tell()
    found = {}
    for name, length, _, _ in head["sections"]:
        found[name] = (place, place + length)
        place += length
    return found


def damage(path: Path, name: str) -> bytes:
    """Change a byte in the middle of a section, and return what the file holds then."""
    start, end = sections(path)[name]
    content = bytearray(path.read_bytes())
    content[(start + end) // 2] ^= 1
    path.write_bytes(content)
    return bytes(content)


@pytest.mark.parametrize(
    ("by", "view"),
    [
        ([], TOTALS),
        (["month"], TOTALS),
        (["day", "week"], TOTALS),
        (["deployment"], DEPLOYMENTS),
        (["month", "provider", "model"], DEPLOYMENTS),
        (["key"], KEYS),
        (["tag", "key"], KEYS),
        (["provider", "key"], CELLS),
        (["session"], CELLS),
    ],
)
def test_a_summary_looks_at_no_more_than_it_needs(by: list[str], view: str) -> None:
    assert view_by(by) == view


@pytest.mark.parametrize(
    ("by", "reads"),
    [
        (("month",), {TOTALS}),
        (("day",), {DAYS}),
        (("deployment",), {TOTALS, DEPLOYMENTS}),
        (("key", "tag"), {TOTALS, KEYS}),
        (("deployment", "key"), {TOTALS, CELLS}),
    ],
)
def test_only_what_is_read_has_to_be_right(month: Path, by: tuple[str, ...], reads: set[str]) -> None:
    """A section that nobody asks for may be corrupt; one that is asked for has the file made anew."""
    state, good, names = month.parents[2], month.read_bytes(), set(sections(month))
    assert names == {TOTALS, DAYS, DEPLOYMENTS, KEYS, CELLS}
    expected = spent(state, *by)
    for name in names:
        broken = damage(month, name)
        assert spent(state, *by) == expected
        assert (month.read_bytes() == broken) == (name not in reads)
        month.write_bytes(good)


def test_days_are_read_from_the_file_of_their_month(month: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A summary by day opens no file of a day that a month has, and says what these would."""
    state, loaded = month.parents[2], []
    add(state, "2026-11-21T10:00:00Z")
    real = rollup.load
    monkeypatch.setattr(rollup, "load", lambda part, *rest: loaded.append(part.day) or real(part, *rest))
    by_day = spent(state, "day")
    assert loaded == ["2026-11-21"]
    assert by_day == {f"2026-11-{day}": 4 for day in range(10, 20)} | {"2026-11-21": 1}
    assert {day.split()[0]: cost for day, cost in spent(state, "day", "tag").items()} == by_day


def test_a_view_that_saves_little_is_not_kept(tmp_path: Path) -> None:
    """Where each deployment has one key and no tag, their cells are what all cells are."""
    for day in (10, 11):
        for name in "abc":
            add(tmp_path, f"2026-11-{day}T10:00:00Z", deployment=f"den/{name}")
    assert spent(tmp_path, "deployment") == {"den/a": 2, "den/b": 2, "den/c": 2}
    kept = sections(tmp_path / "usage" / "rollup" / "2026-11.month")
    assert set(kept) == {TOTALS, CELLS}


def test_a_view_that_saves_a_third_is_kept(tmp_path: Path) -> None:
    """Two keys for nearly every deployment are the rule, where there are two: not all are used each day."""
    for day in (10, 11):
        for name, key in ("aa", "ab", "ba", "bb", "ca"):
            add(tmp_path, f"2026-11-{day}T10:00:00Z", deployment=f"den/{name}", key=key)
    assert spent(tmp_path, "deployment") == {"den/a": 4, "den/b": 4, "den/c": 2}
    kept = sections(tmp_path / "usage" / "rollup" / "2026-11.month")
    assert set(kept) == {TOTALS, DEPLOYMENTS, CELLS}


def test_a_month_keeps_the_views_that_it_was_asked_for(tmp_path: Path) -> None:
    """Each is added when somebody asks for the first time, and then it stays; all say the same."""
    for day in (10, 11):
        for key in "ab":
            add(tmp_path, f"2026-11-{day}T10:00:00Z", key=key, deployment="den/a")
            add(tmp_path, f"2026-11-{day}T11:00:00Z", key=key, deployment="den/b")
    month, known = tmp_path / "usage" / "rollup" / "2026-11.month", {TOTALS, CELLS}
    for by, view in (("month", TOTALS), ("key", KEYS), ("model", DEPLOYMENTS), ("day", DAYS)):
        for _ in range(2):
            assert sum(spent(tmp_path, by).values()) == 8
            written = month.stat().st_mtime_ns
        known.add(view)
        assert set(sections(month)) == known
        spent(tmp_path, by)
        assert month.stat().st_mtime_ns == written


def test_a_view_of_a_month_is_made_out_of_its_own_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Years of days are not opened once more because somebody asks by another name; only by day they are."""
    for day in range(10, 20):
        for number, key in enumerate("abab"):
            add(tmp_path, f"2026-11-{day}T1{number}:00:00Z", key=key, deployment=f"den/{number // 2}")
    assert spent(tmp_path, "day").keys() == {f"2026-11-{day}" for day in range(10, 20)}
    opened: list[str] = []
    real = rollup.load
    monkeypatch.setattr(rollup, "load", lambda part, *rest: opened.append(part.day) or real(part, *rest))
    assert spent(tmp_path, "deployment") == {"den/0": 20, "den/1": 20}
    assert spent(tmp_path, "key") == {"a": 20, "b": 20}
    assert spent(tmp_path, "month") == {"2026-11": 40}
    assert spent(tmp_path, "day").keys() == {f"2026-11-{day}" for day in range(10, 20)}
    assert opened == []
    kept = sections(tmp_path / "usage" / "rollup" / "2026-11.month")
    assert set(kept) == {TOTALS, DAYS, DEPLOYMENTS, KEYS, CELLS}


def test_many_new_lines_are_kept_with_all_their_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks at totals alone and finds a lot that is new leaves nothing out of what is kept."""
    monkeypatch.setattr(rollup, "FEW_LINES", 2)
    add(tmp_path, "2026-11-21T09:00:00Z", key="a")
    assert spent(tmp_path, "month") == {"2026-11": 1}
    add(tmp_path, "2026-11-21T10:00:00Z", "2026-11-21T11:00:00Z", key="b")
    assert spent(tmp_path, "month") == {"2026-11": 3}
    kept = rollfile.read(tmp_path / "usage" / "rollup" / "2026-11-21.day")
    assert kept is not None
    assert {who.key: cell.cost for who, cell in kept.days["2026-11-21"].cells.items()} == {"a": 1, "b": 2}


@given(st.lists(st.integers(1, 70_000), min_size=1, max_size=30), st.sampled_from((1, 20, 60)), st.booleans())
def test_times_come_back_as_they_were(some: list[int], times: int, large: bool) -> None:
    """Short runs and long ones, of 16 bits and of 32, come back in order, and so do their marks."""
    first, other = (run_of(sorted(values)) for values in (some * times, [v % 999 for v in some] * times))
    sums = [1 << 70 if large else 7] * len(rollcells.SUMS)
    cells = {Who(name, "p", "m", "", ""): Cell(sums, Decimal("0.5"), (first,), (other,)) for name in "ab"}
    days = {"2026-11-21": Day("", "", Cell(sums, Decimal(1), (first,), (first,)), cells)}
    totals = rollcells.unpack_totals(memoryview(rollcells.pack_totals(days)))
    content = memoryview(rollcells.pack_cells(days))
    found = rollcells.with_cells(totals, 2, content)["2026-11-21"]
    pairs = [(days["2026-11-21"].total, found.total), *zip(cells.values(), _cells(found), strict=True)]
    for made, read in pairs:
        assert (list(read.sums), read.cost) == (list(made.sums), made.cost)
        assert [_plain(run) for run in (*read.latencies, *read.ttfts)] == [
            _plain(run) for run in (*made.latencies, *made.ttfts)
        ]


def _cells(day: Day) -> Iterator[Cell]:
    return (cell for _, cell in day.cells.items())


def _plain(run: Any) -> tuple[list[int], list[int] | None]:
    return run.values.tolist(), run.marks.tolist() if run.marks else None


def test_a_long_run_takes_sixteen_bits_a_value_where_these_hold_it() -> None:
    assert run_of([WIDE - 1] * MARKED).values.itemsize == 2
    assert run_of([1] * MARKED + [WIDE]).values.itemsize == 4
    assert run_of([1] * (MARKED - 1)).values.itemsize == 4


@pytest.mark.skipif(sys.byteorder != "little", reason="the file is of a machine of this byte order")
def test_what_was_pruned_with_the_layout_before_is_still_counted(tmp_path: Path) -> None:
    """The sums of a day whose lines are gone are read as they were written by the version before."""
    folder = tmp_path / "usage" / "rollup"
    folder.mkdir(parents=True)
    (folder / "2026-10-01.kept").write_bytes((Path(__file__).parent / "layout2.kept").read_bytes())
    assert spent(tmp_path, "deployment") == {"den/one": Decimal("0.030"), "sky/two": Decimal("0.015")}
    assert spent(tmp_path, "key", "model") == {
        "b one": Decimal("0.024"),
        "a two": Decimal("0.015"),
        "a one": Decimal("0.006"),
    }
    assert spent(tmp_path, "day") == {"2026-10-01": Decimal("0.045")}
    found = collect.collect(tmp_path, Span(), now=NOW)
    total = summarize(found.blocks, [])[0]
    assert (total.requests, total.failed, total.p50_latency_ms, total.max_ttft_ms) == (9, 3, 500, 9)
    assert os.listdir(folder) == ["2026-10-01.kept"]


def test_a_day_without_a_month_keeps_the_view_that_it_was_looked_at_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days that are not yet in a month are looked at each time: they have fewer cells to go through, too."""
    monkeypatch.setattr(rollup, "FEW_LINES", 2)
    day = tmp_path / "usage" / "rollup" / "2026-11-21.day"
    for number, key in enumerate("abab"):
        add(tmp_path, "2026-11-21T09:00:00Z", key=key, deployment=f"den/{number // 2}")
    assert spent(tmp_path, "month") == {"2026-11": 4}
    assert set(sections(day)) == {TOTALS, CELLS}
    for key in "cd":
        add(tmp_path, "2026-11-21T10:00:00Z", key=key, deployment="den/0")
    assert spent(tmp_path, "deployment") == {"den/0": 4, "den/1": 2}
    assert set(sections(day)) == {TOTALS, DEPLOYMENTS, CELLS}
    assert spent(tmp_path, "key") == {"a": 2, "b": 2, "c": 1, "d": 1}


def test_lines_are_believed_before_corrupt_sums_of_them(tmp_path: Path) -> None:
    """A prune was stopped before it removed them: they count, once, and the next one ends it."""
    add(tmp_path, "2026-10-01T10:00:00Z", "2026-10-01T12:00:00Z", key="a")
    path, kept = tmp_path / "usage" / "2026-10-01.jsonl", tmp_path / "usage" / "rollup" / "2026-10-01.kept"
    os.link(path, tmp_path / "link")
    prune.prune(tmp_path, "2026-11-01")
    (tmp_path / "link").rename(path)
    damage(kept, CELLS)
    assert [spent(tmp_path, by) for by in ("month", "key")] == [{"2026-10": 2}, {"a": 2}]
    prune.prune(tmp_path, "2026-11-01")
    assert not path.exists()
    assert [spent(tmp_path, by) for by in ("month", "key")] == [{"2026-10": 2}, {"a": 2}]
