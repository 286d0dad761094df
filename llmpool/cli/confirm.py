"""Ask before what cannot be undone; off a terminal there is nobody to ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmpool.core.text import shown
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal


def confirm(terminal: Terminal, question: str, *, yes: bool) -> None:
    """Return when the answer is yes; raises Misuse when it is no, or when nobody can be asked."""
    if yes:
        return
    if not terminal.in_is_terminal:
        raise Misuse(f"{question} (nobody can be asked here)", hint="say so beforehand: --yes")
    if ask(terminal, f"{question} [y/N] ").strip().lower() not in ("y", "yes"):
        raise Misuse("nothing was done")


def ask(terminal: Terminal, question: str, *, at_end: str = "") -> str:
    """Ask one question on stderr and read a line of stdin; Ctrl-D answers *at_end*, and ends the line."""
    terminal.err.write(shown(question))
    terminal.err.flush()
    try:
        return input()
    except EOFError:
        terminal.end_line()
        return at_end
