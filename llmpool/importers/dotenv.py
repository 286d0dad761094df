"""`.env` files: the variables that a program would be given, key variables among them."""

from __future__ import annotations

import re
from pathlib import Path

from llmpool.importers import files

MOST_LINES = 10_000
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.ASCII)
_DOUBLE = re.compile(r'"((?:\\.|[^"\\])*+)"')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read(path: Path) -> dict[str, str]:
    """Return the variables of a file as a shell would set them, the later of two winning; raises Unreadable.

    A value in quotes ends where they do, another one at ` #`. What stands for another variable is left as it
    is written.
    """
    found: dict[str, str] = {}
    for line in files.text(path).splitlines()[:MOST_LINES]:
        match = _LINE.match(line)
        if match:
            found[match[1]] = _value(match[2])
    return found


def _value(text: str) -> str:
    if text.startswith("'") and "'" in text[1:]:
        return text[1:].partition("'")[0]
    double = _DOUBLE.match(text)
    if double:
        return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), double[1])
    return re.split(r"\s#", text, maxsplit=1)[0].strip()
