"""What a terminal that knows no UTF-8 is shown in the place of what it cannot show; never a question mark."""

from __future__ import annotations

import codecs
import os

from llmpool.core.text import escape

NAME = "llmpool-stand-ins"  # of the way to encode, as Python's `errors=` names it
_ASCII = {
    **dict.fromkeys("\u00b7\u2022\u2023\u25cf\u25cb\u25aa\u25e6\u2013\u2212\u2010\u2011\u2500\u2501", "-"),
    **dict.fromkeys("\u2502\u2503\u258f\u2551", "|"),
    **dict.fromkeys("\u250c\u2510\u2514\u2518\u251c\u2524\u252c\u2534\u253c\u256d\u256e\u256f\u2570", "+"),
    **dict.fromkeys("\u2588\u2589\u258a\u258b\u258c\u258d\u258e\u2593", "#"),
    **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
    **dict.fromkeys("\u201c\u201d\u201e\u2033\u00ab\u00bb", '"'),
    **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f", " "),
    "\u2014": "--",
    "\u2026": "...",
    "\u2192": "->",
    "\u2190": "<-",
    "\u21d2": "=>",
    "\u00d7": "x",
    "\u2264": "<=",
    "\u2265": ">=",
    "\u2260": "!=",
    "\u2248": "~",
    "\u20ac": "EUR ",
    "\u00b0": " deg",
    "\u2713": "ok",
    "\u2714": "ok",
    "\u2717": "no",
    "\u2718": "no",
    "\u2591": ".",
    "\u2592": ":",
    **{chr(0x2400 + code): f"^{chr(0x40 + code)}" for code in range(0x20)},
    "\u2421": "^?",
}


def is_utf8(encoding: str | None) -> bool:
    """Say whether an encoding has every character."""
    return (encoding or "").lower().replace("-", "").replace("_", "") in ("utf8", "utf8sig", "cp65001")


def draws() -> bool:
    """Say whether the locale is no bare C: there, bars and bullets are ASCII, even where UTF-8 is written."""
    return (os.environ.get("LC_ALL") or os.environ.get("LANG")) not in ("C", "POSIX")


def written(text: str, encoding: str) -> str:
    """Return *text* as it comes out where not every character has a code: what a table measures."""
    install()
    return text.encode(encoding, NAME).decode(encoding)


def install() -> str:
    """Make the way to encode known to Python, and return its name."""
    codecs.register_error(NAME, _replaced)
    return NAME


def _replaced(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    strange = error.object[error.start : error.end]
    return "".join(_ASCII.get(c) or escape(ord(c)) for c in strange), error.end
