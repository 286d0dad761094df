"""Times in rows of ZimaOS, which is lenient: RFC 3339, or a date and a time, an offset or none."""

from __future__ import annotations

import re
from datetime import datetime

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]((?!24)[0-9]{2}:[0-9]{2}:[0-9]{2})"  # a later Python reads 24:00
    r"(?:\.([0-9]{1,9}))?\s?(Z|[+-][0-9]{2}:?[0-9]{2})?"
)


def instant(value: object) -> float:
    """Return a time as seconds since the epoch; one without an offset is local, one that is none is 0.

    The year 1 is how ZimaOS writes that there is no time (pool-ledger-credentials 0.2, 4.2).
    """
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        return 0.0
    offset, part = (found[4] or "").replace("Z", "+00:00"), (found[3] or "").ljust(6, "0")[:6]
    try:
        return max(datetime.fromisoformat(f"{found[1]}T{found[2]}.{part}{offset}").timestamp(), 0.0)
    except (ValueError, OverflowError, OSError):
        return 0.0
