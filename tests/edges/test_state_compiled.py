"""state.compiled: what was compiled is read back; anything else is compiled anew."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from llmpool.errors import Busy, StateUnusable
from llmpool.state import compiled, jsonfile, lock

MODELS = [{"id": "den/m"}, {"id": "den/größe \u2028"}]


def build(generation: int, essence: str = "one") -> compiled.Documents:
    return {
        compiled.ROUTING: {"rows": [["den/m", 0]], "generation": generation, "essence": essence},
        compiled.LISTING: {"models": MODELS, "generation": generation},
    }


def stamp(state: Path) -> list[list[object]]:
    """Take the stamp of a state directory whose config is beside it."""
    return compiled.stamps(state / "config.toml", state)


def write(state: Path, essence: str = "one") -> int:
    """Compile once more and return the generation."""
    documents = compiled.write(state, stamp(state), lambda number: build(number, essence), ["den/m"])
    return int(documents[compiled.ROUTING]["generation"])


def touch(state: Path) -> None:
    """Change a source, so that what was compiled of it is outdated."""
    with (state / "prices.json").open("a") as file:
        file.write(" ")


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(jsonfile, "_warning_hooks", [lambda message: None])
    write(tmp_path)
    return tmp_path


def test_documents_come_back(state: Path) -> None:
    """Documents are read as they were built, the listing also as text, and are JSON to others."""
    routing = compiled.read(state, compiled.ROUTING, stamp(state))
    assert routing is not None
    assert (routing["rows"], routing["generation"]) == ([["den/m", 0]], 1)
    listing = compiled.read(state, compiled.LISTING, stamp(state))
    assert listing is not None
    assert listing["models"] == MODELS
    text = compiled.read_listing(state, stamp(state))
    assert text is not None
    assert json.loads(f"[{text}]") == MODELS
    assert jsonfile.read(state / compiled.LISTING)["models"] == MODELS
    assert jsonfile.read(state / compiled.ROUTING)["generation"] == 1


def test_an_empty_listing(state: Path) -> None:
    """A pool without models has a listing, which is empty."""
    touch(state)
    empty = {compiled.ROUTING: {"rows": [], "essence": ""}, compiled.LISTING: {"models": []}}
    compiled.write(state, stamp(state), lambda _: empty, [])
    assert compiled.read_listing(state, stamp(state)) == ""
    assert (compiled.read(state, compiled.LISTING, stamp(state)) or {})["models"] == []


def test_the_generation_moves_only_with_what_is_built(state: Path) -> None:
    """Compiling the same again, from sources with other times, is the same generation."""
    touch(state)
    assert compiled.read(state, compiled.ROUTING, stamp(state)) is None
    assert write(state) == 1
    assert (compiled.read(state, compiled.ROUTING, stamp(state)) or {})["generation"] == 1
    touch(state)
    assert write(state, "two") == 2
    assert (compiled.read(state, compiled.LISTING, stamp(state)) or {})["generation"] == 2


@pytest.mark.parametrize("name", [compiled.ROUTING, compiled.LISTING])
@pytest.mark.parametrize(
    "content", [None, b"", b"{", b"[]", b'{"version":1,"data":{"generation":9}}'], ids=str
)
def test_the_generation_outlives_one_of_its_files(state: Path, name: str, content: bytes | None) -> None:
    """It is in the first line of both documents, so that a lost or broken one takes nothing along."""
    for essence in ("two", "three"):
        touch(state)
        write(state, essence)
    (state / name).unlink()
    if content is not None:
        (state / name).write_bytes(content)
    assert write(state, "three") == 3
    touch(state)
    assert write(state, "four") == 4


def test_what_is_outdated_meanwhile_is_not_written(state: Path) -> None:
    """Who compiled of older sources than there are now keeps it to itself: the file never goes back."""
    older = stamp(state)
    touch(state)
    newer = stamp(state)
    assert compiled.write(state, newer, lambda number: build(number, "two"), [])[compiled.ROUTING]["rows"]
    late = compiled.write(state, older, lambda number: build(number, "one"), [])
    assert late[compiled.LISTING]["models"] == MODELS
    kept = compiled.read(state, compiled.ROUTING, newer) or {}
    assert (kept["generation"], kept["essence"]) == (2, "two")


def test_what_others_have_just_compiled_stays(state: Path) -> None:
    """Of many that find the documents outdated, one writes."""
    before = (state / compiled.ROUTING).stat().st_ino
    assert write(state) == 1
    assert (state / compiled.ROUTING).stat().st_ino == before


def test_a_busy_lock_keeps_nobody_from_an_answer(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents that cannot be kept, since another process is keeping its own, are used all the same."""

    def held(path: Path) -> None:
        raise Busy(str(path))

    monkeypatch.setattr(lock, "locked", held)
    touch(state)
    assert write(state, "two") == 2
    assert compiled.read(state, compiled.ROUTING, stamp(state)) is None


@pytest.mark.parametrize("name", [compiled.ROUTING, compiled.LISTING])
@pytest.mark.parametrize(
    "data",
    [
        *([], 7, None, {}, {"stamps": ...}, {"stamps": ..., "crc": 0, "models": [1], "rows": [["x"]]}),
        {"stamps": ..., "crc": "x", "generation": "x", "models": {}, "rows": None},
    ],
    ids=str,
)
@pytest.mark.parametrize("separators", [(",", ":"), (",\n", ":")], ids=["line", "lines"])
def test_foreign_documents_are_compiled_anew(
    state: Path, name: str, data: Any, separators: tuple[str, str]
) -> None:
    """JSON that others wrote is no document, even with the right stamps, and is simply written over."""
    if isinstance(data, dict) and "stamps" in data:
        data = data | {"stamps": stamp(state)}
    envelope = {"version": 1, "written_at": "", "data": data}
    (state / name).write_text(json.dumps(envelope, separators=separators))
    assert compiled.read(state, name, stamp(state)) is None
    assert name == compiled.ROUTING or compiled.read_listing(state, stamp(state)) is None
    write(state)
    assert compiled.read(state, name, stamp(state)) is not None


@pytest.mark.parametrize("name", [compiled.ROUTING, compiled.LISTING])
def test_a_changed_value_is_noticed(state: Path, name: str) -> None:
    """A document in which somebody changed a word, or from which something is missing, is not believed."""
    whole = (state / name).read_bytes()
    (state / name).write_bytes(whole.replace(b"den/m", b"den/n"))
    assert compiled.read(state, name, stamp(state)) is None
    (state / name).write_bytes(whole[:-5])
    assert compiled.read(state, name, stamp(state)) is None
    assert len(list(state.glob(f"{name}.corrupt-*"))) == 1, "what is no JSON is set aside"


@pytest.mark.parametrize("name", [compiled.ROUTING, compiled.LISTING])
def test_a_newer_version_is_refused(state: Path, name: str) -> None:
    """A document of a newer version is neither read nor touched."""
    text = '{"version": 2, "written_at": "", "data": {}}'
    (state / name).write_text(text)
    with pytest.raises(StateUnusable, match="version 2"):
        compiled.read(state, name, stamp(state))
    assert (state / name).read_text() == text


def test_no_generation_is_used_twice(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many writers at once: every kept generation is one more than the last, each for one registry."""
    kept: list[tuple[int, str]] = []
    write_all = compiled._write_all

    def noted(state: Path, stamp: list[list[object]], documents: compiled.Documents, ids: list[str]) -> None:
        kept.append((documents[compiled.ROUTING]["generation"], documents[compiled.ROUTING]["essence"]))
        write_all(state, stamp, documents, ids)

    def work(name: int) -> None:
        for turn in range(5):
            touch(state)
            write(state, f"{name}-{turn}")

    monkeypatch.setattr(compiled, "_write_all", noted)
    threads = [Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert kept
    assert [generation for generation, _ in kept] == list(range(2, 2 + len(kept)))
    assert len({essence for _, essence in kept}) == len(kept)
