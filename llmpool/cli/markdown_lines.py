"""What the beginning of a line says of it: a heading, an item, a fence, a quote, or just text."""

from __future__ import annotations

import re
from typing import NamedTuple

BLANK, TEXT, HEADING, ITEM, RULE, FENCE, ROW, CODE = range(8)
LONGEST = 4096  # characters of a line that are looked at, at most

# made ready where a line begins so: most do not, and an answer should not wait for it
_QUOTE = r" {0,3}>(?!=) ?"
_FENCE = r"(`{3,})([^`]*)$|(~{3,})(.*)$"
_RULE = r"([-*_])(?:[ \t]*\1){2,}[ \t]*$"
_ONE_MARK = r"([-*_])(?:[ \t]*\1)*[ \t]*$"
_ITEM = r"(?:[-*+]|\d{1,9}[.)])(?: {1,4}(?=\S)|[ \t]+|$)"
_MAY_BE_ITEM = r"(?:[+]|\d{1,9}[.)]?)?$"
_HEADING = r"#{1,6}(?:[ \t]+|$)"


class Start(NamedTuple):
    """How a line begins: its kind, the blanks before it, the mark, and the text after that.

    The mark of a fence is that of the item it stands in.
    """

    kind: int
    indent: str = ""
    mark: str = ""
    rest: str = ""


class Fence(NamedTuple):
    """What began a block of code: the lines up to one like it are not looked at."""

    mark: str
    indent: int
    depth: int

    @classmethod
    def begun(cls, found: Start, depth: int) -> Fence:
        """Return the fence that a line begins."""
        text = found.rest
        run = len(text) - len(text.lstrip(text[0]))
        return cls(text[:run], len(found.indent) + len(found.mark), depth)

    def may_end_with(self, line: str) -> bool:
        """Say whether a line, or the beginning of one, ends the block."""
        text = line.lstrip(" ")
        if len(line) - len(text) > self.indent + 3:
            return False
        return not text.rstrip(" \t").strip(self.mark[0])

    def ends_with(self, line: str) -> bool:
        """Say whether a whole line ends the block."""
        return self.may_end_with(line) and len(line.strip()) >= len(self.mark)


def quoted(line: str, most: int, *, whole: bool) -> tuple[int, str] | None:
    """Return how deep a line is quoted and the rest of it; None where more of the line will say."""
    depth = at = 0
    while depth < most and ">" in line[at : at + 4]:
        found = re.compile(_QUOTE).match(line, at)
        if found is None:
            break
        if found.end() == len(line) and not whole and line[-1] == ">":
            return None
        depth, at = depth + 1, found.end()
    rest = line[at:]
    if not whole and depth < most and len(rest) < 4 and not rest.strip(" "):
        return None
    return depth, rest


def start(line: str, *, whole: bool, code: bool) -> Start | None:
    """Return how a line begins; None where more of it will say. *code*: four blanks make it code."""
    text = line.lstrip(" \t")
    indent = line[: len(line) - len(text)]
    if not text:
        return Start(BLANK) if whole else None
    if code and len(indent.expandtabs(4)) >= 4:
        return Start(CODE, "", "", line)
    rule = _RULES.get(text[0])
    if rule is None:
        return Start(TEXT, indent, "", text)
    found = rule(text, whole)
    return found and found._replace(indent=indent)


def _text(text: str, _whole: bool) -> Start:
    return Start(TEXT, "", "", text)


def _heading(text: str, whole: bool) -> Start | None:
    found = re.match(_HEADING, text)
    if found is None:
        return _text(text, whole)
    if found.end() == len(text) and not whole:
        return None
    return Start(HEADING, "", found[0].rstrip(), text[found.end() :])


def _item(text: str, whole: bool) -> Start | None:
    found = re.match(_ITEM, text)
    if found is None:
        return None if not whole and re.match(_MAY_BE_ITEM, text) else _text(text, whole)
    rest = text[found.end() :]
    if not rest and not whole:
        return None
    inner = _fence(rest, whole) if rest[:1] in {"`", "~"} else None
    if inner is None and rest[:1] in {"`", "~"}:
        return None
    return inner._replace(mark=found[0]) if inner and inner.kind == FENCE else Start(ITEM, "", found[0], rest)


def _line_of_marks(text: str, whole: bool) -> Start | None:
    """Tell a rule from an item and from emphasis."""
    if not whole and re.match(_ONE_MARK, text):
        return None
    if re.match(_RULE, text):
        return Start(RULE, "", text)
    return _text(text, whole) if text[0] == "_" else _item(text, whole)


def _fence(text: str, whole: bool) -> Start | None:
    char = text[0]
    run = len(text) - len(text.lstrip(char))
    if run < 3 and run < len(text):
        return _text(text, whole)
    if not whole:
        return _text(text, whole) if char == "`" and "`" in text[run:] else None
    return Start(FENCE, "", "", text) if re.match(_FENCE, text) else _text(text, whole)


def _row(text: str, whole: bool) -> Start | None:
    return Start(ROW, "", "", text) if whole else None


_RULES = {
    "#": _heading,
    "-": _line_of_marks,
    "*": _line_of_marks,
    "_": _line_of_marks,
    "+": _item,
    "`": _fence,
    "~": _fence,
    "|": _row,
} | dict.fromkeys("0123456789", _item)
