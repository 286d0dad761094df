"""Roll-ups against a scan of every line, and both against sums made the long way: equal in every field."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.state import collect, rollup
from llmpool.state import prune as pruning
from llmpool.usage.rollup import view_by
from llmpool.usage.span import Span, bound
from llmpool.usage.summary import Summary
from tests.summing import summarize
from tests.unit.usage import naive

NOW = 1_795_283_100.0  # 2026-11-21T17:45:00Z
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Pacific/Kiritimati",
    "America/St_Johns",
)
DAYS = [
    f"2026-{month}-{day:02}"
    for month, days in (("10", (23, 24, 25, 30, 31)), ("11", (1, 2, 14, 20, 21)))
    for day in days
]
COUNT = st.integers(0, 50_000)


@st.composite
def moments(draw: st.DrawFn) -> str:
    """Make a time on one of a few days, some of them on the hour and some to the microsecond."""
    hour, minute = draw(st.integers(0, 23)), draw(st.sampled_from((0, 0, 29, 30, 59)))
    fraction = draw(st.sampled_from(("", ".0", ".5", ".123", ".000", ".999999")))
    return (
        f"{draw(st.sampled_from(DAYS))}T{hour:02}:{minute:02}:{draw(st.sampled_from((0, 59))):02}{fraction}Z"
    )


RECORD = st.fixed_dictionaries(
    {
        "id": st.just("u"),
        "at": moments(),
        "success": st.booleans(),
        "cost": st.none()
        | st.sampled_from(("0", "0.25", "0.1", "1.5E-7", "123456789012345", "0." + "3" * 40, "1E-99")),
    },
    optional={
        "deployment": st.sampled_from(("den/a", "sky/a", "sky/b/c")),
        "provider": st.sampled_from(("den", "sky")),
        "model": st.sampled_from(("a", "b/c")),
        "key": st.sampled_from(("k1", "k2")),
        "tag": st.just("batch"),
        "session": st.sampled_from(("s", "t")),
        "request_count": st.integers(0, 3),
        "attempts": st.integers(1, 3),
        "estimated": st.booleans(),
        **{f"{name}_tokens": COUNT for name in naive.TOKENS},
        "latency_ms": COUNT,
        "ttft_ms": st.integers(0, 900),
    },
)
BY = st.lists(
    st.sampled_from(("day", "week", "month", "provider", "model", "deployment", "key", "tag")),
    max_size=3,
    unique=True,
)


@pytest.fixture(autouse=True)
def own_zone() -> Iterator[None]:
    """Put the zone back, whatever a test sets."""
    before = os.environ.get("TZ")
    yield
    os.environ.pop("TZ", None) if before is None else os.environ.update(TZ=before)
    time.tzset()


def set_zone(name: str) -> None:
    """Live in another time zone."""
    os.environ["TZ"] = name
    time.tzset()


def write(state: Path, records: list[dict[str, Any]], junk: bool) -> None:
    """Append records as processes do, each to the file of its UTC day, and some junk between them."""
    (state / "usage").mkdir(parents=True, exist_ok=True)
    for number, record in enumerate(records):
        with (state / "usage" / f"{record['at'][:10]}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n" + ('{"torn": \n\n' if junk and number % 3 == 0 else ""))


def shown(summary: Summary) -> dict[str, Any]:
    """Return the figures of a summary, without its names."""
    return {name: value for name, value in summary.as_dict().items() if name not in ("group", "keys")}


def by_name(groups: list[Summary]) -> dict[str, dict[str, Any]]:
    """Return the figures of groups by their names."""
    return {group.group: shown(group) for group in groups}


def spans() -> st.SearchStrategy[Span]:
    """Make spans: everything, from a moment on, between two, and whole local months."""

    def between(one: str, other: str) -> Span:
        return Span(*map(bound, sorted((one, other))))

    local = st.sampled_from((("2026-11-01", ""), ("2026-10-01", "2026-11-01"), ("2026-10-31", "2026-11-15")))
    return (
        st.just(Span())
        | moments().map(lambda at: Span(bound(at)))
        | st.builds(between, moments(), moments())
        | local.map(lambda days: Span(*(_start(day) if day else "" for day in days)))
    )


def _start(day: str) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.mktime(time.strptime(day, "%Y-%m-%d"))))


@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    other=st.sampled_from(ZONES),
    junk=st.booleans(),
    before=st.lists(RECORD, max_size=25),
    after=st.lists(RECORD, max_size=8),
    by=BY,
    data=st.data(),
)
def test_roll_ups_are_the_lines(
    zone: str, other: str, junk: bool, before: list[Any], after: list[Any], by: list[str], data: st.DataObject
) -> None:
    """Whatever was rolled up before, appended since, in whatever zone, a summary is that of all lines."""
    with (
        TemporaryDirectory() as directory,
        mock.patch.multiple(collect, FEW_DAYS=2),
        mock.patch.multiple(rollup, FEW_LINES=data.draw(st.sampled_from((1, 3, 500)))),
    ):
        state = Path(directory)
        write(state, before, junk)
        set_zone(other)
        collect.collect(state, Span(), now=NOW)
        set_zone(zone)
        collect.collect(state, Span(), now=NOW)
        write(state, after, junk)
        span = data.draw(spans())
        kept = [record for record in before + after if span.holds(record["at"][:-1])]
        for _ in range(2):
            finer, view = "day" in by or "week" in by, view_by(by)
            quick, slow = (
                collect.collect(state, span, now=NOW, finer=finer, view=view),
                collect.scan(state, span, now=NOW),
            )
            found, full = summarize(quick.blocks, by), summarize(slow.blocks, by)
            assert (found, quick.bad) == (full, slow.bad)
            assert shown(found[0]) == naive.figures(kept)
            assert by_name(found[1]) == naive.groups(kept, by)


@settings(max_examples=20, deadline=None)
@given(
    zone=st.sampled_from(ZONES), records=st.lists(RECORD, min_size=1, max_size=25), by=BY, junk=st.booleans()
)
def test_pruning_changes_no_summary(zone: str, records: list[Any], by: list[str], junk: bool) -> None:
    """What is pruned, however often, stays in every summary of whole local days, in every field."""
    set_zone(zone)
    with TemporaryDirectory() as directory, mock.patch.multiple(collect, FEW_DAYS=2):
        state = Path(directory)
        half = len(records) // 2
        finer = "day" in by or "week" in by
        write(state, records[:half], junk)
        pruning.prune(state, "2026-11-01")
        write(state, records[half:], junk)
        before = collect.collect(state, Span(), now=NOW, finer=finer, view=view_by(by))
        pruning.prune(state, "2026-11-20")
        assert not [path for path in (state / "usage").glob("*.jsonl") if path.stem < "2026-11-20"]
        after = collect.collect(state, Span(), now=NOW, finer=finer, view=view_by(by))
        found = summarize(after.blocks, by)
        assert (found, after.bad, after.lost) == (summarize(before.blocks, by), before.bad, [])
        assert shown(found[0]) == naive.figures(records)
        assert by_name(found[1]) == naive.groups(records, by)


@settings(max_examples=20, deadline=None)
@given(records=st.lists(RECORD, max_size=20), span=spans())
def test_sessions_are_counted_from_the_lines(records: list[Any], span: Span) -> None:
    """A summary by session is what the lines say, and its total is that of any other grouping."""
    set_zone("Europe/Berlin")
    with TemporaryDirectory() as directory:
        state = Path(directory)
        write(state, records, junk=False)
        found = summarize(collect.scan(state, span, now=NOW, sessions=True).blocks, ["session", "day"])
        kept = [record for record in records if span.holds(record["at"][:-1])]
        assert shown(found[0]) == naive.figures(kept)
        assert by_name(found[1]) == naive.groups(kept, ["session", "day"])
