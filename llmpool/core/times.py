"""Times as llmpool writes them: RFC 3339 UTC with `Z`, so that text order is time order."""

from __future__ import annotations

import time

LAST_SECOND = 253_402_300_799  # of the year 9999, which is as far as a date can be written


def rfc3339(seconds: float) -> str:
    """Write seconds since the epoch as `2026-11-21T03:44:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def rfc3339_ms(seconds: float) -> str:
    """Write seconds since the epoch with milliseconds, as records carry them."""
    return rfc3339(seconds)[:-1] + f".{int(seconds * 1000) % 1000:03d}Z"


def span(seconds: float) -> str:
    """Write a length of time to come, rounded up: 1 s, 6 min, 14 h, 3 d."""
    for most, unit, length in ((100, "s", 1), (100 * 60, "min", 60), (48 * 3600, "h", 3600)):
        if seconds <= most:
            return f"{max(1, int(-(-seconds // length)))} {unit}"
    return f"{int(-(-seconds // 86400))} d"
