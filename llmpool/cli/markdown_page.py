"""The lines of an answer, one after another: paragraphs, items, quotes, code, tables, each in its margin."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from llmpool.cli import markdown_lines as lines
from llmpool.cli.markdown_lines import BLANK, CODE, FENCE, HEADING, ITEM, ROW, RULE, TEXT, Fence, Start
from llmpool.cli.markdown_margins import Margins
from llmpool.cli.wrapping import BOLD, DIM, Margin, Wrap
from llmpool.cli.wrapping import CODE as CODE_STYLE

if TYPE_CHECKING:
    from llmpool.cli.markdown_spans import Spans
    from llmpool.cli.markdown_table import Pieces, Table

_DEEPEST = 1000
FLOWING = frozenset({TEXT, ITEM, HEADING})


class Page:
    """What was written so far ends in the middle of a line; `take` goes on from there."""

    def __init__(self, width: int, *, color: bool, drawn: bool) -> None:
        self.wrap = Wrap(width)
        self.spans: Spans | None = None
        self._color, self._drawn = color, drawn
        self._margins = Margins(self.wrap.width, color=color, drawn=drawn)
        if color:
            from llmpool.cli.markdown_spans import Spans

            self.spans = Spans(self._put)
        self._reset()

    def _reset(self) -> None:
        self.head: str | None = ""  # a line whose kind is open; None: it is known
        self.kind = self._before = BLANK  # of this line and the one before
        self.due = False  # whether a line has ended and the next has not begun
        self._ahead: deque[Margin] = deque()  # of lines whose text waits for an earlier mark's partner
        self._depth = 0  # of the quote
        self._in_list = self._shown = False
        self._fence: Fence | None = None
        self._candidate: tuple[int, Start] | None = None  # headings, unless the next line says otherwise
        self._table: Table | None = None
        self._table_margin = Margin()

    def resize(self, width: int) -> None:
        """Go on in a terminal of another width; a table under way keeps its own."""
        self.wrap.resize(width)
        self._margins.width = self.wrap.width

    def end(self) -> None:
        """Write what is held back; what is taken later begins a new answer."""
        if self.head:
            self._open(whole=True)
            self._end_table(ended=False)
        self._end_table(ended=True)
        self._finish()
        self.wrap.settle()
        self._reset()

    def take(self, text: str) -> None:
        """Take the next part of the answer, which may have many lines or be part of one."""
        if "\n" not in text:
            self._more(text)
            return
        first, *others = text.split("\n")
        self._more(first)
        for line in others:
            self._end_line()
            self._more(line)

    def _more(self, text: str) -> None:
        """Take more of a line, which does not end here."""
        if self.head is not None and text:
            room = lines.LONGEST - len(self.head)
            self.head += text[:room]
            text = text[room:]
            self._open(whole=False)
        if text:
            self.body(text)

    def body(self, text: str) -> None:
        """Take more of a line whose kind is known."""
        if self.kind == CODE:
            self.wrap.raw(CODE_STYLE * self._color, text)
        elif self.spans is None:
            self._put(0, text)
        else:
            self.spans.feed(text)

    def _end_line(self) -> None:
        if self.head is not None:
            self._open(whole=True)
        if self.kind in {TEXT, ITEM}:
            self.body("\n")
        elif self.kind != ROW and (self._shown or self.kind != BLANK):
            self._finish()
            self.wrap.newline()
        self._before, self.head = self.kind, ""

    def _finish(self) -> None:
        """End a paragraph: what was held back goes out."""
        if self.spans is not None:
            self.spans.finish()
            self.spans.style = 0
        self._ahead.clear()
        self.due = False

    def _put(self, style: int, text: str) -> None:
        """Write the words of a paragraph; each of its lines begins with its margin."""
        if "\n" not in text and not self.due:
            self.wrap.text(style, text)
            return
        for n, line in enumerate(text.split("\n")):
            if n:
                self._begin_due()
                self.wrap.newline()
                self.due = True
            if line:
                self._begin_due()
                self.wrap.text(style, line)

    def _begin_due(self) -> None:
        if self.due:
            self.due = False
            self.wrap.begin(self._ahead.popleft())

    def _open(self, *, whole: bool) -> None:
        """Find out how a line begins, and begin it; nothing happens where more of it will say."""
        head = self.head or ""
        forced = not whole and len(head) == lines.LONGEST
        if self._goes_on(head, whole=whole, forced=forced):
            return
        quoted = lines.quoted(head, _DEEPEST, whole=whole or forced)
        if quoted is None:
            return
        depth, rest = quoted
        code = not self._in_list and self._before in {BLANK, CODE}
        found = lines.start(rest, whole=whole or forced, code=code)
        if found is None:
            return
        if forced and found.kind in {BLANK, RULE, FENCE, ROW}:
            found = Start(TEXT, "", "", rest)
        self.head = None
        self._begin(depth, found)

    def _goes_on(self, head: str, *, whole: bool, forced: bool) -> bool:
        """Say whether a line belongs to the code or table above it, or may yet."""
        if self._fence is not None:
            return self._goes_on_as_code(self._fence, head, whole=whole, forced=forced)
        if self._candidate is not None:
            return self._goes_on_as_table(self._candidate, head, whole=whole, forced=forced)
        if self._table is not None:
            return self._goes_on_as_row(self._table, head, whole=whole, forced=forced)
        return False

    def _goes_on_as_code(self, fence: Fence, head: str, *, whole: bool, forced: bool) -> bool:
        quoted = lines.quoted(head, fence.depth, whole=whole or forced)
        if quoted is None:
            return True
        depth, rest = quoted
        if depth < fence.depth:
            self._fence = None  # the quote ends, and what is in it
            return False
        if not whole and not forced and fence.may_end_with(rest):
            return True
        self.head, self.kind = None, CODE
        self.wrap.begin(self._margins.quote(depth))
        if whole and fence.ends_with(rest):
            self.kind, self._fence = FENCE, None
            self.wrap.raw(DIM * self._color, rest.rstrip())
        else:
            self.wrap.raw(CODE_STYLE * self._color, rest)
        return True

    def _goes_on_as_table(
        self, candidate: tuple[int, Start], head: str, *, whole: bool, forced: bool
    ) -> bool:
        """Tell headings from a line that only begins like them, by the line below."""
        from llmpool.cli import markdown_table as tables

        quoted = lines.quoted(head, candidate[0], whole=whole or forced)
        may_be = quoted is None or (quoted[0] == candidate[0] and tables.may_be_delimiter(quoted[1]))
        if may_be and not whole and not forced:
            return True
        if whole and quoted and may_be and tables.is_delimiter(quoted[1]):
            self.head, self.kind, self._candidate = None, ROW, None
            self._begin_table(*candidate, quoted[1])
            return True
        self._end_table(ended=True)
        return False

    def _begin_table(self, depth: int, headings: Start, delimiter: str) -> None:
        from llmpool.cli.markdown_table import Table

        self._finish()
        self._depth, self._shown = depth, True
        self._table_margin = margin = self._margins.of(depth, headings)
        room = self.wrap.width - margin.first_width
        self._table = Table(
            headings.rest, delimiter, room, read=self._pieces, color=self._color, drawn=self._drawn
        )

    def _goes_on_as_row(self, table: Table, head: str, *, whole: bool, forced: bool) -> bool:
        quoted = lines.quoted(head, self._depth, whole=whole or forced)
        if quoted is None:
            return True
        depth, rest = quoted
        text = rest.lstrip(" \t")
        if depth == self._depth and not forced:
            if not text and not whole:
                return True
            if text.startswith("|"):
                if whole:
                    self.head, self.kind = None, ROW
                    self._write_rows(table.add(text))
                return True
        self._end_table(ended=True)
        return False

    def _write_rows(self, rows: list[str]) -> None:
        for row in rows:
            self.wrap.begin(self._table_margin)
            self.wrap.out.append(row)
            self.wrap.newline()

    def _end_table(self, *, ended: bool) -> None:
        """Write the rows that are held back, or the line that began like headings; *ended* as a line."""
        if self._table is not None:
            table, self._table = self._table, None
            self._write_rows(table.flush())
        if self._candidate is not None:
            (depth, found), self._candidate = self._candidate, None
            kind, head = self.kind, self.head
            self._begin(depth, found._replace(kind=TEXT))
            if ended:
                self.body("\n")
                self._before = TEXT
                self.kind, self.head = kind, head

    def _pieces(self, cell: str) -> Pieces:
        """Return the text of a cell with its styles."""
        if self.spans is None:
            return [(0, cell)]
        found: Pieces = []
        reader = type(self.spans)(lambda style, text: found.append((style, text)))
        reader.feed(cell)
        reader.finish()
        return found

    def _begin(self, depth: int, found: Start) -> None:
        """Begin a line of a kind."""
        flows = found.kind == TEXT and self._before in {TEXT, ITEM} and depth == self._depth
        if found.kind == ROW:
            self.kind, self._candidate = ROW, (depth, found)
            return
        self.kind = found.kind
        self._shown = self._shown or found.kind != BLANK or depth > 0
        if found.kind == ITEM or (found.kind == FENCE and found.mark):
            self._in_list = True
        elif found.kind in {HEADING, RULE} or (found.kind == TEXT and not found.indent and not flows):
            self._in_list = False
        margin = self._margins.of(depth, found)
        if flows and (self.due or (self.spans is not None and self.spans.waiting)):
            self._ahead.append(margin)
        else:
            self._finish()
            if self._shown:
                self.wrap.begin(margin)
        self._depth = depth
        self._begin_body(found)

    def _begin_body(self, found: Start) -> None:
        if found.kind == RULE:
            self.wrap.raw(DIM * self._color, self._margins.ruler(found.mark, self.wrap.column))
        elif found.kind == FENCE:
            self._fence = Fence.begun(found, self._depth)
            self.wrap.raw(DIM * self._color, found.rest.rstrip())
        elif found.kind == HEADING and self.spans is not None:
            self.spans.style = BOLD
        if found.kind in {CODE, *FLOWING} and found.rest:
            self.body(found.rest)
