"""Old usage and decisions: what would go, and letting it go."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.config.problems import Problem, Spot
from llmpool.config.values import duration
from llmpool.core.times import rfc3339
from llmpool.errors import Misuse
from llmpool.pool import Pool
from llmpool.state import prune as files

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Plan(NamedTuple):
    """What is older than the UTC day *before*; empty where everything is kept."""

    before: str
    days: list[str]
    usage_files: int = 0
    decision_files: int = 0
    bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """Show the plan as `--json` does."""
        return self._asdict() | {"before": self.before or None}


def plan(pool: Pool, before: str = "", keep: str = "") -> Plan:
    """Find what a prune would remove: before a day, or older than a time, which is else the config's.

    Raises Misuse for what is no date, no time, or both.
    """
    day = _before(pool, before, keep)
    if not day:
        return Plan("", [])
    found = files.old(pool.paths.state, day)
    days = sorted({path.stem for path in (*found.usage, *found.decisions)})
    size = sum(_size(path) for path in (*found.usage, *found.decisions))
    return Plan(day, days, len(found.usage), len(found.decisions), size)


def prune(pool: Pool, before: str, heard: files.Heard = files.nobody) -> None:
    """Remove what is older than a UTC day; the sums of its usage stay."""
    files.prune(pool.paths.state, before, heard=heard)


def _before(pool: Pool, before: str, keep: str) -> str:
    if before and keep:
        raise Misuse("--before and --keep say the same thing", hint="give one of them")
    if before:
        return _date(before, rfc3339(pool.clock())[:10])
    retention = _span(keep) if keep else pool.config.retention
    return files.before(pool.clock(), retention) if retention else ""


def _date(text: str, today: str) -> str:
    try:
        if _DATE.fullmatch(text) and time.strptime(text, "%Y-%m-%d"):
            return min(text, today)
    except ValueError:
        pass
    raise Misuse(f"{text!r} is no date", hint="write it as 2026-01-01")


def _span(text: str) -> float:
    problems: list[Problem] = []
    found = duration(zero=True).read("0d" if text == "0" else text, Spot((), problems))
    if problems:  # a number without a unit, too: nobody means to keep five seconds
        raise Misuse(f"--keep: {problems[0].message}", hint="write 90d, or 0 to keep everything")
    return float(found)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
