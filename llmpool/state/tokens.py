"""tokens.json: tokens that live under an hour, had for what is kept in the keyring or the key file.

They are secrets, so nobody but their owner may read the file; none is worth more than what it has left.
What has ended is dropped with the next write.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.state import jsonfile, shape
from llmpool.state.lock import locked

NAME = "tokens.json"
MOST_SECONDS = 3600.0
WAIT_SECONDS = 60.0  # for another process that is refreshing: longer than its server may take
ACCESS, EXCHANGED = "access", "exchanged"


class Passing(NamedTuple):
    """A token that passes soon; *url* is where it is good for, where that is not simply the provider's."""

    token: str
    expires_at: float
    url: str = ""

    def __repr__(self) -> str:
        return f"Passing(expires_at={self.expires_at})"


Place = tuple[str, str, str]  # of a token: provider, the label of what it was had for, access or exchanged


def read(state: Path) -> dict[Place, Passing]:
    """Read the tokens; none where the file is not its owner's alone, so that a strange one is never sent."""
    if _is_exposed(state / NAME):
        jsonfile.warn(f"{state / NAME} is not yours alone, so it is not used: chmod 600 {state / NAME}")
        return {}
    return jsonfile.read(state / NAME, decode=_tokens)


def keep(state: Path, place: Place, passing: Passing, now: float) -> None:
    """Take in a token."""

    def change(known: dict[Place, Passing]) -> Any:
        known[place] = passing
        return _as_data({key: each for key, each in known.items() if each.expires_at > now})

    jsonfile.update(state / NAME, change, decode=_tokens)


def forget(state: Path, provider: str, labels: Iterable[str]) -> None:
    """Drop all tokens that were had for *labels* of *provider*."""
    wanted = set(labels)

    def change(known: dict[Place, Passing]) -> Any:
        gone = [place for place in known if place[0] == provider and place[1] in wanted]
        return _as_data({place: each for place, each in known.items() if place not in gone})

    if (state / NAME).exists():
        jsonfile.update(state / NAME, change, decode=_tokens)


def turn(state: Path, provider: str) -> AbstractContextManager[None]:
    """Have the turn to refresh tokens of *provider*, which one process has at a time; raises Busy."""
    return locked(state / f"login-{provider}", wait=WAIT_SECONDS)


def _is_exposed(path: Path) -> bool:
    try:
        seen = path.lstat()
    except OSError:
        return False  # reading it says what is wrong
    if not stat.S_ISREG(seen.st_mode):  # a link, or a FIFO, which would be waited for
        return True
    return os.name == "posix" and (seen.st_uid != os.getuid() or bool(stat.S_IMODE(seen.st_mode) & 0o077))


def _as_data(tokens: dict[Place, Passing]) -> dict[str, Any]:
    return {"tokens": [[*place, *passing] for place, passing in sorted(tokens.items())]}


def _tokens(data: Any) -> dict[Place, Passing]:
    lines = [] if data is None else shape.listed(_line)(shape.mapping(data)["tokens"])
    return dict(lines)


def _line(value: Any) -> tuple[Place, Passing]:
    fields = shape.listed(lambda each: each)(value)
    provider, label, kind, token, expires_at, url = fields
    text: Callable[[Any], str] = shape.text
    place = (text(provider), text(label), text(kind))
    return place, Passing(text(token), shape.instant(expires_at), text(url))
