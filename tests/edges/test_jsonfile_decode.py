"""state.jsonfile: what its owner cannot read is as corrupt as what is no JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import StateUnusable
from llmpool.state import jsonfile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "health.json"


@pytest.fixture
def warnings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the warnings of one test."""
    seen: list[str] = []
    monkeypatch.setattr(jsonfile, "_warning_hooks", [seen.append])
    return seen


def total(data: Any) -> int:
    """Decode a file of these tests: the sum of its numbers, 0 when there is no file."""
    return 0 if data is None else sum(data["numbers"])


def kept(path: Path) -> list[bytes]:
    return [entry.read_bytes() for entry in path.parent.glob(f"{path.name}.corrupt-*")]


def test_decoded_data_is_what_is_read_and_changed(path: Path) -> None:
    """A missing file is decoded as None; afterwards read and update both see what was decoded."""
    assert jsonfile.read(path, decode=total) == 0
    jsonfile.update(path, lambda old: {"numbers": [old, 1]}, decode=total)
    assert jsonfile.update(path, lambda old: {"numbers": [old, 2]}, decode=total) == {"numbers": [1, 2]}
    assert jsonfile.read(path, decode=total) == 3


@pytest.mark.parametrize("data", [{}, [], 7, "x", {"numbers": None}, {"numbers": ["a"]}, {"numbers": [{}]}])
def test_foreign_observations_are_set_aside(path: Path, warnings: list[str], data: Any) -> None:
    """Valid JSON of another kind is kept under another name, with one warning, and counts as no file."""
    jsonfile.update(path, lambda _: data)
    before = path.read_bytes()
    assert jsonfile.read(path, decode=total) == 0
    assert kept(path) == [before]
    (warning,) = warnings
    assert "something else" in warning
    assert not path.exists()


def test_an_update_of_a_foreign_file_begins_anew(path: Path, warnings: list[str]) -> None:
    """An update never writes over what it cannot read."""
    jsonfile.update(path, lambda _: [1])
    assert jsonfile.update(path, lambda old: {"numbers": [old, 1]}, decode=total) == {"numbers": [0, 1]}
    assert len(kept(path)) == len(warnings) == 1


def test_foreign_decisions_end_the_run(path: Path) -> None:
    """Decisions and money that cannot be read end the run, this one and the next."""
    jsonfile.update(path, lambda _: [1])
    for act in (jsonfile.read, lambda p, **k: jsonfile.update(p, lambda old: old, **k)):
        with pytest.raises(StateUnusable):
            act(path, decode=total, precious=True)
    assert len(kept(path)) == 1


@pytest.mark.parametrize(
    "error", [TypeError, KeyError, AttributeError, ValueError, IndexError, RecursionError, OverflowError]
)
def test_whatever_reading_raises(path: Path, warnings: list[str], error: Callable[[], Exception]) -> None:
    """Every way in which a value can be of the wrong kind counts."""

    def decode(data: Any) -> Any:
        if data is not None:
            raise error()
        return "none"

    jsonfile.update(path, lambda _: {})
    assert jsonfile.read(path, decode=decode) == "none"
    assert len(kept(path)) == 1


def test_an_error_of_the_update_is_not_the_files(path: Path) -> None:
    """A mistake in what changes the data is no reason to set the file aside."""
    jsonfile.update(path, lambda _: {"numbers": [1]})
    with pytest.raises(KeyError):
        jsonfile.update(path, lambda old: {}[old], decode=total)
    assert kept(path) == []
    assert jsonfile.read(path, decode=total) == 1
