"""Where a line may be broken: at blanks, and between the characters of scripts that are written without."""

from __future__ import annotations

import re
from functools import lru_cache

# Chinese, Japanese and pictures; neither Hangul, which has blanks, nor flags, which are two characters
_UNSPACED = (
    "\u2e80-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60"
    "\U0001f000-\U0001f1e5\U0001f200-\U0001faff\U00020000-\U0003ffff"
)
_ASCII_PIECES = re.compile(r"[ \t]+|[^ \t]+")
_PIECES = rf"[ \t]+|[^ \t{_UNSPACED}]+|[{_UNSPACED}]"  # made ready when the first answer needs it
_IS_UNSPACED = f"[{_UNSPACED}]"
_JOINER = "\u200d"
_OPENING = frozenset({"Ps", "Pi"})
_CLINGING = frozenset({"Pe", "Pf", "Po", "Lm", "Mn", "Me", "Cf", "Sk"})  # not at the beginning of a line


def pieces(text: str) -> list[str]:
    """Return blanks, words and single characters of scripts without blanks, one after another."""
    return _ASCII_PIECES.findall(text) if text.isascii() else re.findall(_PIECES, text)


def may_part(before: str, after: str) -> bool:
    """Say whether a line may be broken between two characters that are not blanks."""
    if before.isascii() and after.isascii():
        return False
    parts_before, _, opens = _kind(before)
    parts_after, clings, _ = _kind(after)
    return (parts_before or parts_after) and not opens and not clings


@lru_cache(4096)
def _kind(char: str) -> tuple[bool, bool, bool]:
    """Say whether lines may be broken beside a character, but not before it, but not after it."""
    import unicodedata  # most answers are ASCII and never come here

    category = unicodedata.category(char)
    opens = category in _OPENING or char == _JOINER
    return re.match(_IS_UNSPACED, char) is not None, category in _CLINGING, opens
