"""What may be an alias: a word that means nothing yet, or only what the owner says it may hide."""

from __future__ import annotations

from llmpool.core.config import MODES
from llmpool.core.ids import split_ref
from llmpool.core.names import spellings
from llmpool.core.routing import RoutingTable
from llmpool.core.text import few
from llmpool.core.word import word
from llmpool.errors import Misuse

_OTHER = "choose another alias"


def check(
    table: RoutingTable, target: str, alias: str, *, force: bool = False, by_force: str = "--force"
) -> None:
    """Raise Misuse for a word that cannot be an alias of *target*, or hides a model and not by *force*.

    *by_force* is what a person types to have it all the same. An alias that it has already stays. A name that
    the target carries itself may be its alias: that says which of several is meant.
    """
    means = table.aliases.get(alias)
    if means == target:
        return
    if means is not None:
        hint = f"free it first: llmpool models set {word(means)} --no-alias {word(alias)}"
        raise Misuse(f'alias "{alias}" means {means} already', hint=hint)
    if fault := _unusable(table, alias):
        raise Misuse(f"alias {alias!r} {fault}", hint=_OTHER)
    hidden = [row.id for row in table.rows if split_ref(row.id)[1] in spellings(alias)]
    if hidden and target not in hidden and not force:
        hint = f"{_OTHER}, or have it mean {target} all the same: {by_force}"
        raise Misuse(f'alias "{alias}" would hide {few(hidden, 1)}, called just that', hint=hint)


def _unusable(table: RoutingTable, alias: str) -> str:
    """Say why a word cannot be an alias at all; nothing where it can."""
    if not alias:
        return "is empty"
    if any(c.isspace() or not c.isprintable() for c in alias):
        return "holds blanks or control characters"
    if alias in MODES:
        return "is the name of a mode"
    if any(row.id == alias for row in table.rows):
        return "is the id of a deployment"
    provider, model = split_ref(alias)
    if model and any(entry["id"] == provider for entry in table.providers):
        return f"names a model of {provider}"
    return ""
