"""What a pool answers to recorded requests, many times over: each kind of request is decided once.

A decision looks at every deployment, and there may be ten thousand of them; a log has a million decisions, of
a few hundred kinds. So requests that no rule tells apart are decided once (`router.alike`), among the rows of
which one can win (`router.foremost`); where deployments take turns the others are read off the first order,
or decided among the models of the one provider that is asked in any turn. All of this leaves every answer
what it is: tests hold it against deciding each request by itself over all there is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from typing import NamedTuple

from llmpool import decide
from llmpool.budgets import DENY
from llmpool.core.config import MODES
from llmpool.core.ids import split_ref
from llmpool.core.routing import Decision, RouteRequest, RoutingTable
from llmpool.decide import Asked
from llmpool.errors import LlmpoolError, Misuse
from llmpool.router.alike import Alike, Marks, marks
from llmpool.router.foremost import STRATEGIES, Foremost
from llmpool.router.replay import Recorded
from llmpool.router.strategy import ROUND_ROBIN
from llmpool.setup import decisions
from llmpool.setup.quiet import Quiet

MOST_TURNS = 240  # that are decided for requests which are alike, where they must be decided one by one
MOST_SETTLED = 200_000  # answers that are remembered, some 200 bytes each
_TOO_DEAR = "could cost "  # how a reason begins that ends in what it could cost, which tells no two alike


class Answer(NamedTuple):
    """Who is chosen, or why nobody is."""

    selected: str
    reason: str = ""


class _Kind:
    """Requests that are alike: who was chosen in which turn, and what the next turn is decided with.

    After *ring* turns it is the first one's again.
    """

    __slots__ = ("asked", "count", "reason", "ring", "selected", "table", "turns")

    def __init__(self, selected: list[str], reason: str = "") -> None:
        self.selected, self.reason = selected, reason
        self.count, self.ring = 0, len(selected)
        self.asked: Asked | None = None
        self.turns: tuple[str, ...] = ()
        self.table: RoutingTable | None = None


class _Met(NamedTuple):
    """The marks of the windows that a model's rows have or could have, and whether all of them are listed."""

    marks: Marks
    listed: bool


class Answers:
    """Answers of one pool to recorded requests.

    Where deployments take turns they do so among the requests that are alike.
    """

    def __init__(self, pool: Quiet) -> None:
        self.pool = pool
        self.table = pool.table
        self._alike = Alike(self.table)
        self._foremost = Foremost(self.table, pool.facts())
        self._settled: dict[Hashable, Answer] = {}
        self._same: dict[Answer, Answer] = {}
        self._turning: dict[Hashable, _Kind] = {}
        self._met: dict[tuple[str, bool, bool], _Met] = {}

    def key(self, features: Recorded) -> Hashable:
        """Return what all requests share that are decided as this one is."""
        seen = self._seen(features) if features.request.model else None
        return features.force, self._alike.key(features.request, seen)

    def of(self, features: Recorded) -> Answer:
        """Decide, or remember what was decided."""
        key = self.key(features)
        answer = self._settled.get(key)
        if answer is not None:
            return answer
        kind = self._turning.get(key)
        if kind is None:
            kind = self._first(features)
            if kind.ring == 1:
                return self._settle(key, Answer(kind.selected[0], kind.reason))
            self._turning[key] = kind
        place = kind.count % kind.ring
        kind.count += 1
        if place == len(kind.selected):
            kind.selected.append(self._at(kind, place))
        return Answer(kind.selected[place], kind.reason)

    def _settle(self, key: Hashable, answer: Answer) -> Answer:
        """Remember an answer that is the same in any turn; as many as there is room for."""
        if len(self._settled) >= MOST_SETTLED:
            self._settled.clear()
        self._settled[key] = self._same.setdefault(answer, answer)
        return answer

    def _seen(self, features: Recorded) -> Marks | None:
        """Return the marks of the windows that a request meets which names a model; None for any size."""
        request = features.request
        is_wide = bool(request.loose or request.fallback or request.model.strip().lower() in MODES)
        key = (request.model, features.force, is_wide)
        if key not in self._met:
            bare = RouteRequest(model=request.model, difficulty=0.0)
            self._met[key] = self._rows_met(features._replace(request=bare), is_wide=is_wide)
        met = self._met[key]
        return None if request.max_cost is not None and not met.listed else met.marks

    def _rows_met(self, bare: Recorded, *, is_wide: bool) -> _Met:
        """Look at those that carry a name, or at all if *is_wide*; nobody does so at any size, or at none."""
        try:
            with self.pool.among(self._given(bare.request)):
                rows = decisions.understood(self.pool, bare).named or []
        except LlmpoolError:
            rows = []
        windows = [*(row.window for row in rows), *decide.largest(self.pool, rows).values()]
        if is_wide:
            windows += [row.window for row in self.table.rows]
        return _Met(marks(windows), {row.id for row in rows} <= self._foremost.places.keys())

    def _given(self, request: RouteRequest) -> RoutingTable:
        """Return the rows that a request may be given to: the one that it names, or all there are."""
        ref = request.model.strip()
        place = self._foremost.places.get(ref, self._foremost.places.get(self.table.aliases.get(ref, "")))
        if place is None or request.loose or request.fallback or request.exclude or request.prefer:
            return self.table
        return self.table.replace(rows=[self.table.rows[place]])

    def _first(self, features: Recorded) -> _Kind:
        """Decide the first of requests that are alike."""
        try:
            with self.pool.among(self._given(features.request)):
                asked = decisions.understood(self.pool, features)
                decision = self._foremost_of(asked) or decide.choose(self.pool, asked, 1).decision
                if not decision.selected:
                    return _Kind([""], reason_of(decision))
                return self._in_turn(asked, decision)
        except LlmpoolError as error:
            if isinstance(error, Misuse) and not features.request.strategy:
                raise  # it is the setting that asks for what there is not
            return _Kind([""], error.message)

    def _foremost_of(self, asked: Asked) -> Decision | None:
        """Decide among the rows that can win; None where none of them does, or they are not known."""
        request = asked.request
        is_sorted_by_row = (request.strategy or self.table.routing.strategy) in STRATEGIES
        is_kept = request.warm and not request.prefer and request.continues in self._foremost.places
        denies = self.pool.routing["unpriced"] == DENY  # then rows that look alike are told apart by a price
        if asked.named is not None or denies or not (is_sorted_by_row or is_kept):
            return None
        decision = self._chosen(asked, self.table.replace(rows=self._foremost.rows(request)))
        if not decision.candidates or not (is_sorted_by_row or decision.selected == request.continues):
            return None
        return decision

    def _chosen(self, asked: Asked, table: RoutingTable) -> Decision:
        """Choose among the rows of a table."""
        with self.pool.among(table):
            return decide.choose(self.pool, asked, 1).decision

    def _in_turn(self, asked: Asked, decision: Decision) -> _Kind:
        """Say how those take turns of whom the first was chosen."""
        request, selected = asked.request, decision.selected
        kind = _Kind([selected])
        if not decision.turns or request.prefer == selected or _stays(request, selected):
            return kind
        weak = any(c.last_resort for c in decision.candidates if c.deployment == selected)  # who is preferred
        standing = [c.deployment for c in decision.candidates if c.last_resort is weak]
        if decision.strategy == ROUND_ROBIN and standing and not request.prefer:
            return _Kind(standing)
        kind.asked, kind.turns, kind.ring, kind.table = asked, decision.turns, MOST_TURNS, self.pool.table
        if decision.strategy != ROUND_ROBIN and standing and asked.named is None:
            # Its provider has the first place in any turn: what goes round is the order of its models alone.
            own = split_ref(selected)[0]
            kind.table = self.table.replace(rows=[r for r in self.table.rows if split_ref(r.id)[0] == own])
            kind.ring = len([ref for ref in standing if split_ref(ref)[0] == own])
        return kind

    def _at(self, kind: _Kind, place: int) -> str:
        """Decide one of the turns behind the first."""
        if kind.asked is None or kind.table is None:
            return kind.selected[0]
        self.pool.turn(kind.turns, place)
        try:
            return self._chosen(kind.asked, kind.table).selected
        finally:
            self.pool.turn((), 0)


def _stays(request: RouteRequest, selected: str) -> bool:
    """Say whether a conversation goes on where it is, whoever's turn it would be."""
    return request.warm and request.continues == selected and not request.prefer


def reason_of(decision: Decision) -> str:
    """Return the commonest reason why nobody may answer."""
    reasons = Counter("; ".join(map(_plain, each.reasons)) for each in decision.rejections)
    return reasons.most_common(1)[0][0] if reasons else "no model is known"


def _plain(reason: str) -> str:
    """Leave out of a reason how much exactly a request could cost."""
    if not reason.startswith(_TOO_DEAR):
        return reason
    return f"{_TOO_DEAR}more than {reason.rpartition('over ')[2]} USD"
