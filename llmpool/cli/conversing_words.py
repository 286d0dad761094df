"""What Tab offers in an interactive session: commands, models, sessions, files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from llmpool.errors import LlmpoolError

if TYPE_CHECKING:
    from llmpool.cli.conversing import Conversing

LEVELS = ("off", "low", "medium", "high")


def completion(talk: Conversing, line: str, start: int) -> list[str]:
    """Return what the last word of *line*, which begins at *start*, may become; nothing in what is said."""
    from llmpool.cli.conversing_commands import COMMANDS

    if not line.startswith("/") or "\n" in line:
        return []
    name, blank, rest = line[1:].partition(" ")
    if not blank:
        return [
            f"/{each} " if each_of.takes else f"/{each}"
            for each, each_of in COMMANDS.items()
            if each.startswith(name)
        ]
    offers = COMMANDS[name].offers if name in COMMANDS else ""
    if offers == "files":
        return _files(rest, len(line) - start)
    return [word for word in _words(talk, offers) if word.startswith(rest)] if start == len(name) + 2 else []


def _words(talk: Conversing, what: str) -> Iterable[str]:
    if what == "models":
        return ("auto", "cloud", "local", *_models(talk))
    if what == "others":
        return ("elsewhere", *_models(talk))
    if what == "levels":
        return LEVELS
    if what == "sessions":
        from llmpool.state import sessions

        return [kept.name for kept in sessions.every(talk.state)]
    return [file.name for file in talk.files] if what == "attached" else ()


def _models(talk: Conversing) -> list[str]:
    """Name deployments and aliases; a config that is broken just now is told when something is asked."""
    try:
        return [*talk.terminal.pool.table.aliases, *(row.id for row in talk.terminal.pool.table.rows)]
    except LlmpoolError:
        return []


def _files(typed: str, length: int) -> list[str]:
    """Complete a path; *length* is that of its last word, the only part that is written anew."""
    folder, name = os.path.split(typed)
    try:
        with os.scandir(Path(folder or ".").expanduser()) as entries:
            found = [(e.name, e.is_dir()) for e in entries if e.name.startswith(name)]
    except OSError:
        return []
    shown = sorted(n + "/" * is_dir for n, is_dir in found if name[:1] == "." or not n.startswith("."))
    done = len(typed) - length
    return [os.path.join(folder, each)[done:] for each in shown]  # noqa: PTH118 - typed text, not a path
