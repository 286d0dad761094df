"""Roll-ups of usage on disk: when they hold, when they are void; nothing depends on them but time."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmpool.state import collect, ledger, localdays, prune, rewrite, rollfile, rollup, usagelines
from llmpool.state.collect import Collected
from llmpool.usage.rollup import CELLS
from llmpool.usage.span import Span
from llmpool.usage.summary import Summary
from tests.summing import summarize

NOW = 1_795_283_100.0  # 2026-11-21T17:45:00Z
posix = pytest.mark.skipif(sys.platform == "win32", reason="time zones are set by tzset")


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Live where a day begins at 23:00 UTC in winter."""
    with monkeypatch.context() as here:
        here.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def record(at: str, **fields: Any) -> dict[str, Any]:
    """Build a usage record that cost a dollar."""
    return {
        "id": "u",
        "at": at,
        "deployment": "den/a",
        "success": True,
        "cost": "1",
        "latency_ms": 7,
    } | fields


def add(state: Path, *moments: str, **fields: Any) -> None:
    """Append records as the program does."""
    for at in moments:
        ledger.append(state, ledger.USAGE, record(at, **fields))


def cost(state: Path, span: Span | None = None, by: str = "", **options: Any) -> Any:
    """Return the cost in a span, or of each group."""
    found = collect.collect(state, span or Span(), now=NOW, **options)
    total, groups = summarize(found.blocks, [by] if by else [])
    return {group.group: group.cost for group in groups} if by else total.cost


def rolled(state: Path, suffix: str) -> list[str]:
    """Name the roll-ups of a kind."""
    return sorted(path.stem for path in (state / "usage" / "rollup").glob(f"*{suffix}"))


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Keep the lines that are parsed from here on."""
    seen: list[str] = []
    real = usagelines._parsed_together

    def keeping(lines: list[str]) -> Any:
        seen.extend(lines)
        return real(lines)

    monkeypatch.setattr(usagelines, "_parsed_together", keeping)
    return seen


def test_what_is_rolled_up_is_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second summary parses no line; after an append it parses the new ones alone."""
    add(tmp_path, "2026-11-20T10:00:00Z", "2026-11-20T11:00:00Z", "2026-11-21T09:00:00Z")
    assert cost(tmp_path) == 3
    seen = reads(monkeypatch)
    assert cost(tmp_path) == 3
    assert seen == []
    add(tmp_path, "2026-11-21T10:00:00Z")
    assert cost(tmp_path) == 4
    assert len(seen) == 1


def test_many_new_lines_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once enough was appended it is added to the roll-up, and read no more."""
    monkeypatch.setattr(rollup, "FEW_LINES", 2)
    add(tmp_path, "2026-11-21T09:00:00Z")
    assert cost(tmp_path) == 1
    add(tmp_path, "2026-11-21T09:00:00Z", "2026-11-21T09:00:00Z")
    assert cost(tmp_path) == 3
    seen = reads(monkeypatch)
    assert cost(tmp_path) == 3
    assert seen == []


@pytest.mark.parametrize("longer", [False, True])
def test_a_rewritten_day_is_read_anew(tmp_path: Path, longer: bool) -> None:
    """A reprice changes lines that were rolled up already; what is appended after it hides nothing."""
    add(tmp_path, "2026-11-20T10:00:00Z", "2026-11-20T10:00:00Z")
    assert cost(tmp_path) == 2
    path = tmp_path / "usage" / "2026-11-20.jsonl"
    rewrite.revise(path, lambda line: line | {"cost": "5"})
    if longer:
        add(tmp_path, "2026-11-20T12:00:00Z")
    assert cost(tmp_path) == 10 + longer


def test_a_change_without_a_trace_in_size_is_seen(tmp_path: Path) -> None:
    """Another time of change is enough; the same content under a new time stays what it was."""
    add(tmp_path, "2026-11-20T10:00:00Z")
    assert cost(tmp_path) == 1
    path = tmp_path / "usage" / "2026-11-20.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"1"', b'"2"'))
    os.utime(path, (1, 1))
    assert cost(tmp_path) == 2
    os.utime(path, (2, 2))
    assert cost(tmp_path) == 2


@pytest.mark.parametrize("damage", [b"", b"junk", b'{"crc":1}\n{}\n', None], ids=repr)
def test_a_corrupt_roll_up_is_made_anew(tmp_path: Path, damage: bytes | None, capsys: Any) -> None:
    """Empty, foreign, flipped or cut off: nobody is told, and the figures are those of the lines."""
    add(tmp_path, "2026-11-10T10:00:00Z", "2026-11-11T10:00:00Z", "2026-11-12T10:00:00Z")
    assert cost(tmp_path) == 3
    assert rolled(tmp_path, ".month") == ["2026-11"]
    for path in (tmp_path / "usage" / "rollup").iterdir():
        content = path.read_bytes()
        path.write_bytes(content[:-3] + b"XXX" if damage is None else damage)
    assert cost(tmp_path) == 3
    assert cost(tmp_path) == 3
    assert capsys.readouterr() == ("", "")


@posix
@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write anywhere")
def test_a_directory_that_cannot_be_written_is_scanned(tmp_path: Path) -> None:
    """Where no roll-up can be kept the figures are the same."""
    add(tmp_path, "2026-11-20T10:00:00Z")
    (tmp_path / "usage").chmod(0o500)
    assert cost(tmp_path) == 1
    (tmp_path / "usage").chmod(0o700)


def test_a_file_in_the_place_of_the_directory(tmp_path: Path) -> None:
    """What stands in the way of the roll-ups costs time, not the answer."""
    add(tmp_path, "2026-11-20T10:00:00Z")
    (tmp_path / "usage" / "rollup").touch()
    assert cost(tmp_path) == 1
    assert cost(tmp_path) == 1


def test_a_month_has_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closed days are read from the file of their month, which is void as soon as one of them changes."""
    days = [f"2026-11-{day:02}T10:00:00Z" for day in range(1, 15)]
    add(tmp_path, *days, "2026-11-21T10:00:00Z")
    assert cost(tmp_path) == 15
    loaded: list[str] = []
    real = rollup.load
    monkeypatch.setattr(rollup, "load", lambda part, *rest: loaded.append(part.day) or real(part, *rest))
    assert cost(tmp_path) == 15
    assert loaded == ["2026-11-21"]
    add(tmp_path, "2026-11-03T12:00:00Z")
    assert cost(tmp_path) == 16
    assert cost(tmp_path, finer=True, by="day")["2026-11-03"] == 2


def test_days_are_local(tmp_path: Path) -> None:
    """23:30 UTC is tomorrow in Berlin; the month ends there, whatever the day file is called."""
    add(tmp_path, "2026-10-31T22:59:59.999Z", "2026-10-31T23:00:00Z", "2026-10-31T23:30:00Z")
    assert cost(tmp_path, by="month") == {"2026-10": 1, "2026-11": 2}
    assert cost(tmp_path, Span("2026-10-31T23:00:00")) == 2
    assert cost(tmp_path, Span("", "2026-10-31T23:00:00")) == 1


@posix
def test_another_time_zone_makes_roll_ups_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who travels sees days of where they are, of months and of days."""
    hours = ("10", "23")
    add(tmp_path, *(f"2026-10-{day}T{hour}:30:00Z" for day in (29, 30, 31) for hour in hours))
    assert cost(tmp_path, by="month") == {"2026-10": 5, "2026-11": 1}
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    assert cost(tmp_path, by="month") == {"2026-10": 6}
    assert cost(tmp_path, by="day", finer=True)["2026-10-31"] == 2


def test_part_of_a_day_is_read_from_its_lines(tmp_path: Path) -> None:
    """Both ends of a span are moments, not days."""
    add(tmp_path, *(f"2026-11-20T{hour:02}:00:00Z" for hour in range(24)))
    assert cost(tmp_path, Span("2026-11-20T06:00:00", "2026-11-20T12:00:00")) == 6
    assert cost(tmp_path, Span("2026-11-20T22:30:00")) == 1


def test_example_20(tmp_path: Path) -> None:
    """Example 20: the day of a record is its UTC day; a span has both files; a corrupt line is skipped."""
    moments = ("2026-03-09T12:00:00Z", "2026-03-09T23:59:59.9Z", "2026-03-10T06:00:00Z")
    add(tmp_path, *moments, "2026-03-09T11:59:59Z", "2026-03-10T06:00:01Z")
    path = tmp_path / "usage" / "2026-03-09.jsonl"
    with path.open("a") as file:
        file.write("corrupt\n")
    assert len(path.read_text().splitlines()) == 4
    found = collect.collect(tmp_path, Span("2026-03-09T12:00:00", "2026-03-10T06:00:00.001"), now=NOW)
    assert (summarize(found.blocks, [])[0].cost, found.bad) == (3, 1)


def test_a_line_that_is_being_written(tmp_path: Path) -> None:
    """A last line without an end counts when it is whole, and only once when it goes on."""
    add(tmp_path, "2026-11-20T10:00:00Z")
    line = json.dumps(record("2026-11-20T11:00:00Z"))
    path = tmp_path / "usage" / "2026-11-20.jsonl"
    for text, expected in ((line[:20], (1, 1)), (line[20:], (2, 0)), ("\n", (2, 0)), (line[:9], (2, 1))):
        with path.open("a") as file:
            file.write(text)
        for found in (_both(tmp_path), _both(tmp_path)):
            assert found == expected
    add(tmp_path, "2026-11-20T12:00:00Z")
    assert _both(tmp_path) == (3, 1)


def _both(state: Path) -> tuple[Decimal, int]:
    """Add up by roll-up and by scan, which must agree, and return cost and bad lines."""
    found = [collect.collect(state, Span(), now=NOW), collect.scan(state, Span(), now=NOW)]
    sums = [(summarize(each.blocks, [])[0], each.bad) for each in found]
    assert sums[0] == sums[1]
    return sums[0][0].cost, sums[0][1]


def test_pruning_keeps_the_sums_and_drops_sessions(tmp_path: Path) -> None:
    """A pruned day stays in totals and groups; its session is `(pruned)`, and part of it is all of it."""
    add(tmp_path, "2026-10-01T10:00:00Z", "2026-10-01T12:00:00Z", session="s", tag="batch")
    add(tmp_path, "2026-11-20T10:00:00Z", session="s")
    (tmp_path / "decisions").mkdir()
    (tmp_path / "decisions" / "2026-10-01.jsonl").touch()
    done = prune.prune(tmp_path, "2026-11-01")
    assert [[path.stem for path in paths] for paths in done] == [["2026-10-01"], ["2026-10-01"]]
    assert rolled(tmp_path, ".kept") == ["2026-10-01"]
    assert list((tmp_path / "decisions").glob("*.jsonl")) == []
    assert cost(tmp_path, by="tag") == {"batch": 2, "none": 1}
    scanned = collect.scan(tmp_path, Span(), now=NOW, sessions=True)
    assert {g.group: g.cost for g in summarize(scanned.blocks, ["session"])[1]} == {"(pruned)": 2, "s": 1}
    part = collect.collect(tmp_path, Span("2026-10-01T11:00:00"), now=NOW)
    assert (summarize(part.blocks, [])[0].cost, part.rounded) == (3, ["2026-10-01"])


def test_a_prune_that_was_stopped_counts_nothing_twice(tmp_path: Path) -> None:
    """Killed between keeping the sums and removing the lines: they count once, repriced or not."""
    add(tmp_path, "2026-10-01T10:00:00Z", "2026-10-01T12:00:00Z")
    path = tmp_path / "usage" / "2026-10-01.jsonl"
    os.link(path, tmp_path / "link")
    prune.prune(tmp_path, "2026-11-01")
    (tmp_path / "link").rename(path)
    assert cost(tmp_path) == 2
    assert rewrite.revise(path, lambda line: line | {"cost": "5"}) == 0
    assert cost(tmp_path) == 2
    prune.prune(tmp_path, "2026-11-01")
    assert not path.exists()
    assert cost(tmp_path) == 2


def test_a_day_that_comes_back_is_added(tmp_path: Path) -> None:
    """What is imported into a pruned day counts with what is kept of it, before it is pruned and after."""
    add(tmp_path, "2026-10-01T10:00:00Z")
    prune.prune(tmp_path, "2026-11-01")
    add(tmp_path, "2026-10-01T11:00:00Z", "2026-10-01T12:00:00Z")
    assert cost(tmp_path) == 3
    prune.prune(tmp_path, "2026-11-01")
    assert cost(tmp_path, by="day", finer=True) == {"2026-10-01": 3}


@pytest.mark.parametrize("again", [False, True])
def test_a_prune_in_the_middle_of_a_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """A day that is pruned while a summary is made counts once, be it pruned for the first time or again."""
    add(tmp_path, "2026-10-01T10:00:00Z", "2026-10-02T10:00:00Z")
    if again:
        prune.prune(tmp_path, "2026-11-01")
        add(tmp_path, "2026-10-01T11:00:00Z", "2026-10-02T11:00:00Z")
    real, pruned = rollup.load, []

    def load(part: rollup.Part, calendar: localdays.Calendar, view: str = CELLS) -> Any:
        found = real(part, calendar, view)
        if not pruned:
            pruned.append(prune.prune(tmp_path, "2026-11-01"))
        return found

    monkeypatch.setattr(rollup, "load", load)
    assert cost(tmp_path) == (4 if again else 2)
    assert pruned


def test_sums_that_are_gone_are_said(tmp_path: Path) -> None:
    """A corrupt file of a pruned day is named, not left out in silence, and no summary ends on it."""
    add(tmp_path, "2026-10-01T10:00:00Z", "2026-11-20T10:00:00Z")
    prune.prune(tmp_path, "2026-11-01")
    (tmp_path / "usage" / "rollup" / "2026-10-01.kept").write_bytes(b"junk")
    found: Collected = collect.collect(tmp_path, Span(), now=NOW)
    assert (summarize(found.blocks, [])[0].cost, found.lost) == (1, ["2026-10-01"])


@pytest.mark.parametrize(
    ("retention", "day"),
    [(30 * 86400, "2026-10-22"), (86400, "2026-11-20"), (36 * 3600, "2026-11-19"), (1, "2026-11-20")],
)
def test_retention_counts_full_past_days(retention: float, day: str) -> None:
    """1.5: 30 keeps 30 full past days and today; a part of a day is a day."""
    assert prune.before(NOW, retention) == day


def test_the_days_of_a_clock_change() -> None:
    """A day of 25 hours is one day, and one of 23 is no more."""
    calendar = localdays.Calendar()
    assert calendar.label("2026-10-24T22:00:00") == calendar.label("2026-10-25T22:59:59") == "2026-10-25"
    assert calendar.label("2026-10-25T23:00:00") == "2026-10-26"
    assert calendar.cuts("2026-03-29") == [
        ["2026-03-29T00:00:00", "2026-03-29"],
        ["2026-03-29T22:00:00", "2026-03-30"],
    ]
    assert calendar.label("9999-12-31T23:30:00")[:4] in ("9999", "1000")


def test_roll_ups_come_back_as_they_were(tmp_path: Path) -> None:
    """What is written is what is read, to the last digit of the cost."""
    add(tmp_path, "2026-11-20T10:00:00Z", cost="0." + "3" * 40, key="k", tag='"\n\ud800', ttft_ms=3)
    part = rollup.parts(tmp_path)[0]
    loaded = rollup.load(part, localdays.Calendar())
    kept = rollfile.read(tmp_path / "usage" / "rollup" / "2026-11-20.day")
    assert loaded
    assert kept
    first: Summary = summarize(loaded.blocks, ["tag"])[1][0]
    assert summarize([kept.days], ["tag"])[1][0] == first
    assert first.cost == Decimal("0." + "3" * 40)


def test_sums_of_more_than_63_bits_are_kept(tmp_path: Path) -> None:
    """Counts that no machine number holds come back from a roll-up as they were added."""
    add(tmp_path, *["2026-11-20T10:00:00Z"] * 3, input_tokens=(1 << 63) - 1)
    for _ in range(2):
        blocks = collect.collect(tmp_path, Span(), now=NOW).blocks
        assert summarize(blocks, ["model"])[1][0].input_tokens == 3 * ((1 << 63) - 1)
