"""Tables: aligned and within its width on a terminal, tab-separated lines without headings in a pipe."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmpool.cli.output import columns
from llmpool.core.text import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmpool.cli.context import Terminal


def show(terminal: Terminal, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show a table, or nothing of no rows; what the marks in front of headings mean, `layout` says."""
    if not rows:
        return
    told = [[cell(str(each)) for each in row] for row in rows]
    if terminal.for_people:
        from llmpool.cli import layout

        told = [[terminal.writable(each) for each in row] for row in told]
        for line in layout.lines(headings, told, terminal.width, terminal.paint):
            terminal.write(f"{line}\n")
    else:
        terminal.write(f"{columns(told)}\n")
