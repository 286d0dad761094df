"""How many columns of a terminal a text takes, wide characters two, marks none; text cut to so many."""

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


def cut(text: str, columns: int) -> str:
    """Return as much of *text* as fits, with two dots in the place of what does not."""
    if width(text) <= columns:
        return text
    if columns < 3:
        return head(text, columns)
    return head(text, columns - 2) + ".."


def head(text: str, columns: int) -> str:
    """Return as many characters of *text* as fit on so many columns."""
    if text.isascii():
        return text[: max(columns, 0)]
    taken, before = 0, ""
    for end, char in enumerate(text):
        taken += following(before, char)
        if taken > columns:
            return text[:end]
        before = char
    return text


def left(text: str, columns: int) -> str:
    """Fill *text* up with blanks on the right."""
    return text.ljust(columns) if text.isascii() else text + " " * (columns - width(text))


def right(text: str, columns: int) -> str:
    """Fill *text* up with blanks on the left."""
    return text.rjust(columns) if text.isascii() else " " * (columns - width(text)) + text


def wrapped(text: str, columns: int, *, whole: bool = False) -> list[str]:
    """Break *text* at blanks into lines of so many columns, a longer word too unless words stay *whole*."""
    if width(text) <= columns:
        return [text]
    lines, line = list[str](), ""
    for word in text.split(" "):
        if not (line or word) and lines:
            continue  # blanks where a line was broken
        tried = f"{line} {word}" if line else word
        if width(tried) <= columns:
            line = tried
            continue
        lines += [line.rstrip()] if line else []
        while not whole and width(word) > columns:
            lines.append(head(word, columns) or word[:1])
            word = word[len(lines[-1]) :]  # noqa: PLW2901 - what is left of it
        line = word
    return [*lines, line] if line else lines
