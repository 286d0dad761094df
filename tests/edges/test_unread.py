"""state.unread: what has to be read first is told, as long as it has to be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmpool.core.text import size
from llmpool.state import ledger, prune, unread
from llmpool.state.collect import collect
from llmpool.usage.rollup import CELLS, DEPLOYMENTS, KEYS, TOTALS
from llmpool.usage.span import Span

NOW = 1_795_233_600.0  # 2026-11-21 04:00:00 UTC
ALL, ONCE = Span(), ", which is added up once"


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a log of two days of a month that is over."""
    monkeypatch.setattr(unread, "MUCH", 1)
    for number, day in enumerate(("2026-10-01", "2026-10-02")):
        line = {"id": f"usage_{number}", "at": f"{day}T10:00:00Z", "deployment": "work/m", "cost": "1"}
        ledger.append(tmp_path, ledger.USAGE, line)
    return tmp_path


def bytes_of(state: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in (state / "usage").glob(pattern))


def test_lines_are_read_until_they_are_rolled_up(state: Path) -> None:
    """Those of the span alone; where the lines themselves are wanted, they are read each time."""
    assert unread.words(state, ALL) == f"reading {bytes_of(state, '*.jsonl')} B of usage{ONCE}"
    assert unread.words(state, Span("2026-10-03")) == ""
    collect(state, ALL, now=NOW)
    assert unread.words(state, ALL) == ""
    assert unread.words(state, ALL, lines=True) == f"reading {bytes_of(state, '*.jsonl')} B of usage"


@pytest.mark.parametrize(("view", "finer"), [(DEPLOYMENTS, False), (KEYS, False), (TOTALS, True)])
def test_a_month_is_made_anew_for_who_asks_it_for_the_first_time(
    state: Path, view: str, *, finer: bool
) -> None:
    """Out of its own cells, or of the roll-ups of its days, where the span has all of it."""
    collect(state, ALL, now=NOW)
    told = unread.words(state, ALL, view, finer=finer)
    read = bytes_of(state, "rollup/*.day" if finer else "rollup/*.month")
    assert told.removesuffix(ONCE) == f"reading {size(read)} of usage"
    assert told.endswith(ONCE)
    assert unread.words(state, Span("2026-10-02"), view, finer=finer) == ""
    collect(state, ALL, now=NOW, view=view, finer=finer)
    assert unread.words(state, ALL, view, finer=finer) == ""


def test_who_wants_cells_by_the_day_reads_all_roll_ups_each_time(state: Path) -> None:
    """No month has them."""
    for _ in range(2):
        collect(state, ALL, now=NOW, view=CELLS, finer=True)
        collect(state, ALL, now=NOW)
        assert unread.words(state, ALL, CELLS, finer=True).endswith("B of usage")


def test_a_month_that_was_pruned_is_made_anew(state: Path) -> None:
    """Out of what is kept of its days; `--by month` waits for that as well."""
    collect(state, ALL, now=NOW)
    for path in (state / "usage" / "rollup").iterdir():
        os.utime(path, (NOW, NOW))  # or all this may be in one tick of the clock of the file system
    prune.prune(state, "2026-11-01")
    for path in (state / "usage" / "rollup").glob("*.kept"):
        os.utime(path, (NOW + 1, NOW + 1))
    told = f"reading {size(bytes_of(state, 'rollup/*.kept'))} of usage{ONCE}"
    assert unread.words(state, ALL, TOTALS) == told
    collect(state, ALL, now=NOW, view=TOTALS)
    assert unread.words(state, ALL, TOTALS) == ""


def test_a_day_that_is_pruned_at_this_moment_is_no_failure(
    state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its roll-up was listed and is gone: nobody waits for that."""
    collect(state, ALL, now=NOW)
    real = os.scandir

    def listed(folder: Path) -> list[os.DirEntry[str]]:
        found = list(real(folder))
        for entry in found:
            Path(entry).unlink()
        return found

    monkeypatch.setattr(unread.os, "scandir", listed)
    assert unread.words(state, ALL, DEPLOYMENTS, finer=True) == ""
