"""Who is left to ask when a prompt was too long for one of them (catalog-registry-router 5.7)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from llmpool.core.routing import RoutingTable


class Left(NamedTuple):
    """The deployments still to be asked, in order, and those that would refuse the prompt just the same."""

    plan: list[str]
    skipped: list[str]


def larger_only(
    plan: Sequence[str],
    table: RoutingTable,
    failed: str,
    needed: int = 0,
    *,
    window: int = 0,
    again: bool = False,
    about: int = 0,
) -> Left:
    """Leave out of *plan* whose window is known to be no larger than that of *failed*, or less than *needed*.

    *window* is what the failed one named itself, *needed* the tokens it counted; 0 is not told. A known
    window that would hold what it counted is not the one it has, and bars nobody; likewise, with the first
    refusal, one that would hold twice what the prompt is estimated at (*about*). Whose window nobody knows
    stays. From the second refusal on (*again*) the largest known window goes first: with that one refused too
    nobody of a known window is left, so there are two such detours at most.
    """
    known = {row.id: row.window for row in table.rows}
    own = known.get(failed, 0)
    taken = needed or 2 * about * (not again)
    own = 0 if 0 < taken <= own else own
    least = max(window or own, needed - 1)
    skipped = [ref for ref in plan if 0 < known.get(ref, 0) <= least]
    left = [ref for ref in plan if ref not in skipped]
    if again:
        left.sort(key=lambda ref: -known.get(ref, 0))
    return Left(left, skipped)
