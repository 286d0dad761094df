"""The strategies besides `score`: priority, cost, latency, round robin (pool-routing-formats 4.4)."""

from __future__ import annotations

from collections.abc import Callable

from llmpool.core.routing import LOCAL, Candidate, Facts, RoutingRow, RoutingTable

Ranker = Callable[[list[RoutingRow], RoutingTable, Facts], list[Candidate]]


def _priority(row: RoutingRow, table: RoutingTable) -> int:
    return int(table.providers[row.provider]["priority"])


def _counted(rows: list[RoutingRow]) -> list[Candidate]:
    return [Candidate(row.id, len(rows) - place, ()) for place, row in enumerate(rows)]


def by_priority(rows: list[RoutingRow], table: RoutingTable, _: Facts) -> list[Candidate]:
    """Order by the providers' priority, highest first; the score is the place counted from the end."""
    return _counted(sorted(rows, key=lambda row: -_priority(row, table)))


def total_price(row: RoutingRow) -> float | None:
    """Add input and output price; a local deployment without one is free, any other is unknown."""
    if row.input_price is None or row.output_price is None:
        return 0.0 if row.flags & LOCAL else None
    return row.input_price + row.output_price


def by_cost(rows: list[RoutingRow], _: RoutingTable, __: Facts) -> list[Candidate]:
    """Order by input plus output price, unknown last; the score is 1/price, 1000 when free."""
    priced = [(total_price(row), row) for row in rows]
    priced.sort(key=lambda pair: (pair[0] is None, pair[0] or 0.0))
    return [Candidate(row.id, 0.0 if p is None else 1 / p if p > 0 else 1000.0, ()) for p, row in priced]


def by_latency(rows: list[RoutingRow], table: RoutingTable, facts: Facts) -> list[Candidate]:
    """Order by the provider's measured latency, unknown last by priority; the score is 1/milliseconds."""
    names = [str(provider["id"]) for provider in table.providers]

    def key(row: RoutingRow) -> tuple[bool, float, int]:
        known = facts.latency.get(names[row.provider], 0.0)
        return (not known, known, 0 if known else -_priority(row, table))

    ordered = sorted(rows, key=key)
    known = [facts.latency.get(names[row.provider], 0.0) for row in ordered]
    return [Candidate(row.id, 1 / ms if ms else 0.0, ()) for row, ms in zip(ordered, known, strict=True)]


def by_turn(rows: list[RoutingRow], table: RoutingTable, facts: Facts) -> list[Candidate]:
    """Take providers in turn: sort by provider id, rotate by the counter kept for the first of them."""
    if len(rows) < 2:
        return [Candidate(row.id, 0, ()) for row in rows]
    ordered = _by_provider(rows, table)
    turn = facts.cursors.get(turn_of(rows, table), 0) % len(ordered)
    return _counted(ordered[turn:] + ordered[:turn])


def turn_of(rows: list[RoutingRow], table: RoutingTable) -> str:
    """Name the counter that `round_robin` moves: the model of the first candidate by provider id."""
    return _by_provider(rows, table)[0].id.partition("/")[2] if len(rows) > 1 else ""


def _by_provider(rows: list[RoutingRow], table: RoutingTable) -> list[RoutingRow]:
    return sorted(rows, key=lambda row: str(table.providers[row.provider]["id"]))


RANKERS: dict[str, Ranker] = {
    "priority": by_priority,
    "cost": by_cost,
    "latency": by_latency,
    "round_robin": by_turn,
}
