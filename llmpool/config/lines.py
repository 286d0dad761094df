"""Which line of a TOML text each table, key and array item stands on."""

from __future__ import annotations

from llmpool.config.scan import KeyPath, scan


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map each key path of *text* to its line, counted from 1; items of arrays are numbered from 0."""
    lines: dict[KeyPath, int] = {}
    for mark in scan(text).marks:
        for end in range(mark.above + 1, len(mark.path) + 1):
            lines.setdefault(mark.path[:end], mark.line)
    return lines


def line_of(lines: dict[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of *path*, or of the nearest table around it."""
    for end in range(len(path), 0, -1):
        if path[:end] in lines:
            return lines[path[:end]]
    return None
