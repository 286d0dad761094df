"""Usage records of ZimaOS: lines of its daily JSONL, rows of its SQLite (pool-ledger-credentials 1.1).

What changes on the way: cached tokens, which stand beside the input there, are inside it here; a cost of 0
there is one that was never computed, and a latency of 0 one that was not measured, so both are unknown here.
Ids of users have no place here.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from llmpool.core.ids import mask_key
from llmpool.core.text import one_line
from llmpool.importers.usage_record import NotARecord, names
from llmpool.usage.fields import LONGEST, is_amount, is_count, is_id

PRICE_SOURCE = "imported"
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]((?!24)[0-9]{2}:[0-9]{2}:[0-9]{2})"  # a later Python reads 24:00
    r"(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_KEY_ID = re.compile(r"key_[0-9a-f]{16}")
_DEAREST = 15  # digits before the point
_FINEST = -40  # digits behind it
_NO_AMOUNT = "its cost is no amount of money"


def is_one(source: dict[str, Any]) -> bool:
    """Tell whether an object is meant as such a record."""
    return "provider_id" in source and "model_id" in source


def record(source: dict[str, Any]) -> dict[str, Any]:
    """Make a usage record of one of theirs; raises NotARecord when it cannot be trusted."""
    if type(source.get("success")) is not bool:
        raise NotARecord("success is neither true nor false")
    provider = source.get("provider_id")
    known = {
        "id": _id(source),
        "at": moment(source.get("timestamp")),
        **names(provider.strip() if isinstance(provider, str) else provider, source.get("model_id")),
        "success": source["success"],
        **_tokens(source),
        "request_count": _count(source, "request_count", 1),
        "latency_ms": _count(source, "latency_ms") or None,
        "key": _key(source),
        "session": _text(source, "session_id"),
    }
    return {name: value for name, value in known.items() if value is not None} | _cost(source)


def moment(value: object) -> str:
    """Read their time, which may have an offset and nanoseconds, as UTC with milliseconds."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise NotARecord("no time with its offset")
    try:
        offset = "+00:00" if found[4] == "Z" else found[4]
        at = datetime.fromisoformat(f"{found[1]}T{found[2]}{offset}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise NotARecord("no time that the calendar has") from None
    if at.year < 1970:  # theirs is of year 1 where there is none
        raise NotARecord("no time from 1970 on")
    return f"{at:%Y-%m-%dT%H:%M:%S}.{(found[3] or '').ljust(3, '0')[:3]}Z"


def _id(source: dict[str, Any]) -> str:
    """Keep its id; one that is none here becomes one that is the same every time."""
    given = source.get("id")
    if isinstance(given, str) and is_id(given):
        return given
    try:
        same = json.dumps(source, sort_keys=True, default=str)
    except RecursionError:  # writing goes a little less deep than reading
        raise NotARecord("not JSON") from None
    return f"usage_{sha256(same.encode()).hexdigest()[:16]}"


def _tokens(source: dict[str, Any]) -> dict[str, int | None]:
    """Return the counts; the input with what was read from and written to a cache."""
    read, write = _count(source, "cache_read_tokens"), _count(source, "cache_write_tokens")
    total = _count(source, "input_tokens") + read + write
    if not is_count(total):
        raise NotARecord("a count is no whole number from 0")
    return {
        "input_tokens": total,
        "output_tokens": _count(source, "output_tokens"),
        "cache_read_tokens": read or None,
        "cache_write_tokens": write or None,
    }


def _count(source: dict[str, Any], name: str, default: int = 0) -> int:
    value = source.get(name, default)
    if not is_count(value):
        raise NotARecord("a count is no whole number from 0")
    return int(value)


def _cost(source: dict[str, Any]) -> dict[str, Any]:
    """Return their cost and where it comes from; null is unknown."""
    value = source.get("estimated_cost", 0)
    if not isinstance(value, Decimal) and not is_count(value):
        raise NotARecord(_NO_AMOUNT)
    cost = Decimal(value)
    if not cost:
        return {"cost": None}
    if cost < 0 or not _FINEST <= cost.adjusted() < _DEAREST or not is_amount(f"{+cost:f}"):
        raise NotARecord(_NO_AMOUNT)
    return {"price_source": PRICE_SOURCE, "cost": f"{+cost:f}"}


def _key(source: dict[str, Any]) -> str | None:
    """Return the id of the key; whatever else somebody put there might be the key, and is masked."""
    text = _text(source, "api_key_id")
    return text if text is None or _KEY_ID.fullmatch(text) else mask_key(text)


def _text(source: dict[str, Any], name: str) -> str | None:
    value = source.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > LONGEST:
        raise NotARecord(f"a text is none, or longer than {LONGEST} characters")
    return one_line(value) or None
