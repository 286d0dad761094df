"""When a provider is asked again: the rules of `refresh --if-stale` (reconcile-resolve 8)."""

from __future__ import annotations

from datetime import datetime

from llmpool.core.inventory import ProviderInventory

JUST_ASKED = 15.0  # seconds in which nobody is asked twice, whatever came of it


def is_due(seen: ProviderInventory | None, now: float, within: float) -> bool:
    """Say whether a provider has to be asked at *now*, where answers of the last *within* seconds count.

    One that was never asked is due, and so is one whose last attempt failed, but for those that were asked
    a moment ago. An answer exactly *within* seconds old is too old. A time to come is a clock set back: due.
    """
    if seen is None or not seen.attempted_at:
        return True
    asked = now - epoch(seen.attempted_at)
    if 0 <= asked < min(JUST_ASKED, within):
        return False
    if seen.error:
        return True
    return not 0 <= now - epoch(seen.fetched_at or seen.attempted_at) < within  # a catalog lists nothing


def epoch(at: str) -> float:
    """Read a time in RFC 3339 as seconds since the epoch."""
    return datetime.fromisoformat(at).timestamp()
