"""Which requests are one and the same to the router: of those that are alike, one decision tells all.

Budgets aside, which look at every token and at tags: this is for moments in which none forbids anything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Iterable, Iterator
from decimal import Decimal
from operator import attrgetter
from typing import NamedTuple

from llmpool.core.routing import VALUE, RouteRequest, RoutingRow, RoutingTable
from llmpool.router import value
from llmpool.router.analyze import band
from llmpool.router.eligible import ASSUMED_WINDOW, DEFAULT_MAX_TOKENS, takes
from llmpool.router.features import HINTS
from llmpool.router.weights import MANY_TOOLS

# Shares of a window at which a size begins to count for the score table.
_SHARES = ((3, 10), (1, 2))
# What counts only as far as a rule looks at it, or not at all.
_BY_RULE = (
    *("query", "context_size", "stated", "needs", "tool_count", "priority", "hints", "max_cost"),
    *("max_tokens", "continues", "warm", "tag", "difficulty", "quality_target"),
)
_others = attrgetter(*(name for name in RouteRequest.__record_fields__ if name not in _BY_RULE))


class Marks(NamedTuple):
    """Sizes of a prompt above which something changes: one of some windows is full, or as full as counts."""

    full: list[int]
    crowded: list[int]


def marks(windows: Iterable[int]) -> Marks:
    """Return the marks of some windows; unknown ones have none."""
    known = {window for window in windows if window}
    shares = {window * part // whole for window in known for part, whole in _SHARES}
    return Marks(sorted(known), sorted({0, *shares}))


class Alike:
    """Tells requests apart as far as any rule or requirement does, over one table."""

    def __init__(self, table: RoutingTable) -> None:
        self.marks = marks(row.window for row in table.rows)
        self._routing = table.routing
        self.ids = {row.id for row in table.rows}
        self._prices = {price for row in table.rows for price in _prices(row, table)}
        self._affordable: dict[tuple[str, int], list[int]] = {}
        self._reaching: dict[tuple[float, float], int] = {}
        self._numbers: dict[Hashable, int] = {}  # what keys are made of: a million of them are held

    def key(self, request: RouteRequest, seen: Marks | None = None) -> Hashable:
        """Return what all requests share that are routed as this one is.

        Most sizes differ, and most of them make no difference: what counts is which windows they fill, and
        how far. *seen* are the marks of the windows that a request meets: those of the table, unless it
        names a model; where nobody knows which windows it meets then, every token counts.
        """
        is_scored = (request.strategy or self._routing.strategy) == "score"
        known = seen or (None if request.model else self.marks)
        follows = request.continues in self.ids or bool(request.model)
        parts = (
            (_others(request), frozenset(request.needs)),
            (request.continues, request.warm) if follows else None,
            self._size(request, known, is_scored=is_scored),
            (self._hardness(request), self._wishes(request) if is_scored else None),
            self._dearness(request, exact=known is None),
        )
        return tuple([self._numbers.setdefault(part, len(self._numbers)) for part in parts])

    def _size(self, request: RouteRequest, known: Marks | None, *, is_scored: bool) -> Hashable:
        """Return what of a size counts: whether it may be too much, which windows it fills, and how far."""
        size = request.context_size
        doubtful = size > (0 if request.stated else ASSUMED_WINDOW)
        if known is None:
            return doubtful, takes(request), size
        crowds = bisect_left(known.crowded, size) if is_scored else 0
        return doubtful, bisect_left(known.full, takes(request)), -crowds

    def _wishes(self, request: RouteRequest) -> Hashable:
        """Return what else of a request is worth points."""
        judged = self._routing.complexity == "difficulty" and request.difficulty is not None
        return (
            "" if judged else request.query,
            request.tool_count > MANY_TOOLS,
            request.priority == "background",
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

    def _dearness(self, request: RouteRequest, *, exact: bool) -> Hashable:
        """Return which prices a limit on the cost of a request of this size lets pass."""
        limit = request.max_cost
        if limit is None:
            return None
        tokens, size = request.max_tokens or DEFAULT_MAX_TOKENS, request.context_size
        if exact:
            return limit, tokens, size
        if (limit, tokens) not in self._affordable:
            self._affordable[limit, tokens] = self._sizes_within(Decimal(limit), tokens)
        return limit, tokens, bisect_left(self._affordable[limit, tokens], size)

    def _sizes_within(self, most: Decimal, tokens: int) -> list[int]:
        """List the sizes at which a price may come to more than a limit, and those at which prices change."""
        found = set[int]()
        for start, sent, got, each in self._prices:
            found.add(int(start))
            if sent:
                left = (most - Decimal(str(each))) * 1_000_000 - Decimal(str(got)) * tokens
                size = int(left / Decimal(str(sent)))
                found.update((size - 1, size, size + 1))  # whatever is lost by rounding
        return sorted(size for size in found if size >= 0)


def _prices(row: RoutingRow, table: RoutingTable) -> Iterator[tuple[float, float, float, float]]:
    """Tell the prices of a row: the size from which they hold, of a token in and out, and of each request."""
    if row.input_price is None or row.output_price is None:
        return
    yield 0, row.input_price, row.output_price, 0
    yield from ((start, sent, got, each) for start, sent, got, each in table.dear.get(row.id, ()))
