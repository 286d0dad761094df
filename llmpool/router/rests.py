"""Who is resting, and when they are asked all the same: cooldowns, servers out of reach (rulings 2, 10).

A deployment rests by itself, or when each of its keys does: that filters with every strategy. A provider in
cooldown or out of reach costs points in `score` and filters elsewhere, unless it is the only one enabled.

Whoever rests may work again, and a prompt is answered whenever one eligible provider works (DESIGN 1). So
they are the end of the plan, behind all who are awake, and are asked once each: `in_turn` is their order.
Only those are left out whose vendor set a limit and named the time until which it holds: asking them sooner
cannot help and is what limits are there to stop. Where nobody else is left, the first of them is asked.
Whoever is held by a limit that is counted here is passed over likewise, but nothing is wrong with it: when it
is asked all the same, the call waits in line (`chat.gate`).
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from llmpool.core.routing import LAST_RESORT, Facts, Rejection, Rest, RoutingRow, RoutingTable

_NONE = Rest(0.0, "")


class Resting(NamedTuple):
    """A deployment that may answer but rests: *until* when, infinite where nobody knows, and why.

    *told*, *refused* and *held* are as `Rest` has them.
    """

    row: RoutingRow
    until: float
    reasons: tuple[str, ...]
    told: bool
    refused: bool
    held: bool = False

    @property
    def rejection(self) -> Rejection:
        """The rejection that says so."""
        return Rejection(self.row.id, self.reasons)


def avoided(table: RoutingTable, facts: Facts) -> dict[str, str]:
    """Name the providers to be left alone for now, and why; never the only one that is enabled."""
    out = {**facts.cooling, **facts.unreachable}
    if not out or sum(bool(provider["enabled"]) for provider in table.providers) <= 1:
        return {}
    return out


def parted(
    rows: list[RoutingRow], table: RoutingTable, facts: Facts, *, scored: bool
) -> tuple[list[RoutingRow], list[Resting]]:
    """Part those that may be asked now from those that rest; *scored*: providers lose points instead."""
    out = {} if scored else avoided(table, facts)
    if not out and not facts.resting:
        return rows, []
    names = [str(provider["id"]) for provider in table.providers]
    awake, resting = [], []
    for row in rows:
        rest = _rest(row, names[row.provider], out, facts)
        if rest is None:
            awake.append(row)
        else:
            resting.append(rest)
    return awake, resting


def _rest(row: RoutingRow, provider: str, out: dict[str, str], facts: Facts) -> Resting | None:
    own = facts.resting.get(row.id, _NONE)
    until, reasons = own.until, [own.why] if own.why else []
    if provider in out:
        until = max(until, facts.free_at.get(provider, inf))
        reasons.append(out[provider])
    held = own.held and provider not in out
    return Resting(row, until, tuple(reasons), own.told, own.refused, held) if reasons else None


def in_turn(resting: list[Resting], ranked: list[str]) -> list[Resting]:
    """Order those who rest as they are worth asking, each deployment once.

    Whose keys were refused come last, last resorts before them; else the soonest free is first, and equals
    stand as *ranked* has them.
    """
    place = {ref: n for n, ref in enumerate(ranked)}

    def key(rest: Resting) -> tuple[bool, int, float, float]:
        weak = rest.row.flags & LAST_RESORT
        return (rest.refused, weak, rest.until, place.get(rest.row.id, inf))

    return list({rest.row.id: rest for rest in sorted(resting, key=key)}.values())
