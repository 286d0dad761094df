"""Roll-ups stay mapped while few are; more are copied, and nothing but that is another."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from llmpool.state import rollcells, rollfile
from llmpool.state.rollfile import Roll
from llmpool.usage.fold import Fold
from llmpool.usage.rollup import Day


def _written(path: Path, first: int) -> Path:
    """Write a roll-up of five hundred records of two keys, whose times begin at one."""
    fold = Fold(lambda moment: ("", "Z", moment[:10]))
    keys = ["a"] * 450 + ["b"] * 50
    fold.extend(
        [[{"at": "2026-11-21T00:00:00Z", "key": key, "latency_ms": n} for n, key in enumerate(keys, first)]]
    )
    assert rollfile.write(path, Roll({}, fold.days()))
    return path


def _day(path: Path) -> Day:
    roll = rollfile.read(path)
    assert roll is not None
    return roll.days["2026-11-21"]


def _times(day: Day) -> list[list[int]]:
    """Return the times of all records, and of each cell."""
    return [list(cell.latencies[0].values) for cell in (day.total, *dict(day.cells.items()).values())]


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is mapped there")
@pytest.mark.parametrize("bound", ["_FILES", "_BYTES"])
def test_what_is_over_the_bound_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    """Of three roll-ups in use the first stays mapped, the others are copied, and all say the same."""
    paths = [_written(tmp_path / f"{number}.day", 1000 * number) for number in range(1, 4)]
    monkeypatch.setattr(rollcells, "_mapped", {})
    monkeypatch.setattr(rollcells, bound, 1 if bound == "_FILES" else 2500)
    totals = [_day(path).total.latencies[0] for path in paths]
    assert len(rollcells._mapped) == 1
    assert [run.values[0] for run in totals] == [1000, 2000, 3000]
    some = [_times(_day(path)) for path in paths]
    assert some == [
        [[*range(n, n + 500)], [*range(n, n + 450)], [*range(n + 450, n + 500)]] for n in (1000, 2000, 3000)
    ]


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is mapped there")
def test_what_nobody_uses_is_mapped_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the last value of a roll-up is let go, so is its mapping."""
    monkeypatch.setattr(rollcells, "_mapped", {})
    run = _day(_written(tmp_path / "1.day", 1)).total.latencies[0]
    assert (len(rollcells._mapped), run.values[0]) == (1, 1)
    del run
    assert len(rollcells._mapped) == 0
