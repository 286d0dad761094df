"""Names of sessions are plain file names: nothing is read, made or deleted anywhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.errors import Misuse
from llmpool.state import sessions

HOSTILE = [
    "../escape",
    "a/b",
    ".hidden",
    "x" * 65,
    "a\nb",
    "..",
    ".",
    "",
    "a\x00b",
    "ä",
    "a ",
    "C:x",
    "/etc/x",
    "~x",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_no_path(tmp_path: Path, name: str) -> None:
    """Reading, adding to and deleting a session refuse it alike, before anything is touched."""
    outside = tmp_path / "escape.jsonl"
    outside.write_text("{}\n")
    for touch in (sessions.read, sessions.delete, sessions.exists):
        with pytest.raises(Misuse, match="cannot name a session"):
            touch(tmp_path / "state", name)
    with pytest.raises(Misuse, match="cannot name a session"):
        sessions.append(tmp_path / "state", name, [{"role": "user", "text": "x"}])
    assert outside.read_text() == "{}\n"
    assert not (tmp_path / "state").exists()


@given(st.text(max_size=80))
def test_whatever_the_name_its_file_is_in_the_directory(name: str) -> None:
    """A name is refused, or names a file right in the directory of sessions."""
    state = Path("/state")
    try:
        path = sessions.path_of(state, name)
    except Misuse:
        return
    assert (path.parent, path.name) == (state / "sessions", f"{name}.jsonl")
    assert name.isascii()
    assert name.isprintable()


def test_files_of_somebody_else_are_no_sessions(tmp_path: Path) -> None:
    """A file that no name could mean is not listed: it could be neither shown nor deleted."""
    sessions.append(tmp_path, "mine", [{"role": "user", "text": "x"}])
    (tmp_path / "sessions" / "a\x1b[31mb.jsonl").write_text('{"role": "user", "text": "x"}\n')
    assert [kept.name for kept in sessions.every(tmp_path)] == ["mine"]
