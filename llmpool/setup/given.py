"""A text that a person names: a file, or stdin as `-`."""

from __future__ import annotations

import sys
from pathlib import Path

from llmpool.errors import Misuse

MOST = 8 << 20  # bytes; a config of a thousand models is a tenth of that


def called(source: str) -> str:
    """Return what messages call *source*."""
    return "stdin" if source == "-" else source


def read(source: str, hint: str = "") -> str:
    """Return the text of *source*; raises Misuse with *hint* for what cannot be read, or has no end."""
    try:
        content = _content(source)
    except OSError as error:
        raise Misuse(f"{called(source)} cannot be read: {error.strerror}", hint=hint) from None
    if len(content) > MOST:
        raise Misuse(f"{called(source)} is larger than {MOST >> 20} MiB", hint=hint)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Misuse(f"{called(source)} is not UTF-8 text", hint=hint) from None


def _content(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read(MOST + 1)
    with Path(source).open("rb") as file:
        return file.read(MOST + 1)
