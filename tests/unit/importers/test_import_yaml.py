"""The YAML that people write into settings by hand; what is not read is refused with its line."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.importers.yaml_subset import TEXT, NotYaml, parse

WORDS = st.text("abcxyz 0189/.:-#'\"é", min_size=1, max_size=12)
TREES = st.recursive(
    WORDS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.text("abc_", min_size=1, max_size=4), inner, min_size=1, max_size=3)
    ),
    max_leaves=8,
)


def written(value: Any, indent: str = "") -> str:
    """Write a tree as YAML in blocks, its texts in single quotes."""
    if isinstance(value, list):
        return "".join(f"{indent}-\n{written(each, indent + '  ')}" for each in value)
    if isinstance(value, dict):
        return "".join(f"{indent}{key}:\n{written(each, indent + '   ')}" for key, each in value.items())
    quoted = value.replace("'", "''")
    return f"{indent}'{quoted}'  # a comment\n\n"


@given(TREES)
def test_blocks_read_as_they_were_written(tree: Any) -> None:
    """Lists and mappings in any nesting come back as they were, quotes and hashes in texts included."""
    assert parse(written(tree)) == tree


def test_settings_as_people_write_them() -> None:
    """Comments, plain texts with colons, lists that are not indented, texts in several lines and words."""
    text = """\
# aichat
model: openai:gpt-4o             # the default
save: true
prelude: null
template: |
  Use <context>:
    - a: b

  Query
prompt:
  '{color.green}# '
wrap: no
clients:
- type: openai
  api_base: https://api.example/v1   # ENV: {client}_API_BASE
  api_key: "sk-\\"x"
  patches:
    '.*':
      body: {a: [b]}
  note: >-
    one
    two
  last: yes it
    goes on
-   - 1
    -
    - x: y
"""
    assert parse(text) == {
        "model": "openai:gpt-4o",
        "save": True,
        "prelude": None,
        "template": TEXT,
        "prompt": "{color.green}# ",
        "wrap": "no",
        "clients": [
            {
                "type": "openai",
                "api_base": "https://api.example/v1",
                "api_key": 'sk-"x',
                "patches": {".*": {"body": "{a: [b]}"}},
                "note": TEXT,
                "last": "yes it goes on",
            },
            ["1", None, {"x": "y"}],
        ],
    }


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "---\n"])
def test_nothing_is_nothing(text: str) -> None:
    """A file without anything in it says nothing."""
    assert parse(text) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: &x 2", 2), ("a: *x", 1), ("a: !!int 2", 1), ("a: 1\n---\nb: 2", 2), ("%YAML 1.2", 1),
        ("\ta: 1", 1), ("a: 'b", 1), ('a: "b', 1), ("a:\n  b: 1\n c: 2", 3), ("a: 1\nb", 2),
        ("a: 1\n  b: 2", 2), ("- " * 99, 1),
    ],
)  # fmt: skip
def test_what_is_not_read_is_refused_with_its_line(text: str, line: int) -> None:
    """Anchors, tags, several documents, tabs and what is no YAML are refused rather than guessed at."""
    with pytest.raises(NotYaml, match=rf"line {line} "):
        parse(text)


@given(st.text("a:-#'\"|>{}[]&*!, \n\t", max_size=60))
def test_whatever_comes_is_read_or_refused(text: str) -> None:
    """No text makes it fail in another way."""
    with suppress(NotYaml):
        parse(text)


def test_a_long_file_is_refused() -> None:
    """A file of more lines than anybody writes is not read."""
    with pytest.raises(NotYaml, match="20000 lines"):
        parse("a: 1\n" * 20_001)
