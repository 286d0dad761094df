"""Which conversation an interactive session goes on with, under what name, and where that is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from llmpool.chat import session
from llmpool.chat.record import twice
from llmpool.errors import Busy, StateUnusable
from llmpool.state import sessions
from llmpool.state.sessions import Turn

_TRIES = 100  # names that are tried for one minute


class Talk(NamedTuple):
    """A conversation that was opened: its *name*, and whether that is one *given* to it here.

    *goes_on* says that something was said in it before. *refused* is why nothing can be kept, where that is
    not what was asked for.
    """

    name: str
    given: bool = False
    goes_on: bool = False
    refused: str = ""


def begin(state: Path, now: float, *, kept: bool) -> Talk:
    """Begin a conversation under a fresh name, in memory alone where nothing is to be *kept*, or can be."""
    minute = time.strftime("%Y-%m-%d-%H%M", time.localtime(now))
    names = (minute if n == 1 else f"{minute}-{n}" for n in range(1, _TRIES))
    try:
        for name in names:
            if (sessions.claim if kept else _is_free)(state, name):
                break
    except (StateUnusable, Busy) as error:
        sessions.hold(minute)
        return Talk(minute, given=True, refused=error.message)
    if not kept:
        sessions.hold(name)
    return Talk(name, given=True)


def go_on(state: Path, now: float, name: str, *, kept: bool) -> Talk:
    """Go on with a conversation, or begin one of that name; without one with the newest.

    What a terminal keeps as `last` is written over by the next plain question anywhere, so that it goes on
    under a name of its own.
    """
    chosen = name or session.to_go_on(state)
    turns = sessions.read(state, chosen) if sessions.exists(state, chosen) else []
    if not kept:
        sessions.hold(chosen, turns)
    elif not name and chosen == sessions.LAST:
        talk = begin(state, now, kept=True)
        sessions.append(state, talk.name, turns)
        return talk._replace(goes_on=True)
    return Talk(chosen, goes_on=bool(turns))


def end(state: Path, talk: Talk) -> bool:
    """End it, and say whether it is kept: a name under which nothing was said is given up."""
    if sessions.is_held(talk.name):
        sessions.let_go(talk.name)
        return False
    if sessions.exists(state, talk.name):
        sessions.release(state, talk.name)
    return sessions.exists(state, talk.name)


def hold_on(state: Path, name: str) -> None:
    """Keep a conversation in memory from now on, as it cannot be kept where it is."""
    sessions.hold(name, sessions.read(state, name) if sessions.exists(state, name) else [])


def let_go(state: Path, name: str) -> Callable[[], None]:
    """Return what keeps the turns of a conversation that memory alone has had for a while."""
    turns = sessions.read(state, name)
    sessions.let_go(name)

    def keep() -> None:
        known = sessions.read(state, name) if sessions.exists(state, name) else []
        sessions.append(state, name, [turn for turn in turns if turn not in known])

    return keep


@contextmanager
def once_more(state: Path, name: str) -> Iterator[list[Turn]]:
    """Go on in memory from before the last exchange, whose turns this gives.

    On the disk it stays until an answer is there to take its place: whoever is killed meanwhile has it. One
    that cannot be written is held, and that is raised.
    """
    held = sessions.is_held(name)
    known = sessions.read(state, name) if sessions.exists(state, name) else []
    old = sessions.from_last_exchange(known)
    before = known[: len(known) - len(old)]
    sessions.hold(name, before)
    try:
        yield old
    finally:
        new = sessions.read(state, name)[len(before) :]
        if not any(turn["role"] == "assistant" for turn in new):
            new = old
        sessions.hold(name, [*before, *new])
        if not held:
            if new is not old:
                twice(lambda: sessions.put_instead(state, name, old, new))
            sessions.let_go(name)


def save(state: Path, talk: Talk, name: str) -> Talk:
    """Keep it under another name and go on there; one that its owner named stays as well."""
    sessions.move(state, talk.name, name, copy=not (talk.given or sessions.is_held(talk.name)))
    return Talk(name, goes_on=True)


def system_of(turns: list[Turn]) -> str:
    """Return the system's words that hold at the end of some turns."""
    return next((turn["text"].strip() for turn in reversed(turns) if turn["role"] == "system"), "")


def _is_free(state: Path, name: str) -> bool:
    return not sessions.exists(state, name)
