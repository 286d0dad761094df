"""Every key of the config has a sentence and an example, and none is told of that is not there."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool.cli import configpage, editor_schema
from llmpool.cli.configwords import SHARED, TABLES, TOP
from llmpool.cli.keywords import Key, Table
from llmpool.cli.providerwords import KEY
from llmpool.config.load import loads
from llmpool.config.problems import Spot
from llmpool.config.schema import CONFIG, PROVIDER
from llmpool.registry.catalog import build_catalog

TABLES_THERE: dict[str, Any] = CONFIG.schema["properties"]


def told() -> Iterator[tuple[str, Table, set[str]]]:
    """Go through the tables: their words, and the keys that are there."""
    yield "", TOP, set(TABLES_THERE) - set(TABLES)
    for name, words in TABLES.items():
        yield name, words, set(editor_schema.inside(TABLES_THERE[name]).get("properties", {}))
    provider = editor_schema.inside(TABLES_THERE["providers"])["properties"]
    yield "key", KEY, set(provider["key"]["properties"])
    for name, words in SHARED.items():
        yield name, words, set(provider[name]["properties"])


def test_each_key_has_words_and_no_word_is_left_over() -> None:
    """A key without a sentence fails here, and so does a sentence about a key that is gone."""
    for name, words, there in told():
        assert set(words.keys) == there, name
        assert words.about.endswith("."), name
        assert not [key for key, word in words.keys.items() if not word.about.endswith(".")], name


def test_a_key_without_words_is_named() -> None:
    """Whoever adds a key is told what to write."""
    node = {"properties": {"new": {"type": "string"}}}
    with pytest.raises(LookupError, match="no sentence tells what the key new means"):
        list(editor_schema.described(node, Table("About.", {"old": Key("Old.", "1")})))


def test_the_examples_are_read_by_what_reads_the_config() -> None:
    """Each example is a value that its key takes."""
    for key, word in TABLES["providers"].keys.items():
        problems: list[Any] = []
        PROVIDER[key].kind.read(editor_schema.example(word), Spot(("providers", "x", key), problems))
        assert problems == [], key


def test_the_example_of_the_whole_file_loads() -> None:
    """What the page shows as a file is one."""
    raw = tomllib.loads(configpage._whole())
    problems: list[Any] = []
    CONFIG.read(raw, Spot((), problems))
    assert problems == []
    assert set(raw) == set(TABLES) - {"trial"}


@pytest.mark.parametrize(
    ("table", "name", "default"),
    [
        ("routing", "stale_after", "7d"),
        ("routing", "first_token_timeout", "60s"),
        ("routing", "read_timeout", "120s"),
        ("usage", "retention", "30d"),
        ("routing", "quality_target", 0.8),
        ("providers", "verify_tls", True),
        ("budgets", "per", "month"),
    ],
)
def test_defaults_are_those_of_the_program(table: str, name: str, default: object) -> None:
    """They come out of the records that hold a config, written as the file has them."""
    node = editor_schema.inside(TABLES_THERE[table])["properties"][name]
    assert editor_schema.written_default(table, name, node) == default


def test_the_priority_of_a_provider_without_a_preset_is_the_one_that_is_told() -> None:
    """No record holds it: it is what the catalog gives to an address of one's own."""
    config = loads('[providers.x]\nurl = "http://h.example/v1"\n', Path("config.toml"))
    (made,) = build_catalog(config, {}).providers
    assert TABLES["providers"].keys["priority"].default == f"the preset's; without a preset {made.priority}"


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "boolean"}, "`true` or `false`"),
        ({"type": "integer", "minimum": 0, "maximum": 10}, "A whole number from 0 to 10"),
        ({"type": "integer", "minimum": 1, "maximum": 10**12}, "A whole number of at least 1"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "A number from 0 to 1"),
        ({"enum": ["a", "b"]}, 'One of `"a"`, `"b"`'),
        ({"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"}, "A duration"),
        ({"type": "array", "items": {"type": "string"}}, "An array of texts"),
        ({"type": "array", "items": {"enum": ["a", "b"]}}, "An array of words: a, b"),
        ({"const": True}, "`true`"),
        ({"type": ["number", "string"]}, "An amount of USD"),
    ],
)
def test_types_are_told_in_words(schema: dict[str, Any], words: str) -> None:
    """A reader of the page need not read schemas."""
    assert configpage.takes(schema) == words
