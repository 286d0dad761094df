"""Times in records: RFC 3339 UTC, so that text order is time order."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.times import rfc3339, rfc3339_ms

SECONDS = st.floats(0, 4e9)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1763696640, "2025-11-21T03:44:00Z"),
        (1763696640.999, "2025-11-21T03:44:00Z"),
        (951782400, "2000-02-29T00:00:00Z"),
    ],
)
def test_seconds_are_written_in_utc(seconds: float, text: str) -> None:
    """Whole seconds, rounded down, with a Z."""
    assert rfc3339(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (0.25, "1970-01-01T00:00:00.250Z"),
        (1763696640.5, "2025-11-21T03:44:00.500Z"),
        (1.9999, "1970-01-01T00:00:01.999Z"),
    ],
)
def test_records_carry_milliseconds(seconds: float, text: str) -> None:
    """Three digits, rounded down, so a second is never written before it has begun."""
    assert rfc3339_ms(seconds) == text


@given(SECONDS)
def test_every_time_can_be_read_back(seconds: float) -> None:
    """What is written is the same instant to the millisecond."""
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", rfc3339_ms(seconds))
    read = dt.datetime.fromisoformat(rfc3339_ms(seconds)).timestamp()
    assert -1e-5 <= seconds - read < 0.00101


@given(SECONDS, SECONDS)
def test_text_order_is_time_order(one: float, two: float) -> None:
    """Sorting the lines of a record file sorts them by time."""
    first, second = sorted((one, two))
    assert rfc3339_ms(first) <= rfc3339_ms(second)
    assert rfc3339(first) <= rfc3339(second)
