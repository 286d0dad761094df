"""What of a prompt is judged: its beginning and end, its words, and the passage that says what is wanted."""

from __future__ import annotations

import re

HEAD, TAIL = 1200, 500  # characters looked at: a prompt's beginning and its end
LONG = 400  # characters: in a longer prompt, what is wanted may stand apart from what it is wanted of
LINE = 200  # the most characters of a passage that stands apart
LONGEST = 12  # characters that a word has on average, in any language
_OPTIONS = re.compile(r"\n[A-H][.)] [^\n]*")  # the offered answers: the question is judged, not they
_KEPT = b"abcdefghijklmnopqrstuvwxyz'-"
_BLANKED = bytes(n if n in _KEPT or n > 127 else 32 for n in range(256))  # of ASCII, all but _KEPT is a blank
# Quotes, dashes, dots, and the marks of Chinese, Japanese, Arabic and Hindi: blanks, as those of ASCII are.
_MARKS = (
    "\u2018\u201c\u201d\u201e\u2026\u2013\u2014\u00ab\u00bb\u00bf\u00a1\u00b7\u2022\u3001\u3002\uff0c"
    "\uff01\uff1f\uff1a\uff1b\uff08\uff09\u300c\u300d\u300e\u300f\u060c\u061f\u061b\u0964\u00a0\u3000"
)
_SET_OFF = re.compile(r"\n|\uff1a|:(?=\s|[^\x00-\u2fff])")
_SENTENCE = re.compile(r"[.?!](?=\s)|[\u3002\uff1f\uff01]")
_UNSPACED = "[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+"  # Thai, Lao, Japanese and Chinese


def question(text: str) -> str:
    """Cut what is judged out of *text*: its beginning and end, without lettered answers to choose from."""
    part = text if len(text) <= HEAD + TAIL else f"{text[:HEAD]}\n{text[-TAIL:]}"
    if "\nB. " in part or "\nB) " in part:
        return _OPTIONS.sub("", part).removesuffix("\nAnswer:")
    return part


def split(lower: str) -> list[str]:
    """Split a text in lower case into words: runs of letters, joined by a hyphen or apostrophe or not."""
    if not lower.isascii():
        lower = lower.replace("\u2019", "'")
        for mark in [mark for mark in _MARKS if mark in lower]:
            lower = lower.replace(mark, " ")
    words = lower.encode("utf-8", "replace").translate(_BLANKED).decode().split()
    if "'" in lower or "-" in lower:
        return [bare for word in words if (bare := word.strip("'-"))]
    return words


def count(lower: str, words: list[str]) -> int:
    """Count the words, two characters for one where writing has no blanks between them; noise counts too."""
    dense = len(lower.encode("utf-8", "replace")) > 1.5 * len(lower)  # most letters take two bytes or three
    unspaced = re.findall(_UNSPACED, lower) if dense else []
    return max(len(words) - len(unspaced) + sum(map(len, unspaced)) // 2, len(lower) // LONGEST)


def ends(lower: str) -> list[str]:
    """Give the passages of a long prompt in which it may stand what is wanted of the rest, likeliest first.

    They are its first line or what stands before a colon, its last line, its first and its last sentence.
    """
    if len(lower) <= LONG:
        return []
    head, tail = lower.lstrip()[:LINE], lower.rstrip()[-LINE:]
    found = []
    for mark in (_SET_OFF, _SENTENCE):
        breaks = [each.end() for each in mark.finditer(head)]
        found += [head[: breaks[0]]] if breaks else []
        breaks = [each.end() for each in mark.finditer(tail[:-1])]
        found += [tail[breaks[-1] :]] if breaks else []
    return found
