"""Read as much of a GGUF file as tells whether it is whole, and what context its model was trained for."""

from __future__ import annotations

import os
import struct
from math import prod
from pathlib import Path
from typing import BinaryIO, NamedTuple

MAGIC = b"GGUF"
_NUMBERS = {0: 1, 1: 1, 2: 2, 3: 2, 4: 4, 5: 4, 6: 4, 7: 1, 10: 8, 11: 8, 12: 8}  # bytes, by kind of value
_STRING, _LIST = 8, 9
_LONGEST_NAME = 65_535
_DIMENSIONS = 4  # of a tensor, at most
_MOST, _LONGEST_LIST = 100_000, 1 << 21  # values and tensors; what a damaged count names is not walked over

# Bytes of a block of 1, 32 or 256 weights, by kind of tensor; a kind that is missing here is not measured.
_SINGLE = {0: 4, 1: 2, 24: 1, 25: 2, 26: 4, 27: 8, 28: 8, 30: 2}
_OF_32 = {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 20: 18, 39: 17}
_OF_256 = {10: 84, 11: 110, 12: 144, 13: 176, 14: 210, 15: 292, 16: 66, 17: 74, 18: 98, 19: 50}
_OF_256 |= {21: 110, 22: 82, 23: 136, 29: 56, 34: 54, 35: 66}
_BLOCKS = (_SINGLE, 1), (_OF_32, 32), (_OF_256, 256)


class Summary(NamedTuple):
    """What a file says of itself: tokens of trained context (0: unsaid), and the bytes it must have."""

    context: int
    size: int


class NotWholeError(ValueError):
    """The file is no GGUF, or ends before its data does."""


def summarise(path: Path) -> Summary:
    """Read the header of *path*; raise NotWholeError when the file cannot be a whole model."""
    with path.open("rb") as file:
        try:
            summary = _summary(file)
        except NotWholeError:
            raise
        except (struct.error, KeyError, ValueError, OverflowError, OSError, MemoryError, RecursionError):
            msg = "its header is damaged or cut off"
            raise NotWholeError(msg) from None
        length = file.seek(0, os.SEEK_END)
    if length < summary.size:
        msg = f"it ends after {length} of {summary.size} bytes"
        raise NotWholeError(msg)
    return summary


def _summary(file: BinaryIO) -> Summary:
    """Walk over the metadata and the list of tensors."""
    magic, _version, tensors, pairs = struct.unpack("<4sIQQ", file.read(24))
    if magic != MAGIC:
        msg = "it does not begin as a GGUF file does"
        raise NotWholeError(msg)
    if max(tensors, pairs) > _MOST:
        raise OverflowError
    context, alignment = 0, 32
    for _ in range(pairs):
        name, kind = _name(file), _number(file, "<I")
        if kind in (4, 5) and name.endswith(b".context_length"):
            context = _number(file, "<I")
        elif kind == 4 and name == b"general.alignment":
            alignment = _number(file, "<I") or 32
        else:
            _skip(file, kind)
    end = max((_end(file) for _ in range(tensors)), default=0)
    return Summary(context, -(-file.tell() // alignment) * alignment + end)


def _end(file: BinaryIO) -> int:
    """Read the line of one tensor and return where its data ends, from the start of all data."""
    _skip(file, _STRING)
    dimensions = _number(file, "<I")
    if dimensions > _DIMENSIONS:
        raise OverflowError
    count = prod(_number(file, "<Q") for _ in range(dimensions))
    kind, offset = _number(file, "<I"), _number(file, "<Q")
    return offset + next((count // width * table[kind] for table, width in _BLOCKS if kind in table), 1)


def _name(file: BinaryIO) -> bytes:
    """Read the name of a value; one that is longer than any name is none, and is not held in memory."""
    length = _number(file, "<Q")
    if length > _LONGEST_NAME:
        raise OverflowError
    return file.read(length)


def _number(file: BinaryIO, form: str) -> int:
    """Read one unsigned number."""
    return int(struct.unpack(form, file.read(struct.calcsize(form)))[0])


def _skip(file: BinaryIO, kind: int) -> None:
    """Step over a value of that *kind*."""
    if kind == _STRING:
        file.seek(_number(file, "<Q"), os.SEEK_CUR)
        return
    if kind != _LIST:
        file.seek(_NUMBERS[kind], os.SEEK_CUR)
        return
    kind, count = _number(file, "<I"), _number(file, "<Q")
    if kind in _NUMBERS:
        file.seek(_NUMBERS[kind] * count, os.SEEK_CUR)
        return
    if count > _LONGEST_LIST:
        raise OverflowError
    for _ in range(count):
        _skip(file, kind)
