"""How many columns of a terminal a text takes: letters one, CJK and emoji two, marks none."""

from __future__ import annotations

_JOINER = "\u200d"
_UNCOUNTED = ("Mn", "Me", "Cf")  # marks on the letter before, and what is not drawn at all


def width(text: str) -> int:
    """Count the columns that *text* takes; it is fit for a terminal already."""
    if text.isascii():
        return len(text)
    from unicodedata import category, east_asian_width

    columns, joined = 0, False
    for character in text:
        if character == _JOINER:
            joined = True
        elif joined or category(character) in _UNCOUNTED:
            joined = False
        else:
            columns += 2 if east_asian_width(character) in "WF" else 1
    return columns


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
    end = 0
    while end < len(text) and width(text[: end + 1]) <= columns:
        end += 1
    return text[:end]


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
