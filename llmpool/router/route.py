"""Route one request: requirements first, then a strategy, then the decision with its reasons."""

from __future__ import annotations

from typing import NamedTuple

from llmpool.core.deployment import COMPLEXITIES
from llmpool.core.routing import (
    LAST_RESORT,
    LOCAL,
    Candidate,
    Decision,
    Facts,
    Rejection,
    RouteRequest,
    RoutingRow,
    RoutingTable,
)
from llmpool.router import eligible, features, score
from llmpool.router.strategy import RANKERS, turn_of


class Choice(NamedTuple):
    """What routing leaves: the decision, and the order in which deployments are to be tried."""

    decision: Decision
    plan: tuple[str, ...]


def route(
    request: RouteRequest,
    table: RoutingTable,
    facts: Facts,
    *,
    named: list[RoutingRow] | None = None,
    stamp: tuple[str, str] = ("", ""),
    detail: int = 0,
) -> Choice:
    """Choose among the table's rows, or among those that a caller *named*; *stamp* is (id, time).

    The best *detail* candidates carry their rule hits, all of them with 0.

    Pure: the same arguments give the same decision. Nothing is raised when nothing is eligible; the decision
    says so, and its rejections why.
    """
    strategy = request.strategy or table.routing.strategy
    read = features.read(request, table, facts)
    verdict = eligible.check(table.rows if named is None else named, request, table, facts, named is not None)
    usable, resting = (verdict.rows, []) if strategy == "score" else _rested(verdict.rows, table, facts)
    if strategy == "score":
        ranked = score.rank(usable, read, facts, detail)
    else:
        ranked = RANKERS[strategy](usable, table, facts)
    ranked = _prefer(_last_resorts_last(ranked, usable), request.prefer)
    spare = [] if named is not None else _spare(ranked, request, table, facts)
    pinned = named is not None and len(named) == 1
    plan = _plan(ranked, spare, request, pinned=pinned)
    if named is not None and request.fallback:
        beyond = route(request.replace(model=""), table, facts, detail=1).plan
        plan += tuple(ref for ref in beyond if ref not in plan)
    selected = plan[0] if plan else ""
    rejections = (*verdict.rejections, *resting)
    decision = Decision(
        id=stamp[0],
        at=stamp[1],
        selected=selected,
        strategy=strategy,
        mode=request.mode or table.routing.mode,
        complexity=COMPLEXITIES[read.complexity],
        intent=read.intent,
        candidates=tuple(ranked),
        rejections=rejections,
        reasoning=_reasoning(selected, ranked, read, request, table),
        no_eligible=not selected,
        query_length=len(request.query.encode("utf-8", "replace")),
        context_size=request.context_size,
        needs=request.needs,
        tool_count=request.tool_count,
        priority=request.priority,
        hints=request.hints,
        requested=request.model,
        options=_options(request),
        notes=tuple(verdict.notes),
        generation=table.generation,
        turn=turn_of(usable, table) if strategy == "round_robin" else "",
    )
    return Choice(decision, plan)


def _rested(
    rows: list[RoutingRow], table: RoutingTable, facts: Facts
) -> tuple[list[RoutingRow], list[Rejection]]:
    """Filter providers in cooldown or out of reach: points in `score`, a filter elsewhere (ruling 2)."""
    out = {**facts.cooling, **facts.unreachable}
    if not out or sum(bool(provider["enabled"]) for provider in table.providers) <= 1:
        return rows, []
    names = [str(provider["id"]) for provider in table.providers]
    kept = [row for row in rows if names[row.provider] not in out]
    return kept, [Rejection(r.id, (out[names[r.provider]],)) for r in rows if names[r.provider] in out]


def _last_resorts_last(ranked: list[Candidate], rows: list[RoutingRow]) -> list[Candidate]:
    """Put deployments below `auto_min_quality` behind all others, whatever they score (ruling 6)."""
    weak = {row.id for row in rows if row.flags & LAST_RESORT}
    if not weak:
        return ranked
    strong = [c for c in ranked if c.deployment not in weak]
    return strong + [c._replace(last_resort=True) for c in ranked if c.deployment in weak]


def _prefer(ranked: list[Candidate], ref: str) -> list[Candidate]:
    """Move the preferred deployment, or the first of the preferred provider, to the front of the rest."""
    if not ref:
        return ranked
    found = next((c for c in ranked if c.deployment == ref or c.deployment.startswith(ref + "/")), None)
    return [found, *(c for c in ranked if c is not found)] if found else ranked


def _spare(ranked: list[Candidate], request: RouteRequest, table: RoutingTable, facts: Facts) -> list[str]:
    """List fallbacks, default and recovery model that meet the requirements themselves (ruling 3)."""
    wanted = [*table.routing.fallbacks, *([] if ranked else [table.default_model]), table.recovery_model]
    named = {table.aliases.get(ref, ref) for ref in wanted if ref}
    if not named:
        return []
    rows = [row for row in table.rows if row.id in named]
    met = {row.id for row in eligible.check(rows, request, table, facts, named=True).rows}
    order = [table.aliases.get(ref, ref) for ref in wanted]
    return [ref for n, ref in enumerate(order) if ref in met and ref not in order[:n]]


def _plan(
    ranked: list[Candidate], spare: list[str], request: RouteRequest, *, pinned: bool
) -> tuple[str, ...]:
    """Order the attempts: ranked candidates, then what the owner configured; the winner alone if asked."""
    order = [c.deployment for c in ranked]
    order += [ref for ref in spare if ref not in order]
    return tuple(order[:1] if request.fallback is False or pinned else order)


def _options(request: RouteRequest) -> tuple[tuple[str, object], ...]:
    """Keep what else bound the request, so that a decision can be replayed."""
    kept = ("local_only", "min_quality", "max_cost", "max_tokens", "exclude", "prefer", "group", "fallback")
    return tuple(
        (name, value) for name in kept if (value := getattr(request, name)) not in (None, "", (), False)
    )


def _reasoning(
    selected: str,
    ranked: list[Candidate],
    read: features.Features,
    request: RouteRequest,
    table: RoutingTable,
) -> str:
    words = f"{COMPLEXITIES[read.complexity]}/{read.intent}"
    if not selected:
        return f"nothing eligible ({words})"
    if not ranked:
        return f"nothing eligible ({words}); {selected} is the configured way out"
    text = f"{selected} leads with {ranked[0].score:g} ({words})"
    if request.needs:
        text += f", meets {', '.join(request.needs)}"
    local = next((row.flags & LOCAL for row in table.rows if row.id == selected), 0)
    return text + (", local first" if table.local_first and local else "")
