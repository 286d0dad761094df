"""A session that is not there is answered with the one that was meant, or with a few that are."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.errors import UnknownName
from llmpool.state import sessions


def hint_for(name: str, state: Path, *kept: str) -> str:
    """Return what somebody reads who asks for *name* where others are *kept*."""
    for each in kept:
        turn = {"at": "2026-11-01T00:00:00Z", "role": "user", "text": "hi"}
        sessions.append(state, each, [turn])
    with pytest.raises(UnknownName) as caught:
        sessions.read(state, name)
    return caught.value.hint


def test_a_name_that_is_nearly_one_is_recognised(tmp_path: Path) -> None:
    """A slip of the finger needs no list."""
    told = "did you mean holiday?   all of them: llmpool chat --list"
    assert hint_for("holidya", tmp_path, "holiday", "work") == told


def test_of_many_sessions_a_few_are_named(tmp_path: Path) -> None:
    """An error stays readable, however many conversations are kept."""
    kept = [f"talk-{letter * 6}" for letter in "abcdefgh"]
    named = ", ".join(kept[:6])
    told = f"there are: {named} and 2 more   (llmpool chat --list)"
    assert hint_for("nosuch", tmp_path, *kept) == told


def test_where_none_is_kept_that_is_said(tmp_path: Path) -> None:
    """There is nothing to choose from."""
    assert hint_for("nosuch", tmp_path) == "none is kept yet"
