"""The strategies besides `score`: priority, cost, latency, round robin (pool-routing-formats 4.4, 4.5).

Where no model was named each provider stands with its shortlist, rotated by a counter of its own; not with
`round_robin`, which takes its turns over all of them. Last resorts are ranked behind everybody else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from llmpool.core.routing import (
    LAST_RESORT,
    LOADED,
    LOCAL,
    Candidate,
    Facts,
    Rejection,
    RoutingRow,
    RoutingTable,
    RuleHit,
)
from llmpool.router import shortlist

ROUND_ROBIN = "round_robin"
PASSED_OVER = "not on its provider's shortlist, and no model was named"
# Milliseconds that loading a model first is taken to cost; nobody measures it apart (ruling 27).
COLD_LOAD = 5000.0
FREE = 1000.0  # the score of what costs nothing, which has no one-over
_LOADING = ("ollama", "lmstudio", "embedded")  # formats and presets whose servers load a model when asked

Order = Callable[[list[RoutingRow], RoutingTable, Facts], list[RoutingRow]]


class Ranking(NamedTuple):
    """Candidates, best first; who is left out of them; *turns*, the counters that a call moves."""

    candidates: list[Candidate]
    passed_over: list[Rejection]
    turns: tuple[str, ...]


def rank(strategy: str, rows: list[RoutingRow], table: RoutingTable, facts: Facts, *, named: bool) -> Ranking:
    """Rank *rows*, those that a caller *named* or else each provider's shortlist of them; not for `score`.

    An unknown strategy is `priority`.
    """
    order = _ORDERS.get(strategy, by_priority)
    if not named:
        facts = facts.replace(affinity={})
    ranked: list[RoutingRow] = []
    turns: list[str] = []
    for part in _parts(rows):
        standing = part if named else _standing(part, table, facts, turns, rotates=strategy != ROUND_ROBIN)
        if strategy == ROUND_ROBIN:
            turns.append(turn_of(standing, table))
        ranked += order(standing, table, facts)
    return Ranking(
        _SCORES.get(strategy, _prioritised)(ranked, table, facts),
        _left_out(rows, ranked),
        tuple(dict.fromkeys(filter(None, turns))),
    )


def _parts(rows: list[RoutingRow]) -> list[list[RoutingRow]]:
    """Part the last resorts from all others (ruling 6)."""
    weak = [row for row in rows if row.flags & LAST_RESORT]
    return [[row for row in rows if not row.flags & LAST_RESORT], weak] if weak else [rows]


def _standing(
    rows: list[RoutingRow], table: RoutingTable, facts: Facts, turns: list[str], *, rotates: bool
) -> list[RoutingRow]:
    """Let each provider's shortlist stand for it; the counters that rotate them are added to *turns*."""
    found: list[RoutingRow] = []
    for short in shortlist.standing(rows):
        turn = shortlist.turn_of(short, table) if rotates else ""
        turns.append(turn)
        found += _rotated(short, facts.cursors.get(turn, 0))
    return found


def _left_out(rows: list[RoutingRow], ranked: list[RoutingRow]) -> list[Rejection]:
    if len(ranked) == len(rows):
        return []
    standing = {row.id for row in ranked}
    return [Rejection(row.id, (PASSED_OVER,)) for row in rows if row.id not in standing]


def _rotated(rows: list[RoutingRow], turn: int) -> list[RoutingRow]:
    start = turn % len(rows) if rows else 0
    return rows[start:] + rows[:start]


def _is_cold(row: RoutingRow) -> bool:
    """Say whether nobody knows of a model that it is loaded on a machine of ours (ruling 27)."""
    return row.flags & (LOCAL | LOADED) != LOCAL | LOADED


def by_priority(rows: list[RoutingRow], table: RoutingTable, facts: Facts) -> list[RoutingRow]:
    """Order by affinity, then the providers' priority, then who is not known to fail, then loaded ones."""
    standing = _standings(table, facts)
    affinity = facts.affinity
    return sorted(rows, key=lambda row: (-affinity.get(row.id, 0), *standing[row.provider], _is_cold(row)))


def _standings(table: RoutingTable, facts: Facts) -> list[tuple[int, bool]]:
    """Return of each provider its priority, lower is better, and whether its last contact failed."""
    return [
        (-int(entry["priority"]), bool(entry.get("stale_since")) or entry["id"] in facts.unreachable)
        for entry in table.providers
    ]


def total_price(row: RoutingRow) -> float | None:
    """Add input and output price; a local deployment without one is free, any other is unknown."""
    if row.input_price is None or row.output_price is None:
        return 0.0 if row.flags & LOCAL else None
    return row.input_price + row.output_price


def by_cost(rows: list[RoutingRow], _: RoutingTable, __: Facts) -> list[RoutingRow]:
    """Order by input plus output price, unknown last; equals as they came, loaded ones first."""

    def key(row: RoutingRow) -> tuple[bool, float, bool]:
        price = total_price(row)
        return (price is None, price or 0.0, _is_cold(row))

    return sorted(rows, key=key)


def by_latency(rows: list[RoutingRow], table: RoutingTable, facts: Facts) -> list[RoutingRow]:
    """Order by affinity, then by what is known of the latency; the unknown come last, by priority."""
    affinity, standing = facts.affinity, _standings(table, facts)
    known = _latencies(rows, table, facts)

    def key(place: int) -> tuple[int, bool, float, int, bool]:
        row, latency = rows[place], known[place]
        priority = 0 if latency else standing[row.provider][0]
        return (-affinity.get(row.id, 0), not latency, latency, priority, _is_cold(row))

    return [rows[place] for place in sorted(range(len(rows)), key=key)]


def _latencies(rows: list[RoutingRow], table: RoutingTable, facts: Facts) -> list[float]:
    """Return milliseconds of each row's provider, a cold load included; 0 where none are known."""
    known = [facts.latency.get(str(entry["id"]), 0.0) for entry in table.providers]
    loads = [entry.get("format") in _LOADING or entry.get("preset") in _LOADING for entry in table.providers]
    return [
        known[row.provider] + COLD_LOAD
        if known[row.provider] and loads[row.provider] and row.flags & (LOCAL | LOADED) == LOCAL
        else known[row.provider]
        for row in rows
    ]


def by_turn(rows: list[RoutingRow], table: RoutingTable, facts: Facts) -> list[RoutingRow]:
    """Take providers in turn: sort by provider id, rotate by the counter kept for the first of them."""
    return _rotated(_by_provider(rows, table), facts.cursors.get(turn_of(rows, table), 0))


def turn_of(rows: list[RoutingRow], table: RoutingTable) -> str:
    """Name the counter that `round_robin` moves: the model of the first by provider id; none for one row."""
    return _by_provider(rows, table)[0].id.partition("/")[2] if len(rows) > 1 else ""


def _by_provider(rows: list[RoutingRow], table: RoutingTable) -> list[RoutingRow]:
    names = [str(entry["id"]) for entry in table.providers]
    return sorted(rows, key=lambda row: names[row.provider])


def take_turn(cursors: Mapping[str, int], turns: Iterable[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the counters that one call goes by, and all of them as the next one finds them."""
    taken = {key: cursors.get(key, 0) for key in turns}
    return taken, {**cursors, **{key: turn + 1 for key, turn in taken.items()}}


def _prioritised(rows: list[RoutingRow], table: RoutingTable, facts: Facts) -> list[Candidate]:
    """Score by place, counted from the end; the hits are what that went by, affinity and priority."""
    hits = [(RuleHit("priority", int(entry["priority"])),) for entry in table.providers]
    return [
        Candidate(row.id, len(rows) - place, _affine(row, facts) + hits[row.provider])
        for place, row in enumerate(rows)
    ]


def _affine(row: RoutingRow, facts: Facts) -> tuple[RuleHit, ...]:
    worth = facts.affinity.get(row.id, 0)
    return (RuleHit("format_affinity", worth),) if worth else ()


def _turns_counted(rows: list[RoutingRow], _: RoutingTable, __: Facts) -> list[Candidate]:
    """Score by place, counted from the end; one alone has no turn."""
    first = len(rows) if len(rows) > 1 else 0
    return [Candidate(row.id, first - place, ()) for place, row in enumerate(rows)]


def _priced(rows: list[RoutingRow], _: RoutingTable, __: Facts) -> list[Candidate]:
    """Score by one over the price; 0 when it is not known."""
    prices = [total_price(row) for row in rows]
    return [
        Candidate(row.id, 0.0 if price is None else 1 / price if price > 0 else FREE, ())
        for row, price in zip(rows, prices, strict=True)
    ]


def _timed(rows: list[RoutingRow], table: RoutingTable, facts: Facts) -> list[Candidate]:
    """Score by one over whole milliseconds, 0 when they are not known."""
    known = _latencies(rows, table, facts)
    return [
        Candidate(row.id, 1 / max(1, int(latency)) if latency else 0.0, _affine(row, facts))
        for row, latency in zip(rows, known, strict=True)
    ]


_ORDERS: dict[str, Order] = {
    "priority": by_priority,
    "cost": by_cost,
    "latency": by_latency,
    ROUND_ROBIN: by_turn,
}
_SCORES = {"cost": _priced, "latency": _timed, ROUND_ROBIN: _turns_counted}
