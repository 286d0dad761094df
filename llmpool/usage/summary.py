"""Summaries over usage records: totals, success, latency, cost, by whatever one groups them.

Figures as pool-ledger-credentials 1.6 with its advice: latencies over 0 only, percentiles by nearest rank,
cost of unknown price never counted as 0 but as a number of unpriced calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from llmpool.core.record import Record

GROUPINGS: dict[str, Callable[[dict[str, Any]], str]] = {
    "deployment": lambda r: str(r.get("deployment", "")),
    "provider": lambda r: str(r.get("provider", "")),
    "model": lambda r: str(r.get("model", "")),
    "key": lambda r: str(r.get("key") or "none"),
    "tag": lambda r: str(r.get("tag") or "none"),
    "session": lambda r: str(r.get("session") or "none"),
}


class Summary(Record):
    """An aggregation: counts, tokens, milliseconds, USD; *unpriced* calls have no known cost.

    None is what nobody reported.
    """

    group: str
    requests: int
    successful: int
    failed: int
    input_tokens: int | None
    output_tokens: int | None
    cache_read_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost: Decimal
    unpriced: int
    estimated: int
    avg_latency_ms: int | None
    min_latency_ms: int | None
    max_latency_ms: int | None
    p50_latency_ms: int | None
    p95_latency_ms: int | None
    p99_latency_ms: int | None
    avg_ttft_ms: int | None
    tokens_per_second: float | None
    failovers: int

    def as_json(self) -> dict[str, Any]:
        """Show the summary with money as a decimal string, null when no call of it has a price."""
        priced = self.successful + self.failed > self.unpriced or not self.unpriced
        return self.as_dict() | {"cost": str(self.cost) if priced else None}


class _Pile:
    """Records of one group while they are added up."""

    def __init__(self) -> None:
        self.sums = dict.fromkeys(("request_count", *_TOKENS), 0)
        self.told: set[str] = set()
        self.good = self.bad = self.unpriced = self.estimated = self.failovers = 0
        self.cost = Decimal(0)
        self.latencies: list[int] = []
        self.ttfts: list[int] = []
        self.streamed_ms = self.streamed_tokens = 0

    def add(self, record: dict[str, Any]) -> None:
        self.sums["request_count"] += _int(record.get("request_count", 1))
        for name in _TOKENS:
            if type(record.get(name)) is int:
                self.sums[name] += _int(record[name])
                self.told.add(name)
        self.good += record.get("success") is True
        self.bad += record.get("success") is not True
        self.estimated += bool(record.get("estimated"))
        self.failovers += _int(record.get("attempts", 1)) > 1
        self._add_cost(record.get("cost"))
        latency, ttft = _int(record.get("latency_ms")), _int(record.get("ttft_ms"))
        if latency > 0:
            self.latencies.append(latency)
        if ttft > 0:
            self.ttfts.append(ttft)
        if latency > ttft > 0:
            self.streamed_ms += latency - ttft
            self.streamed_tokens += _int(record.get("output_tokens"))

    def _add_cost(self, cost: object) -> None:
        try:
            amount = Decimal(str(cost))
        except ArithmeticError:
            amount = _UNKNOWN
        if amount.is_finite() and amount.adjusted() < _TOO_DEAR:
            self.cost += amount
        else:
            self.unpriced += 1

    def summary(self, group: str) -> Summary:
        ordered, calls = sorted(self.latencies), self.good + self.bad
        speed = self.streamed_tokens * 1000 / self.streamed_ms if self.streamed_ms else None
        return Summary(
            group=group,
            requests=self.sums["request_count"],
            successful=self.good,
            failed=self.bad,
            **{name: self.sums[name] if name in self.told or not calls else None for name in _TOKENS},
            cost=self.cost,
            unpriced=self.unpriced,
            estimated=self.estimated,
            avg_latency_ms=sum(ordered) // len(ordered) if ordered else None,
            min_latency_ms=ordered[0] if ordered else None,
            max_latency_ms=ordered[-1] if ordered else None,
            p50_latency_ms=nearest_rank(ordered, 50),
            p95_latency_ms=nearest_rank(ordered, 95),
            p99_latency_ms=nearest_rank(ordered, 99),
            avg_ttft_ms=sum(self.ttfts) // len(self.ttfts) if self.ttfts else None,
            tokens_per_second=round(speed, 1) if speed else None,
            failovers=self.failovers,
        )


_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens")
_UNKNOWN = Decimal("NaN")
_TOO_DEAR = 15  # digits before the point: no call costs that, and sums of such figures lose their cents


def _int(value: object) -> int:
    """Read a count; what no provider can have counted is 0."""
    return value if type(value) is int and 0 <= value < 1 << 63 else 0


def nearest_rank(ordered: list[int], percent: int) -> int | None:
    """Return the *percent* percentile of sorted values: the one at rank ceil(percent/100 x n)."""
    return ordered[-(-percent * len(ordered) // 100) - 1] if ordered else None


def summarize(
    records: Iterable[dict[str, Any]], key: Callable[[dict[str, Any]], str]
) -> tuple[Summary, list[Summary]]:
    """Add up *records*: the total, and one summary a group, dearest first, then the busiest."""
    total, piles = _Pile(), dict[str, _Pile]()
    for record in records:
        total.add(record)
        piles.setdefault(key(record), _Pile()).add(record)
    groups = [pile.summary(name) for name, pile in piles.items()]
    groups.sort(key=lambda s: (-s.cost, -s.requests, s.group))
    return total.summary("total"), groups
