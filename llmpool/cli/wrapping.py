"""Text on its way to a terminal, broken at words as it comes: what is written stays where it is.

A word is written letter by letter while there is much room. Near the right edge it is held back until it is
known to fit; so are addresses and code, which may be long. A word longer than a line is left to the terminal,
which breaks it without a line end, so that it can be copied whole.
"""

from __future__ import annotations

import re

from llmpool.cli.breaks import may_part, pieces
from llmpool.core.cells import width as columns

BOLD, ITALIC, STRIKE, CODE, DIM, UNDERLINE = 1, 2, 4, 8, 16, 32
_CODES = {BOLD: "1", ITALIC: "3", STRIKE: "9", CODE: "36", DIM: "2", UNDERLINE: "4"}
_NEAR = 24  # columns from the right edge within which a word is held back
_NARROWEST = 10
_TAB = 8
_BEFORE_PATH = frozenset("/~.$-")
_BEFORE_ADDRESS_OR_H = frozenset("(<[\"'h")
_ADDRESS = r"[(<\[\"']{0,2}https?://"
_BEGUN_ADDRESS = r"[(<\[\"']{0,2}(?:h(?:t(?:t(?:ps?(?::/?)?)?)?)?)?"
_MAY_BE_ADDRESS = re.compile(r"(?:^| )[h(<\[\"'/~.$-]")


class _Escapes(dict[int, str]):
    """The escape sequence that turns a style on and every other off."""

    def __missing__(self, style: int) -> str:
        codes = [code for bit, code in _CODES.items() if style & bit]
        self[style] = f"\x1b[{';'.join(['0', *codes])}m"
        return self[style]


ESCAPES = _Escapes()


def styled(style: int, text: str) -> str:
    """Return *text* between the escape sequences of a style."""
    return f"{ESCAPES[style]}{text}{ESCAPES[0]}" if style and text else text


class Margin:
    """What stands left of a line, and left of the lines it is broken into."""

    __slots__ = ("first", "first_width", "rest", "rest_width")

    def __init__(self, first: str = "", first_width: int = 0, rest: str = "", rest_width: int = 0) -> None:
        self.first, self.first_width, self.rest, self.rest_width = first, first_width, rest, rest_width


class Wrap:
    """A column of text that grows at its end; *width* is that of the terminal."""

    def __init__(self, width: int) -> None:
        self.column = 0
        self.resize(width)
        self.gap = 0  # blanks that are written with the next word, or never
        self.word: list[tuple[int, str]] = []  # held back
        self.out: list[str] = []
        self.style = 0
        self._gap_style = 0
        self._rest, self._rest_width = "", 0
        self._word_width = 0
        self._held = self._begun = False
        self._last = " "

    def resize(self, width: int) -> None:
        """Go on in a terminal that is as wide as this now; what was written stays."""
        self.width = max(width, _NARROWEST)
        self.edge = self.width - min(_NEAR, self.width * 3 // 4)
        self._move(0)

    def take(self) -> str:
        """Return what may be written now."""
        text = "".join(self.out)
        self.out.clear()
        return text

    def begin(self, margin: Margin) -> None:
        """Begin a line with its margin."""
        self.out.append(margin.first)
        self.column = margin.first_width
        self._rest, self._rest_width = margin.rest, margin.rest_width

    def newline(self) -> None:
        """End the line; blanks at its end are dropped."""
        self.settle()
        self.out.append("\n")
        self.column = 0

    def settle(self) -> None:
        """Write the word that was held back, drop blanks after it, and turn every style off."""
        self._complete()
        self.gap = 0
        self._last = " "
        self._plain()

    def raw(self, style: int, text: str) -> None:
        """Write text as it is, without breaking it."""
        if text:
            self._write(style, text)
            self.column += columns(text)

    def quick(self, text: str) -> bool:
        """Write plain ASCII words, where they are sure to stay on this line; say whether that was done."""
        if self._held or self.style or self.column + self.gap + len(text) > self.edge:
            return False
        if _MAY_BE_ADDRESS.search(text):
            return False
        shown = text.rstrip(" ")
        if shown:
            self.out.append(" " * self.gap + shown if self.gap else shown)
            self.column += self.gap + len(shown)
            self.gap = 0
        self.gap += len(text) - len(shown)
        self._gap_style = 0
        self._last = text[-1]
        self._begun = self._last != " "
        return True

    def text(self, style: int, text: str) -> None:
        """Write words in a style, breaking lines between them."""
        for piece in pieces(text):
            if piece[0] in " \t":
                self._complete()
                self.gap = min(self.gap + self._blanks(piece), self.width)
                self._gap_style = style
            else:
                if self._begun and may_part(self._last, piece[0]):
                    self._complete()
                self._part(style, piece)
            self._last = piece[-1]

    def _blanks(self, piece: str) -> int:
        """Return how many blanks these are; a tab leads to the next column it may stop at."""
        if "\t" not in piece:
            return len(piece)
        at = (self.column + self.gap) % _TAB
        return len((" " * at + piece).expandtabs(_TAB)) - at

    def _part(self, style: int, piece: str) -> None:
        """Write the next part of a word, or hold it back."""
        size = len(piece) if piece.isascii() else columns(piece, self._last)
        if not self._begun:
            self._begun = self._held = True
        elif not self._held:
            self._go_on(style, piece, size)
            return
        self.word.append((style, piece))
        self._word_width += size
        must = self._must_hold(style)
        if must and self.column + self.gap + self._word_width > self.width:
            self._turn()
            self._release()
        elif must is False:
            self._release()

    def _go_on(self, style: int, piece: str, size: int) -> None:
        """Write the next part of a word that has begun on this line and stays there."""
        self._write(style, piece)
        self._move(size)

    def _must_hold(self, style: int) -> bool | None:
        """Say whether the word so far is to be whole on one line; None where more of it will say."""
        if self.column + self.gap >= self.edge or style & CODE or any(each & CODE for each, _ in self.word):
            return True
        return _is_address(self.word[0][1] if len(self.word) == 1 else "".join(text for _, text in self.word))

    def _turn(self) -> None:
        """Go to the next line, unless the word stands at the beginning of one already."""
        if self.column > self._rest_width:
            self._plain()
            self.out.append(f"\n{self._rest}")
            self.column = self._rest_width
            self.gap = 0

    def _complete(self) -> None:
        """End the word that is under way."""
        if self._held:
            self._release()
        self._begun = False

    def _release(self) -> None:
        """Write what was held back."""
        if self.word:
            self._write_gap()
            for style, text in self.word:
                self._write(style, text)
            self._move(self._word_width)
            self.word.clear()
        self._held, self._word_width = False, 0

    def _move(self, size: int) -> None:
        """Move on; past the right edge the terminal goes on in the next row."""
        self.column += size
        if self.column > self.width:
            self.column = (self.column - 1) % self.width + 1

    def _write_gap(self) -> None:
        if self.gap:
            self._write(self._gap_style, " " * self.gap)
            self._move(self.gap)
            self.gap = 0

    def _write(self, style: int, text: str) -> None:
        if style != self.style:
            self.out.append(ESCAPES[style])
            self.style = style
        self.out.append(text)

    def _plain(self) -> None:
        if self.style:
            self.out.append(ESCAPES[0])
            self.style = 0


def _is_address(word: str) -> bool | None:
    """Say whether a word is a web address, a path or an option; None where it may yet become one."""
    if word[0] in _BEFORE_PATH:
        return True
    if word[0] not in _BEFORE_ADDRESS_OR_H:
        return False
    if re.match(_ADDRESS, word):
        return True
    return None if re.fullmatch(_BEGUN_ADDRESS, word) else False
