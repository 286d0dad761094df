"""Groups: members are providers x models, and a request that names a group stays in it (DESIGN ruling 3)."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from llmpool.core.config import Group
from llmpool.core.names import spellings
from llmpool.core.routing import Facts, RoutingRow, RoutingTable


def takes(group: Group, provider: str) -> bool:
    """Say whether a provider may have members in a group; an absent list means all."""
    return group.providers is None or provider in group.providers


def has(group: Group, provider: str, model: str) -> bool:
    """Say whether a provider's model is a member.

    A pattern means a model's name, in any spelling, or with a provider in front the whole id.
    """
    if not takes(group, provider):
        return False
    if group.models is None:
        return True
    names = (*spellings(model), f"{provider}/{model}")
    return any(fnmatchcase(name, pattern) for pattern in group.models for name in names)


def members(group: Group, table: RoutingTable) -> Iterator[RoutingRow]:
    """Go through the deployments of a group, in the order of the table."""
    for row in table.rows:
        provider = str(table.providers[row.provider]["id"])
        if has(group, provider, row.id[len(provider) + 1 :]):
            yield row


def missing(group: Group, table: RoutingTable, facts: Facts) -> list[str]:
    """Name what a group counts on and does not find: providers without models, models nobody lists."""
    entries = {str(entry["id"]): entry for entry in table.providers}
    listing = {str(table.providers[row.provider]["id"]) for row in table.rows}
    silent = [name for name in group.providers or () if name not in listing]
    told = [_silence(name, entries.get(name), facts) for name in silent]
    if group.providers == ():
        told.append("its list of providers is empty")
    if group.models == ():
        told.append("its list of models is empty")
    where = f" at {', '.join(group.providers)}" if group.providers else ""
    return told + [f"nothing matches {each}{where}" for each in _unmatched(group, table)]


def why_empty(group: Group, table: RoutingTable, facts: Facts) -> str:
    """Say why a group leaves nobody to answer: its members are all rejected, or it has none."""
    count = sum(1 for _ in members(group, table))
    fact = f"group {group.name} has no deployment"
    if count == 1:
        fact = f"the one deployment of group {group.name} may not answer"
    elif count:
        fact = f"none of the {count} deployments of group {group.name} may answer"
    return ": ".join([fact, "; ".join(missing(group, table, facts))]).removesuffix(": ")


def _silence(name: str, entry: dict[str, Any] | None, facts: Facts) -> str:
    """Say why a provider has no models to offer, as far as that is known."""
    if entry is None:
        return f"{name} is not configured"
    if not entry.get("enabled", True):
        return f"{name} is disabled"
    known = next(
        (told[name] for told in (facts.unreachable, facts.keyless, facts.cooling) if name in told), ""
    )
    asked = "it lists none" if entry.get("fetched_at") else f"never listed; llmpool refresh {name}"
    return f"{name} has no models ({known or asked})"


def _unmatched(group: Group, table: RoutingTable) -> list[str]:
    """List the patterns of a group that mean no deployment of its providers."""
    return [
        pattern
        for pattern in group.models or ()
        if next(members(group.replace(models=(pattern,)), table), None) is None
    ]
