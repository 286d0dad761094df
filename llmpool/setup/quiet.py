"""The pool as another setting would have it, in a moment when nothing rests, and what it answers.

It is compiled in memory; neither the config nor the state is written to.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from math import lcm
from typing import Any, NamedTuple

from llmpool.core.config import Config
from llmpool.core.ids import split_ref
from llmpool.core.policy import Policy
from llmpool.core.routing import Decision, Experience, Facts
from llmpool.errors import LlmpoolError, Misuse
from llmpool.pool import Pool
from llmpool.router.alike import Alike
from llmpool.router.replay import Recorded
from llmpool.setup import decisions
from llmpool.setup.compared import Expected

MOST_TURNS = 240  # that are decided for requests which are alike; rings that are longer are cut


class Quiet(Pool):
    """A pool under another config and other policies, with nothing cooling, out of reach or used up."""

    def __init__(self, pool: Pool, config: Config, policies: Mapping[str, Policy] | None) -> None:
        super().__init__(pool.paths, pool.env, pool.clock)
        vars(self)["config"] = config
        vars(self)["official"] = pool.official
        vars(self)["policies"] = pool.policies if policies is None else dict(policies)
        vars(self)["cost_lines"] = None  # those on disk are of the config on disk
        vars(self)["routing"] = self._compiled() | {"budgets": [], "unpriced": None}  # none is used up
        self._facts = super().facts().replace(cooling={}, unreachable={}, resting={}, free_at={})
        self._turns: dict[str, int] = {}

    def _compiled(self) -> dict[str, Any]:
        from llmpool.registry import compiled
        from llmpool.state import inventory

        seen = inventory.read(self.paths.state)
        return compiled.routing_document(self.registry, seen, self.policies) | {"generation": 0}

    def facts(self) -> Facts:
        """Return the facts of a quiet moment, with the turns as they are taken here."""
        return self._facts.replace(cursors=self._turns)

    def turn(self, names: Iterable[str], number: int) -> None:
        """Let those who take turns by these counters be at this turn, all others at their first."""
        self._turns = dict.fromkeys(names, number)

    def known(self) -> dict[str, Expected]:
        """Return what is expected of each deployment: its columns, and how long it took on average."""
        seen, none = self._facts.experience, Experience()
        return {row.id: Expected(row, seen.get(row.id, none).avg_latency_ms) for row in self.table.rows}


class _Answer(NamedTuple):
    """Who is chosen, or why nobody is; *turns* are the counters that it moves, and go round after *ring*."""

    selected: str
    reason: str = ""
    turns: tuple[str, ...] = ()
    ring: int = 1


class Answers:
    """Answers of one pool to recorded requests; those that are alike to it are decided once.

    Where deployments take turns they do so among the requests that are alike, each turn decided once.
    """

    def __init__(self, pool: Quiet) -> None:
        self.pool = pool
        self.table = pool.table
        self._alike = Alike(self.table)
        self._known: dict[Hashable, list[_Answer]] = {}
        self._asked: Counter[Hashable] = Counter()

    def of(self, features: Recorded) -> _Answer:
        """Decide, or remember what was decided."""
        key = (features.force, self._alike.key(features.request))
        known = self._known.setdefault(key, [])
        place = self._asked[key] % known[0].ring if known else 0
        if place == len(known):
            self.pool.turn(known[0].turns if known else (), place)
            known.append(self._decided(features))
        self._asked[key] += 1
        return known[place]

    def _decided(self, features: Recorded) -> _Answer:
        try:
            decision = decisions.again(self.pool, features)
        except LlmpoolError as error:
            if isinstance(error, Misuse) and not features.request.strategy:
                raise  # it is the setting that asks for what there is not
            return _Answer("", error.message)
        finally:
            vars(self.pool)["table"] = self.table  # an unlisted model was there for one request only
        if decision.selected:
            return _Answer(decision.selected, "", decision.turns, _ring(decision))
        reasons = Counter("; ".join(rejection.reasons) for rejection in decision.rejections)
        return _Answer("", reasons.most_common(1)[0][0] if reasons else "no model is known")


def _ring(decision: Decision) -> int:
    """Return after how many turns the same order comes again: rings are all candidates, or a provider's."""
    if not decision.turns:
        return 1
    sizes = Counter((each.last_resort, "") for each in decision.candidates)
    sizes.update((each.last_resort, split_ref(each.deployment)[0]) for each in decision.candidates)
    return min(lcm(*sizes.values()), MOST_TURNS)
