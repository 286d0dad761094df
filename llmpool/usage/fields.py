"""The fields of a usage record: their order in exports, and what each may hold.

Exports and imports let these through and nothing else, so that what somebody else has put on a line of the
log (a prompt, a key) never travels.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

MOST = 1 << 63  # no count is larger
LONGEST = 4096  # characters of a text
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")
_MOMENT = re.compile(  # without 24:00, which Python reads since 3.14
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T(?!24)[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z"
)
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,40})?(E[+-]?[0-9]{1,2})?", re.ASCII)
_TOO_DEAR = 15  # digits before the point: no call costs that
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_id(value: Any) -> bool:
    """Tell whether *value* may be the id of a record: letters, digits and `_ . : -`, at most 128 of them."""
    return type(value) is str and _ID.fullmatch(value) is not None


def is_moment(value: Any) -> bool:
    """Tell whether *value* is a time from 1970 on as records have it."""
    try:
        return type(value) is str and nanoseconds(value) >= 0
    except ValueError:
        return False


def nanoseconds(at: str) -> int:
    """Read RFC 3339 UTC as nanoseconds since the epoch; raises ValueError for anything else."""
    found = _MOMENT.fullmatch(at)
    if found is None:
        raise ValueError("not a time in UTC")
    passed = datetime.fromisoformat(f"{found[1]}+00:00") - _EPOCH
    return (passed.days * 86400 + passed.seconds) * 10**9 + int((found[2] or "").ljust(9, "0"))


def is_count(value: Any) -> bool:
    """Tell whether *value* is a whole number from 0 that something can have counted."""
    return type(value) is int and 0 <= value < MOST


def is_amount(value: Any) -> bool:
    """Tell whether *value* is an amount of USD as records have it; None is an unknown one."""
    if value is None or type(value) is not str or _AMOUNT.fullmatch(value) is None:
        return value is None
    return "E" not in value or Decimal(value).adjusted() < _TOO_DEAR


def is_flag(value: Any) -> bool:
    """Tell whether *value* is true or false."""
    return type(value) is bool


def is_text(value: Any) -> bool:
    """Tell whether *value* is text of a length that a name or a reason may have."""
    return type(value) is str and len(value) <= LONGEST


FIELDS: dict[str, Callable[[Any], bool]] = {  # new ones at the end: columns keep their place
    "id": is_id,
    "at": is_moment,
    "provider": is_text,
    "model": is_text,
    "deployment": is_text,
    "success": is_flag,
    "error": is_text,
    "input_tokens": is_count,
    "output_tokens": is_count,
    "cache_read_tokens": is_count,
    "cache_write_tokens": is_count,
    "cache_write_1h_tokens": is_count,
    "reasoning_tokens": is_count,
    "estimated": is_flag,
    "request_count": is_count,
    "latency_ms": is_count,
    "ttft_ms": is_count,
    "cost": is_amount,
    "price_source": is_text,
    "key": is_text,
    "tag": is_text,
    "session": is_text,
    "requested": is_text,
    "selected": is_text,
    "reason": is_text,
    "complexity": is_text,
    "decision_id": is_text,
    "attempts": is_count,
    "interrupted": is_flag,
    "price_dated": is_text,
    "cost_original": is_amount,
    "price_source_original": is_text,
    "lost_tokens": is_count,
    "lost_cost": is_amount,
}


def known(record: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a usage record in their order, without what is none or cannot be right."""
    return {name: record[name] for name, fits in FIELDS.items() if name in record and fits(record[name])}
