"""The router's statistics over usage records (catalog-registry-router 6.8 and 6.9): who answered how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any


class _Deployment:
    """What the records say of one deployment; averages are running integer means, as in 6.9."""

    def __init__(self) -> None:
        self.requests = self.successes = self.latency = self.tokens = 0
        self.complexities: Counter[str] = Counter()

    def add(self, record: dict[str, Any]) -> None:
        self.requests += 1
        self.successes += record.get("success") is True
        self.latency = _mean(self.latency, record.get("latency_ms"), self.requests)
        told = (record.get(name) for name in ("input_tokens", "output_tokens"))
        self.tokens = _mean(self.tokens, sum(each for each in told if type(each) is int), self.requests)
        _count(self.complexities, record.get("complexity"))


def _mean(average: int, value: Any, n: int) -> int:
    known: int = value if type(value) is int else 0
    return known if n <= 1 else (average * (n - 1) + known) // n


def _count(counter: Counter[str], name: Any) -> None:
    if type(name) is str and name:
        counter[name] += 1


class Stats:
    """Statistics of the records that pass through `watching`; those that no decision led to are left out."""

    def __init__(self) -> None:
        self._deployments: dict[str, _Deployment] = {}
        self._all = _Deployment()

    def watching(self, records: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Hand *records* on, and count them as they pass."""
        for record in records:
            if record.get("decision_id"):
                self._all.add(record)
                name = str(record.get("deployment", ""))
                self._deployments.setdefault(name, _Deployment()).add(record)
            yield record

    def as_json(self) -> dict[str, Any]:
        """Show the statistics: totals, counts by complexity, deployment and provider, and each deployment."""
        total = self._all
        providers: Counter[str] = Counter()
        for name, each in self._deployments.items():
            providers[name.partition("/")[0]] += each.requests
        return {
            "total_requests": total.requests,
            "success_count": total.successes,
            "failure_count": total.requests - total.successes,
            "avg_latency_ms": total.latency,
            "complexity_counts": dict(total.complexities),
            "deployment_counts": {name: each.requests for name, each in self._deployments.items()},
            "provider_counts": dict(providers),
            "deployment_stats": {name: _shown(name, each) for name, each in self._deployments.items()},
        }


def _shown(name: str, each: _Deployment) -> dict[str, Any]:
    provider, _, model = name.partition("/")
    return {
        "provider": provider,
        "model": model,
        "requests": each.requests,
        "successes": each.successes,
        "failures": each.requests - each.successes,
        "avg_latency_ms": each.latency,
        "avg_tokens": each.tokens,
        "complexity_counts": dict(each.complexities),
    }
