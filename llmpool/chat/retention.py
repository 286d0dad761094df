"""Usage is written down, and once a day what is older than the owner wants to keep goes."""

from __future__ import annotations

from typing import Any

from llmpool.errors import LlmpoolError
from llmpool.pool import Pool
from llmpool.state import ledger

MOST = 31  # days that one run removes; a ledger that nobody has pruned before is done with in some days


def append(pool: Pool, record: dict[str, Any]) -> None:
    """Append a usage record; the first one of a UTC day lets old days go. Raises what appending raises."""
    if ledger.append(pool.paths.state, ledger.USAGE, record):
        _prune(pool)


def _prune(pool: Pool) -> None:
    from llmpool.state import prune

    try:
        if pool.config.retention:
            day = prune.before(pool.clock(), pool.config.retention)
            prune.prune(pool.paths.state, day, most=MOST)
    except LlmpoolError as error:
        pool.warnings.append(f"old usage is not removed: {error.message}")
