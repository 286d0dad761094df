"""What a server repeats of a prompt in its errors: left out, because logs hold features and never a text."""

from __future__ import annotations

from collections.abc import Iterable

LEAST = 12  # characters in a row that are no chance
WORD = 5  # characters of a whole text that is repeated as it stands
GAP = "[...]"


def unechoed(message: str, said: Iterable[str]) -> str:
    """Return *message* without what it repeats of the texts that were *said*; blanks count as one."""
    line = " ".join(message.split())
    texts = [" ".join(text.split()) for text in said]
    everything = "\n".join(texts)
    hidden = bytearray(len(line))
    for start in range(len(line) - LEAST + 1):
        if line[start : start + LEAST] in everything:
            hidden[start : start + LEAST] = b"\1" * LEAST
    for text in texts:
        if WORD <= len(text) < LEAST:
            start = line.find(text)
            while start >= 0:
                hidden[start : start + len(text)] = b"\1" * len(text)
                start = line.find(text, start + 1)
    return _with_gaps(line, hidden) if any(hidden) else message


def _with_gaps(line: str, hidden: bytearray) -> str:
    """Put one gap in the place of each run of hidden characters."""
    parts: list[str] = []
    for place, character in enumerate(line):
        if not hidden[place]:
            parts.append(character)
        elif not place or not hidden[place - 1]:
            parts.append(GAP)
    return "".join(parts)
