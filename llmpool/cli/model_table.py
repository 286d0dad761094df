"""The table of `models list`, and what is said beside it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from llmpool.cli.output import plural, window
from llmpool.cli.tables import show as table

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

_SHOWN = ("tools", "images", "thinking")  # what tells chat models apart
_HEADINGS = ("model", "where", ">window", ">~~qual", ">~~~~spd", ">~~~cost", "~~~~~can", "")
_TIME = re.compile(r"(since|asked) (\d{4}-\d\d-\d\dT[\d:.]+Z)")
_NAMED = 5  # dead names, and providers without models, that are told one by one


def show(terminal: Terminal, models: Sequence[dict[str, Any]]) -> None:
    """Show the deployments: a table on a terminal, tab-separated lines without headings in a pipe."""
    with terminal.paged():
        table(terminal, _HEADINGS, list(map(line_of, models)))


def tell_dead(terminal: Terminal, dead: Sequence[dict[str, str]]) -> None:
    """Tell the names that lead nowhere any more, each with what is nearest."""
    if not dead:
        return
    from llmpool.registry.dead import in_words

    for name in dead[:_NAMED]:
        terminal.say(f"note: {in_words(name)}")
    if len(dead) > _NAMED:
        terminal.say(f"note: {plural(len(dead) - _NAMED, 'more name')} of the config lead nowhere")


def tell_silent(terminal: Terminal, silent: Sequence[tuple[str, str]]) -> None:
    """Tell the providers that have nothing to list, each with why."""
    for name, why in silent[:_NAMED]:
        terminal.say(f"note: {name}: {_timed(terminal, why)}")
    if len(silent) > _NAMED:
        terminal.say(f"note: {plural(len(silent) - _NAMED, 'more provider')} without models")


def _timed(terminal: Terminal, why: str) -> str:
    """Write the time in a reason as all times are: how long ago, for a person."""
    found = _TIME.search(why)
    if not found:
        return why
    told = terminal.when(found[2])
    if told != found[2] and found[1] == "since":
        return _TIME.sub(f"for {told.removesuffix(' ago')}", why, count=1)
    return _TIME.sub(f"{found[1]} {told}", why, count=1)


def line_of(model: dict[str, Any]) -> list[str]:
    """Read an entry of the listing as cells; why it is not chosen, or only at last, is a remark."""
    rated, can = model["ratings"], model["capabilities"]
    able = ",".join(name for name in _SHOWN if can.get(name))
    remarks = ["* default" if model.get("default") else ""]
    remarks += [model.get("unavailable_reason") or ("last resort" if model.get("last_resort") else "")]
    remarks += ["flagged"] if "flagged" in model["policy"].values() else []
    remarks += [f"{name} unknown" for name in model.get("unknown", ())]
    figures = (str(rated["quality"]), str(rated["speed"]), str(rated["cost_tier"]))
    cells = (model["id"], model["location"], window(model["context_window"]), *figures, able)
    return [*cells, ", ".join(filter(None, remarks))]
