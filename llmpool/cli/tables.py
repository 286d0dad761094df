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
SPARE = "~"  # the column of this heading is left out where there is no room for it
GAP = 2  # blanks between two columns
LEAST = 8  # cells that are left of a column which is not kept whole


def show(terminal: Terminal, headings: list[str], rows: list[list[str]]) -> None:
    """Show a table: aligned on a terminal, tab-separated lines without headings in a pipe."""
    if not terminal.is_terminal:
        if rows:
            terminal.out(columns(rows))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    style, terminal_width = "bold" if terminal.use_color else "", shutil.get_terminal_size().columns
    headings, cells = _fitting(headings, [[clean(str(cell)) for cell in row] for row in rows], terminal_width)
    table = Table(box=None, pad_edge=False, header_style=style, padding=(0, GAP, 0, 0))
    for place, heading in enumerate(headings):
        justify: Literal["left", "right"] = "right" if heading.startswith(RIGHT) else "left"
        whole = _is_whole(place, heading)
        table.add_column(heading.strip(RIGHT + SPARE), justify=justify, overflow="fold", no_wrap=whole)
    for row in cells:
        table.add_row(*map(Text, row))
    # where not even that fits, the terminal breaks the lines: half a figure would be another figure
    width = max(terminal_width, _width(headings, cells))
    console = Console(file=sys.stdout, width=width, no_color=not terminal.use_color, highlight=False)
    console.print(table)


def _is_whole(place: int, heading: str) -> bool:
    """Say whether a column is never folded: an id could not be copied then, a figure not be read."""
    return place == 0 or heading.startswith((RIGHT, SPARE))


def _width(headings: list[str], cells: list[list[str]]) -> int:
    """Return how wide a table is at least."""
    from rich.cells import cell_len

    widths = []
    for place, heading in enumerate(headings):
        widest = max(map(cell_len, [heading.strip(RIGHT + SPARE), *(row[place] for row in cells)]))
        widths.append(widest if _is_whole(place, heading) else min(widest, LEAST))
    return sum(widths) + GAP * (len(widths) - 1)


def _fitting(headings: list[str], cells: list[list[str]], width: int) -> tuple[list[str], list[list[str]]]:
    """Leave out the spare column where the table would be too wide with it."""
    if SPARE not in headings or _width(headings, cells) <= width:
        return headings, cells
    place = headings.index(SPARE)
    headings, *cells = [[*row[:place], *row[place + 1 :]] for row in [headings, *cells]]
    return headings, cells
