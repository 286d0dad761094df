"""Which requests are one and the same to the router: of those that are alike, one decision tells all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable

from llmpool.core.routing import RouteRequest, RoutingTable
from llmpool.router.eligible import ASSUMED_WINDOW
from llmpool.router.features import HINTS

# Shares of a window at which a size begins to count: the two of the score table, and the whole of it.
_SHARES = ((3, 10), (1, 2), (1, 1))


class Alike:
    """Tells requests apart as far as any rule or requirement does, over one table."""

    def __init__(self, table: RoutingTable) -> None:
        windows = {row.window for row in table.rows if row.window}
        marks = {window * part // whole for window in windows for part, whole in _SHARES}
        self._marks = sorted({0, ASSUMED_WINDOW, *marks})

    def key(self, request: RouteRequest) -> Hashable:
        """Return what all requests share that are routed as this one is.

        Most sizes differ, and most of them make no difference: what counts is which windows they fill, and
        how far. Where a price or a model's largest window is compared with the size, every token counts.
        """
        exact = request.max_cost is not None or bool(request.model)
        size = request.context_size
        known = {
            "context_size": size if exact else -bisect_left(self._marks, size),
            "hints": tuple(sorted(pair for pair in request.hints if pair[0] in HINTS)),
        }
        return tuple((request.as_dict() | known).values())
