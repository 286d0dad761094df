"""What is read back must look like: whatever does not is refused with an error that sets its file aside.

Each function returns the value it was given when it has the type it names, and raises TypeError or
ValueError otherwise. JSON has no other types than those of `json.loads`, so `type(...) is` is exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

MOST = 1 << 63  # no count, size or time is larger; figures beyond it cannot be divided or shown
LAST_SECOND = 253_402_300_799  # of the year 9999, which is as far as a date can be written


def mapping(value: Any) -> dict[str, Any]:
    """Return a JSON object."""
    if type(value) is not dict:
        raise TypeError("not an object")
    return value


def text(value: Any) -> str:
    """Return a text."""
    if type(value) is not str:
        raise TypeError("not a text")
    return value


def flag(value: Any) -> bool:
    """Return true or false."""
    if type(value) is not bool:
        raise TypeError("neither true nor false")
    return value


def whole(value: Any) -> int:
    """Return a count: a whole number from 0."""
    if type(value) is not int or not 0 <= value < MOST:
        raise ValueError("not a count")
    return value


def number(value: Any) -> float:
    """Return a number that is finite."""
    if (type(value) is int or type(value) is float) and -MOST < value < MOST:
        return value
    raise ValueError("not a number")


def instant(value: Any) -> float:
    """Return seconds since the epoch that can be written as a date."""
    if not 0 <= number(value) <= LAST_SECOND:
        raise ValueError("not a time")
    return number(value)


def moment(value: Any) -> str:
    """Return a time as RFC 3339 UTC, or the empty text of one that never was."""
    if value != "" and not is_moment(value):
        raise ValueError("not a time")
    return text(value)


def listed(shape: Callable[[Any], Any]) -> Callable[[Any], list[Any]]:
    """Return the shape of a list of *shape*."""

    def read(value: Any) -> list[Any]:
        if type(value) is not list:
            raise TypeError("not a list")
        return [shape(item) for item in value]

    return read


def unset_or(shape: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Return the shape of null or *shape*."""
    return lambda value: None if value is None else shape(value)


def fields(value: Any, shapes: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """Return the fields of an object that *shapes* names; what else it has is of a later version."""
    known = mapping(value)
    return {name: shapes[name](found) for name, found in known.items() if name in shapes}


def entries(
    section: Mapping[str, Any], shapes: Mapping[str, Callable[[Any], Any]], optional: Iterable[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return the entries of a section, each with all fields of *shapes* that are not *optional*."""
    found = {name: fields(entry, shapes) for name, entry in section.items()}
    needed = shapes.keys() - set(optional)
    if any(not needed <= entry.keys() for entry in found.values()):
        raise KeyError("a field is missing")
    return found


def all_counts(values: Iterable[Any]) -> None:
    """Raise unless every value is a count; for thousands, which one call each would be felt on every run."""
    found = list(values)
    if not set(map(type, found)) <= {int} or (found and not 0 <= min(found) <= max(found) < MOST):
        raise ValueError("not counts")


def is_moment(value: Any) -> bool:
    """Tell whether *value* is a time in RFC 3339 UTC: `2026-11-21T03:44:00Z`, or with a fraction."""
    return type(value) is str and bool(_clockwork().fullmatch(value)) and _is_day(value[:10])


@cache
def _clockwork() -> re.Pattern[str]:
    """Compile what a time looks like; commands that read none need not wait for that."""
    hour, minute = "(?:[01][0-9]|2[0-3])", "[0-5][0-9]"
    return re.compile(f"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T{hour}:{minute}:{minute}(?:\\.[0-9]+)?Z")


@cache
def _is_day(day: str) -> bool:
    """Tell whether the calendar has this day; a log holds few of them."""
    from datetime import date

    try:
        date.fromisoformat(day)
    except ValueError:
        return False
    return True
