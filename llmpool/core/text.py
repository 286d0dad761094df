"""Text from elsewhere: made harmless for a terminal, and measured in tokens."""

from __future__ import annotations

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
