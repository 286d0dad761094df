"""Notes on their way to a terminal: broken between words, and what somebody may want to copy never broken.

A command with its words is one piece, as an address, a path and a line of TOML are. What is wider than the
terminal is left to that, which breaks it without a line end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from llmpool.cli.app import COMMANDS
from llmpool.core import cells

_DEEPER = 2  # blanks in front of where a line goes on
_WORD = r"""(?:"[^"]*"|'[^']*'|[^\s"']|["'])+"""
_PROGRAMS = rf"llmpool (?:{'|'.join(COMMANDS)})|export|chmod|rm|mkdir|ollama"
_COMMAND = rf"(?<![^\s(])(?:{_PROGRAMS})(?: (?<![;,)] ){_WORD})+"
_PIECE = re.compile(rf"{_COMMAND}|\S+")
_PART = re.compile(r"\S+(?: \S+)*")  # what more than one blank sets apart
_TOML = re.compile(r"\s*(?:\[|[\w.\"'-]+ = )")


def broken(text: str, width: int) -> str:
    """Return *text* with line ends where its lines are wider than *width*; they go on a little deeper."""
    return "\n".join(line for each in text.split("\n") for line in _lines(each, width))


def _lines(line: str, width: int) -> Iterator[str]:
    """Yield a line as several: broken between its parts where that is enough, else between their words."""
    if cells.width(line) <= width or _TOML.match(line):
        yield line
        return
    deeper = " " * (len(line) - len(line.lstrip(" ")) + _DEEPER)
    so_far, end = "", 0
    for part in _PART.finditer(line):
        gap, end = line[end : part.start()], part.end()
        whole = cells.width(part.group())
        apart = whole + len(deeper) <= width < cells.width(so_far + gap) + whole
        for piece in _PIECE.findall(part.group()):
            if so_far.strip() and (apart or cells.width(so_far + gap + piece) > width):
                yield so_far
                so_far, gap = deeper, ""
            so_far, gap, apart = so_far + gap + piece, " ", False
    yield so_far
