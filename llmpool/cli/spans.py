"""Spans of time as a person names them: dates, today, 7d; read as RFC 3339 UTC."""

import time
from typing import Annotated

import typer

from llmpool.cli.context import Terminal
from llmpool.core.times import rfc3339
from llmpool.errors import Misuse

Since = Annotated[
    str, typer.Option("--since", metavar="WHEN", help="A date, or how long ago: 2026-11-01, 7d.")
]
Until = Annotated[str, typer.Option("--until", metavar="WHEN", help="Up to here, likewise.")]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=0, help="At most so many; 0 is all.")]


def span(terminal: Terminal, since: str, until: str) -> tuple[str, str]:
    """Read both ends as RFC 3339 UTC; an open start is the beginning, an open end is now."""
    now = terminal.pool.clock()
    return _moment(since, now, 0.0), _moment(until, now, now + 1, end=True)


def _moment(text: str, now: float, default: float, *, end: bool = False) -> str:
    """Read a local date or a duration back from now; raises Misuse."""
    if not text:
        return rfc3339(default)
    days = {"today": 0, "yesterday": 1}
    if text in days:
        text = time.strftime("%Y-%m-%d", time.localtime(now - 86400 * days[text]))
    try:
        day = time.mktime(time.strptime(text, "%Y-%m-%d"))
    except (ValueError, OverflowError):
        return rfc3339(max(0.0, now - _back(text)))
    return rfc3339(day + (86400 if end else 0))


def _back(text: str) -> float:
    """Read how long ago something was, in seconds; raises Misuse in the words of a calendar."""
    from llmpool.cli.options import seconds as duration

    try:
        return duration(text)
    except Misuse:
        raise Misuse(
            f"{text!r} is no time", hint="a date (2026-11-01), today, yesterday, or how long ago: 7d"
        ) from None


def month_start(terminal: Terminal) -> str:
    """Return the local date on which this month began."""
    return time.strftime("%Y-%m-01", time.localtime(terminal.pool.clock()))


def local_day(at: str) -> str:
    """Return the local calendar day of an RFC 3339 UTC time."""
    import calendar

    moment = calendar.timegm(time.strptime(at[:19].rstrip("Z"), "%Y-%m-%dT%H:%M:%S"))
    return time.strftime("%Y-%m-%d", time.localtime(moment))
