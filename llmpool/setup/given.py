"""A text that a person names: a file, or stdin as `-`."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from llmpool.errors import Misuse

MOST = 8 << 20  # bytes; a config of a thousand models is a tenth of that


def called(source: str) -> str:
    """Return what messages call *source*."""
    return "stdin" if source == "-" else source


def read(source: str, hint: str = "") -> str:
    """Return the text of *source*; raises Misuse with *hint* for what cannot be read, or has no end."""
    try:
        with opened(source) as file:
            content = file.read(MOST + 1)
    except OSError as error:
        raise unreadable(source, error, hint) from None
    return decoded(content, source, hint)


def opened(source: str) -> AbstractContextManager[BinaryIO]:
    """Open *source* to be read; stdin stays open afterwards."""
    return nullcontext(sys.stdin.buffer) if source == "-" else Path(source).open("rb")


def unreadable(source: str, error: OSError, hint: str) -> Misuse:
    """Return the error for what the system does not let be read."""
    return Misuse(f"{called(source)} cannot be read: {error.strerror}", hint=hint)


def decoded(content: bytes, source: str, hint: str) -> str:
    """Return *content*, which *source* begins with, as text; raises Misuse for none, and for too much."""
    if len(content) > MOST:
        raise Misuse(f"{called(source)} is larger than {MOST >> 20} MiB", hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misuse(f"{called(source)} is not UTF-8 text", hint=hint) from None
