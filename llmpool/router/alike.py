"""Which requests are one and the same to the router: of those that are alike, one decision tells all."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from operator import attrgetter

from llmpool.core.routing import VALUE, RouteRequest, RoutingTable
from llmpool.router import value
from llmpool.router.analyze import band
from llmpool.router.eligible import ASSUMED_WINDOW
from llmpool.router.features import HINTS

# Shares of a window at which a size begins to count: the two of the score table, and the whole of it.
_SHARES = ((3, 10), (1, 2), (1, 1))
_BANDED = ("context_size", "difficulty", "hints")  # what counts only as far as a rule looks at it
_others = attrgetter(*(name for name in RouteRequest.__record_fields__ if name not in _BANDED))


class Alike:
    """Tells requests apart as far as any rule or requirement does, over one table."""

    def __init__(self, table: RoutingTable) -> None:
        windows = {row.window for row in table.rows if row.window}
        marks = {window * part // whole for window in windows for part, whole in _SHARES}
        self._marks = sorted({0, ASSUMED_WINDOW, *marks})
        self._routing = table.routing
        self._reaching: dict[tuple[float, float], int] = {}

    def key(self, request: RouteRequest) -> Hashable:
        """Return what all requests share that are routed as this one is.

        Most sizes differ, and most of them make no difference: what counts is which windows they fill, and
        how far. Where a price or a model's largest window is compared with the size, every token counts.
        """
        exact = request.max_cost is not None or bool(request.model)
        size = request.context_size
        return (
            _others(request),
            self._hardness(request),
            size if exact else -bisect_left(self._marks, size),
            tuple(sorted(pair for pair in request.hints if pair[0] in HINTS)),
        )

    def _hardness(self, request: RouteRequest) -> Hashable:
        """Return what of a difficulty counts: which ratings are good enough for it, or its band."""
        hard = request.difficulty
        if hard is None:
            return None
        by_band = band(hard) if self._routing.complexity == "difficulty" else None
        if (request.strategy or self._routing.strategy) != VALUE:
            return by_band
        target = self._routing.quality_target if request.quality_target is None else request.quality_target
        key = (hard, target)
        if key not in self._reaching:
            self._reaching[key] = sum(value.expected(quality, hard) >= target for quality in range(11))
        return by_band, self._reaching[key]
