"""Usage is written down, and once a day what is older than the owner wants to keep goes."""

from __future__ import annotations

from itertools import islice
from typing import Any

from llmpool.errors import LlmpoolError
from llmpool.pool import Pool
from llmpool.state import jsonl, ledger

MOST = 8 << 20  # bytes of usage that one run removes, some tenths of a second; the next days do the rest


def append(pool: Pool, record: dict[str, Any]) -> None:
    """Append a usage record; the first one of a UTC day lets old days go. Raises what appending raises."""
    if ledger.append(pool.paths.state, ledger.USAGE, record):
        _prune(pool)


def _prune(pool: Pool) -> None:
    from llmpool.state import prune

    try:
        if pool.config.retention:
            day = prune.before(pool.clock(), pool.config.retention)
            if _goes_on(pool, day):
                prune.prune(pool.paths.state, day, most=MOST)
    except LlmpoolError as error:
        pool.warnings.append(f"old usage is not removed: {error.message}")


def _goes_on(pool: Pool, day: str) -> bool:
    """Say whether a day beside today's stays: where all would go, the clock may be wrong for this one run.

    After a long pause they go on the second day.
    """
    days = jsonl.iter_days(pool.paths.state / ledger.USAGE, first=day)
    return len(list(islice(days, 2))) > 1
