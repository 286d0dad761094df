"""Of deployments that no rule tells apart only the first can win: the few rows that a choice is among.

For whoever asks for nothing but who is chosen, again and again, over thousands of rows. With `score` and
`value` alone, where rows are compared each by itself; the other strategies look at what a provider has.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from math import inf

from llmpool.core.ids import split_ref
from llmpool.core.routing import DECLARED, VALUE, Facts, RouteRequest, RoutingRow, RoutingTable
from llmpool.router import experience, groups

STRATEGIES = ("score", VALUE)


class Foremost:
    """The rows of a table that can win, in a moment when nothing rests and no budget forbids anything."""

    def __init__(self, table: RoutingTable, facts: Facts) -> None:
        self._table, self._facts = table, facts
        self._names = [str(entry["id"]) for entry in table.providers]
        self.places = {row.id: place for place, row in enumerate(table.rows)}
        self._kinds: dict[tuple[str, bool], list[list[int]]] = {}

    def rows(self, request: RouteRequest) -> list[RoutingRow]:
        """Return the rows that a request can be given to, in the table's order, and few others.

        Its names are resolved, and it names no model. Where nobody of these may answer nobody may at all,
        but for whom the config names.
        """
        strategy = request.strategy or self._table.routing.strategy
        key = (strategy, strategy == VALUE or request.max_cost is not None)
        if key not in self._kinds:
            self._kinds[key] = self._sorted_out(*key)
        fits = self._fits(request)
        first = (next(filter(fits, kind), None) for kind in self._kinds[key])
        places = {place for place in first if place is not None} | set(self._singled_out(request))
        return [self._table.rows[place] for place in sorted(places)]

    def _sorted_out(self, strategy: str, priced: bool) -> list[list[int]]:
        """Sort the rows that may be chosen automatically into kinds; each has the one that wins first."""
        found: dict[Hashable, list[int]] = {}
        for place, row in enumerate(self._table.rows):
            if not self._barred(row):
                found.setdefault(self._kind(row, strategy, priced), []).append(place)
        kinds = list(found.values())
        if strategy == VALUE:
            for kind in kinds:
                kind.sort(key=self._slowness)
        return kinds

    def _kind(self, row: RoutingRow, strategy: str, priced: bool) -> Hashable:
        """Return all that tells a row from others: its columns from *yes* to *flags*, and what is known."""
        price = (row.input_price, row.output_price, *map(tuple, self._table.dear.get(row.id, ())))
        return row[2:10], price if priced else None, self._learnt(row.id) if strategy != VALUE else None

    def _learnt(self, ref: str) -> Hashable:
        seen = self._facts.experience.get(ref)
        if not seen:
            return None
        return tuple([sum(hit.points for hit in experience.hits(seen, counts)) for counts in (False, True)])

    def _barred(self, row: RoutingRow) -> bool:
        """Say whether a row may not be chosen by a request that names no model, whatever else it asks."""
        name, facts = self._names[row.provider], self._facts
        gone = name in facts.stale and not row.flags & DECLARED
        return bool(row.blocked) or gone or name in facts.keyless or row.id in facts.absent

    def _slowness(self, place: int) -> float:
        return self._facts.latency.get(self._names[self._table.rows[place].provider], 0.0) or inf

    def _fits(self, request: RouteRequest) -> Callable[[int], bool]:
        """Return what tells whether a row is in the request's group, and not excluded."""
        rows, names, gone = self._table.rows, self._names, frozenset(request.exclude)
        group = next((each for each in self._table.groups if each.name == request.group), None)

        def fits(place: int) -> bool:
            row = rows[place]
            name = names[row.provider]
            if row.id in gone or name in gone:
                return False
            return group is None or groups.has(group, name, row.id[len(name) + 1 :])

        return fits

    def _singled_out(self, request: RouteRequest) -> Iterator[int]:
        """Find the rows that a request wishes for by name, or by that of their provider."""
        hint = dict(request.hints).get("model_preference", "")
        for ref in {request.prefer, request.continues, hint}:
            if ref in self.places:
                yield self.places[ref]
            elif ref and ref in self._names:
                yield from (place for other, place in self.places.items() if split_ref(other)[0] == ref)
