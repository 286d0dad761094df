"""The router's statistics go on from where they were kept, and say what reading every line would."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool.state import ledger, prune, rewrite, rollup, routed
from llmpool.usage.span import Span
from llmpool.usage.stats import Stats
from tests.edges.test_rollups import NOW, in_berlin, record

__all__ = ["in_berlin"]
DAYS = ("2026-10-30", "2026-10-31", "2026-11-01", "2026-11-20", "2026-11-21")
NOVEMBER = "2026-10-31T23:00:00"  # where it begins in Berlin


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Make a ledger of some days, each with times that a mean in whole numbers tells apart by their order."""
    for place, day in enumerate(DAYS):
        fill(tmp_path, day, 100 * place + 7)
    return tmp_path


def fill(state: Path, day: str, latency: int) -> None:
    """Add three records of a day, the last of which is of the next one in Berlin."""
    for hour, name in (("01", "den/a"), ("12", "sky/b"), ("23", "den/a")):
        fields: dict[str, Any] = {"deployment": name, "decision_id": "d", "complexity": "simple"}
        ledger.append(
            state,
            ledger.USAGE,
            record(f"{day}T{hour}:30:00Z", **fields, input_tokens=5, output_tokens=2)
            | {"latency_ms": latency},
        )


def plain(state: Path, span: Span) -> dict[str, Any]:
    """Count every line of the span."""
    stats = Stats()
    for each in ledger.Reading(state, ledger.USAGE, "", ""):
        if span.holds(each["at"][:-1]):
            stats.add([each])
    return stats.as_json()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Name the days whose lines are read from here on."""
    seen: list[str] = []
    real = rollup.Scan.__iter__

    def noted(scan: rollup.Scan) -> Iterator[list[dict[str, Any]]]:
        seen.append(scan.part.day)
        return real(scan)

    monkeypatch.setattr(rollup.Scan, "__iter__", noted)
    return seen


@pytest.mark.parametrize(
    "span", [Span(), Span(NOVEMBER), Span("2026-10-31T12:00:00"), Span("", "2026-11-01T00:00:00")], ids=str
)
def test_they_are_what_all_lines_say(state: Path, span: Span) -> None:
    """Of all time, of a month and of any span: counted for the first time, gone on from, and with more."""
    for _ in range(2):
        assert routed.stats(state, span, now=NOW).as_json() == plain(state, span)
    fill(state, "2026-11-21", 50)
    assert routed.stats(state, span, now=NOW).as_json() == plain(state, span)


@pytest.mark.parametrize(("first", "begun"), [("", DAYS), (NOVEMBER, DAYS[1:])])
def test_days_that_are_over_are_read_once(
    state: Path, read: list[str], first: str, begun: tuple[str, ...]
) -> None:
    routed.stats(state, Span(first), now=NOW)
    routed.stats(state, Span(first), now=NOW)
    assert read == [*begun, "2026-11-21"]


def test_any_other_beginning_leaves_nothing_behind(state: Path) -> None:
    """A span that begins at another moment each time would leave a file each time."""
    routed.stats(state, Span("2026-10-31T12:00:00"), now=NOW)
    assert list((state / "usage").rglob("*.routed")) == []


@pytest.mark.parametrize("change", ["revised", "appended", "pruned", "corrupt", "another zone"])
def test_what_no_longer_holds_is_counted_anew(
    state: Path, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A day that is another, or gone, makes void what was counted of it."""
    span = Span(NOVEMBER if change == "another zone" else "")
    routed.stats(state, span, now=NOW)
    day = state / "usage" / "2026-10-31.jsonl"
    if change == "revised":
        rewrite.revise(day, lambda line: line | {"latency_ms": 9999})
    elif change == "appended":
        fill(state, "2026-10-31", 5)
    elif change == "pruned":
        prune.prune(state, "2026-10-31")
    elif change == "corrupt":
        kept = state / "usage" / "rollup" / "all.routed"
        kept.write_bytes(kept.read_bytes()[:-9])
    else:
        monkeypatch.setenv("TZ", "America/New_York")
        time.tzset()
        span = Span("2026-11-01T04:00:00")
    assert routed.stats(state, span, now=NOW).as_json() == plain(state, span)


def test_figures_that_nobody_counts_to_are_none() -> None:
    stats = Stats()
    stats.add([record("2026-11-20T00:00:00Z", decision_id="d", input_tokens=10**5000, output_tokens=-4)])
    assert stats.as_json()["deployment_stats"]["den/a"]["avg_tokens"] == 0
    assert Stats.resumed(stats.as_kept()).as_json() == stats.as_json()
