"""The order in which deployments are to be tried for one request, and who is left out of it."""

from __future__ import annotations

from collections.abc import Container
from typing import NamedTuple

from llmpool.core.routing import (
    LAST_RESORT,
    VALUE,
    Candidate,
    Facts,
    Rejection,
    RouteRequest,
    RoutingRow,
    RoutingTable,
)
from llmpool.router import eligible, features, rests, score
from llmpool.router.features import Features
from llmpool.router.rests import Resting

BY_AFFINITY = ("priority", "latency")  # strategies that look at `Facts.affinity`


class Case(NamedTuple):
    """One request, its strategy settled, with the features read of it and the world it meets."""

    request: RouteRequest
    table: RoutingTable
    facts: Facts
    read: Features

    @property
    def is_scored(self) -> bool:
        """Whether points decide, providers' cooldowns among them."""
        return self.request.strategy == "score"


class Lineup(NamedTuple):
    """Who may answer: *ranked* ones, *spare* ones that the config names, and who of both is resting.

    *turns* are the counters that a call moves.
    """

    ranked: list[Candidate]
    spare: list[str]
    resting: list[Resting]
    rejections: list[Rejection]
    notes: list[str]
    turns: tuple[str, ...]

    @property
    def order(self) -> list[str]:
        """The ranked ones, then the spare ones."""
        first = [candidate.deployment for candidate in self.ranked]
        return first + [ref for ref in self.spare if ref not in first]


def lineup(case: Case, named: list[RoutingRow] | None, detail: int) -> Lineup:
    """Filter by the requirements, part off who rests, rank the others, add what the config names."""
    request, table, facts, read = case
    is_named = named is not None
    verdict = eligible.check(table.rows if named is None else named, request, table, facts, is_named)
    awake, resting = rests.parted(verdict.rows, table, facts, scored=case.is_scored)
    if request.continues:
        from llmpool.router import continuing

        awake = continuing.first_of_equals(awake, request)
    rejections = verdict.rejections + [rest.rejection for rest in resting]
    notes = [*features.misread(request, table), *verdict.notes]
    turns: tuple[str, ...] = ()
    if case.is_scored:
        ranked = score.rank(awake, read, facts, detail)
    elif request.strategy == VALUE:
        ranked, remarks = _by_value(awake, case)
        notes += remarks
    else:
        from llmpool.router import strategy

        ranked, passed_over, turns = strategy.rank(request.strategy, awake, table, facts, named=is_named)
        rejections += passed_over
        notes += _shortened(len(ranked), len(awake))
    ranked, avoided = _last_resorts_last(ranked, awake), rests.avoided(table, facts)
    if request.continues:
        if request.strategy == VALUE and (short := _short(ranked, case)):
            notes.append(short)
        else:
            ranked, rejections, moved = continuing.kept(ranked, awake, rejections, request, avoided)
            notes += moved
    ranked, unmet = _prefer(ranked, request.prefer, avoided)
    spare: list[str] = []
    if not is_named:
        spare, tired = _spare(case, lacking=not ranked)
        resting += [rest for rest in tired if rest not in resting]
    return Lineup(ranked, spare, resting, rejections, notes + unmet, turns)


def tired(line: Lineup, case: Case) -> list[Resting]:
    """Order those of a lineup who rest as they are worth asking; equals as the strategy ranks them."""
    rows = [rest.row for rest in line.resting]
    ranked = _ranked(rows, case) if len(rows) > 1 else []
    return rests.in_turn(line.resting, [candidate.deployment for candidate in ranked])


def awoken(line: Lineup, case: Case, first: Resting, *, alone: bool) -> Lineup:
    """Let the *first* of those who rest lead, where all do; the last of the notes says so (ruling 10).

    *alone*: nobody is asked after it.
    """
    ref = first.row.id
    others = "all who may answer are resting" if len(line.resting) > 1 else "nobody else may answer"
    tried = "waited for" if first.held else "tried all the same" if alone else "tried first"
    return line._replace(
        ranked=_last_resorts_last(_ranked([first.row], case), [first.row]),
        rejections=[rejection for rejection in line.rejections if rejection.deployment != ref],
        notes=[*line.notes, f"{others}; {ref} is {tried} ({'; '.join(first.reasons)})"],
        turns=(),
    )


def _ranked(rows: list[RoutingRow], case: Case) -> list[Candidate]:
    """Rank *rows*, all of them."""
    request, table, facts, read = case
    if case.is_scored:
        return score.rank(rows, read, facts, 1)
    if request.strategy == VALUE:
        return _by_value(rows, case)[0]
    from llmpool.router import strategy

    return strategy.rank(request.strategy, rows, table, facts, named=True).candidates


def _by_value(rows: list[RoutingRow], case: Case) -> tuple[list[Candidate], list[str]]:
    """Rank by what is good enough for this prompt; last resorts are put behind by whoever asks."""
    from llmpool.router import value

    difficulty = value.MIDDLING if case.request.difficulty is None else case.request.difficulty
    ranked = value.rank(rows, case.table, case.facts, difficulty, _target(case))
    return ranked, value.remark(ranked, _target(case))


def _short(ranked: list[Candidate], case: Case) -> str:
    """Say why a warm conversation goes on elsewhere: who has it is not good enough for what is asked now."""
    from llmpool.router import value

    request = case.request
    return (
        value.short(ranked, request.continues, _target(case)) if request.warm and not request.prefer else ""
    )


def _target(case: Case) -> float:
    own = case.request.quality_target
    return case.table.routing.quality_target if own is None else own


def _shortened(standing: int, count: int) -> list[str]:
    if standing == count:
        return []
    return [f"{standing} of {count} deployments are on their providers' shortlists; -m NAME asks any of them"]


def _last_resorts_last(ranked: list[Candidate], rows: list[RoutingRow]) -> list[Candidate]:
    """Put deployments below `auto_min_quality` behind all others, whatever they score (ruling 6)."""
    weak = {row.id for row in rows if row.flags & LAST_RESORT}
    if not weak:
        return ranked
    strong = [c for c in ranked if c.deployment not in weak]
    return strong + [c._replace(last_resort=True) for c in ranked if c.deployment in weak]


def _prefer(ranked: list[Candidate], ref: str, avoided: Container[str]) -> tuple[list[Candidate], list[str]]:
    """Move the preferred deployment, or the first of the preferred provider, to the front of the rest.

    Not one of a provider that is to be left alone: a preference is no reason to wait for a dead server.
    """
    if not ref or not ranked:
        return ranked, []
    found = next((c for c in ranked if c.deployment == ref or c.deployment.startswith(ref + "/")), None)
    if found is None or found.deployment.partition("/")[0] in avoided:
        return ranked, [f"{ref} is preferred, but may not answer now"]
    return [found, *(c for c in ranked if c is not found)], []


def _spare(case: Case, *, lacking: bool) -> tuple[list[str], list[Resting]]:
    """List fallbacks, default and recovery model that meet the requirements themselves (ruling 3)."""
    request, table, facts, _ = case
    wanted = [*table.routing.fallbacks, *([table.default_model] if lacking else []), table.recovery_model]
    order = list(dict.fromkeys(each for ref in wanted if ref for each in meant(ref, table)))
    rows = [row for row in table.rows if row.id in order] if order else []
    met = eligible.check(rows, request, table, facts, named=True, by_config=True).rows if rows else []
    awake, resting = rests.parted(met, table, facts, scored=case.is_scored)
    ready = {row.id for row in awake}
    return [ref for ref in order if ref in ready], resting


def meant(ref: str, table: RoutingTable) -> list[str]:
    """List whom a name in the config means: one by its id or alias, else all who carry it (ruling 1)."""
    ref = table.aliases.get(ref, ref)
    if "/" in ref:
        return [ref]
    from llmpool.core.names import spellings

    return [row.id for row in table.rows if row.id.partition("/")[2] in spellings(ref)]
