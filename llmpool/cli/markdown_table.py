"""A table in columns that fit the terminal: as wide as its first rows need, longer cells in several lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from llmpool.cli.breaks import pieces as parted
from llmpool.cli.wrapping import BOLD, DIM, styled
from llmpool.core.cells import following
from llmpool.core.cells import width as columns

HELD = 60  # rows that are waited for before the widths are settled
_LEAST = 5  # columns of the terminal that a column has, unless the table is shown row by row
_DELIMITER = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*")
_CELLS = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`[^`]*`")
_BREAK = re.compile(r"<br */?>", re.IGNORECASE)
_WORDS = re.compile(r"\s+|[^\s]+")

Pieces = list[tuple[int, str]]
Read = Callable[[str], Pieces]


class _Marks(NamedTuple):
    between: str
    line: str
    cross: str


_DRAWN = _Marks("│", "─", "─┼─")
_TYPED = _Marks("|", "-", "-+-")


def may_be_delimiter(line: str) -> bool:
    """Say whether the beginning of a line may become that of the line below a table's headings."""
    return not line.strip("|:- \t")


def is_delimiter(line: str) -> bool:
    """Say whether a line is the one below a table's headings."""
    return _DELIMITER.fullmatch(line) is not None


def cells(line: str) -> list[str]:
    r"""Return the cells of a row; `\|` is part of a cell."""
    line = line.strip().removeprefix("|")
    found = [cell.strip().replace("\\|", "|") for cell in _CELLS.split(line)]
    return found[:-1] if len(found) > 1 and not found[-1] else found


class Table:
    """Rows on their way to the terminal; *read* turns the text of a cell into pieces with styles."""

    def __init__(self, headings: str, delimiter: str, room: int, *, read: Read, color: bool, drawn: bool):
        self._read, self._color, self._room = read, color, room
        self._marks = _DRAWN if drawn else _TYPED
        self._sides = [_side(cell) for cell in cells(delimiter)]
        self._headings = cells(headings)
        self._count = max(len(self._headings), len(self._sides))
        self._rows: list[list[str]] = []
        self._widths: list[int] = []
        self._parted = self._begun = self._entered = False

    def add(self, row: str) -> list[str]:
        """Take a row; return the lines that may be written."""
        found = cells(row)
        if len(found) > self._count:  # bars in code are no bars, though the author should have escaped them
            found = cells(_CODE.sub(lambda code: code[0].replace("|", "\\|"), row))
        self._rows.append(self._fit(found))
        return self.flush() if self._begun or len(self._rows) >= HELD else []

    def flush(self) -> list[str]:
        """Return the lines of all rows that were held back; from now on the widths stay."""
        rows = [[self._piece_lines(cell) for cell in row] for row in self._rows]
        self._rows.clear()
        lines: list[str] = []
        if not self._begun:
            heading = [
                [
                    [(style | BOLD * self._color, text) for style, text in line]
                    for line in self._piece_lines(cell)
                ]
                for cell in self._fit(self._headings)
            ]
            self._begun = True
            self._settle([heading, *rows])
            self._names = heading
            if self._widths:
                lines += [*self._lines(heading), self._rule()]
            elif not rows:
                lines += self._entry([[] for _ in heading], whole=True)
        for row in rows:
            lines += self._row(row)
        return lines

    def _fit(self, row: list[str]) -> list[str]:
        """Return a row with as many cells as there are columns; what is too many joins the last."""
        last = self._count - 1
        whole = [*row[:last], " | ".join(row[last:])]
        return whole + [""] * (self._count - len(whole))

    def _piece_lines(self, cell: str) -> list[Pieces]:
        return [self._read(part.strip()) for part in _BREAK.split(cell)]

    def _settle(self, rows: list[list[list[Pieces]]]) -> None:
        """Settle the widths: each column its longest word, what is left to those that need more."""
        places = range(self._count)
        whole = [max(1, *(_size(line) for row in rows for line in row[place])) for place in places]
        words = [max(1, *(_longest(line) for row in rows for line in row[place])) for place in places]
        room = self._room - len(self._marks.cross) * (self._count - 1)
        if sum(whole) > room and room < _LEAST * self._count:
            return  # row by row
        least = _shared(words, room)
        more = _shared([w - n for w, n in zip(whole, least, strict=True)], room - sum(least))
        self._widths = [n + m for n, m in zip(least, more, strict=True)]
        self._parted = any(len(self._folded(row)) > 1 for row in rows[1:])

    def _row(self, row: list[list[Pieces]]) -> list[str]:
        first, self._entered = not self._entered, True
        if not self._widths:
            return [*([] if first else [""]), *self._entry(row, whole=first)]
        return [*([self._rule()] if self._parted and not first else []), *self._lines(row)]

    def _rule(self) -> str:
        line = self._marks.cross.join(self._marks.line * width for width in self._widths)
        return styled(DIM * self._color, line)

    def _folded(self, row: list[list[Pieces]]) -> list[list[Pieces]]:
        """Return the lines of a row, each a list of cells."""
        parts = [
            [folded for line in cell for folded in fold(line, width)]
            for cell, width in zip(row, self._widths, strict=True)
        ]
        height = max(map(len, parts))
        return [[part[n] if n < len(part) else [] for part in parts] for n in range(height)]

    def _lines(self, row: list[list[Pieces]]) -> list[str]:
        between = f" {styled(DIM * self._color, self._marks.between)} "
        return [
            between.join(
                _aligned(cell, self._widths[n], self._side(n), last=n == self._count - 1)
                for n, cell in enumerate(line)
            ).rstrip(" ")
            for line in self._folded(row)
        ]

    def _side(self, place: int) -> str:
        return self._sides[place] if place < len(self._sides) else "<"

    def _entry(self, row: list[list[Pieces]], *, whole: bool) -> list[str]:
        """Return a row of a table that is too wide: a line for each cell; *whole*: for empty ones too."""
        lines = []
        for names, cell in zip(self._names, row, strict=True):
            name = [piece for line in names for piece in line]
            value = [piece for line in cell for piece in [*line, (0, " ")]]
            if not whole:  # a heading that is said again may be long, and rows may be many
                name = [(style, text[: self._room]) for style, text in name[:4]]
            if any(text.strip() for _, text in (name + value if whole else value)):
                first, *rest = fold([*name, (0, ": "), *value], self._room - 2)
                lines += [_shown(first), *(f"  {_shown(line)}" for line in rest)]
        return lines


def _side(cell: str) -> str:
    if cell.endswith(":"):
        return "^" if cell.startswith(":") else ">"
    return "<"


def _shared(wanted: list[int], room: int) -> list[int]:
    """Share a room: who wants little gets it, the others as much as one another."""
    shares = [0] * len(wanted)
    for n, place in enumerate(sorted(range(len(wanted)), key=wanted.__getitem__)):
        shares[place] = min(wanted[place], room // (len(wanted) - n))
        room -= shares[place]
    return shares


def _longest(pieces: Pieces) -> int:
    words = parted("".join(text for _, text in pieces))
    return max(map(columns, words), default=0)


def _size(pieces: Pieces) -> int:
    return columns("".join(text for _, text in pieces))


def _shown(pieces: Pieces) -> str:
    return "".join(styled(style, text) for style, text in pieces)


def _aligned(pieces: Pieces, width: int, side: str, *, last: bool) -> str:
    """Return a cell with blanks around it; none at the end of a line."""
    spare = max(0, width - _size(pieces))
    before = {"<": 0, ">": spare, "^": spare // 2}[side]
    after = 0 if last else spare - before
    return " " * before + _shown(pieces) + " " * after


def fold(pieces: Pieces, width: int) -> list[Pieces]:
    """Break a text into lines of a width: between words where there are, inside of them where not."""
    lines: list[Pieces] = [[]]
    used = 0
    gap: tuple[int, str] | None = None
    for word in _words(pieces):
        if word[0][1].isspace():
            gap = (word[0][0], " ")
            continue
        size = _size(word)
        if used and used + (gap is not None) + size > width:
            lines.append([])
            used = 0
        elif gap is not None and used:
            lines[-1].append(gap)
            used += 1
        gap = None
        for style, char in _fitting(word, size, width):
            step = columns(char) if len(char) > 1 else following("", char)
            if used + step > width and used:
                lines.append([])
                used = 0
            lines[-1].append((style, char))
            used += step
    return lines


def _fitting(word: Pieces, size: int, width: int) -> Pieces:
    """Return a word as it is where it fits, else by its characters."""
    return word if size <= width else [(style, char) for style, text in word for char in text]


def _words(pieces: Pieces) -> Iterator[Pieces]:
    """Yield blanks and words in turn; a word may change its style in the middle."""
    word: Pieces = []
    for style, text in pieces:
        for part in _WORDS.findall(text):
            if word and part.isspace() != word[-1][1].isspace():
                yield word
                word = []
            word.append((style, part))
    if word:
        yield word
