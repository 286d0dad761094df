"""sessions/NAME.jsonl: the only place where prompts and answers are kept (DESIGN ruling 23).

A conversation that nothing may be kept of lives in `_held`, in this process alone: whoever goes on with it
need not know. All that changes a file holds the lock of the directory, as those who append do; whoever makes
one has claimed its name. What the system refuses raises StateUnusable.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.ids import is_device
from llmpool.core.text import few
from llmpool.errors import Misuse, UnknownName
from llmpool.state import jsonl, shape
from llmpool.state.jsonfile import encode, sync_directory, write_atomic
from llmpool.state.lock import locked, open_private, unusable

LAST = "last"  # what a terminal keeps its latest exchange as
ROLES = ("system", "user", "assistant")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
_NAMED = 6  # sessions that an error names at most
_FIRST = 200  # characters of the first question that a list is given

Turn = dict[str, Any]
_held: dict[str, list[Turn]] = {}


class Session(NamedTuple):
    """A kept conversation: its name, how many turns, and when it last grew (RFC 3339 UTC).

    *deployment* is who answered last, *first* how the first question begins.
    """

    name: str
    turns: int
    updated_at: str
    deployment: str = ""
    first: str = ""


def path_of(state: Path, name: str) -> Path:
    """Return the file of a session; raises Misuse for a name that is no plain file name."""
    if not _NAME.match(name):
        raise Misuse(f"{name!r} cannot name a session", hint="use letters, digits, dot, dash, underscore")
    if sys.platform == "win32" and is_device(name):
        raise Misuse(f"{name!r} is the name of a device on Windows", hint="choose another name")
    return state / "sessions" / f"{name}.jsonl"


def read(state: Path, name: str) -> list[Turn]:
    """Read a session's turns; raises UnknownName when there is no such session."""
    if name in _held:
        return list(_held[name])
    path = path_of(state, name)
    if not path.exists():
        known = [each.stem for each in _files(state)]
        raise UnknownName(f'no session "{name}"', hint=_way_out(name, known), details={"candidates": known})
    return [_shaped(turn) for turn in jsonl.read(path).records if _is_turn(turn)]


def _way_out(name: str, known: list[str]) -> str:
    """Say which session was meant, or what there is."""
    from llmpool.core.near import near

    alike = near(name, known, most=2, alike=0.75)
    if alike:
        return f"did you mean {' or '.join(alike)}?   all of them: llmpool chat --list"
    return f"there are: {few(known, _NAMED)}   (llmpool chat --list)" if known else "none is kept yet"


def exists(state: Path, name: str) -> bool:
    """Say whether there is a session of that name."""
    return name in _held or path_of(state, name).exists()


def append(state: Path, name: str, turns: Iterable[Turn], *, anew: bool = False) -> None:
    """Add *turns* to a session, together; *anew* forgets what it held, as `last` does with each exchange."""
    if name in _held:
        _held[name] = [*([] if anew else _held[name]), *turns]
    else:
        jsonl.put_together(path_of(state, name), turns, anew=anew)


def hold(name: str, turns: Iterable[Turn] = ()) -> None:
    """Keep the session of that name in memory from now on, beginning with *turns*: no file is touched."""
    _held[name] = list(turns)


def is_held(name: str) -> bool:
    """Say whether a session lives in memory alone."""
    return name in _held


def let_go(name: str) -> None:
    """Forget a session that was held in memory."""
    _held.pop(name, None)


def claim(state: Path, name: str) -> bool:
    """Take a name that nobody has yet; False when somebody was faster."""
    path = path_of(state, name)
    try:
        os.close(open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    except OSError as error:
        raise unusable(path, error) from error
    return True


def release(state: Path, name: str) -> None:
    """Give up a name that was claimed, where nothing was kept under it."""
    path = path_of(state, name)
    with locked(jsonl.gate(path.parent)):
        if path.exists() and not path.stat().st_size:
            _remove(path)


def take_back(state: Path, name: str) -> list[Turn]:
    """Take the last exchange out of a session and return its turns; nobody sees half of it gone.

    It begins with what was asked; of the first one also the system's words go, for nothing is left to them.
    """
    if name in _held:
        turns = _held[name]
        start = _last_exchange(list(enumerate(turns)))
        taken, _held[name] = turns[start:], turns[:start]
        return taken
    path = path_of(state, name)
    with locked(jsonl.gate(path.parent)):
        lines = jsonl.content(path).splitlines(keepends=True)
        spoken = [(at, turn) for at, line in enumerate(lines) if _is_turn(turn := _turn(line))]
        start = _last_exchange(spoken)
        if any(at >= start for at, _ in spoken):
            write_atomic(path, b"".join(lines[:start]))
    return [turn for at, turn in spoken if at >= start]


def from_last_exchange(turns: list[Turn]) -> list[Turn]:
    """Return the turns of the last exchange, as `take_back` takes them out."""
    return turns[_last_exchange(list(enumerate(turns))) :]


def put_instead(state: Path, name: str, old: list[Turn], new: list[Turn]) -> None:
    """Put *new* turns in the place of *old* ones, in one step; where those are gone, behind the rest."""
    path = path_of(state, name)
    with locked(jsonl.gate(path.parent)):
        lines = [line.rstrip(b"\n") + b"\n" for line in jsonl.content(path).splitlines(keepends=True)]
        same = [at for at, line in enumerate(lines) if _shaped(_turn(line)) in old]
        gone = same[-len(old) :]  # what was said word for word before stays
        first = gone[0] if gone else len(lines)
        behind = [line for at, line in enumerate(lines) if at > first and at not in gone]
        write_atomic(path, b"".join([*lines[:first], jsonl.lines_of(new), *behind]))


def move(state: Path, old: str, new: str, *, copy: bool = False) -> None:
    """Give a session another name, or keep a *copy* under it; raises Misuse where that is taken.

    Raises UnknownName where there is no such session.
    """
    path = path_of(state, new)
    if not exists(state, old):
        read(state, old)  # which says so
    with locked(jsonl.gate(path.parent)):
        if path.exists():
            raise Misuse(f'there is a session "{new}" already', hint=f"llmpool chat --show {new}")
        turns = read(state, old)  # with what others have added in the meantime
        write_atomic(path, b"".join(encode(turn) + b"\n" for turn in turns))
        if not copy and old not in _held:
            _remove(path_of(state, old))
    if not copy:
        let_go(old)


def delete(state: Path, name: str) -> None:
    """Delete a session; raises UnknownName when there is none.

    Under the lock, or whoever adds to it at this moment would write it anew with all that was in it.
    """
    path = path_of(state, name)
    if not path.exists():
        read(state, name)
    with locked(jsonl.gate(path.parent)):
        _remove(path)


def every(state: Path) -> list[Session]:
    """List the sessions by name; a file whose name could name none was put there by somebody else."""
    return [_summed(path) for path in _files(state)]


def newest(state: Path) -> str:
    """Return the session that grew last; empty where none is kept."""
    return max(_files(state), key=_grown, default=Path()).stem


def _files(state: Path) -> list[Path]:
    """List the files of sessions; one that holds nothing is a name that was claimed."""
    found = sorted((state / "sessions").glob("*.jsonl"))
    return [path for path in found if _NAME.match(path.stem) and _grown(path)]


def _grown(path: Path) -> int:
    """Return when a file grew last, in nanoseconds; 0 where it is empty, or deleted meanwhile."""
    try:
        found = path.stat()
    except OSError:
        return 0
    return found.st_mtime_ns if found.st_size else 0


def _summed(path: Path) -> Session:
    """Read a session through, however long it is, and hold none of it."""
    count, first, deployment = 0, "", ""
    last: Turn = {}
    for turn in _each(path):
        count, last = count + 1, turn
        if turn["role"] == "user" and not first:
            first = turn["text"][:_FIRST]
        if turn["role"] == "assistant":
            deployment = turn.get("deployment", deployment)
    return Session(path.stem, count, last.get("at", ""), deployment, first)


def _each(path: Path) -> Iterator[Turn]:
    try:
        with path.open("rb") as file:
            yield from (_shaped(turn) for line in file if _is_turn(turn := _turn(line)))
    except FileNotFoundError:
        return  # deleted meanwhile
    except OSError as error:
        raise unusable(path, error, "read") from error


def _last_exchange(spoken: list[tuple[int, Turn]]) -> int:
    """Return where the last exchange begins, as its turns are numbered."""
    asked = next((n for n in range(len(spoken) - 1, -1, -1) if spoken[n][1]["role"] == "user"), 0)
    if all(turn["role"] == "system" for _, turn in spoken[:asked]):
        asked = 0
    return spoken[asked][0] if spoken else 0


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
        sync_directory(path.parent)
    except OSError as error:
        raise unusable(path, error, "delete") from error


def _turn(line: bytes) -> Turn:
    """Read a line; what is no turn is an empty one."""
    return jsonl.record(line) or {}


def _shaped(turn: Turn) -> Turn:
    """Leave out of a turn what is not shaped as it was written."""
    return {name: value for name, value in turn.items() if _SHAPES.get(name, _as_it_is)(value)}


def _as_it_is(_value: object) -> bool:
    return True


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(isinstance(each, kind) for each in value)


_SHAPES: dict[str, Callable[[object], bool]] = {
    "at": shape.is_moment,
    "deployment": _is_text,
    "partial": lambda value: isinstance(value, bool),
    "carry": _are(dict),
    "images": _are(str),
}


def _is_turn(turn: Turn) -> bool:
    """Say whether somebody says something in it."""
    return turn.get("role") in ROLES and type(turn.get("text")) is str
