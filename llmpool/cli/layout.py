"""How a table is laid out on so many columns: no id and no figure is ever cut, words go on in the next line.

What has no room beside the others goes first where it may; an id too long for its column has a line of its
own, a remark too; and where not even that is enough, each row becomes a short list of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from llmpool.core import cells

RIGHT = ">"  # marks in front of a heading: aligned to the right
SPARE = "~"  # left out where there is no room; what has more of them goes earlier
WHOLE = "="  # an id: never broken
STATE = "!"  # has the colour of its word
GAP = 2  # blanks between two columns
_LEAST = 12  # cells that are left of a column which is not kept whole
_LEAST_ID = 16
_OF_IDS = 0.3  # of the width, so that not every id has a line of its own
_OF_TEN = (9, 10, 7, 5, 3, 0)  # ids that may have room on their line before words get more
_SAMPLE = 100  # rows that tell how many lines all of them take
_DEEP = 4  # how far what does not fit is indented
_NARROW = 40  # columns below which it is indented less

Paint = Callable[[str, str], str]
Line = list[tuple[int, str, str]]  # pieces with where they begin, and the style of each


class Column(NamedTuple):
    """One column: its heading without marks, and how it is treated."""

    heading: str
    right: bool = False
    spare: int = 0
    whole: bool = False
    state: bool = False


def column(heading: str, place: int) -> Column:
    """Read a heading with its marks; the first column holds ids unless it says otherwise."""
    name = heading.lstrip(RIGHT + SPARE + WHOLE + STATE)
    marks = heading[: len(heading) - len(name)]
    whole = WHOLE in marks or (place == 0 and RIGHT not in marks)
    return Column(name, RIGHT in marks, marks.count(SPARE), whole, STATE in marks)


def lines(headings: Sequence[str], rows: Sequence[Sequence[str]], width: int, paint: Paint) -> Iterator[str]:
    """Yield the lines of a table; *paint* gives a text the style of a name."""
    columns = [column(heading, place) for place, heading in enumerate(headings)]
    natural = [max(map(cells.width, (c.heading, *(r[at] for r in rows)))) for at, c in enumerate(columns)]
    remark = len(columns) - 1 if len(columns) > 1 and not columns[-1].heading else -1
    empty = {at for at, c in enumerate(columns) if c.spare and rows and not any(row[at] for row in rows)}
    kept = _kept(columns, natural, width, {remark} | empty)
    if not kept:
        yield from _stacked(columns, rows, width, paint)
        return
    shared = _Shares(columns, natural, rows).of(kept, width, remark)
    table = _Table([columns[at] for at in kept], shared, width, paint)
    heads = [columns[at].heading.upper() for at in kept]
    if any(heads):
        yield from (paint(line, "head") for line in table.row(heads))
    before = ""
    for row in rows:
        said = row[remark] if remark >= 0 else ""
        yield from table.row([row[at] for at in kept], said, before)
        before = said


def _least(column: Column, natural: int, width: int) -> int:
    """Return how narrow a column may be where there is so much room in all."""
    if column.whole:
        return min(natural, max(_LEAST_ID, int(width * _OF_IDS)))
    if column.right or (column.spare and not column.state):
        return natural
    return min(natural, _LEAST)


def _kept(columns: Sequence[Column], natural: Sequence[int], width: int, out: set[int]) -> list[int]:
    """Choose the columns there is room for, without those *out*; none where the least of them do not fit."""
    kept = [at for at in range(len(columns)) if at not in out]
    while sum(_least(columns[at], natural[at], width) + GAP for at in kept) - GAP > width:
        spare = [at for at in kept if columns[at].spare]
        if not spare:
            return []
        kept.remove(max(spare, key=lambda at: (columns[at].spare, at)))
    return kept


class _Shares:
    """How the width is shared out among the columns that are kept."""

    def __init__(
        self, columns: Sequence[Column], natural: Sequence[int], rows: Sequence[Sequence[str]]
    ) -> None:
        self.columns, self.natural, self.rows = columns, natural, rows

    def of(self, kept: Sequence[int], width: int, remark: int) -> list[int]:
        """Return the widths: each has its least; what is left goes to ids and words as it makes fewest lines.

        So many of ten ids have room on their line before words get more; of ways as good, the first is taken.
        """
        least = {at: _least(self.columns[at], self.natural[at], width) for at in kept}
        room = width - sum(least.values()) - GAP * (len(kept) - 1)
        wordy = remark >= 0 or any(not self.columns[at].whole and self._lacks(at, least) for at in kept)
        if not wordy or sum(self.natural[at] for at in kept) + GAP * (len(kept) - 1) <= width:
            return self._shared(kept, least, room, 10)
        ways = [self._shared(kept, least, room, ids) for ids in _OF_TEN]
        return min(ways, key=lambda widths: self._height(kept, widths, remark, width))

    def _shared(self, kept: Sequence[int], least: dict[int, int], room: int, ids: int) -> list[int]:
        """Share out the room: *ids* of ten come first for more, then who wants the least."""
        widths = dict(least)
        most = {at: self._most(at, ids) for at in kept}
        for wanted in (most, self.natural):
            for at in sorted(kept, key=lambda at: (not self.columns[at].whole, self._lacks(at, widths))):
                more = max(0, min(room, wanted[at] - widths[at]))
                widths[at] += more
                room -= more
        return [widths[at] for at in kept]

    def _lacks(self, at: int, widths: dict[int, int]) -> int:
        return self.natural[at] - widths[at]

    def _most(self, at: int, ids: int) -> int:
        """Return how wide so many of ten ids of a column are, and of words all."""
        if not self.columns[at].whole:
            return self.natural[at]
        lengths = [0, *sorted(cells.width(row[at]) for row in self.rows)]
        return max(lengths[-(-len(self.rows) * ids // 10)], len(self.columns[at].heading))

    def _height(self, kept: Sequence[int], widths: Sequence[int], remark: int, width: int) -> int:
        """Return how many lines the rows take, or a sample of them, where there are many."""
        beside = width - sum(widths) - GAP * len(kept)
        lines = 0
        for row in self.rows[:: -(-len(self.rows) // _SAMPLE) or 1]:
            lines += remark >= 0 and cells.width(row[remark]) > max(beside, 0)
            tallest = 1
            for at, room in zip(kept, widths, strict=True):
                over = cells.width(row[at]) > room
                lines += over and self.columns[at].whole
                if over and not self.columns[at].whole:
                    tallest = max(tallest, len(cells.wrapped(row[at], room)))
            lines += tallest
        return lines


class _Table:
    """The columns of a table with their widths; it writes one row after another."""

    def __init__(self, columns: Sequence[Column], widths: Sequence[int], width: int, paint: Paint) -> None:
        self.columns, self.widths, self.width, self.paint = columns, widths, width, paint
        self.starts = [sum(widths[:at]) + GAP * at for at in range(len(widths))]

    def row(self, row: Sequence[str], remark: str = "", before: str = "") -> Iterator[str]:
        """Yield the lines of one row, and its remark behind them or below."""
        laid, last = self._laid(row)
        below = self._remark(laid[last], remark, before) if remark else ()
        yield from (written for line in laid if (written := self._written(line)))
        yield from below

    def _laid(self, row: Sequence[str]) -> tuple[list[Line], int]:
        """Lay the cells out on lines, and say on which of them the row ends; an id too long ends its line."""
        from llmpool.cli.styles import of_words

        laid: list[Line] = [[]]
        first = 0
        for at, (column, text) in enumerate(zip(self.columns, row, strict=True)):
            named = of_words(text) if column.state else ""
            if column.whole and cells.width(text) > self.widths[at]:
                laid[first].append((self.starts[at], text, named))
                laid.append([])
                first = len(laid) - 1
                continue
            parts = [text] if column.right else cells.wrapped(text, self.widths[at])
            laid += [[] for _ in range(first + len(parts) - len(laid))]
            for line, part in zip(laid[first:], parts, strict=False):
                shift = self.widths[at] - cells.width(part) if column.right else 0
                line.append((self.starts[at] + shift, part, named))
        return laid, first

    def _remark(self, line: Line, remark: str, before: str) -> list[str]:
        """Put a remark on the line where there is room, else return the lines below that have it."""
        from llmpool.cli.styles import of_words

        start = self.starts[-1] + self.widths[-1] + GAP
        for text in (remark, "as above") if remark == before else (remark,):
            if start + cells.width(text) <= self.width:
                line.append((start, text, of_words(text)))
                return []
        return indented(remark, self.width)

    def _written(self, line: Line) -> str:
        """Write the pieces of a line, each at its place; blanks at the end are nothing."""
        end, parts = 0, []
        for begin, text, style in line:
            if text:
                parts.append(" " * (begin - end) + (self.paint(text, style) if style else text))
                end = begin + cells.width(text)
        return "".join(parts)


def hung(text: str, width: int, hang: int) -> str:
    """Break a line between words where the terminal is narrower; what goes on does so at *hang*."""
    if cells.width(text) <= width:
        return text
    if width < 2 * hang:  # columns of blanks are of no use any more
        blanks = len(text) - len(text.lstrip())
        text, hang = " " * blanks + " ".join(text.split()), blanks + 2
    lines = cells.wrapped(text[hang:], max(width - hang, 1), whole=True)
    return text[:hang] + f"\n{' ' * hang}".join(lines)


def indented(text: str, width: int) -> list[str]:
    """Write a text on lines of its own, indented."""
    margin = " " * (_DEEP if width >= _NARROW else 2)
    return [margin + part for part in cells.wrapped(text, max(width - len(margin), 1), whole=True)]


def _stacked(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int, paint: Paint
) -> Iterator[str]:
    """Write each row as a list: the id, then what is known, a line each with its heading."""
    from llmpool.cli.styles import of_words

    lead = next((at for at, column in enumerate(columns) if column.whole and column.heading), 0)
    for row in rows:
        mark = f"{row[0]} " if lead and row[0] and not columns[0].heading else ""
        yield paint(mark + row[lead], "head")
        for at, (column, text) in enumerate(zip(columns, row, strict=True)):
            if at == lead or not text or (not column.heading and at < len(columns) - 1):
                continue
            named = of_words(text) if column.state else ""
            for line in indented(f"{column.heading}: {text}" if column.heading else text, width):
                yield line.replace(text, paint(text, named)) if named else line
