"""Words and figures the way people read them; no rich here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmpool.core.money import usd


def count(number: int | None) -> str:
    """Write a count with the unit that keeps it short: 512, 31 k, 1.9 M; a dash when unknown."""
    if number is None:
        return "-"
    for limit, unit in ((999_500, "M"), (10_000, "k")):  # 999,500 is 1.0 M rather than 1000 k
        if number >= limit:
            scaled = number / (1_000_000 if unit == "M" else 1000)
            return f"{scaled:.1f} {unit}" if scaled < 10 else f"{scaled:.0f} {unit}"
    return str(number)


def plural(number: int, word: str, several: str = "") -> str:
    """Write a number with its word: 1 call, 2 calls; *several* where an s alone does not make it."""
    return f"{number} {word if number == 1 else several or f'{word}s'}"


def window(tokens: int | None) -> str:
    """Write a context window as people name it: 8k, 128k, 1M; `?` when unknown."""
    if not tokens:
        return "?"
    base = 1000 if tokens % 1000 == 0 or tokens % 1024 else 1024  # 128,000 is 128k, though 125 x 1024
    if tokens >= base * base:
        return f"{tokens / (base * base):.3g}M"
    return f"{round(tokens / base)}k" if tokens >= base else str(tokens)


def money(amount: str | Decimal | None) -> str:
    """Write USD with enough digits to be true: $5.20, $0.0008; unknown stays unknown."""
    if amount is None:
        return "cost unknown"
    return usd(Decimal(amount)) if Decimal(amount) else "free"


def dollars(rate: str) -> str:
    """Write a rate with two decimals at least, so that figures stand below each other."""
    whole, _, decimals = str(rate).partition(".")
    return f"${whole}.{decimals:0<2}"


def seconds(milliseconds: int | None) -> str:
    """Write a duration in seconds, one decimal, in milliseconds below that; a dash when unknown."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds} ms" if 0 < milliseconds < 50 else f"{milliseconds / 1000:.1f} s"


def percent(share: float | Decimal | None) -> str:
    """Write a share of one in per cent; a dash when unknown."""
    return "-" if share is None else f"{round(100 * share)} %"


def ago(then: str, now: float) -> str:
    """Write how long ago an RFC 3339 UTC time was: 12 s, 5 min, 3 h, 2 d."""
    if not then:
        return "never"
    import calendar
    import time

    passed = max(0, int(now - calendar.timegm(time.strptime(then[:19], "%Y-%m-%dT%H:%M:%S"))))
    for limit, unit, length in ((60, "s", 1), (3600, "min", 60), (86400, "h", 3600)):
        if passed < limit:
            return f"{passed // length} {unit}"
    return f"{passed // 86400} d"


def words(value: object) -> str:
    """Write a value as a person reads it: yes or no, lists with commas; of an object only what is known."""
    if isinstance(value, dict):
        known = {name: each for name, each in value.items() if each is not None}
        return ", ".join(f"{name.replace('_', ' ')} {words(each)}" for name, each in known.items())
    if isinstance(value, list):
        return ", ".join(map(words, value))
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def columns(rows: list[list[Any]]) -> str:
    """Join rows with tabs, as pipes and scripts want them."""
    return "\n".join("\t".join(str(cell) for cell in row) for row in rows)
