"""Reading other programs' files: of bounded size, only real files, nothing in them trusted, none changed."""

from __future__ import annotations

import json
import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Any

from llmpool.errors import Misuse

MOST = 4 << 20  # bytes; settings of an editor with everything in them have far fewer
_COMMENT = re.compile(r'("(?:\\.|[^"\\])*+["\\]?)|//[^\n]*|/\*(?:(?!\*/).)*+(?:\*/)?', re.DOTALL)
_COMMA = re.compile(r'("(?:\\.|[^"\\])*+["\\]?)|,(?=\s*+[}\]])', re.DOTALL)


class Unreadable(Misuse):
    """A file of another program that is there and cannot be read, or is not what it should be."""


def text(path: Path) -> str:
    """Return what a file says; raises Unreadable for what is no file, too large, foreign or no UTF-8.

    Links are followed, as settings in a dotfiles repository are links; a FIFO is never waited for.
    """
    return _decoded(path, _content(path))


def json_with_comments(path: Path) -> dict[str, Any]:
    """Read a file of JSON as editors write it, with comments and trailing commas; raises Unreadable.

    What is no object counts as an empty one.
    """
    return parsed(text(path), path)


def parsed(words: str, path: Path) -> dict[str, Any]:
    """Read JSON with comments and trailing commas; raises Unreadable that names *path* and the line."""
    bare = _COMMA.sub(r"\1", _COMMENT.sub(_blank, words))
    try:
        value = json.loads(bare) if bare.strip() else {}
    except json.JSONDecodeError as error:
        raise Unreadable(f"{path} is no JSON (line {error.lineno})") from None
    except (RecursionError, ValueError):  # nested too deep, or a number with too many digits
        raise Unreadable(f"{path} is no JSON that can be read") from None
    return value if isinstance(value, dict) else {}


def toml(path: Path) -> dict[str, Any]:
    """Read a TOML file; raises Unreadable."""
    try:
        return tomllib.loads(text(path))
    except (ValueError, RecursionError):
        raise Unreadable(f"{path} is no TOML") from None


def _blank(found: re.Match[str]) -> str:
    """Keep a string, and the lines of a comment, so that errors name the right one."""
    return found[1] or "\n" * found[0].count("\n")


def _decoded(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Unreadable(f"{path} is not UTF-8") from None


def _content(path: Path) -> bytes:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0)
    try:
        descriptor = os.open(path, flags | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            _refuse(path, os.fstat(descriptor))
            content = file.read(MOST + 1)
    except (OSError, ValueError) as error:
        raise Unreadable(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MOST:
        raise Unreadable(f"{path} is larger than {MOST >> 20} MB, so it is not read")
    return content


def _refuse(path: Path, seen: os.stat_result) -> None:
    """Refuse what is no file, and what another user has put there: it says where keys are sent."""
    if not stat.S_ISREG(seen.st_mode):
        raise Unreadable(f"{path} is no file")
    if os.name == "posix" and seen.st_uid not in (os.getuid(), 0):
        raise Unreadable(f"{path} belongs to another user (uid {seen.st_uid}), so it is not read")
