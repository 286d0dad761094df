"""What one thing alone stands in the way, when nothing may answer (reconcile-resolve 13.2 and 13.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from llmpool.core.deployment import CAPABILITIES
from llmpool.core.routing import Decision, Rejection, RoutingTable
from llmpool.router.eligible import TOO_SMALL

BLIND = "missing image support"
SHOWN = 5  # deployments with eyes that are named (catalog-registry-router 5.7)
_SEES = 1 << CAPABILITIES.index("images")


class Shortfall(NamedTuple):
    """A request too large for all who would take it: what it needs, and the one that comes nearest."""

    needed: int
    deployment: str
    window: int


def tight(decision: Decision) -> set[str]:
    """Name those that nothing but their window keeps from answering."""
    return {r.deployment for r in decision.rejections if r.reasons == (TOO_SMALL,)}


def shortfall(decision: Decision, windows: Mapping[str, int]) -> Shortfall | None:
    """Find by how much the largest of *windows*, those of the tight ones, falls short; None without any."""
    if not windows:
        return None
    best = min(windows, key=lambda name: (-windows[name], name))
    needed = max((r.needed for r in decision.rejections if r.deployment == best), default=0)
    return Shortfall(needed or decision.context_size, best, windows[best])


def in_figures(reasons: Iterable[str], needed: int, window: int, *, several: bool = False) -> str:
    """Write reasons with the figures of a window that is too small; of *several* it is the largest."""
    figures = f" ({needed} needed, {window} {'at most' if several else 'there'})" if needed else ""
    return "; ".join(reason + figures * (reason == TOO_SMALL) for reason in reasons)


def text_only(decision: Decision) -> list[str]:
    """List those that nothing but the pictures keeps from answering; they are never asked without them."""
    return [r.deployment for r in decision.rejections if r.reasons == (BLIND,)]


def sighted(decision: Decision, table: RoutingTable) -> list[Rejection]:
    """List those that see, and what keeps them from answering: larger windows first, then by id."""
    seeing = {row.id: row.window for row in table.rows if row.yes & _SEES}
    found = [rejection for rejection in decision.rejections if rejection.deployment in seeing]
    return sorted(found, key=lambda r: (-seeing[r.deployment], r.deployment))[:SHOWN]
