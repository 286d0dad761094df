"""What stands left of a line: the marks of quotes, blanks, the mark of an item or a heading."""

from __future__ import annotations

from llmpool.cli.markdown_lines import BLANK, FENCE, HEADING, ITEM, Start
from llmpool.cli.wrapping import DIM, Margin, styled
from llmpool.core.cells import width as columns

_RULER = 72  # the longest line that is drawn


class Margins:
    """Margins for a width of the terminal, with or without colour and drawn lines."""

    def __init__(self, width: int, *, color: bool, drawn: bool) -> None:
        self.width, self._color, self._drawn = width, color, drawn

    def ruler(self, mark: str, column: int) -> str:
        """Return what a rule looks like that begins in a column."""
        if not self._color:
            return mark.rstrip()
        return ("─" if self._drawn else "-") * min(self.width - column, _RULER)

    def of(self, depth: int, found: Start) -> Margin:
        """Return what stands left of a line that begins so, and of the lines it is broken into."""
        quote = self.quote(depth, empty=found.kind == BLANK)
        indent = min(columns(found.indent.expandtabs(4)), self.width // 2)
        mark = found.mark.replace("\t", " ") if found.kind in {ITEM, FENCE} else ""
        if self._color and self._drawn and mark[:1] in {"-", "*", "+"}:
            mark = "•" + mark[1:]
        if found.kind == HEADING:
            mark = found.mark + " "
        if not found.rest:
            mark = mark.rstrip()
        size = quote.rest_width + indent
        hang = size + len(mark) if size + len(mark) <= self.width // 2 else size
        shown = styled(DIM * (self._color and found.kind == HEADING), mark)
        blanks = " " * indent
        return Margin(
            f"{quote.first}{blanks}{shown}",
            size + len(mark),
            f"{quote.rest}{blanks}{' ' * (hang - size)}",
            hang,
        )

    def quote(self, depth: int, *, empty: bool = False) -> Margin:
        """Return the marks of a quote; one that is very deep is shown less deep."""
        shown = min(depth, self.width // 8)
        marks = ("│ " if self._color and self._drawn else "> ") * shown
        marks = marks.rstrip() if empty else marks
        text = styled(DIM * self._color, marks)
        return Margin(text, len(marks), text, len(marks))
