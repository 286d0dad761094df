"""Code out of an answer: the first fenced block of its Markdown."""

from __future__ import annotations

import re

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})([^\n]*)\Z")


def first_block(text: str) -> str:
    """Return the first fenced code block of *text*, without its fences; all of *text* where there is none.

    A block that is not closed ends with the text; a fence is closed by its own kind, at least as long
    (CommonMark 0.31, 4.5).
    """
    found: list[str] | None = None
    fence, indent = "", 0
    for line in _lines(text):
        opened = _FENCE.match(line)
        if found is None:
            if opened and not (opened[1][0] == "`" and "`" in opened[2]):
                found, fence, indent = [], opened[1], len(line) - len(line.lstrip(" "))
        elif opened and opened[1].startswith(fence) and not opened[2].strip():
            break
        else:
            found.append(line[min(indent, len(line) - len(line.lstrip(" "))) :])
    return text if found is None else "".join(f"{line}\n" for line in found)


def _lines(text: str) -> list[str]:
    """Cut a text where its lines end; other separators may stand in code, and mean something there."""
    return text.replace("\r\n", "\n").removesuffix("\n").split("\n")


def has_block(text: str) -> bool:
    """Say whether *text* has a fenced code block."""
    return any(_FENCE.match(line) for line in _lines(text))


def unfenced(text: str) -> str:
    """Return *text* without the fence that models put around all of it, asked or not."""
    bare = text.strip()
    lines = _lines(bare)
    if len(lines) < 2 or not _FENCE.match(lines[0]) or not _FENCE.match(lines[-1]):
        return text
    return "\n".join(lines[1:-1])
