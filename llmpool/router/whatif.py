"""What would have changed the choice: a few requests and moments like this one, each decided anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from llmpool.core.deployment import CAPABILITIES
from llmpool.core.routing import LOCAL, VALUE, Decision, Facts, RouteRequest, RoutingRow, RoutingTable
from llmpool.router.eligible import DEFAULT_MAX_TOKENS
from llmpool.router.route import route

MOST = 6  # decisions made anew
ROWS = 10_000  # deployments that all of them may look at together, so that a large pool need not wait


class Change(NamedTuple):
    """What would be different, who would be chosen then (nobody: empty), and with what score."""

    what: str
    selected: str
    score: float | None


class _Case(NamedTuple):
    what: str
    request: RouteRequest
    table: RoutingTable
    facts: Facts


def changes(
    request: RouteRequest,
    table: RoutingTable,
    facts: Facts,
    decision: Decision,
    named: list[RoutingRow] | None = None,
) -> list[Change]:
    """List what would change *decision*; nothing is guessed, and what cannot change it is not tried."""
    rows = table.rows if named is None else named
    winner = next((row for row in rows if row.id == decision.selected), None)
    if winner is None or len(rows) == 1:
        return []
    found = []
    most = max(1, min(MOST, ROWS // len(rows)))
    for _, case in zip(range(most), _cases(request, table, facts, decision, winner), strict=False):
        other = route(case.request, case.table, case.facts, named=named, detail=1).decision
        if other.selected != decision.selected:
            found.append(Change(case.what, other.selected, _score(other)))
    return found


def _score(decision: Decision) -> float | None:
    """Return the winner's score where it is one of points, and was not configured as a way out."""
    first = next(iter(decision.candidates), None)
    ranked = first is not None and first.deployment == decision.selected and decision.strategy == "score"
    return first.score if ranked and first else None


def _cases(
    request: RouteRequest, table: RoutingTable, facts: Facts, decision: Decision, winner: RoutingRow
) -> Iterator[_Case]:
    """Go through what could change the choice, what a person can do something about first."""
    scored = decision.strategy == "score"
    hints = dict(request.hints)
    for name in _resting(table, facts, winner):
        yield _Case(f"with {name} back", request, table, _without(facts, name))
    if not winner.flags & LOCAL and not request.local_only and request.mode != "local":
        yield _Case("--local-only", request.replace(local_only=True), table, facts)
    if winner.quality < 10:
        least = winner.quality + 1
        yield _Case(f"--min-quality {least}", request.replace(min_quality=least), table, facts)
    if limit := _less(request, winner):
        yield _Case(f"--max-cost {limit}", request.replace(max_cost=limit), table, facts)
    if scored:
        word = "false" if table.local_first else "true"
        yield _Case(f"local_first = {word}", request, table.replace(local_first=not table.local_first), facts)
    if scored and "prefer_speed" not in hints:
        hasty = request.replace(hints=(*request.hints, ("prefer_speed", "true")))
        yield _Case("--hint prefer_speed=true", hasty, table, facts)
    for need in _lacking(request, winner):
        yield _Case(f"--needs {need}", request.replace(needs=(*request.needs, need)), table, facts)
    if decision.strategy == VALUE:
        yield from _targets(request, table, facts)
    for strategy in ("cost", "latency"):
        if decision.strategy != strategy:
            yield _Case(f"--strategy {strategy}", request.replace(strategy=strategy), table, facts)


def _targets(request: RouteRequest, table: RoutingTable, facts: Facts) -> Iterator[_Case]:
    """Ask for less and for more than is good enough now."""
    target = table.routing.quality_target if request.quality_target is None else request.quality_target
    for other in (target - 0.1, target + 0.1):
        if 0 < other < 1:
            changed = request.replace(quality_target=round(other, 3))
            yield _Case(f"--quality {other:.3g}", changed, table, facts)


def _resting(table: RoutingTable, facts: Facts, winner: RoutingRow) -> list[str]:
    """Name the provider, if any, that rests or is out of reach and may have had a better one."""
    own = str(table.providers[winner.provider]["id"])
    tired = {ref.partition("/")[0] for ref in facts.resting}
    out = sorted({*facts.cooling, *facts.unreachable, *tired} - {own})
    having = {row.provider for row in table.rows}
    places = {str(entry["id"]): place for place, entry in enumerate(table.providers)}
    return [name for name in out if places.get(name) in having][:1]


def _without(facts: Facts, name: str) -> Facts:
    """Return the facts of a moment when a provider neither rests nor is out of reach."""
    kept = {field: {k: v for k, v in getattr(facts, field).items() if k != name} for field in _OUT}
    rests = {ref: rest for ref, rest in facts.resting.items() if ref.partition("/")[0] != name}
    return facts.replace(**kept, resting=rests)


def _less(request: RouteRequest, winner: RoutingRow) -> str:
    """Return a limit of cost that the winner would just not keep; nothing where it costs nothing."""
    if not winner.input_price and not winner.output_price:
        return ""
    from decimal import ROUND_DOWN, Decimal

    worst = Decimal(str(winner.input_price or 0)) * request.context_size
    worst += Decimal(str(winner.output_price or 0)) * (request.max_tokens or DEFAULT_MAX_TOKENS)
    worst /= 1_000_000
    if not worst:
        return ""
    step = Decimal(1).scaleb(worst.adjusted() - 1)  # two digits are enough to say, and to type
    limit = worst.quantize(step, rounding=ROUND_DOWN)
    return f"{limit if limit < worst else limit - step:f}"


def _lacking(request: RouteRequest, winner: RoutingRow) -> list[str]:
    """Name what the winner is not known to have and the request does not need yet."""
    has = {name for bit, name in enumerate(CAPABILITIES) if winner.yes >> bit & 1}
    return [name for name in ("images", "tools") if name not in has and name not in request.needs][:1]


_OUT = ("cooling", "unreachable", "free_at")
