"""The one table of colours, and the words that have them: a colour is never all that says a thing."""

from __future__ import annotations

import re

STYLES = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "head": "1"}
_OFF = "\x1b[0m"
_OURS = re.compile(r"\x1b\[[0-9;]*m")

_WORDS = {
    "good": ("ok", "yes", "active", "done", "answered", "connected", "connects", "works", "loaded"),
    "bad": ("down", "failed", "error", "no", "refused", "expired", "revoked", "spent", "nothing"),
    "warn": (
        *("resting", "stale", "inactive", "disabled", "flagged", "warning", "missing", "limited", "stopping"),
        *("interrupted", "cancelled", "unknown", "paused", "waiting"),
    ),
    "dim": ("never asked", "note", "not sent", "none", "default"),
}
OF_WORD = {word: style for style, words in _WORDS.items() for word in words}


def paint(text: str, style: str, *, on: bool = True) -> str:
    """Return *text* in a style of the table; as it is where there is no style, no text, or no colour."""
    return f"\x1b[{STYLES[style]}m{text}{_OFF}" if on and style and text else text


def of_words(text: str) -> str:
    """Return the style of a text that says how a thing is: of all of it, or of what it begins with."""
    for part in (text, text.partition(",")[0], text.partition(" ")[0]):
        if part.lower() in OF_WORD:
            return OF_WORD[part.lower()]
    return ""


def unpainted(text: str) -> str:
    """Take our own colours out of a text again."""
    return _OURS.sub("", text)
