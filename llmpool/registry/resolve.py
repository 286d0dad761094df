"""Text to deployment: exact id, alias, a name one deployment carries, `:latest` (DESIGN ruling 1)."""

from __future__ import annotations

from difflib import get_close_matches

from llmpool.core.ids import split_ref
from llmpool.core.routing import RoutingRow, RoutingTable
from llmpool.errors import AmbiguousName, UnknownName


def find(ref: str, table: RoutingTable) -> list[RoutingRow]:
    """Find the deployments that *ref* means: one for an id or alias, all that carry a name.

    Nothing raises here; an empty list means nobody carries it.
    """
    ids = {row.id: row for row in table.rows}
    exact = ids.get(ref) or ids.get(table.aliases.get(ref, ""))
    if exact:
        return [exact]
    carried = [row for row in table.rows if split_ref(row.id)[1] == ref]
    if carried:
        return carried
    twin = ref.removesuffix(":latest") if ref.endswith(":latest") else f"{ref}:latest"
    if any(p["id"] == split_ref(ref)[0] for p in table.providers):
        return [ids[twin]] if twin in ids else []
    return [row for row in table.rows if split_ref(row.id)[1] == twin]


def one(ref: str, table: RoutingTable) -> RoutingRow:
    """Find the one deployment that *ref* means; raises UnknownName or AmbiguousName with the candidates."""
    found = find(ref, table)
    if len(found) == 1:
        return found[0]
    if found:
        ids = [row.id for row in found]
        raise AmbiguousName(
            f'"{ref}" is carried by {len(ids)} deployments',
            lines=tuple(ids),
            hint="name one of them",
            details={"candidates": ids},
        )
    raise unknown(ref, table)


def unknown(ref: str, table: RoutingTable) -> UnknownName:
    """Build the error for a name nobody carries, with the nearest ones that exist."""
    near = nearest(ref, table)
    hint = f"did you mean {near[0]}?" if near else "see them all: llmpool models list"
    if any(entry["id"] == ref for entry in table.providers):
        near = [row.id for row in table.rows if row.id.startswith(f"{ref}/")][:5]
        hint = f"{ref} is a provider; its models: llmpool models list {ref}"
    return UnknownName(f'no model "{ref}" is known', hint=hint, details={"candidates": near})


def nearest(ref: str, table: RoutingTable, count: int = 3) -> list[str]:
    """List the ids, names and aliases closest to *ref*, best first; upper case does not matter."""
    names = {split_ref(row.id)[1].lower(): row.id for row in table.rows}
    names |= {alias.lower(): target for alias, target in table.aliases.items()}
    names |= {row.id.lower(): row.id for row in table.rows}
    close = get_close_matches(ref.lower(), names, n=count, cutoff=0.5)
    return list(dict.fromkeys(names[name] for name in close))
