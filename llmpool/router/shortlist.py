"""Who stands for a provider when nobody named a model: some of its models (pool-routing-formats 4.5, 5.4)."""

from __future__ import annotations

from operator import itemgetter

from llmpool.core.names import preference
from llmpool.core.routing import RoutingRow, RoutingTable

FEW = 8  # models that all stand, and that are left where words do not part them
MANY = 24  # models that a list may have once it is made of known words
KNOWN = ("claude", "opus", "sonnet", "haiku", "gpt", "glm", "m2.7", "m2.5", "k2.5")
LEADING = ("claude", "codex", "gpt")

_Named = tuple[tuple[str, str], RoutingRow]


def shortlist(rows: list[RoutingRow]) -> list[RoutingRow]:
    """Take of one provider's models those that stand for it, in order of preference."""
    named = [(preference(row.id.partition("/")[2]), row) for row in rows]
    named.sort(key=itemgetter(0), reverse=True)
    return [row for _, row in _short(named)]


def _short(ordered: list[_Named]) -> list[_Named]:
    if len(ordered) <= FEW:
        return ordered
    known = _having(ordered, KNOWN) or ordered
    if len(known) <= MANY:
        return known
    leading = _having(ordered, LEADING) or known
    return leading if len(leading) <= MANY else leading[:FEW]


def _having(ordered: list[_Named], words: tuple[str, ...]) -> list[_Named]:
    return [pair for pair in ordered if any(word in pair[0][0] for word in words)]


def standing(rows: list[RoutingRow]) -> list[list[RoutingRow]]:
    """Return the shortlist of each provider that has rows, providers in the order they are first seen."""
    found: dict[int, list[RoutingRow]] = {}
    for row in rows:
        found.setdefault(row.provider, []).append(row)
    return [shortlist(each) for each in found.values()]


def turn_of(short: list[RoutingRow], table: RoutingTable) -> str:
    """Name the counter that rotates a shortlist; one of a single model has none."""
    return f"auto_provider:{table.providers[short[0].provider]['id']}" if len(short) > 1 else ""
