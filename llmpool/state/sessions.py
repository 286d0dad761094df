"""sessions/NAME.jsonl: the only place where prompts and answers are kept (DESIGN ruling 23)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.errors import Misuse, UnknownName
from llmpool.state import jsonl, shape
from llmpool.state.lock import unusable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class Session(NamedTuple):
    """A kept conversation: its name, how many turns, and when it last grew (RFC 3339 UTC)."""

    name: str
    turns: int
    updated_at: str


def path_of(state: Path, name: str) -> Path:
    """Return the file of a session; raises Misuse for a name that is no plain file name."""
    if not _NAME.match(name):
        raise Misuse(f"{name!r} cannot name a session", hint="use letters, digits, dot, dash, underscore")
    return state / "sessions" / f"{name}.jsonl"


def read(state: Path, name: str) -> list[dict[str, Any]]:
    """Read a session's turns; raises UnknownName when there is no such session."""
    path = path_of(state, name)
    if not path.exists():
        known = [session.name for session in every(state)]
        hint = f"there are: {', '.join(known)}" if known else "none is kept yet"
        raise UnknownName(f'no session "{name}"', hint=hint, details={"candidates": known})
    return _turns(path)


def exists(state: Path, name: str) -> bool:
    """Say whether a session of that name is kept."""
    return path_of(state, name).exists()


def append(state: Path, name: str, turns: Iterable[dict[str, Any]], *, anew: bool = False) -> None:
    """Add *turns* to a session, together; *anew* forgets what it held, as `last` does with each exchange."""
    jsonl.append_all(path_of(state, name), turns, anew=anew)


def delete(state: Path, name: str) -> None:
    """Delete a session; raises UnknownName when there is none."""
    read(state, name)
    path = path_of(state, name)
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unusable(path, error, "delete") from error


def every(state: Path) -> list[Session]:
    """List the sessions by name; a file whose name could name none was put there by somebody else."""
    found = []
    for path in sorted((state / "sessions").glob("*.jsonl")):
        if not _NAME.match(path.stem):
            continue
        turns = _turns(path)
        grew: Any = turns[-1].get("at") if turns else ""
        found.append(Session(path.stem, len(turns), grew if shape.is_moment(grew) else ""))
    return found


def _turns(path: Path) -> list[dict[str, Any]]:
    """Read a session's turns; a line in which nobody says anything is none."""
    return [turn for turn in jsonl.read(path).records if _is_text(turn, "role") and _is_text(turn, "text")]


def _is_text(turn: dict[str, Any], name: str) -> bool:
    return type(turn.get(name)) is str
