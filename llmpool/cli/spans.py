"""Spans of time as a person names them: dates, today, 7d, week; read as RFC 3339 UTC."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, NamedTuple

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Option
from llmpool.core.times import rfc3339
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.usage.span import Span

Since = Annotated[
    str,
    Option("--since", metavar="WHEN", help="A date, how long ago, or a period: 2026-11-01, 7d, week, all."),
]
Until = Annotated[str, Option("--until", metavar="WHEN", help="Up to here, likewise.")]
Limit = Annotated[
    int, Option("--limit", metavar="N", min=0, max=10**9, help="At most so many; 0 is all.")
]  # beyond sys.maxsize nothing can be counted

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(:[0-9]{2})?(\.[0-9]{1,9})?Z")
_DAYS = {"today": 0, "yesterday": 1}
_HINT = "a date (2026-11-01), today, yesterday, day, week, month, all, or how long ago: 7d"


class Bounds(NamedTuple):
    """A span as it is shown, and as records are compared with it: a date's end is not in it, a moment is."""

    since: str
    until: str
    span: "Span"


def bounds(terminal: Terminal, since: str, until: str) -> Bounds:
    """Read both ends; an open start is the beginning, an open end is now. Raises Misuse."""
    from llmpool.state.localdays import moment
    from llmpool.usage.span import Span

    now = terminal.pool.clock()
    first, last = _read(since, now, 0.0), _read(until, now, now + 1, end=True)
    if since and until and last <= first:
        raise Misuse(f"--until {until} is before --since {since}", hint="give the earlier one to --since")
    end = moment(last if _is_day(until) else last + 0.001)
    start = moment(round(first * 1e6) // 1000 / 1000) if first else ""  # down, so that its own record is in
    return Bounds(f"{moment(first)}Z", f"{moment(last)}Z", Span(start, end))


def span(terminal: Terminal, since: str, until: str) -> tuple[str, str]:
    """Read both ends as RFC 3339 UTC; an open start is the beginning, an open end is now."""
    now = terminal.pool.clock()
    return rfc3339(_read(since, now, 0.0)), rfc3339(_read(until, now, now + 1, end=True))


def _is_day(text: str) -> bool:
    """Tell whether a text names a whole day, which ends where the next one begins."""
    return text in _DAYS or bool(_DATE.fullmatch(text))


def _read(text: str, now: float, default: float, *, end: bool = False) -> float:
    """Read a local date, a moment, a period or a duration back from now, in seconds since the epoch."""
    if not text:
        return default
    local = time.localtime(now)
    try:
        if text in _DAYS:
            return _midnight(local, local.tm_mday - _DAYS[text] + end)
        if _DATE.fullmatch(text):
            day = time.strptime(text, "%Y-%m-%d")
            return max(0.0, _midnight(day, day.tm_mday + end))
        if _MOMENT.fullmatch(text):
            return _moment(text)
        if text in _PERIODS:
            return _PERIODS[text](now)
    except (ValueError, OverflowError):
        raise _unknown(text) from None
    return max(0.0, now - _back(text))


def _midnight(local: time.struct_time, day: int) -> float:
    """Return when a day of a local month begins; the 32nd is one of the next."""
    return time.mktime((local.tm_year, local.tm_mon, day, 0, 0, 0, 0, 0, -1))


def _moment(text: str) -> float:
    """Read RFC 3339 UTC, seconds being optional."""
    import calendar

    found = _MOMENT.fullmatch(text)
    if found is None:
        raise ValueError("not a moment")
    whole = time.strptime(found[1] + (found[2] or ":00"), "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(whole) + float(found[3] or 0)


def _month_ago(now: float) -> float:
    """Return the same time a calendar month ago; 31 March less a month is 3 March, as February overflows."""
    local = time.localtime(now)
    return time.mktime((local.tm_year, local.tm_mon - 1, *local[2:6], 0, 0, -1))


_PERIODS: dict[str, Callable[[float], float]] = {
    "day": lambda now: now - 86400,
    "week": lambda now: now - 7 * 86400,
    "month": _month_ago,
    "all": lambda _: 0.0,
}


def _back(text: str) -> float:
    """Read how long ago something was, in seconds; raises Misuse in the words of a calendar."""
    from llmpool.cli.options import seconds as duration

    try:
        return duration(text)
    except Misuse:
        raise _unknown(text) from None


def _unknown(text: str) -> Misuse:
    return Misuse(f"{text!r} is no time", hint=_HINT)


def month_start(terminal: Terminal) -> str:
    """Return the local date on which this month began."""
    return time.strftime("%Y-%m-01", time.localtime(terminal.pool.clock()))


def local_day(at: str) -> str:
    """Return the local calendar day of an RFC 3339 UTC time."""
    import calendar

    moment = calendar.timegm(time.strptime(at[:19].rstrip("Z"), "%Y-%m-%dT%H:%M:%S"))
    return time.strftime("%Y-%m-%d", time.localtime(moment))


def last_day(span: Bounds) -> str:
    """Return the local date of the last moment in a span."""
    import calendar

    last = calendar.timegm(time.strptime(span.until[:19].rstrip("Z"), "%Y-%m-%dT%H:%M:%S")) - 1
    return time.strftime("%Y-%m-%d", time.localtime(last))
