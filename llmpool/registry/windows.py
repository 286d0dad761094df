"""Windows that can grow: what a local server could load a model with, beside what it has now (5.2)."""

from __future__ import annotations

from collections.abc import Container, Iterable

from llmpool.core.ids import split_ref
from llmpool.core.inventory import Inventory
from llmpool.core.names import spellings
from llmpool.core.routing import LOCAL, RoutingRow


def most(
    rows: Iterable[RoutingRow], growing: Container[str], inventory: Inventory, declared: Container[str]
) -> dict[str, int]:
    """Return the largest window of each local row whose server could load it with more than it has.

    *growing* are the providers whose servers load a model with the window they are asked for, *declared* the
    deployments whose window is the owner's word: nothing goes beyond that, or a model would be loaded anew
    only to be refused after all (the trap of 5.4).
    """
    found = {}
    for row in rows:
        provider, model = split_ref(row.id)
        if not row.flags & LOCAL or provider not in growing or any(s in declared for s in spellings(row.id)):
            continue
        seen = inventory.observed(provider, model)
        if seen and not seen.remote and seen.max_context > row.window > 0:
            found[row.id] = seen.max_context
    return found
