"""usage.stats: the router's statistics of catalog-registry-router 6.8, out of usage records."""

from __future__ import annotations

from typing import Any

from llmpool.usage.stats import Stats


def record(deployment: str, latency: int, tokens: tuple[int, int], **fields: Any) -> dict[str, Any]:
    given = {"deployment": deployment, "success": True, "latency_ms": latency, "decision_id": "d-1"}
    return given | dict(zip(("input_tokens", "output_tokens"), tokens, strict=True)) | fields


RECORDS = [
    record("den/a", 100, (10, 5), complexity="simple"),
    record("den/a", 201, (20, 6), complexity="complex", success=False),
    record("den/a", 300, (1, 1), complexity="simple"),
    record("sky/b", 900, (100, 50), complexity="moderate"),
    record("sky/b", 1, (1, 1), decision_id=None),  # a probe: nobody chose it
]


def test_counts_and_averages() -> None:
    """6.8 and 6.9: totals, counts by complexity, deployment and provider; running integer means."""
    stats = Stats()
    stats.add(RECORDS)
    assert stats.as_json() == {
        "total_requests": 4,
        "success_count": 3,
        "failure_count": 1,
        "avg_latency_ms": 375,  # 100, (100 + 201) // 2 = 150, (2 x 150 + 300) // 3, (3 x 200 + 900) // 4
        "complexity_counts": {"simple": 2, "complex": 1, "moderate": 1},
        "deployment_counts": {"den/a": 3, "sky/b": 1},
        "provider_counts": {"den": 3, "sky": 1},
        "deployment_stats": {
            "den/a": {
                "provider": "den",
                "model": "a",
                "requests": 3,
                "successes": 2,
                "failures": 1,
                "avg_latency_ms": 200,
                "avg_tokens": 14,  # 15, (15 + 26) // 2 = 20, (20 x 2 + 2) // 3
                "complexity_counts": {"simple": 2, "complex": 1},
            },
            "sky/b": {
                "provider": "sky",
                "model": "b",
                "requests": 1,
                "successes": 1,
                "failures": 0,
                "avg_latency_ms": 900,
                "avg_tokens": 150,
                "complexity_counts": {"moderate": 1},
            },
        },
    }


def test_foreign_figures_count_for_nothing() -> None:
    """A record without figures, or with odd ones, is still a request."""
    stats = Stats()
    odd = {
        "deployment": "den/a",
        "decision_id": "d",
        "latency_ms": "9",
        "complexity": 5,
        "input_tokens": True,
    }
    stats.add([odd])
    told = stats.as_json()
    assert (told["total_requests"], told["avg_latency_ms"], told["complexity_counts"]) == (1, 0, {})
    assert told["deployment_stats"]["den/a"]["avg_tokens"] == 0


def test_nothing_used() -> None:
    """No record, no statistics, no division by nothing."""
    assert Stats().as_json()["total_requests"] == 0


def test_g5_totals_are_those_of_the_outcomes() -> None:
    """G5 of catalog-registry-router 8, case 14: 9 good and 5 bad in all, each provider with its own.

    There an experience is put in place, with 8 requests each, and the total of 16 counts two that nobody ever
    told the outcome of. Here totals are counted from usage records (DESIGN 3.5), and a record is an outcome.
    """
    primary = [record("edge-primary/qwen3:8b", 3200, (1, 1), success=n < 7) for n in range(8)]
    backup = [record("edge-backup/qwen3:8b", 24000, (1, 1), success=n < 2) for n in range(6)]
    stats = Stats()
    stats.add([*primary, *backup])
    found = stats.as_json()
    totals = found["total_requests"], found["success_count"], found["failure_count"]
    assert totals == (14, 9, 5)
    assert found["provider_counts"] == {"edge-primary": 8, "edge-backup": 6}
    each = found["deployment_stats"]
    assert [each[name]["avg_latency_ms"] for name in sorted(each)] == [24000, 3200]
