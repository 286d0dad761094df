"""state.jsonfile: what is written is read back, and changed by one at a time."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.errors import Busy
from llmpool.state import jsonfile
from llmpool.state.lock import locked


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "policy.json"


def add_one(old: Any) -> Any:
    return {"n": (old or {"n": 0})["n"] + 1}


def test_a_missing_file_is_none(path: Path) -> None:
    """Reading what was never written gives None and creates nothing."""
    assert jsonfile.read(path) is None
    assert not path.parent.exists()


def test_the_envelope(path: Path) -> None:
    """A file holds its version, the UTC time of writing and the data, on one line of UTF-8."""
    jsonfile.update(path, lambda _: {"name": "größe"}, version=3)
    text = path.read_text(encoding="utf-8")
    envelope = json.loads(text)
    assert list(envelope) == ["version", "written_at", "data"]
    assert envelope["version"] == 3
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", envelope["written_at"])
    assert "größe" in text
    assert text.count("\n") == 1
    assert text.endswith("\n")
    assert jsonfile.read(path, version=3) == {"name": "größe"}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_encoded_is_read_back(value: Any) -> None:
    """Any JSON value comes back as it was, from one line."""
    encoded = jsonfile.encode(value)
    assert b"\n" not in encoded
    assert jsonfile._unwrap(jsonfile._envelope(encoded, 1), Path("x.json"), 1) == value


def test_half_a_surrogate_pair_is_kept(path: Path) -> None:
    """A name that is no valid Unicode, as broken servers send, neither crashes a write nor spoils a file."""
    jsonfile.update(path, lambda _: {"name": "a\ud800b"})
    assert jsonfile.read(path) == {"name": "a\ud800b"}


def test_not_a_number_is_never_written(path: Path) -> None:
    """NaN, which is no JSON, is a bug of the writer and leaves the old file."""
    jsonfile.update(path, lambda _: {"n": 1})
    with pytest.raises(ValueError, match="JSON"):
        jsonfile.update(path, lambda _: {"n": float("nan")})
    assert jsonfile.read(path) == {"n": 1}


def test_update_gets_the_newest_and_returns_what_it_wrote(path: Path) -> None:
    """An update sees None first, then what the last one wrote, and returns the new data."""
    assert jsonfile.update(path, add_one) == {"n": 1}
    assert jsonfile.update(path, add_one) == {"n": 2}
    assert jsonfile.read(path) == {"n": 2}


def test_an_unchanged_value_is_not_written(path: Path) -> None:
    """Nothing is written when the update changes nothing: not even the time, and no file for None."""
    assert jsonfile.update(path, lambda old: old) is None
    assert not path.exists()
    jsonfile.update(path, add_one)
    before = (path.stat().st_ino, path.read_bytes())
    jsonfile.update(path, lambda old: old)
    jsonfile.update(path, dict)
    assert (path.stat().st_ino, path.read_bytes()) == before


def test_a_change_in_place_is_written(path: Path) -> None:
    """An update that changes the old value itself, and returns it or a copy, is not lost."""
    jsonfile.update(path, lambda _: {"n": 1})

    def in_place(old: dict[str, int]) -> dict[str, int]:
        old["n"] += 1
        return old

    jsonfile.update(path, in_place)
    jsonfile.update(path, lambda old: dict(in_place(old)))
    assert jsonfile.read(path) == {"n": 3}


def test_an_update_that_raises_changes_nothing(path: Path) -> None:
    """An error in the update passes through; the file stays and the lock is free."""
    jsonfile.update(path, lambda _: {"n": 1})
    with pytest.raises(ZeroDivisionError):
        jsonfile.update(path, lambda old: 1 // 0)
    assert jsonfile.update(path, add_one, wait=0) == {"n": 2}


def test_update_waits_only_so_long(path: Path) -> None:
    """An update of a file that somebody else is changing ends in Busy."""
    with locked(path), pytest.raises(Busy, match=r"policy\.json"):
        jsonfile.update(path, add_one, wait=0.01)


def test_reading_takes_no_lock(path: Path) -> None:
    """A reader never waits for a writer."""
    jsonfile.update(path, lambda _: {"n": 1})
    with locked(path):
        assert jsonfile.read(path) == {"n": 1}
