"""Text from elsewhere, made harmless for a terminal and measured in tokens; names and bytes in few words."""

from __future__ import annotations

from collections.abc import Sequence

_KEPT = "\n\t"
_FLAG = "\U0001f3f4"  # what the tags of a flag stand behind
_OPENS = "<U+"  # what an escape of `shown` begins with


def _controls() -> dict[int, str]:
    """Map C0 controls to their pictures; a carriage return is dropped."""
    table = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in _KEPT}
    return table | {0x7F: "\u2421", 0x0D: ""}


def _table() -> dict[int, str]:
    """Map what acts on a terminal or hides in a text: controls, bidi marks, blanks that nobody sees."""
    hidden = (
        *range(0x80, 0xA0),
        *(0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFFF9, 0xFFFC),
        *range(0x1D173, 0x1D17B),
        *range(0xE0000, 0xE0080),
        *range(0xE0100, 0xE01F0),
    )
    lines = dict.fromkeys((0x2028, 0x2029), "\n")
    blanks = dict.fromkeys((0x2800, 0x3164, 0xFFA0), " ")
    return _controls() | dict.fromkeys(hidden, "") | lines | blanks


_HARMLESS = _table()


def clean(text: str) -> str:
    """Return what a model wrote fit for a terminal; joiners that scripts and emoji need are kept."""
    if text.isascii() and text.isprintable():
        return text
    return _flagged(text) if _FLAG in text else text.translate(_HARMLESS)


def _flagged(text: str) -> str:
    """Clean a text but for the tags of its flags: of England, say; elsewhere tags hide words."""
    import re

    parts = re.split("(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f)", text)
    return "".join(part if place % 2 else part.translate(_HARMLESS) for place, part in enumerate(parts))


class _Shown(dict[int, str]):
    """What each character is shown as, found out when it is first met."""

    def __missing__(self, code: int) -> str:
        self[code] = found = chr(code) if _is_seen(chr(code)) else escape(code)
        return found


_SHOWN = _Shown(_controls() | {ord(character): character for character in _KEPT})
_UNSEEN = (  # printable, as Python has it, and yet not to be seen
    *(0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0),
    *(0x180B, 0x180C, 0x180D, 0x180F),
)
_SELECTORS = ((0xFE00, 0xFE0F), (0xE0100, 0xE01EF))


def _is_seen(character: str) -> bool:
    code = ord(character)
    hidden = code in _UNSEEN or any(low <= code <= high for low, high in _SELECTORS)
    return character.isprintable() and not hidden


def escape(code: int) -> str:
    """Write a character by its number, as `less` does: <U+200B>."""
    return f"{_OPENS}{code:04X}>"


def shown(text: str) -> str:
    """Return a name, an error or any text but an answer fit for a terminal; nothing in it is invisible.

    Two different names never look the same: what cannot be seen is written by its number, and so is what
    only looks like such a number, or like a character that is composed otherwise.
    """
    if text.isascii() and _OPENS not in text:
        return text if text.isprintable() else text.translate(_SHOWN)
    text = text.replace(_OPENS, f"{escape(ord('<'))}U+").translate(_SHOWN)
    return text if text.isascii() else _composed(text)


def _composed(text: str) -> str:
    """Write by its number what is drawn as another character that is one: an accent behind its letter."""
    from unicodedata import is_normalized, normalize

    if is_normalized("NFC", text):
        return text
    kept = set(normalize("NFC", text))
    return "".join(c if c.isascii() or c in kept else escape(ord(c)) for c in text)


def cell(text: str) -> str:
    """Return a text as `shown` does, on one line and without tabs: for tables, where both mean something."""
    told = shown(text)
    return told.replace("\n", " ").replace("\t", " ") if "\n" in told or "\t" in told else told


def one_line(text: str) -> str:
    """Return *text* on one line, fit for a terminal: blanks and line ends of all kinds become one space."""
    return " ".join(clean(" ".join(text.split())).split())


def beginning(text: str) -> str:
    """Return how *text* begins, in at most 60 characters on one line."""
    words = " ".join(text[:240].split())
    return words if len(words) <= 60 else f"{words[:57].rstrip()}..."


def tokens(text: str) -> int:
    """Estimate tokens: four bytes of trimmed UTF-8 to one, rounded up (catalog-registry-router 5.4)."""
    return -(-len(text.strip().encode("utf-8", "replace")) // 4)


def few(names: Sequence[str], most: int, between: str = ", ") -> str:
    """List the first of *names*, at most so many, and count the rest: `a, b and 3 more`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return between.join(names[:most]) + more


def size(number: float, digits: int = 1) -> str:
    """Write a number of bytes with the unit that keeps it short: 3.1 GB, 512 B."""
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit:
            return f"{number / limit:.{digits}f} {unit}"
    return f"{number:.0f} B"
