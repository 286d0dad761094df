"""Route one request: requirements first, then a strategy, then the decision with its reasons.

Turns. `Decision.turns` names the counters of `health.json` that a call moves: the one of `round_robin`, those
that rotate shortlists. Their names do not depend on their values, so whoever is about to call takes them
under that file's lock (`strategy.take_turn`) and decides once more with what it was given; processes that
start together then never share a turn. Who only looks (`route`, `--dry-run`) decides with the counters as
they are and moves none.

Rests. The plan is those who are awake, best first, and then, unless only one may be asked, those who rest in
the order of `rests.in_turn`; `Decision.resting` names them for whoever calls, who asks each of them a single
time. They stay rejections of the decision: it is about who is chosen, and they are not, as long as anybody
else may answer. Where nobody is awake the first of them is chosen, and `Decision.once` is set.
"""

from __future__ import annotations

from typing import NamedTuple

from llmpool.core.deployment import COMPLEXITIES
from llmpool.core.routing import Decision, Facts, Rejection, RouteRequest, RoutingRow, RoutingTable
from llmpool.router import features
from llmpool.router.lineup import Case, Lineup, awoken, lineup, tired
from llmpool.router.rests import Resting

REASONS_TOLD = 5  # rejections in the reasoning when nothing is eligible; the decision has them all


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
    says so, and its rejections why. Where all who may answer rest, the one that is free first leads.
    """
    request = request.replace(strategy=request.strategy or table.routing.strategy)
    case = Case(request, table, facts, features.read(request, table, facts))
    line, plan = _planned(case, named, detail)
    if facts.caps:
        case, line, plan = _undenied(case, named, detail, line, plan)
    last = _at_last(case, line, named, once=not plan)
    first = last[0] if last and not plan else None
    if first is not None:
        line = awoken(line, case, first, alone=len(last) == 1)
    resting = tuple(rest.row.id for rest in last)
    plan = [*plan, *resting]
    decision = _decision(case, line, plan[0] if plan else "", stamp, first)
    return Choice(decision.replace(resting=resting), tuple(plan))


def _undenied(
    case: Case, named: list[RoutingRow] | None, detail: int, line: Lineup, plan: list[str]
) -> tuple[Case, Lineup, list[str]]:
    """Plan once more without own machines, where one would stand in for what a budget refuses."""
    from llmpool.router import caps

    request, facts = case.request, case.facts
    refused, priceless = caps.spent(facts, request, line.rejections), caps.priceless(line.rejections)
    local = request.local_only or (request.mode or case.table.routing.mode) == "local"
    first = next(iter([*plan, *(rest.row.id for rest in line.resting)]), "")
    if not refused or local or not any(row.id == first and caps.is_own(row) for row in case.table.rows):
        return case, line, plan
    free = lineup(case._replace(facts=facts.replace(caps=())), named, 1).order
    best = next((ref for ref in free if ref not in priceless), "")
    if best not in refused:
        return case, line, plan
    case = case._replace(facts=facts.replace(denied=caps.denial(refused[best])))
    return (case, *_planned(case, named, detail))


def _at_last(case: Case, line: Lineup, named: list[RoutingRow] | None, *, once: bool) -> list[Resting]:
    """List those who rest and are asked nevertheless; *once*: nobody is awake, so there is one at least."""
    fallback = case.request.fallback
    is_alone = fallback is False or (fallback is None and named is not None and len(named) == 1)
    if not line.resting or (is_alone and not once):
        return []
    order = tired(line, case)
    found = [rest for rest in order if not rest.told]
    if once and not found:
        found = order[:1]
    return found[:1] if is_alone else found


def _planned(case: Case, named: list[RoutingRow] | None, detail: int) -> tuple[Lineup, list[str]]:
    """Order the attempts: a pin alone, the winner alone if asked; others after the named if asked."""
    line, fallback = lineup(case, named, detail), case.request.fallback
    is_pin = named is not None and len(named) == 1
    if named is None or not fallback:
        return line, line.order[:1] if fallback is False or is_pin else line.order
    beyond = lineup(case._replace(request=case.request.replace(model="")), None, 1)
    plan = line.order[:1] if is_pin else line.order
    plan += [ref for ref in beyond.order if ref not in plan]
    turns = line.turns if line.ranked else beyond.turns
    resting = line.resting + [rest for rest in beyond.resting if rest not in line.resting]
    return line._replace(resting=resting, turns=turns), plan


def _decision(
    case: Case, line: Lineup, selected: str, stamp: tuple[str, str], resting: Resting | None
) -> Decision:
    request, table, _, read = case
    return Decision(
        id=stamp[0],
        at=stamp[1],
        selected=selected,
        strategy=request.strategy,
        mode=request.mode or table.routing.mode,
        complexity=COMPLEXITIES[read.complexity],
        intent=read.intent,
        candidates=tuple(line.ranked),
        rejections=tuple(line.rejections),
        reasoning=_reasoning(case, line, selected, resting),
        no_eligible=not selected,
        query_length=len(request.query.encode("utf-8", "replace")),
        context_size=request.context_size,
        needs=request.needs,
        tool_count=request.tool_count,
        priority=request.priority,
        hints=request.hints,
        requested=request.model,
        options=_options(request),
        notes=tuple(line.notes),
        generation=table.generation,
        turns=line.turns,
        difficulty=_difficulty(request, table),
        once=resting is not None and not resting.held,
        held=resting is not None and resting.held,
    )


def _difficulty(request: RouteRequest, table: RoutingTable) -> float | None:
    """Return how hard the query was judged to be, where the choice went by that."""
    return request.difficulty if table.judges(request.strategy) else None


def _options(request: RouteRequest) -> tuple[tuple[str, object], ...]:
    """Keep what else bound the request, so that a decision can be replayed."""
    kept = (
        *("local_only", "min_quality", "max_cost", "max_tokens", "stated", "exclude", "prefer", "group"),
        *("fallback", "continues", "warm", "tag", "quality_target"),
    )
    told = ((name, getattr(request, name)) for name in kept)
    return tuple((name, value) for name, value in told if value or type(value) in (int, float))  # 0 is said


def _reasoning(case: Case, line: Lineup, selected: str, resting: Resting | None) -> str:
    """Name the winner, its score, what the request looked like, and what bound the choice (6.7)."""
    request, table, _, read = case
    words = f"{COMPLEXITIES[read.complexity]}/{read.intent}"
    if (hard := _difficulty(request, table)) is not None:
        words += f", difficulty {hard:.2f}"
    if not selected:
        return f"nothing eligible ({words}){_told(line.rejections)}"
    if not line.ranked:
        return f"nothing eligible ({words}); {selected} is the configured way out"
    is_preferred = request.prefer in (selected, selected.partition("/")[0])
    how = "is preferred" if is_preferred else _leads(request, selected)
    if resting is not None:
        how = "is waited for" if resting.held else "is tried though it rests"
    text = f"{selected} {how} with {line.ranked[0].score:g} ({words})"
    if request.needs:
        text += f", meets {', '.join(request.needs)}"
    free = table.local_first and any(row.id == selected and not row.cost_tier for row in table.rows)
    return text + (", local first" if free else "")


def _leads(request: RouteRequest, selected: str) -> str:
    """Say that the winner leads, or goes on with a conversation that it likely remembers."""
    is_kept = request.warm and selected == request.continues and not request.prefer
    return "is kept, for its prompt cache is likely warm," if is_kept else "leads"


def _told(rejections: list[Rejection]) -> str:
    """Tell the first rejections by id, and how many more there are."""
    if not rejections:
        return ""
    told = [f"{r.deployment} ({', '.join(r.reasons)})" for r in sorted(rejections)[:REASONS_TOLD]]
    more = len(rejections) - len(told)
    return f": {'; '.join(told)}" + (f" and {more} more" if more else "")
