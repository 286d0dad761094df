"""Lines of a file from its end: the newest of a log come first, and nobody waits for the rest of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

from llmpool.state.lock import unusable

BLOCK = 1 << 18


def lines(path: Path, block: int = BLOCK) -> Iterator[bytes]:
    """Yield the lines of *path*, the last one first, without their ends; a missing file has none.

    What is appended meanwhile is not seen. No more is held than a block and the longest line. Raises
    StateUnusable for what cannot be read.
    """
    try:
        with path.open("rb") as file:
            yield from _lines(file, block)
    except FileNotFoundError:
        return
    except OSError as error:
        raise unusable(path, error, "read") from error


def _lines(file: BufferedReader, block: int) -> Iterator[bytes]:
    place = file.seek(0, os.SEEK_END)
    tail: list[bytes] = []  # the end of a line whose beginning is further up, its last piece first
    while place:
        size = min(block, place)
        place -= size
        file.seek(place)
        first, *whole = file.read(size).split(b"\n")
        if whole:
            yield whole.pop() + b"".join(reversed(tail))
            yield from reversed(whole)
            tail = []
        tail.append(first)
    if tail:
        yield b"".join(reversed(tail))
