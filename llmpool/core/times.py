"""Times as llmpool writes them: RFC 3339 UTC with `Z`, so that text order is time order."""

from __future__ import annotations

import time

LAST_SECOND = 253_402_300_799  # of the year 9999, which is as far as a date can be written
AHEAD = 3600.0  # seconds; nothing that is asked for takes that long, so who is so far ahead had another clock


def rfc3339(seconds: float) -> str:
    """Write seconds since the epoch as `2026-11-21T03:44:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def rfc3339_ms(seconds: float) -> str:
    """Write seconds since the epoch with milliseconds, as records carry them."""
    return rfc3339(seconds)[:-1] + f".{int(seconds * 1000) % 1000:03d}Z"


def is_newer(kept: str, fresh: str, now: str = "") -> bool:
    """Say whether *kept* was made after *fresh*; one later than *now*, or far ahead, was by a wrong clock."""
    if now and kept > now:
        return False
    if kept <= fresh or not fresh:
        return kept > fresh
    from datetime import datetime  # a millisecond, and only where two processes meet

    return (datetime.fromisoformat(kept) - datetime.fromisoformat(fresh)).total_seconds() < AHEAD


def span(seconds: float) -> str:
    """Write a length of time to come, rounded up: 1 s, 6 min, 14 h, 3 d."""
    for most, unit, length in ((100, "s", 1), (100 * 60, "min", 60), (48 * 3600, "h", 3600)):
        if seconds <= most:
            return f"{max(1, int(-(-seconds // length)))} {unit}"
    return f"{int(-(-seconds // 86400))} d"
