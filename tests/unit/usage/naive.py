"""Summaries the long way: every record looked at, every list sorted. What the quick way is held against."""

from __future__ import annotations

import time
from calendar import timegm
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from math import ceil
from typing import Any

TOKENS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning")


def local_day(at: str) -> str:
    """Return the local date of a time."""
    return time.strftime("%Y-%m-%d", time.localtime(timegm(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S"))))


def _group(record: Mapping[str, Any], name: str) -> str:
    day = local_day(record["at"])
    if name in ("day", "month"):
        return day if name == "day" else day[:7]
    if name == "week":
        return "{:04}-W{:02}".format(*date.fromisoformat(day).isocalendar())
    value = record.get(name)
    text = value if isinstance(value, str) else ""
    return text or ("none" if name in ("key", "tag", "session") else "")


def groups(records: Iterable[dict[str, Any]], by: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return the figures of each group, by its name."""
    found: dict[str, list[dict[str, Any]]] = {}
    for record in records:
        found.setdefault(" ".join(_group(record, name) for name in by), []).append(record)
    return {name: figures(some) for name, some in found.items()}


def figures(records: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return every figure of a summary of *records*."""
    calls, good = len(records), sum(r.get("success") is True for r in records)
    costs = [Decimal(r["cost"]) for r in records if r.get("cost") is not None]
    streamed = [
        (r["latency_ms"] - r["ttft_ms"], r["output_tokens"])
        for r in records
        if "output_tokens" in r and r.get("latency_ms", 0) > r.get("ttft_ms", 0) > 0
    ]
    length = sum(ms for ms, _ in streamed)
    failovers = sum(r.get("attempts", 1) > 1 for r in records)
    with localcontext(Context(prec=999)):
        cost = sum(costs, Decimal(0))
    speed = 1000 * sum(tokens for _, tokens in streamed) / length if length else 0.0
    return {
        "requests": sum(r.get("request_count", 1) for r in records),
        "successful": good,
        "failed": calls - good,
        "success_rate": _rate(good, calls),
        **{f"{name}_tokens": _sum(records, f"{name}_tokens") for name in TOKENS},
        "cost": cost,
        "unpriced": calls - len(costs),
        "estimated": sum(bool(r.get("estimated")) for r in records),
        **_times(records, "latency_ms"),
        **_times(records, "ttft_ms"),
        "tokens_per_second": round(speed, 1) or None,
        "failovers": failovers,
        "failover_rate": _rate(failovers, calls),
        "best_cost": None,
    }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _sum(records: Sequence[dict[str, Any]], name: str) -> int | None:
    told = [record[name] for record in records if name in record]
    return sum(told) if told or not records else None


def _times(records: Sequence[dict[str, Any]], name: str) -> dict[str, int | None]:
    known = sorted(record[name] for record in records if record.get(name, 0) > 0)
    ranks = {f"p{p}": known[ceil(Fraction(p, 100) * len(known)) - 1] if known else None for p in (50, 95, 99)}
    ends = {"min": min(known, default=None), "max": max(known, default=None)}
    average = {"avg": sum(known) // len(known) if known else None}
    return {f"{what}_{name}": value for what, value in (average | ends | ranks).items()}
