"""history.json: what was typed in interactive sessions, for the arrow keys to bring back.

It is as private as the sessions are: what was typed in one is forgotten when that is deleted, and nothing is
kept of what begins with a blank, or where nothing is to be kept at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from llmpool.state import jsonfile

NAME = "history.json"
MOST = 1000  # entries that are kept
LONGEST = 20_000  # characters of one; a book that was pasted is not wanted again by arrow key


class Typed(NamedTuple):
    """Something that was typed, and in which session."""

    text: str
    session: str


def read(state: Path) -> list[str]:
    """Return what was typed, the oldest first."""
    return [typed.text for typed in jsonfile.read(state / NAME, decode=_decode)]


def is_wanted(text: str) -> bool:
    """Say whether a text is for the history: not what its writer hid with a blank."""
    return bool(text.strip()) and not text[:1].isspace() and len(text) <= LONGEST


def add(state: Path, text: str, session: str) -> None:
    """Keep what was typed as the newest, once if it was typed twice in a row."""
    if not is_wanted(text):
        return

    def change(known: list[Typed]) -> list[Typed]:
        if known and known[-1].text == text:
            known.pop()
        return [*known, Typed(text, session)][-MOST:]

    _update(state, change)


def forget(state: Path, session: str) -> None:
    """Forget what was typed in a session."""
    if (state / NAME).exists():
        _update(state, lambda known: [typed for typed in known if typed.session != session])


def rename(state: Path, old: str, new: str) -> None:
    """Let what was typed in a session belong to it under its new name."""
    if (state / NAME).exists():
        _update(state, lambda known: [t._replace(session=new) if t.session == old else t for t in known])


def _update(state: Path, change: Any) -> None:
    def encoded(known: list[Typed]) -> dict[str, Any]:
        return {"typed": [typed._asdict() for typed in change(known)]}

    jsonfile.update(state / NAME, encoded, decode=_decode)


def _decode(data: Any) -> list[Typed]:
    """Read the entries; what is shaped otherwise was never typed here."""
    entries = data.get("typed") if isinstance(data, dict) else None
    found = (_entry(each) for each in entries) if isinstance(entries, list) else ()
    return [typed for typed in found if typed][-MOST:]


def _entry(entry: Any) -> Typed | None:
    if not isinstance(entry, dict) or type(entry.get("text")) is not str:
        return None
    session = entry.get("session")
    return Typed(entry["text"], session if isinstance(session, str) else "")
