"""Tables for a terminal; the only module that imports rich, and only when one is shown."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING, Literal

from llmpool.cli.output import columns
from llmpool.core.text import clean

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

RIGHT = ">"  # a heading that starts so is aligned to the right


def show(terminal: Terminal, headings: list[str], rows: list[list[str]]) -> None:
    """Show a table: aligned on a terminal, tab-separated lines without headings in a pipe."""
    if not terminal.is_terminal:
        if rows:
            terminal.out(columns(rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    style = "bold" if terminal.use_color else ""
    table = Table(box=None, pad_edge=False, header_style=style, padding=(0, 2, 0, 0))
    for place, heading in enumerate(headings):
        right = heading.startswith(RIGHT)
        # an id that is folded cannot be copied: the first column and figures stay whole
        whole = place == 0 or right
        justify: Literal["left", "right"] = "right" if right else "left"
        table.add_column(heading.lstrip(RIGHT), justify=justify, overflow="fold", no_wrap=whole)
    for row in rows:
        table.add_row(*(Text(clean(str(cell))) for cell in row))
    width = shutil.get_terminal_size().columns
    console = Console(file=sys.stdout, width=width, no_color=not terminal.use_color, highlight=False)
    console.print(table)
