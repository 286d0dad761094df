"""The router's statistics over usage records (catalog-registry-router 6.8 and 6.9): who answered how."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from llmpool.usage.fold import MOST

_FIGURES = ("requests", "successes", "latency", "tokens")


class _Deployment:
    """What the records say of one deployment; averages are running integer means, as in 6.9."""

    __slots__ = ("complexities", *_FIGURES)

    def __init__(self) -> None:
        self.requests = self.successes = self.latency = self.tokens = 0
        self.complexities: dict[str, int] = {}

    def add(self, *, success: bool, latency: int, tokens: int, complexity: str) -> None:
        """Add a record; a mean that is told as a whole number loses its fraction each time."""
        before = self.requests
        self.requests = count = before + 1
        self.successes += success
        self.latency = (self.latency * before + latency) // count
        self.tokens = (self.tokens * before + tokens) // count
        if complexity:
            self.complexities[complexity] = self.complexities.get(complexity, 0) + 1


def _figure(value: Any) -> int:
    return value if type(value) is int and 0 <= value < MOST else 0


class Stats:
    """Statistics of the records that were added; those that no decision led to are left out."""

    def __init__(self) -> None:
        self._deployments: dict[str, _Deployment] = {}
        self._all = _Deployment()

    def add(self, records: Iterable[dict[str, Any]]) -> None:
        """Add records, in the order in which they were made."""
        known, whole = self._deployments, self._all
        for record in records:
            get = record.get
            if not get("decision_id"):
                continue
            name, complexity = str(get("deployment", "")), get("complexity")
            latency, sent, got = map(_figure, map(get, ("latency_ms", "input_tokens", "output_tokens")))
            if name not in known:
                known[name] = _Deployment()
            for each in (whole, known[name]):
                each.add(
                    success=get("success") is True,
                    latency=latency,
                    tokens=sent + got,
                    complexity=complexity if type(complexity) is str else "",
                )

    def as_kept(self) -> dict[str, Any]:
        """Return what `resumed` goes on from."""
        each = {"": self._all, **{f"/{name}": found for name, found in self._deployments.items()}}
        return {
            name: [*(getattr(found, figure) for figure in _FIGURES), found.complexities]
            for name, found in each.items()
        }

    @classmethod
    def resumed(cls, kept: dict[str, Any]) -> Stats:
        """Return the statistics that `as_kept` has written."""
        stats = cls()
        for name, (*figures, complexities) in kept.items():
            found = stats._deployments.setdefault(name[1:], _Deployment()) if name else stats._all
            for figure, value in zip(_FIGURES, figures, strict=True):
                setattr(found, figure, int(value))
            found.complexities = {str(each): int(count) for each, count in complexities.items()}
        return stats

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
