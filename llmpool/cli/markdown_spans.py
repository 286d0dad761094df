"""Emphasis, code and links inside a paragraph, told apart from text that only looks like them.

A mark is taken away only when its partner is there: until that is known, what follows it is held back, at
most LOOK characters. So a lone `*`, `**kwargs` or a pointer stays as it was written.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from llmpool.cli.wrapping import BOLD, CODE, DIM, ITALIC, STRIKE, UNDERLINE

LOOK = 240  # how far away the partner of a mark may be
_ADDRESS = 1000  # how long the address of a link may be
_LONGEST_TICKS = 8
_STYLES = {("*", 1): ITALIC, ("*", 2): BOLD, ("_", 1): ITALIC, ("_", 2): BOLD, ("~", 2): STRIKE}
# not `\\(`, `\\[`, `\\{` and `\\\\`, which are mathematics more often
_ESCAPABLE = frozenset("*_`~#|><-+.!$\"'")
_PAIRED = frozenset("*_~`")
_WAKING = re.compile(r"[\\`*_~\[\n]")
_SPECIAL = re.compile(r"[\\`*_~\[!]")
_MARKS = {char: rf"[\\`{char}]" for char in "*_~"}
_TICKS = re.compile("`+")
# made ready when a paragraph needs them
_LABEL = r"[^\[\]\n]*"
_TARGET = r'<?([^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*)>?(?: +"[^"\n]*")?\)'
_BEGUN_TARGET = r'<?[^\s()<>]*(?:\([^\s()<>]*\)[^\s()<>]*)*(?:\([^\s()<>]*)?>?(?: +(?:"[^"\n]*"?)?)?'
_UNPAIRED, _OPEN = -1, -2

Put = Callable[[int, str], None]


class Spans:
    """The text of one paragraph after another; what is certain goes to *put* with its style."""

    def __init__(self, put: Put, style: int = 0, after: str = "") -> None:
        self.put = put
        self.style = style
        self.waiting = ""  # begins with a mark whose meaning is open
        self.in_address = False
        self._before, self._after = "", after  # the characters around
        self._tail = ""
        self._final = False
        self._asleep = False  # whether only a mark can say more about what waits
        self._base = 0  # how much of the paragraph is no longer in `waiting`
        self._barren: dict[tuple[str, int], int] = {}  # no partner before this place

    def feed(self, text: str) -> None:
        """Take more text of the paragraph."""
        waiting = self.waiting + text
        if self._asleep and len(waiting) < LOOK and not _WAKING.search(text):
            self.waiting = waiting
            return
        at = self._scan(waiting)
        self.waiting = waiting = waiting[at:]
        self._base += at
        self._asleep = waiting[:1] in _PAIRED and waiting[-1] not in _PAIRED

    def finish(self) -> None:
        """End the paragraph: marks that are still alone are text."""
        if not self._base and not self.waiting and not self._before:
            return
        self._final, self._asleep = True, False
        self.feed("")
        self._final = self.in_address = False
        self._before = self._tail = ""
        self._base = 0
        self._barren.clear()

    def saw(self, text: str) -> None:
        """Remember what was written without coming through here."""
        self._before = text[-1]
        if "/" in text:
            self._watch(text)
        else:
            self._tail = ""

    def _scan(self, text: str) -> int:
        """Put all that is certain; return where what is not begins."""
        at = 0
        while at < len(text):
            found = _SPECIAL.search(text, at)
            stop = found.start() if found else len(text)
            if stop > at:
                self._plain(text[at:stop])
            if not found:
                return stop
            taken = self._RULES[text[stop]](self, text, stop)
            if not taken:
                return stop
            at = stop + taken
        return at

    def _plain(self, text: str) -> None:
        self.put(self.style, text)
        self._before = text[-1]
        self._watch(text)

    def _watch(self, text: str) -> None:
        """Notice where an address begins and ends: its characters are no marks."""
        words = text.split()
        if words != [text]:
            self.in_address = False
            recent = words[-1] if words and not text[-1].isspace() else ""
        else:
            recent = self._tail + text
        self.in_address = self.in_address or "://" in recent
        self._tail = recent[-2:]

    def _literal(self, text: str) -> int:
        self._plain(text)
        return len(text)

    def _escape(self, text: str, at: int) -> int:
        follower = text[at + 1 : at + 2]
        if not follower and not self._final:
            return 0
        if follower not in _ESCAPABLE or not follower:
            return self._literal("\\\\" if follower == "\\" else "\\")
        self._plain(follower)
        self._before = "\\"
        return 2

    def _code(self, text: str, at: int) -> int:
        run = _run(text, at)
        if run > _LONGEST_TICKS or self._before == "`":
            return self._literal(text[at : at + run])
        end = self._code_end(text, at, run)
        if end == _OPEN:
            return 0
        if end == _UNPAIRED:
            return self._literal(text[at : at + run])
        inner = text[at + run : end - run]
        if inner[0] == inner[-1] == " " and inner.strip():
            inner = inner[1:-1]
        self.put(self.style | CODE, inner)
        self._before, self._tail = "`", ""
        return end - at

    def _code_end(self, text: str, at: int, run: int) -> int:
        """Return where the code that begins with a run of backticks ends, with its last backtick."""
        if run > _LONGEST_TICKS:
            return _UNPAIRED
        start = at + run
        limit = start + LOOK
        if start == len(text):
            return _UNPAIRED if self._final else _OPEN
        key = ("`", run)
        cursor = max(start, self._barren.get(key, 0) - self._base)
        newline = text.find("\n", start, limit)
        last = limit if newline < 0 else newline
        for found in _TICKS.finditer(text, cursor):
            if found.start() >= last:
                break
            if found.end() == len(text) and not self._final:
                return _OPEN
            if found.end() - found.start() == run:
                return found.end()
        if len(text) < limit and newline < 0 and not self._final:
            return _OPEN
        self._barren[key] = self._base + min(last, len(text))
        return _UNPAIRED

    def _emphasis(self, text: str, at: int) -> int:
        char = text[at]
        if self._before == char or self.in_address:
            return self._literal(char)
        run = _run(text, at)
        if run > 3:
            return self._literal(text[at : at + run])
        if at + run == len(text) and not self._final:
            return 0
        size = min(run, 2)
        if not _opens(size, self._before, text[at + run : at + run + 1]) or (char == "~" and run != 2):
            return self._literal(text[at : at + run])
        end = self._partner(text, at + run, char, size, inner=run == 3)
        if end == _OPEN:
            return 0
        inner = text[at + size : end]
        if end == _UNPAIRED or (char == "_" and size == 2 and inner.isidentifier()):
            return self._literal(text[at : at + run])  # __init__ is a name
        self._nested(_STYLES[char, size], inner, char)
        return end + size - at

    def _nested(self, style: int, text: str, around: str) -> None:
        """Put the text between two marks."""
        inner = Spans(self.put, self.style | style, around)
        inner.waiting = text
        inner.finish()
        self._before, self._tail = around, ""

    def _partner(self, text: str, start: int, char: str, size: int, *, inner: bool) -> int:
        """Return where the mark that ends an emphasis stands; *inner*: one of the other size is open."""
        limit = start + LOOK
        cursor = max(start, self._barren.get((char, size), 0) - self._base)
        while (found := re.compile(_MARKS[char]).search(text, cursor, limit)) is not None:
            at = found.start()
            run = _run(text, at)
            cursor = at + run
            if found[0] == "\\":
                cursor = at + 2
                continue
            if found[0] == "`":
                end = self._code_end(text, at, run)
                if end == _OPEN:
                    return _OPEN
                cursor = max(cursor, end)
                continue
            if cursor == len(text) and not self._final:
                return _OPEN
            follower = text[cursor : cursor + 1] or self._after
            closes = _closes(text[at - 1], follower) or (
                size == 2 and char == "*" and follower.isalpha() and text[start:at].isalnum()
            )  # **B**ig: in a word only where it began with it
            if run == 3 - size:  # a mark of the other size
                inner = not closes if inner else _opens(run, text[at - 1], follower)
            elif closes and (char != "~" or run == 2):
                return at + (3 - size if inner and run > 2 else 0)
        if len(text) < limit and not self._final:
            return _OPEN
        self._barren[char, size] = self._base + max(cursor, min(limit, len(text)))
        return _UNPAIRED

    def _image(self, text: str, at: int) -> int:
        follower = text[at + 1 : at + 2]
        if not follower and not self._final:
            return 0
        if follower != "[":
            return self._literal("!")
        taken = self._link(text, at + 1, ITALIC)
        return taken + 1 if taken > 1 else taken and self._literal("![")

    def _link(self, text: str, at: int, style: int = UNDERLINE) -> int:
        label = re.compile(_LABEL).match(text, at + 1, at + 1 + LOOK)
        stop = label.end() if label else at
        begun = stop - at <= LOOK and "](".startswith(text[stop : stop + 2])
        if begun and stop + 1 >= len(text) and not self._final:
            return 0
        begun = begun and stop + 1 < len(text)
        target = re.compile(_TARGET).match(text, stop + 2, stop + 2 + _ADDRESS) if begun else None
        if target is None:
            if begun and self._may_be_target(text[stop + 2 : stop + 2 + _ADDRESS]):
                return 0
            return self._literal("[") if style == UNDERLINE else 1
        self._show_link(text[at + 1 : stop], target[1], style)
        return target.end() - at

    def _may_be_target(self, text: str) -> bool:
        """Say whether the address of a link has only begun."""
        return not self._final and len(text) < _ADDRESS and re.fullmatch(_BEGUN_TARGET, text) is not None

    def _show_link(self, label: str, address: str, style: int) -> None:
        """Show the words of a link, then where it leads, unless the words say it."""
        if not label.strip() or label == address:
            self.put(self.style | style, address or label)
        else:
            self._nested(style, label, "")
            if address.removeprefix("mailto:") != label:
                self.put((self.style & ~style) | DIM, f" ({address})")
        self._before, self._tail = ")", ""

    _RULES: ClassVar[dict[str, Callable[[Spans, str, int], int]]] = {
        "\\": _escape,
        "`": _code,
        "*": _emphasis,
        "_": _emphasis,
        "~": _emphasis,
        "[": _link,
        "!": _image,
    }


def _run(text: str, at: int) -> int:
    """Return how often the character at a place is repeated."""
    rest = text[at : at + 16]
    run = len(rest) - len(rest.lstrip(rest[0]))
    if run < 16:
        return run
    end = at + run
    while end < len(text) and text[end] == text[at]:
        end += 1
    return end - at


def _is_word(char: str) -> bool:
    """Say whether a mark beside this letter is inside a word; scripts without blanks have no such place."""
    return char == "_" or (char.isalnum() and char < "\u2e80")


def _opens(size: int, before: str, follower: str) -> bool:
    """Say whether a mark between two characters can begin an emphasis."""
    if not follower or follower.isspace() or _is_word(before or " "):
        return False
    return size == 2 or follower not in ")]},.;:!?"


def _closes(before: str, follower: str) -> bool:
    """Say whether a mark between two characters can end an emphasis."""
    return not before.isspace() and not (follower and _is_word(follower))
