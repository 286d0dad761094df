"""Values and keys as TOML writes them, on one line."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime, time
from decimal import Decimal

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z")


def value_text(value: object) -> str:
    """Write *value* as TOML; tables go on one line, as people write small ones: key = { env = "X" }."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, (float, Decimal)):
        return _number(value)
    if isinstance(value, dict):
        pairs = ", ".join(f"{key_text((key,))} = {value_text(item)}" for key, item in value.items())
        return f"{{ {pairs} }}" if pairs else "{}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(value_text(item) for item in value)}]"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return str(value)


def key_text(keys: Sequence[str | int]) -> str:
    """Write a dotted key; numbers count tables of an array, which a key does not name."""
    words = [key for key in keys if isinstance(key, str)]
    return ".".join(word if _BARE.match(word) else _quoted(word) for word in words)


def line_end(text: str) -> str:
    r"""Return how lines of *text* end: with `\r\n` where its first line does."""
    return "\r\n" if text[: text.find("\n") + 1].endswith("\r\n") else "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _number(value: float | Decimal) -> str:
    """Write a number that TOML reads as one that need not be whole."""
    if value != value:  # noqa: PLR0124 - not a number
        return "nan"
    if value in (float("inf"), float("-inf")):
        return "inf" if value > 0 else "-inf"
    written = format(value, "f") if isinstance(value, Decimal) else repr(value)
    return written if re.search(r"[.e]", written) else f"{written}.0"
