"""A span of time over records, and what a local day belongs to: its week, its month.

Moments are compared as text, RFC 3339 UTC without the Z: with no zeros at the end of a bound's fraction, text
order is time order, whatever precision a record was written with.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import NamedTuple


class Span(NamedTuple):
    """Moments from *first* on and before *end*; an empty *end* is open."""

    first: str = ""
    end: str = ""

    def holds(self, moment: str) -> bool:
        """Say whether a moment is inside."""
        return self.first <= moment and (not self.end or moment < self.end)

    def covers(self, first: str, last: str) -> bool:
        """Say whether all between two moments, both included, is inside."""
        return self.first <= first and (not self.end or last < self.end)

    def misses(self, first: str, last: str) -> bool:
        """Say whether nothing between two moments is inside."""
        return last < self.first or bool(self.end and self.end <= first)

    def touches(self, day: str) -> bool:
        """Say whether some of a UTC day may be inside."""
        return self.first[:10] <= day and (not self.end or f"{day}T00:00:00" < self.end)

    def has_end_of(self, day: str) -> bool:
        """Say whether the end of a UTC day is inside."""
        return not self.end or f"{day}T24:00:00" <= self.end


def bound(at: str) -> str:
    """Write an RFC 3339 UTC time as a bound of a span."""
    whole, point, fraction = at.removesuffix("Z").partition(".")
    fraction = fraction.rstrip("0")
    return whole + (point + fraction if fraction else "")


def between(first: str, at: str, last: str) -> bool:
    """Say whether an RFC 3339 UTC time is from *first* to *last*, both included, to whatever digit."""
    return bound(first) <= bound(at) <= bound(last)


def week(day: str) -> str:
    """Name the ISO week of a local day: 2026-W47."""
    year, number, _ = date.fromisoformat(day).isocalendar()
    return f"{year:04}-W{number:02}"


PERIODS: dict[str, Callable[[str], str]] = {
    "day": str,
    "week": week,
    "month": lambda day: day[:7],
}
