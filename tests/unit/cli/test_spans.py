"""Spans of time as a person names them, read at one known moment in one time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from llmpool.cli.spans import bounds, last_day, span

NOW = 1_795_283_100.0  # 2026-11-21T17:45:00Z, 18:45 in Berlin


@pytest.fixture(autouse=True)
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Live an hour ahead of UTC in winter, two in summer."""
    with monkeypatch.context() as here:
        here.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def terminal(now: float = NOW) -> Any:
    """Stand in for a terminal whose pool has a clock."""
    return SimpleNamespace(pool=SimpleNamespace(clock=lambda: now))


@pytest.mark.parametrize(
    ("word", "first"),
    [
        ("", ""),
        ("all", ""),
        ("2026-11-01", "2026-10-31T23:00:00"),
        ("2026-07-01", "2026-06-30T22:00:00"),
        ("today", "2026-11-20T23:00:00"),
        ("yesterday", "2026-11-19T23:00:00"),
        ("2026-10-23T23:52:55.259589Z", "2026-10-23T23:52:55.259"),  # not after its own record
        ("2026-10-23T23:52:55.285Z", "2026-10-23T23:52:55.285"),
        ("day", "2026-11-20T17:45:00"),
        ("week", "2026-11-14T17:45:00"),
        ("month", "2026-10-21T16:45:00"),
        ("36h", "2026-11-20T05:45:00"),
        ("2026-11-20T06:00Z", "2026-11-20T06:00:00"),
        ("2026-11-20T06:00:01.250Z", "2026-11-20T06:00:01.25"),
    ],
)
def test_where_a_span_begins(word: str, first: str) -> None:
    """Days and months are local, periods go back from now to the second, moments are UTC."""
    assert bounds(terminal(), word, "").span.first == first


@pytest.mark.parametrize(
    ("word", "end"),
    [
        ("", "2026-11-21T17:45:01.001"),
        ("2026-11-01", "2026-11-01T23:00:00"),
        ("2026-10-25", "2026-10-25T23:00:00"),
        ("2026-10-24", "2026-10-24T22:00:00"),
        ("2026-12-31", "2026-12-31T23:00:00"),
        ("yesterday", "2026-11-20T23:00:00"),
        ("2026-03-10T06:00Z", "2026-03-10T06:00:00.001"),
    ],
)
def test_where_a_span_ends(word: str, end: str) -> None:
    """A day ends where the next begins, however long it was; a moment itself is in the span."""
    assert bounds(terminal(), "", word).span.end == end


@pytest.mark.parametrize(
    ("today", "ago"),
    [
        ("2026-03-31T10:00", "2026-03-03T10:00:00"),
        ("2024-03-31T10:00", "2024-03-02T10:00:00"),
        ("2026-01-15T10:00", "2025-12-15T11:00:00"),
        ("2026-05-31T10:00", "2026-05-01T10:00:00"),
    ],
)
def test_a_calendar_month_ago(today: str, ago: str) -> None:
    """Example 20: 31 March less a month is "31 February", which is 3 March, in a leap year the 2nd."""
    now = time.mktime(time.strptime(today, "%Y-%m-%dT%H:%M"))
    found = bounds(terminal(now), "month", "").span.first
    local = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(now))
    assert (found[:10], local[:10]) == (ago[:10], today[:10])


def test_the_last_day_of_a_span() -> None:
    """A span up to a date ends on that date; one up to now ends today."""
    assert last_day(bounds(terminal(), "2026-11-01", "2026-11-15")) == "2026-11-15"
    assert last_day(bounds(terminal(), "2026-11-01", "")) == "2026-11-21"


def test_texts_of_a_span() -> None:
    """Others compare texts: whole seconds, both ends included."""
    assert span(terminal(), "2026-11-01", "") == ("2026-10-31T23:00:00Z", "2026-11-21T17:45:01Z")
