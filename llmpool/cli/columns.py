"""How many columns of a terminal a text takes: wide characters two, marks that combine with others none."""

from __future__ import annotations

_AS_PICTURE = "\ufe0f"  # asks for the picture of the character before it, which is wide
_JOINER = "\u200d"
_SKINS = range(0x1F3FB, 0x1F400)
_REMEMBERED = 4096


class _Widths(dict[str, int]):
    """Columns of single characters, looked up once each."""

    def __missing__(self, char: str) -> int:
        if len(self) >= _REMEMBERED:
            self.clear()
        self[char] = width = _columns(char)
        return width


def _columns(char: str) -> int:
    import unicodedata  # most answers are ASCII and never come here

    if unicodedata.category(char) in {"Mn", "Me", "Cf"} and char != "\xad":
        return 0
    if "\u1160" <= char <= "\u11ff":
        return 0  # vowels and finals of a Hangul syllable, which its first letter makes room for
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


_WIDTHS = _Widths()


def following(before: str, char: str) -> int:
    """Return the columns that *char* adds after the character *before*."""
    if char == _AS_PICTURE:
        return int(bool(before) and _WIDTHS[before] == 1)
    width = _WIDTHS[char]
    if width == 2 and before and (before == _JOINER or (ord(char) in _SKINS and _WIDTHS[before] == 2)):
        return 0  # one picture with what stands before
    return width


def width(text: str, before: str = "") -> int:
    """Return the columns of *text* when it stands after the character *before*."""
    if text.isascii():
        return len(text)
    total = 0
    for char in text:
        total += following(before, char)
        before = char
    return total
