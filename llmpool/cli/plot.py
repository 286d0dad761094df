"""Bars in the terminal, legible without colour and in ASCII; and a chart of them that fits 80 columns."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from decimal import Decimal

from llmpool.core import cells

BLOCKS = " ▏▎▍▌▋▊▉"  # eighths of a cell
FULL, ASCII = "█", "#"


def is_utf8() -> bool:
    """Say whether stdout can show more than ASCII, and the locale is none of ASCII alone."""
    from llmpool.cli import standins

    return standins.is_utf8(getattr(sys.stdout, "encoding", "")) and standins.draws()


def bar(value: Decimal | int, most: Decimal | int, width: int, *, ascii_only: bool = False) -> str:
    """Draw *value* as a bar of at most *width* cells; anything above nothing shows as something."""
    if value <= 0 or most <= 0:
        return ""
    if ascii_only:
        return ASCII * max(1, int(width * value / most))
    eighths = max(1, int(8 * width * value / most))
    return FULL * (eighths // 8) + BLOCKS[eighths % 8].strip()


def gauge(done: Decimal | int, total: int, width: int, marks: str = "#.") -> str:
    """Draw how much of a total there is, on *width* cells with two marks: there, and not there yet."""
    full = min(width, int(width * done / max(1, total)))
    return marks[0] * full + marks[1] * (width - full)


def chart(
    rows: Sequence[tuple[str, Decimal | int, str]], width: int, *, ascii_only: bool = False
) -> list[str]:
    """Draw rows of a name, a value and its words, one a line, all within *width* columns."""
    names = max((cells.width(name) for name, _, _ in rows), default=0)
    words = max((cells.width(word) for _, _, word in rows), default=0)
    room = max(4, width - names - words - 4)
    most = max((value for _, value, _ in rows), default=0)
    drawn = [(name, bar(value, most, room, ascii_only=ascii_only), word) for name, value, word in rows]
    return [
        f"{cells.left(name, names)}  {cells.right(word, words)}  {bars}".rstrip()
        for name, bars, word in drawn
    ]
