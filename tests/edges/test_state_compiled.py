"""state.compiled: what was compiled is read back; anything else is compiled anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import StateUnusable
from llmpool.state import compiled, jsonfile

STAMP: list[list[object]] = [["config.toml", 3, 4]]
MODELS = [{"id": "den/m"}, {"id": "den/größe \u2028"}]


def build(generation: int) -> dict[str, dict[str, Any]]:
    return {
        compiled.ROUTING: {"rows": [["den/m", 0]], "generation": generation},
        compiled.LISTING: {"models": MODELS, "generation": generation},
    }


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(jsonfile, "_warning_hooks", [lambda message: None])
    compiled.write(tmp_path, STAMP, build, ["den/m"])
    return tmp_path


def test_documents_come_back(state: Path) -> None:
    """Documents are read as they were built, the listing also as text, and are JSON to others."""
    routing = compiled.read(state, compiled.ROUTING, STAMP)
    assert routing is not None
    assert (routing["rows"], routing["generation"]) == ([["den/m", 0]], 1)
    listing = compiled.read(state, compiled.LISTING, STAMP)
    assert listing is not None
    assert listing["models"] == MODELS
    text = compiled.read_listing(state, STAMP)
    assert text is not None
    assert json.loads(f"[{text}]") == MODELS
    assert jsonfile.read(state / compiled.LISTING)["models"] == MODELS
    assert jsonfile.read(state / compiled.ROUTING)["generation"] == 1


def test_an_empty_listing(state: Path) -> None:
    """A pool without models has a listing, which is empty."""
    empty = {
        compiled.ROUTING: {"rows": [], "generation": 1},
        compiled.LISTING: {"models": [], "generation": 1},
    }
    compiled.write(state, STAMP, lambda _: empty, [])
    assert compiled.read_listing(state, STAMP) == ""
    assert (compiled.read(state, compiled.LISTING, STAMP) or {})["models"] == []


def test_the_generation_moves_only_with_what_is_built(state: Path) -> None:
    """Compiling the same again, from sources with other times, is the same generation."""
    compiled.write(state, [["config.toml", 3, 5]], build, [])
    assert compiled.read(state, compiled.ROUTING, STAMP) is None
    assert (compiled.read(state, compiled.ROUTING, [["config.toml", 3, 5]]) or {})["generation"] == 1


@pytest.mark.parametrize("name", [compiled.ROUTING, compiled.LISTING])
@pytest.mark.parametrize(
    "data",
    [
        *([], 7, None, {}, {"stamps": STAMP}, {"stamps": STAMP, "crc": 0, "models": [1], "rows": [["x"]]}),
        {"stamps": STAMP, "crc": "x", "generation": "x", "models": {}, "rows": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("separators", [(",", ":"), (",\n", ":")], ids=["line", "lines"])
def test_foreign_documents_are_compiled_anew(
    state: Path, name: str, data: Any, separators: tuple[str, str]
) -> None:
    """JSON that others wrote is no document, even with the right stamps, and is simply written over."""
    envelope = {"version": 1, "written_at": "", "data": data}
    (state / name).write_text(json.dumps(envelope, separators=separators))
    assert compiled.read(state, name, STAMP) is None
    assert name == compiled.ROUTING or compiled.read_listing(state, STAMP) is None
    compiled.write(state, STAMP, build, [])
    assert compiled.read(state, name, STAMP) is not None


@pytest.mark.parametrize("name", [compiled.ROUTING, compiled.LISTING])
def test_a_changed_value_is_noticed(state: Path, name: str) -> None:
    """A document in which somebody changed a word, or from which something is missing, is not believed."""
    whole = (state / name).read_bytes()
    (state / name).write_bytes(whole.replace(b"den/m", b"den/n"))
    assert compiled.read(state, name, STAMP) is None
    (state / name).write_bytes(whole[:-5])
    assert compiled.read(state, name, STAMP) is None
    assert len(list(state.glob(f"{name}.corrupt-*"))) == 1, "what is no JSON is set aside"


@pytest.mark.parametrize("name", [compiled.ROUTING, compiled.LISTING])
def test_a_newer_version_is_refused(state: Path, name: str) -> None:
    """A document of a newer version is neither read nor touched."""
    text = '{"version": 2, "written_at": "", "data": {}}'
    (state / name).write_text(text)
    with pytest.raises(StateUnusable, match="version 2"):
        compiled.read(state, name, STAMP)
    assert (state / name).read_text() == text
