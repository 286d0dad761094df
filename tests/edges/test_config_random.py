"""Any text and any values: the config is read or refused, and every key has its line."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import tomli_w
from hypothesis import given
from hypothesis import strategies as st

from llmpool.config.lines import key_lines
from llmpool.config.load import load
from llmpool.config.schema import CONFIG
from llmpool.config.show import as_json
from llmpool.errors import ConfigInvalid


def keys_of(schema: dict[str, Any]) -> set[str]:
    """Collect every key a schema knows, so that random tables hit real readers."""
    properties = schema.get("properties", {})
    found = set(properties)
    for inner in (*properties.values(), schema.get("additionalProperties"), schema.get("items")):
        found |= keys_of(inner) if isinstance(inner, dict) else set()
    return found


SCALARS = st.one_of(
    st.just(date(2026, 1, 1)),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(["openai", "openai/m", "10s", "5.00", "UTC", "http://h/v1"]),
)
NAMES = st.one_of(
    st.sampled_from(sorted(keys_of(CONFIG.schema))),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)
TOPS = st.dictionaries(st.sampled_from(sorted(CONFIG.schema["properties"])), VALUES, max_size=4)
PIECES = ["[", "]", "[[", "]]", "{", "}", "=", ".", ",", "\n", '"', "'", '"""', "'''", "#", "\\", " ", "-"]
WORDS = ["models", "providers", "key", "id", "url", "1", "1e9", "true", "é", "\r", "\x00"]
FRAGMENTS = st.lists(st.sampled_from(PIECES + WORDS), max_size=40).map("".join)
TREES = st.recursive(
    st.integers(0, 9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab.\"'\\ \n", max_size=4), inner, max_size=3)
    ),
    max_leaves=15,
)


def loads_or_is_refused(path: Path, data: bytes) -> None:
    """Load *data*; a ConfigInvalid with printable lines is the only way to fail."""
    path.write_bytes(data)
    refused: ConfigInvalid | None = None
    try:
        json.dumps(as_json(load(path)))
    except ConfigInvalid as error:
        refused = error
    if refused is not None:
        assert refused.message
        assert all(line.isprintable() for line in refused.lines)
        json.dumps(refused.as_json())


@given(TOPS)
def test_any_values_load_or_are_refused(tmp_path_factory, values):
    """Random values in known places are read or refused, never a crash."""
    loads_or_is_refused(tmp_path_factory.getbasetemp() / "values.toml", tomli_w.dumps(values).encode())


@given(st.one_of(st.binary(max_size=60), FRAGMENTS.map(str.encode)), st.sampled_from([b"", b"[routing]\n"]))
def test_any_text_loads_or_is_refused(tmp_path_factory, data, start):
    """Random bytes and TOML-like text are read or refused, never a crash."""
    loads_or_is_refused(tmp_path_factory.getbasetemp() / "text.toml", start + data)


@given(FRAGMENTS)
def test_the_line_scanner_takes_any_text(text):
    """The scanner ends on any text, TOML or not."""
    assert all(line >= 1 for line in key_lines(text).values())


def test_the_line_scanner_survives_deep_nesting():
    """Nesting beyond the stack ends the search for lines, not the program."""
    assert key_lines("a = " + "[" * 100_000)["a",] == 1


@given(TREES)
def test_the_line_scanner_finds_every_key(tree):
    """Every key of a valid text has a line, however it is quoted."""
    lines = key_lines(tomli_w.dumps({"top": tree}))
    assert all(path in lines for path in paths_of({"top": tree}))


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the path of each key under *value*."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [p for key, inner in items for p in [(*path, key), *paths_of(inner, (*path, key))]]


def test_lines_of_every_way_to_write_a_key():
    """Headers, dotted and quoted keys, arrays of tables, inline tables and long arrays have their lines."""
    text = (
        "# first\n[a.'b c']\nx.\"y\\u0021\" = 1\nlong = [\n  1, # one\n  { z = 2 },\n]\n"
        '[[m]]\nt = """\nnot = "a key"\n"""\nn = 1\n[m.sub]\nk = 1.5\n[[m]]\nn = 1979-05-27 07:32:00\no = 2\n'
    )
    tomllib.loads(text)
    lines = key_lines(text)
    expected = {
        ("a", "b c"): 2,
        ("a", "b c", "x"): 3,
        ("a", "b c", "x", "y!"): 3,
        ("a", "b c", "long"): 4,
        ("a", "b c", "long", 0): 5,
        ("a", "b c", "long", 1): 6,
        ("a", "b c", "long", 1, "z"): 6,
        ("m", 0): 8,
        ("m", 0, "t"): 9,
        ("m", 0, "n"): 12,
        ("m", 0, "sub"): 13,
        ("m", 0, "sub", "k"): 14,
        ("m", 1): 15,
        ("m", 1, "n"): 16,
        ("m", 1, "o"): 17,
    }
    assert expected == {path: lines.get(path) for path in expected}
    assert ("m", 0, "t", "not") not in lines
