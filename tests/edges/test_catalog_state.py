"""catalog.json, and the catalog that ships: what is kept, what is never trusted, what it does to a pool."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.config.paths import find_paths
from llmpool.config.presets import presets
from llmpool.core.inventory import ProviderInventory
from llmpool.data import builtin
from llmpool.pool import Pool
from llmpool.registry import official
from llmpool.state import catalog, inventory, jsonfile
from llmpool.state.catalog import Stored
from tests.tools import make_catalog
from tests.tools.model_rows import OWN_ROWS

AT = "2026-11-21T03:44:00Z"
CONTENT = official.read({"models": {"openai": [{"id": "gpt-4o", "context_window": 999}, {"id": "new"}]}})
STORED = Stored('"v1"', AT, "https://catalog.test/c.json", CONTENT)


def test_the_committed_catalog_is_the_one_that_is_made() -> None:
    """A change of the file is a change of the rows it is made of."""
    assert builtin.FILE.read_text(encoding="utf-8") == make_catalog.text_of(make_catalog.document())


def test_every_built_in_model_is_there() -> None:
    """3.2 and 3.3, row by row, for every vendor that is a preset; one name in two cases is one model."""
    made = builtin.catalog()
    assert set(made.models) <= set(presets())
    known = {(preset, name) for preset, models in made.models.items() for name in models}
    rows = {(preset, name) for preset, name, _ in OWN_ROWS if preset}
    assert rows - known == {("minimax", "codex-MiniMax-M2.5")}
    assert known - rows == {("ollama", name) for name in ("llama3.3", "qwen2.5", "deepseek-r1")}
    assert made.size == 89
    gpt = made.models["openai"]["gpt-4o"]
    assert (gpt.context_window, gpt.max_output) == (128000, 16384)  # row 40
    assert official.facts_of(made.models["venice"]["llama-3.2-3b"]).capabilities.tools is None
    assert not made.providers
    assert not made.benchmarks


def test_what_was_kept_by_a_wrong_clock_gives_way(tmp_path: Path) -> None:
    """Of two downloads the later one stays; one of years ahead would be in the way of all others."""
    seen = []
    for at in ("2026-11-21T03:44:30Z", AT, "2031-01-01T00:00:00Z", AT):
        catalog.keep(tmp_path, STORED._replace(last_updated_at=at))
        seen.append(catalog.read(tmp_path).last_updated_at)
    assert seen == ["2026-11-21T03:44:30Z", "2026-11-21T03:44:30Z", "2031-01-01T00:00:00Z", AT]


def test_what_is_kept_reads_back(tmp_path: Path) -> None:
    """Without a file there is nothing; after keeping there is all of it, privately."""
    assert catalog.read(tmp_path) == Stored()
    catalog.keep(tmp_path, STORED)
    assert catalog.read(tmp_path) == STORED
    assert (tmp_path / catalog.NAME).stat().st_mode & 0o777 == 0o600


def test_an_older_catalog_never_replaces_a_newer_one(tmp_path: Path) -> None:
    """Of two refreshes at once the later download stays."""
    catalog.keep(tmp_path, STORED)
    catalog.keep(tmp_path, Stored('"v0"', "2026-11-21T03:40:00Z", "https://catalog.test", official.NOTHING))
    assert catalog.read(tmp_path) == STORED


@pytest.mark.parametrize(
    "data",
    [
        [],
        "text",
        {"content": []},
        {"etag": 1},
        {"last_updated_at": "yesterday"},
        {"source_url": None},
    ],
)
def test_what_is_no_catalog_is_set_aside(tmp_path: Path, data: Any) -> None:
    """It is an observation: a warning, the file beside, and the built-in catalog alone."""
    warned: list[str] = []
    hooks = jsonfile._warning_hooks[:]
    jsonfile.on_warning(warned.append)
    try:
        jsonfile.update(tmp_path / catalog.NAME, lambda _: data)
        assert catalog.read(tmp_path) == Stored()
    finally:
        jsonfile._warning_hooks[:] = hooks
    assert len(warned) == 1
    assert len(list(tmp_path.glob("catalog.json.corrupt-*"))) == 1


@given(st.dictionaries(st.sampled_from(["models", "providers", "pinchbench_models"]), st.lists(st.none())))
def test_content_of_any_shape_is_read_as_what_it_has(content: Any) -> None:
    """Inside an envelope that is sound, content that is not is simply not there."""
    envelope = {"version": 1, "written_at": AT, "data": STORED._asdict() | {"content": content}}
    read = jsonfile._unwrap(json.dumps(envelope).encode(), Path("catalog.json"), 1, catalog.PLACE.decoded)
    assert read == STORED._replace(content=official.NOTHING)


def pool(home: Path, config: str) -> Pool:
    """Open the pool of this config in *home*."""
    (home / "config.toml").write_text(config)
    return Pool(find_paths({}, str(home / "config.toml"), str(home / "state")), {}, lambda: 1.8e9)


ASKED = '[providers.openai]\nmetadata = "catalog"\n[providers.qwen]\n'


def test_a_pool_lays_the_downloaded_catalog_over_the_built_in_one(tmp_path: Path) -> None:
    """An asked provider has the downloaded figures, and the built-in models beside; no other has any."""
    before = {row.id: row.window for row in pool(tmp_path, ASKED).table.rows}
    assert before["openai/gpt-4o"] == 128000
    assert all(name.startswith("openai/") for name in before)
    catalog.keep(tmp_path / "state", STORED)
    after = {row.id: row.window for row in pool(tmp_path, ASKED).table.rows}
    assert (after["openai/gpt-4o"], after.keys() - before.keys()) == (999, {"openai/new"})


def test_a_new_catalog_compiles_the_registry_anew(tmp_path: Path) -> None:
    """Its stamp is among the sources', so the next run sees it; the generation moves with what it changes."""
    first = pool(tmp_path, ASKED).routing["generation"]
    assert pool(tmp_path, ASKED).routing["generation"] == first
    catalog.keep(tmp_path / "state", STORED)
    assert pool(tmp_path, ASKED).routing["generation"] == first + 1


def test_a_listing_from_before_makes_no_catalog_provider_stale(tmp_path: Path) -> None:
    """What was listed in other days binds nobody; a provider that is still asked goes stale by it."""
    old = {"attempted_at": "2020-01-01T00:00:00Z", "fetched_at": "2020-01-01T00:00:00Z"}
    seen = [
        ProviderInventory(provider=name, error="refused", stale_since="2020-01-02T00:00:00Z", **old)
        for name in ("openai", "qwen")
    ]
    inventory.update(tmp_path / "state", seen)
    assert set(pool(tmp_path, ASKED).facts().stale) == {"qwen"}


def test_a_downloaded_address_elsewhere_changes_no_provider(tmp_path: Path) -> None:
    """The whole way from the file to where a key would go: the vendor's own host, in the cloud, listed."""
    hostile = {"base_url": "https://evil.test/v1", "location": "local", "metadata_mode": "catalog"}
    content = official.read({"providers": {"openai": hostile, "qwen": hostile}})
    catalog.keep(tmp_path / "state", STORED._replace(content=content))
    made = pool(tmp_path, "[providers.openai]\n[providers.qwen]\n")
    assert [(p.id, p.url.split("/")[2], p.location, p.metadata) for p in made.catalog.providers] == [
        ("openai", "api.openai.com", "cloud", "dynamic"),
        ("qwen", "dashscope.aliyuncs.com", "cloud", "dynamic"),
    ]
