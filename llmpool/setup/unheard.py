"""Names in a filter that nobody has: neither the config, nor what was observed, nor any record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from llmpool.core.ids import split_ref
from llmpool.core.near import near
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool
from llmpool.state import collect
from llmpool.usage.rollup import DEPLOYMENTS, Days
from llmpool.usage.span import Span

NAMED = ("provider", "deployment", "model")
_NEAR = 3  # names that may have been meant


def unheard(pool: Pool, filters: Mapping[str, str]) -> Iterator[tuple[str, str, list[str]]]:
    """Yield what each filter is of, the name in it that nobody has, and the names nearest to it."""
    asked = {name: filters[name] for name in NAMED if filters.get(name)}
    if not asked:
        return
    recorded, configured = _recorded(pool), _configured(pool)
    for name, value in asked.items():
        known = recorded[name] | configured[name]
        if value not in known:
            yield name, value, _near(value, known)


class _Heard:
    """The deployments that blocks have cells of; of these the names alone are looked at."""

    def __init__(self) -> None:
        self.deployments: set[str] = set()

    def begin(self) -> None:
        """Forget what was heard by now."""
        self.deployments.clear()

    def add(self, days: Days) -> None:
        """Hear of a block."""
        for day in days.values():
            self.deployments.update(who.deployment for who in day.cells)


def _recorded(pool: Pool) -> dict[str, set[str]]:
    """Gather the names that any record has, whenever it is of."""
    heard = _Heard()
    collect.collect(pool.paths.state, Span("", ""), now=pool.clock(), view=DEPLOYMENTS, into=heard)
    return _names(heard.deployments)


def _configured(pool: Pool) -> dict[str, set[str]]:
    """Gather the names that the config has, and what its providers have listed."""
    try:
        found = _names(row.id for row in pool.table.rows)
        found["provider"] |= {str(entry["id"]) for entry in pool.table.providers}
    except LlmpoolError:  # a config that cannot be read is no reason not to know what was used
        return {name: set() for name in NAMED}
    return found


def _names(ids: Iterable[str]) -> dict[str, set[str]]:
    """Take deployments apart into what a filter may name."""
    refs = list(ids)
    pairs = [split_ref(ref) for ref in refs]
    return {
        "provider": {provider for provider, _ in pairs},
        "deployment": set(refs),
        "model": {model for _, model in pairs if model},
    }


def _near(value: str, known: Iterable[str]) -> list[str]:
    """List the names nearest to one; upper case does not matter, and a part that fits is near."""
    names = sorted(known)
    close = near(value, names, most=_NEAR)
    close += [name for name in names if value.lower() in name.lower() and name not in close]
    return close[:_NEAR]
