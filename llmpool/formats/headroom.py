"""Reads what the headers of an answer say of rate limits, in every vendor's spelling, into one record.

Known spellings: `x-ratelimit-{limit,remaining,reset}-{requests,tokens}` with or without a window behind it
(OpenAI, Azure, Groq, xAI, Cerebras, Mistral; Fireworks says `tokens-prompt` and `tokens-generated`), the same
without what is counted (OpenRouter, Together),
`anthropic-ratelimit-{what}-{field}`, Mistral's older `ratelimitbysize`, Together's `x-tokenlimit`, and the
IETF drafts, `ratelimit-limit` as well as `ratelimit: "default";r=50;t=30`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmpool.core.limits import Headroom
from llmpool.formats.base import MOST, mapping

MAX_HEADERS = 500  # more than any server sends; the rest is not looked at
MAX_VALUE = 100
MAX_ENTRIES = 16
DAY = 86_400.0
LONGEST = 400 * DAY  # no allowance lasts longer than a year

_PREFIXES = {
    "x-ratelimit-": "requests",
    "ratelimit-": "requests",
    "anthropic-ratelimit-": "requests",
    "x-ratelimitbysize-": "tokens",
    "ratelimitbysize-": "tokens",
    "x-tokenlimit-": "tokens",
}
_FIELDS = ("limit", "remaining", "reset", "renewalperiod")
_WINDOWS = ("second", "minute", "hour", "day", "week", "month")
_SECONDS = {"1": "second", "60": "minute", "3600": "hour", "86400": "day"}
_WHATS = {
    "requests": "requests",
    "req": "requests",
    "tokens": "tokens",
    "input-tokens": "input_tokens",
    "output-tokens": "output_tokens",
    "tokens-prompt": "input_tokens",
    "tokens-generated": "output_tokens",
}
_ORDER = ("requests", "tokens", "input_tokens", "output_tokens")

_COUNT = re.compile(r"(-?[0-9]{1,16})(?:\.[0-9]*)?(?:\s*,\s*[0-9]+\s*;.*)?")
_NUMBER = re.compile(r"[0-9]{1,20}(?:\.[0-9]*)?")
_DURATION = re.compile(r"(?:[0-9]{1,9}(?:\.[0-9]*)?(?:ns|us|µs|μs|ms|[dhms]))+")  # as Go writes them
_STEP = re.compile(r"([0-9]+(?:\.[0-9]*)?)(ns|us|µs|μs|ms|[dhms])")
_UNIT = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600, "d": DAY}
_PAIR = re.compile(r"\b(limit|remaining|reset|[qrtw])\s*=\s*([0-9]+)")
_PAIR_FIELDS = {"q": "limit", "r": "remaining", "t": "reset", "w": "renewalperiod"}

_Found = dict[tuple[str, str], dict[str, str]]  # what is counted, in which window: the texts of the fields


def read_headroom(headers: Mapping[str, str], now: float) -> tuple[Headroom, ...]:
    """Return what *headers* say is left of each allowance; *now* is seconds since the epoch.

    What cannot be understood is left out, a negative number is an unknown one, and nothing raises.
    """
    found: _Found = {}
    for name in sorted(headers)[:MAX_HEADERS]:
        _take(found, name.lower(), headers[name].strip())
    entries = [_entry(key, fields, now) for key, fields in found.items()]
    known = {(entry.what, entry.per): entry for entry in reversed(entries) if _says_anything(entry)}
    return tuple(sorted(known.values(), key=lambda e: (_ORDER.index(e.what), e.per)))[:MAX_ENTRIES]


def headroom_in(payload: object, now: float) -> tuple[Headroom, ...]:
    """Return what an error's body says of rate limits: OpenRouter puts the headers there."""
    metadata = mapping(mapping(mapping(payload).get("error")).get("metadata"))
    headers = mapping(metadata.get("headers"))
    return read_headroom({n: v for n, v in headers.items() if isinstance(v, str)}, now)


def _take(found: _Found, name: str, value: str) -> None:
    """Put one header where it belongs; those about other things belong nowhere."""
    if len(value) > MAX_VALUE or "limit" not in name:
        return
    if name in ("ratelimit", "ratelimit-policy"):
        for pair in _PAIR.finditer(value if name == "ratelimit" else value.partition(",")[0]):
            _note(found, ("requests", ""), _PAIR_FIELDS.get(pair[1], pair[1]), pair[2])
        return
    prefix = next((p for p in _PREFIXES if name.startswith(p)), "")
    words = name.removeprefix(prefix).split("-") if prefix else []
    fields = [word for word in words if word in _FIELDS]
    if len(fields) != 1:
        return
    words.remove(fields[0])
    per = _window(words)
    what = _WHATS.get("-".join(words)) if words else _PREFIXES[prefix]
    if what:
        _note(found, (what, per), fields[0], value)


def _note(found: _Found, key: tuple[str, str], field: str, value: str) -> None:
    found.setdefault(key, {}).setdefault(field, value)


def _window(words: list[str]) -> str:
    """Take the window off the end of *words* and name it: `minute`, `day`, `10 seconds`."""
    if not words or words[-1] not in _WINDOWS:
        return ""
    unit = words.pop()
    if words and words[-1].isdecimal():
        return f"{words.pop()[:4]} {unit}s"
    return unit


def _entry(key: tuple[str, str], fields: Mapping[str, str], now: float) -> Headroom:
    what, per = key
    limit, remaining = _count(fields.get("limit", "")), _count(fields.get("remaining", ""))
    if limit == 0 and remaining is None:
        limit = None  # Azure's way of not telling: 0 of a limit, and -1 left of it
    return Headroom(
        what=what,
        per=per or _SECONDS.get(fields.get("renewalperiod", ""), ""),
        limit=limit,
        remaining=remaining,
        resets_at=_instant(fields.get("reset", ""), now),
    )


def _says_anything(entry: Headroom) -> bool:
    return entry.limit is not None or entry.remaining is not None


def _count(text: str) -> int | None:
    """Return a number of requests or tokens; of a list with windows, the first, which is in force."""
    match = _COUNT.fullmatch(text)
    number = int(match[1]) if match else -1
    return number if 0 <= number <= MOST else None


def _instant(text: str, now: float) -> float | None:
    """Return when an allowance starts anew; a time no window can end at is an unknown one."""
    found = _relative(text, now)
    found = _date(text) if found is None and text else found
    return found if found is not None and now - DAY <= found <= now + LONGEST else None


def _relative(text: str, now: float) -> float | None:
    """Read a Go duration, or a number: seconds from now, or since the epoch in seconds or milliseconds."""
    if _DURATION.fullmatch(text):
        return now + sum(float(number) * _UNIT[unit] for number, unit in _STEP.findall(text))
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number / 1000 if number >= 1e11 else number if number >= 1e9 else now + number


def _date(text: str) -> float | None:
    """Read a date, as RFC 3339 or as HTTP writes it."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    read = parsedate_to_datetime if "," in text else datetime.fromisoformat
    try:
        when = read(text)
        return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError, OSError):
        return None
