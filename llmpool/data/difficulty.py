"""The learned weights of the difficulty score: `difficulty.bin`, made by `tests/tools/train_difficulty.py`.

The file, all little-endian: four letters, the count of signs and of words, what an entry of a word is worth;
a slope and a middle for each sign; an entry for each word, a byte with a sign; the words in UTF-8, by lines.
`DIFFICULTY-LICENSE` says what it was learned from.
"""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

from llmpool.router.difficulty import Weights

FILE = Path(__file__).with_name("difficulty.bin")
HEADER = struct.Struct("<4sHHd")
MAGIC = b"LPD2"


@cache
def weights() -> Weights:
    """Read the weights, once; only what shows or uses a prompt's difficulty needs them."""
    return unpack(FILE.read_bytes())


def unpack(data: bytes) -> Weights:
    """Unpack the file's bytes."""
    magic, signs, count, unit = HEADER.unpack_from(data)
    if magic != MAGIC:
        msg = f"{FILE.name} does not begin with {MAGIC!r}"
        raise ValueError(msg)
    start = HEADER.size + 16 * signs
    figures = struct.unpack_from(f"<{2 * signs}d", data, HEADER.size)
    entries = memoryview(data)[start : start + count].cast("b")
    words = str(data[start + count :], "utf-8").split("\n")
    return Weights(dict(zip(words, entries, strict=False)), unit, figures[:signs], figures[signs:])


def pack(weights: Weights) -> bytes:
    """Pack weights into the file's bytes, the opposite of `unpack`."""
    signs, words = len(weights.slopes), weights.words
    head = HEADER.pack(MAGIC, signs, len(words), weights.unit)
    figures = struct.pack(f"<{2 * signs}d", *weights.slopes, *weights.middles)
    return head + figures + struct.pack(f"{len(words)}b", *words.values()) + "\n".join(words).encode()
