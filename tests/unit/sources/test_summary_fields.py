"""What a summary of usage tells, by what the source calls it (pool-ledger-credentials 1.6)."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from tests.support import Home

LINE = {
    "success": True,
    "input_tokens": 1000,
    "output_tokens": 500,
    "cache_read_tokens": 40,
    "cache_write_tokens": 8,
    "request_count": 1,
    "cost": "0.05",
}


def test_a_summary_has_all_that_the_source_sums_up(home: Home) -> None:
    """Tokens with those of caches, outcomes, cost, times with p95, and the span that was asked for.

    The source leaves cache tokens and times out of its groups, and its p95 at 0; its page advises otherwise.
    """
    now = datetime.now(UTC)
    lines = [
        LINE | {"id": f"usage_{n}", "deployment": "den/m", "provider": "den", "model": "m", "latency_ms": ms}
        for n, ms in enumerate((200, 250, 300, 350, 400))
    ]
    lines[-1]["success"] = False
    folder = home.state / "usage"
    folder.mkdir(parents=True, mode=0o700)
    at = {"at": now.strftime("%Y-%m-%dT%H:%M:%S.000Z")}
    day = folder / f"{now:%Y-%m-%d}.jsonl"
    day.write_text("".join(json.dumps(at | line) + "\n" for line in lines))
    asked = ("usage", "summary", "--since", "week", "--provider", "den", "--by", "model", "--json")
    told = home.here(*asked).json
    (group,) = told["groups"]
    assert (group["group"], group["keys"]) == ("m", {"model": "m"})
    for summary in (told["total"], group):
        assert {name: summary[name] for name in SUMS} == SUMS
    assert told["filters"] == {"provider": "den"}
    begins, ends = (datetime.fromisoformat(told[name]) for name in ("since", "until"))
    assert round((ends - begins).total_seconds() / 86400) == 7


SUMS = {
    "requests": 5,
    "successful": 4,
    "failed": 1,
    "input_tokens": 5000,
    "output_tokens": 2500,
    "cache_read_tokens": 200,
    "cache_write_tokens": 40,
    "cost": "0.25",
    "avg_latency_ms": 300,
    "min_latency_ms": 200,
    "max_latency_ms": 400,
    "p95_latency_ms": 400,
}
