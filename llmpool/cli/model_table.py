"""The table of `models list`: aligned within the terminal's width, and quick with ten thousand lines.

It is laid out here and not by rich, which takes seconds for as many. An id is never cut, since it is copied:
one too long for its column has a line of its own. So has a remark that does not fit.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.cli.output import columns, plural, window

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

_SHOWN = ("tools", "images", "thinking")  # what tells chat models apart
_HEADINGS = ("MODEL", "WHERE", "WINDOW", "QUAL", "SPD", "COST", "CAN")
_FIGURES = "  {1:5} {2:>6} {3:>4} {4:>3} {5:>4}  "
_WIDTH = 30  # of the figures
_DEEP = 4  # how far what does not fit is indented
_NAMED = 5  # dead names, and providers without models, that are told one by one


class _Line(NamedTuple):
    """One deployment: id, place, figures and what it can as cells, and a remark."""

    cells: tuple[str, ...]
    remark: str


def show(terminal: Terminal, models: Sequence[dict[str, Any]]) -> None:
    """Show the deployments: a table on a terminal, tab-separated lines without headings in a pipe."""
    lines = list(map(line_of, models))
    if terminal.is_terminal:
        width = shutil.get_terminal_size().columns
        terminal.out("\n".join(laid_out(lines, max(width, 2 * _WIDTH))))
    elif lines:
        terminal.out(columns([[*line.cells, line.remark] for line in lines]))


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
        terminal.say(f"note: {name}: {why}")
    if len(silent) > _NAMED:
        terminal.say(f"note: {plural(len(silent) - _NAMED, 'more provider')} without models")


def laid_out(lines: Sequence[_Line], width: int) -> Iterator[str]:
    """Yield the lines of the table, headings first."""
    last = max((len(line.cells[-1]) for line in lines), default=0)
    room = max(width - _WIDTH - last, 12)
    longest = min(room, max((len(line.cells[0]) for line in lines), default=0))
    longest = max(longest, len(_HEADINGS[0]))
    before = ""
    for line in (_Line(_HEADINGS, ""), *lines):
        yield from _drawn(line, longest, width, before)
        before = line.remark


def _drawn(line: _Line, longest: int, width: int, before: str) -> Iterator[str]:
    """Yield one deployment's lines: one, unless its id needs room, or a remark that is not as *before*."""
    name = line.cells[0]
    if len(name) > longest:
        yield name
        name = ""
    start = f"{name:{longest}}" + _FIGURES.format(*line.cells)
    told = [", ".join(filter(None, (line.cells[-1], line.remark)))]
    if line.remark == before:
        told.append("as above")  # a provider without a key has many models
    for text in told:
        if len(start) + len(text) <= width:
            yield (start + text).rstrip()
            return
    yield (start + line.cells[-1]).rstrip()
    yield from _wrapped(line.remark, width - _DEEP)


def _wrapped(text: str, width: int) -> Iterator[str]:
    from textwrap import wrap

    for part in wrap(text, width):
        yield " " * _DEEP + part


def line_of(model: dict[str, Any]) -> _Line:
    """Read an entry of the listing; why it is not chosen, or only at last, is a remark."""
    rated, can = model["ratings"], model["capabilities"]
    able = ",".join(name for name in _SHOWN if can.get(name))
    remarks = ["* default" if model.get("default") else ""]
    remarks += [model.get("unavailable_reason") or ("last resort" if model.get("last_resort") else "")]
    remarks += ["flagged"] if "flagged" in model["policy"].values() else []
    remarks += [f"{name} unknown" for name in model.get("unknown", ())]
    figures = (str(rated["quality"]), str(rated["speed"]), str(rated["cost_tier"]))
    cells = (model["id"], model["location"], window(model["context_window"]), *figures, able)
    return _Line(cells, ", ".join(filter(None, remarks)))
