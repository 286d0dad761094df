"""What was typed in interactive sessions: private, bounded, and gone with the session it was typed in."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from llmpool.state import history


def test_what_was_typed_comes_back_in_order(tmp_path: Path) -> None:
    """Once where it was typed twice in a row; nobody else may read it."""
    for text in ("one", "two\nlines", "two\nlines", "one"):
        history.add(tmp_path, text, "s")
    assert history.read(tmp_path) == ["one", "two\nlines", "one"]
    assert stat.S_IMODE((tmp_path / "history.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("text", [" hidden", "\thidden", "", "  ", "x" * 20_001])
def test_what_is_not_for_the_history(tmp_path: Path, text: str) -> None:
    """What begins with a blank, what is empty, and a book."""
    history.add(tmp_path, text, "s")
    assert not (tmp_path / "history.json").exists()


def test_the_history_is_bounded(tmp_path: Path) -> None:
    """A thousand entries stay, the newest."""
    many = [{"text": str(n), "session": "s"} for n in range(1500)]
    (tmp_path / "history.json").write_text(json.dumps({"version": 1, "data": {"typed": many}}))
    history.add(tmp_path, "new", "s")
    kept = history.read(tmp_path)
    assert (len(kept), kept[0], kept[-1]) == (1000, "501", "new")


def test_it_goes_with_its_session(tmp_path: Path) -> None:
    """What was typed in a session is forgotten with it, and follows it to another name."""
    for text, session in (("a", "one"), ("b", "two"), ("c", "one")):
        history.add(tmp_path, text, session)
    history.rename(tmp_path, "one", "three")
    history.forget(tmp_path, "one")
    assert history.read(tmp_path) == ["a", "b", "c"]
    history.forget(tmp_path, "three")
    assert history.read(tmp_path) == ["b"]


@pytest.mark.parametrize(
    "data", [None, [], {"typed": 5}, {"typed": [5, {"text": 5}, {}, {"text": "a", "session": []}]}]
)
def test_a_foreign_shape_was_never_typed(tmp_path: Path, data: object) -> None:
    """What is not shaped as it was written is passed over."""
    (tmp_path / "history.json").write_text(json.dumps({"version": 1, "data": data}))
    assert history.read(tmp_path) == (["a"] if isinstance(data, dict) and data["typed"] != 5 else [])


def test_nothing_is_made_where_nothing_is_to_forget(tmp_path: Path) -> None:
    """Deleting a session where nobody ever typed leaves no file behind."""
    history.forget(tmp_path, "s")
    history.rename(tmp_path, "s", "t")
    assert list(tmp_path.iterdir()) == []
