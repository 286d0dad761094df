"""Text from elsewhere, made harmless for a terminal and measured in tokens; names and bytes in few words."""

from __future__ import annotations

from collections.abc import Sequence

_KEPT = "\n\t"


def _table() -> dict[int, str]:
    """Map C0 controls to their pictures; drop C1 controls, bidi marks and invisible spaces."""
    table = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in _KEPT}
    table[0x7F] = "\u2421"
    table[0x0D] = ""
    invisible = (
        *range(0x80, 0xA0),
        0x061C,
        0x200B,
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
    )
    return table | dict.fromkeys((*invisible, 0xFEFF), "")


_HARMLESS = _table()


def clean(text: str) -> str:
    """Return *text* fit for a terminal; joiners that scripts and emoji need are kept."""
    return text if text.isascii() and text.isprintable() else text.translate(_HARMLESS)


def one_line(text: str) -> str:
    """Return *text* on one line, fit for a terminal: blanks and line ends of all kinds become one space."""
    return " ".join(clean(" ".join(text.split())).split())


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
