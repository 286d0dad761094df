"""Recorded decisions for the tests of what reads them: a pool with a clock, and lines as the log has them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from llmpool.config.paths import Paths
from llmpool.pool import Pool, open_pool
from llmpool.state import ledger

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z
AT = "2027-01-15T07:00:00.000Z"
SINCE, UNTIL = "2027-01-01T00:00:00Z", "2027-01-15T08:00:01Z"
FLEET = """
[providers.den]
format = "openai"
url = "http://127.0.0.1:9/v1"
location = "local"
[providers.sky]
format = "openai"
url = "http://127.0.0.1:9/v1"
location = "cloud"
[[models]]
id = "den/small"
quality = 5
speed = 8
context_window = 8192
[[models]]
id = "sky/big"
quality = 10
speed = 6
cost_tier = 3
context_window = 200000
[[models]]
id = "sky/mid"
quality = 7
speed = 8
cost_tier = 1
context_window = 128000
"""


def pool_in(directory: Path, config: str = FLEET, env: dict[str, str] | None = None) -> Pool:
    """Open a pool over *config* whose state is in *directory*."""
    path = directory / "config.toml"
    path.write_text(config)
    paths = Paths(path, directory / "state", directory / "secrets.json")
    return open_pool(paths, env=env or {}, clock=lambda: NOW)


def line(
    number: int = 1, selected: str | None = "den/small", asks: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """Write a decision as the log has it, with *changes*; *asks* is what its request has beside the usual."""
    request = {
        "query_length": 5,
        "context_size": 2,
        "stated": False,
        "needs": [],
        "tool_count": 0,
        "priority": "interactive",
        "hints": {},
        "model": "",
    }
    return {
        "id": f"d-{number:08}",
        "at": AT,
        "selected": selected,
        "strategy": "score",
        "mode": "auto",
        "complexity": "moderate",
        "intent": "general",
        "candidates": [],
        "candidates_total": 0,
        "rejections": [],
        "rejections_total": 0,
        "reasoning": "",
        "no_eligible": selected is None,
        "generation": 1,
        "request": request | (asks or {}),
    } | changes


def outcome(served_by: str = "den/small", tokens: tuple[int, int] | None = (1000, 500)) -> dict[str, Any]:
    """Write how a request ended: well, at *served_by*, with so many tokens in and out."""
    counted = dict(zip(("input_tokens", "output_tokens"), tokens, strict=True)) if tokens else {}
    attempt = {"deployment": served_by, "key": "none", "latency_ms": 10, "ok": True}
    return {"success": True, "served_by": served_by, "attempts": [attempt], "usage_id": "usage_1"} | counted


def plant(pool: Pool, *lines: dict[str, Any], kind: str = ledger.DECISIONS) -> None:
    """Put lines into the log, in the files of their days."""
    for each in lines:
        path = pool.paths.state / kind / f"{each['at'][:10]}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(each) + "\n")
