"""The pool as another setting would have it, in a moment when nothing rests.

It is compiled in memory; neither the config nor the state is written to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from llmpool.budgets import DENY
from llmpool.core.config import Config
from llmpool.core.policy import Policy
from llmpool.core.record import plain
from llmpool.core.routing import Experience, Facts, RoutingTable
from llmpool.pool import Pool
from llmpool.registry import compiled
from llmpool.setup.compared import Expected
from llmpool.usage.budgets import ANY

_HOW = ("strategy", "mode", "quality_target")  # keys of [routing] that no deployment differs by


class Quiet(Pool):
    """A pool under another config and other policies, with nothing cooling, out of reach or used up."""

    def __init__(
        self,
        pool: Pool,
        config: Config,
        policies: Mapping[str, Policy] | None,
        other: Quiet | None = None,
    ) -> None:
        """Compile it; only what differs from the *other*, where that is no more than how one is chosen."""
        super().__init__(pool.paths, pool.env, pool.clock)
        vars(self)["config"] = config
        vars(self)["official"], vars(self)["inventory"] = pool.official, pool.inventory
        vars(self)["policies"] = pool.policies if policies is None else dict(policies)
        vars(self)["cost_lines"] = None  # those on disk are of the config on disk
        if other is not None and policies is None and _choosing_as(other.config, config) == config:
            vars(self)["routing"] = other.routing | {"routing": plain(config.routing)}
        else:
            vars(self)["routing"] = _without_budgets(self._compiled())
        self._facts = super().facts().replace(cooling={}, unreachable={}, resting={}, free_at={})
        self._turns: dict[str, int] = {}

    def _compiled(self) -> dict[str, Any]:
        dear = self.prices.dear(self.registry.deployments)
        document = compiled.routing_document(self.registry, self.inventory, self.policies, dear)
        return document | {"generation": 0}

    def facts(self) -> Facts:
        """Return the facts of a quiet moment, with the turns as they are taken here."""
        return self._facts.replace(cursors=self._turns)

    def turn(self, names: Iterable[str], number: int) -> None:
        """Let those who take turns by these counters be at this turn, all others at their first."""
        self._turns = dict.fromkeys(names, number)

    @contextmanager
    def among(self, table: RoutingTable) -> Iterator[None]:
        """Decide among the rows of *table* inside the block, and as before after it.

        A model that nobody lists, which deciding takes into the table, is there for the block only.
        """
        before, vars(self)["table"] = self.table, table
        try:
            yield
        finally:
            vars(self)["table"] = before

    def known(self) -> dict[str, Expected]:
        """Return what is expected of each deployment: its columns, and how long it took on average."""
        seen, none = self._facts.experience, Experience()
        return {row.id: Expected(row, seen.get(row.id, none).avg_latency_ms) for row in self.table.rows}


def _without_budgets(document: dict[str, Any]) -> dict[str, Any]:
    """Leave budgets out, as none is used up; one over everything still keeps out what has no price."""
    whole = [each for each in document["budgets"] if each["scope"] == ANY and each["tag"] is None]
    holds = any(each["on_exceed"] != "warn" for each in whole)
    return document | {"budgets": [], "unpriced": document["unpriced"] or (DENY if holds else None)}


def _choosing_as(config: Config, other: Config) -> Config:
    """Return a config that chooses among the same deployments as the *other* does."""
    how = {name: getattr(other.routing, name) for name in _HOW}
    return config.replace(routing=config.routing.replace(**how))
