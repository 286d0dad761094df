"""Usage records on their way into cells, some at a time: a day's, added up as they come."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal, localcontext
from typing import Any

from llmpool.usage.rollup import (
    CELLS,
    DEPLOYMENTS,
    EXACT,
    KEYS,
    SUMS,
    TOKENS,
    TOTALS,
    ZERO,
    Cell,
    Day,
    Days,
    Who,
    merged,
)
from llmpool.usage.runs import CODE, UNKNOWN_FROM, run_of

MOST = 1 << 63  # nobody counts that far

_TOO_DEAR = 15  # digits before the point: no call costs that
_PLAIN = re.compile(r"(?:[0-9]{1,15}(?:\.[0-9]{1,40})?(?:,(?!\Z)|\Z))*")  # amounts, with commas between them
_WAITING = 20_000  # costs that are held before they are added up
_NAMES = {
    CELLS: ("deployment", "provider", "model", "key", "tag"),
    DEPLOYMENTS: ("deployment", "provider", "model"),
    KEYS: ("key", "tag"),
    TOTALS: (),
}
_REQUESTS, _GOOD, _BAD, _UNPRICED, _ESTIMATED, _FAILOVERS = range(6)
_STREAMED_MS, _STREAMED_TOKENS, _LATENCY, _TTFT, _FIRST_TOKEN = range(6, 11)
_TOLD = len(TOKENS)  # so far behind the sum of a token count is how many records report it
_TOKEN_PLACES = tuple((name, _FIRST_TOKEN + place) for place, name in enumerate(TOKENS))


class _Pile:
    """Records of one cell while they are added up.

    Nothing of a record is held but the text of its cost: a million times, memory that is used again at once
    is worth more than fewer steps.
    """

    __slots__ = ("cost", "costs", "latencies", "sums", "ttfts")

    def __init__(self) -> None:
        self.sums = [0] * len(SUMS)
        self.cost = ZERO
        self.costs: list[Any] = []
        self.latencies: array[int] = array(CODE)
        self.ttfts: array[int] = array(CODE)

    def take(self, get: Callable[..., Any]) -> None:
        """Add the record whose fields *get* returns."""
        sums = self.sums
        sums[_GOOD if get("success") is True else _BAD] += 1
        count = get("request_count", 1)
        sums[_REQUESTS] += count if type(count) is int and 0 <= count < MOST else 1
        for name, place in _TOKEN_PLACES:
            count = get(name)
            if type(count) is int and 0 <= count < MOST:
                sums[place] += count
                sums[place + _TOLD] += 1
        if get("estimated"):
            sums[_ESTIMATED] += 1
        tries = get("attempts")
        if type(tries) is int and 1 < tries < MOST:
            sums[_FAILOVERS] += 1
        self.costs.append(get("cost"))
        latency, ttft = get("latency_ms"), get("ttft_ms")
        known = type(latency) is int and 0 < latency < UNKNOWN_FROM
        if known:
            self.latencies.append(latency)
        if type(ttft) is int and 0 < ttft < UNKNOWN_FROM:
            self.ttfts.append(ttft)
            tokens = get("output_tokens")
            if known and latency > ttft and type(tokens) is int and 0 <= tokens < MOST:
                sums[_STREAMED_MS] += latency - ttft
                sums[_STREAMED_TOKENS] += tokens

    def settle(self) -> None:
        """Add up the costs that wait."""
        if not self.costs:
            return
        cost, known = amounts(self.costs)
        self.sums[_UNPRICED] += len(self.costs) - known
        self.cost = EXACT.add(self.cost, cost)
        self.costs.clear()

    def cell(self) -> Cell:
        """Return what all records add up to."""
        self.settle()
        self.sums[_LATENCY], self.sums[_TTFT] = sum(self.latencies), sum(self.ttfts)
        latencies, ttfts = run_of(sorted(self.latencies)), run_of(sorted(self.ttfts))
        return Cell(self.sums, self.cost, (latencies,), (ttfts,))


def amount(cost: object) -> Decimal | None:
    """Read what a call cost; None where that is unknown, or no amount of money."""
    if type(cost) is not str or len(cost) > 64:
        return None
    try:
        value = Decimal(cost)
    except (ArithmeticError, ValueError):
        return None
    if not value.is_finite() or value < 0:
        return None
    return value if -120 < value.adjusted() < _TOO_DEAR else None if value else ZERO


def amounts(costs: Sequence[Any]) -> tuple[Decimal, int]:
    """Add up what calls cost; the other figure is how many have a known cost."""
    told = [cost for cost in costs if cost is not None]
    try:
        values = list(map(Decimal, told)) if _PLAIN.fullmatch(",".join(told)) else _known(told)
    except (TypeError, ArithmeticError):  # not all of them are text, or one is not what it looks like
        values = _known(told)
    with localcontext(EXACT):
        return sum(values, ZERO), len(values)


def _known(costs: Iterable[Any]) -> list[Decimal]:
    return [value for value in map(amount, costs) if value is not None]


# Of a day: its first and its last moment, its piles, and how to add to one, by names as records have them.
_Pending = tuple[list[str], dict[Who, _Pile], dict[tuple[Any, ...], Callable[[Callable[..., Any]], None]]]


class Fold:
    """Adds up records, each on the local day that it lies in, in the cells of a *view*.

    *around* tells of a moment where its local day begins and ends, and the date of it; *sessions* keeps
    sessions apart as well.
    """

    def __init__(
        self, around: Callable[[str], tuple[str, str, str]], *, view: str = CELLS, sessions: bool = False
    ) -> None:
        self._around = around
        self._names = (*_NAMES[view], "session") if sessions else _NAMES[view]
        self._days: dict[str, _Pending] = {}

    def extend(self, batches: Iterable[Sequence[dict[str, Any]]]) -> None:
        """Add records, some at a time, which have their times; of the rest, what is no figure is unknown."""
        waiting = 0
        for records in batches:
            moments = [record["at"][:-1] for record in records]
            if moments:
                self._take(records, moments)
            waiting += len(records)
            if waiting > _WAITING:
                self._settle()
                waiting = 0
        self._settle()

    def _take(self, records: Sequence[dict[str, Any]], moments: list[str]) -> None:
        """Add records that were made at these moments, together where they are of one day."""
        first, last = min(moments), max(moments)
        low, high, label = self._around(first)
        if low <= last < high:
            self._add(records, first, last, label)
            return
        for record, moment in zip(records, moments, strict=True):
            self._add([record], moment, moment, self._around(moment)[2])

    def _add(self, records: Sequence[dict[str, Any]], first: str, last: str, label: str) -> None:
        """Add records of one day to its piles."""
        names = self._names
        ends, piles, known = self._days.setdefault(label, ([first, last], {}, {}))
        ends[:] = min(ends[0], first), max(ends[1], last)
        for record in records:
            get = record.get
            who = tuple(map(get, names))
            try:
                take = known[who]
            except (KeyError, TypeError):  # a new one, or a list where a name should be
                take = piles.setdefault(_who(names, who), _Pile()).take
                with suppress(TypeError):
                    known[who] = take
            take(get)

    def _settle(self) -> None:
        """Add up what waits, which would hold a lot of memory."""
        for _, piles, _ in self._days.values():
            for pile in piles.values():
                pile.settle()

    def days(self) -> Days:
        """Return what was added up, by local day."""
        return {label: _day(ends, piles) for label, (ends, piles, _) in self._days.items()}


def _day(ends: list[str], piles: Mapping[Who, _Pile]) -> Day:
    cells = {who: pile.cell() for who, pile in piles.items()}
    return Day(ends[0], ends[1], merged(cells.values()), cells)


def _who(names: Sequence[str], parts: Sequence[Any]) -> Who:
    """Name a cell as `Who` has it: what is no text is no name."""
    known = {name: part for name, part in zip(names, parts, strict=True) if type(part) is str}
    return Who("", "", "", "", "")._replace(**known)
