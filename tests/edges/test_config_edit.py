"""Edits keep what a person wrote: comments, order, layout."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.config.edit import with_model, with_provider, without_provider
from llmpool.errors import ConfigInvalid

MINE = """# top
default_model = "a/m"   # why

[providers.a]  # first
url = "http://a/v1"
# about b:

[providers.b]
url = "http://b/v1"

[routing]
mode = "auto"  # last
"""


def test_a_new_provider_goes_to_the_end() -> None:
    """Everything that was there stays byte for byte, the new table follows."""
    after = with_provider(MINE, "c", {"url": "http://c/v1", "key": {"env": "C_KEY"}})
    assert after.startswith(MINE)
    assert after.endswith('[providers.c]\nurl = "http://c/v1"\nkey = {env = "C_KEY"}\n')


def test_a_new_field_goes_into_its_table() -> None:
    """A field is added after the table's last key, before the comment that leads to the next table."""
    after = with_provider(MINE, "a", {"priority": 7})
    assert 'url = "http://a/v1"\npriority = 7\n# about b:\n\n[providers.b]' in after
    assert after.replace("priority = 7\n", "") == MINE


def test_a_field_that_is_there_is_changed_in_place() -> None:
    """A changed value stays on its line."""
    after = with_provider(MINE, "b", {"url": "http://new/v1"})
    assert after == MINE.replace("http://b/v1", "http://new/v1")


def test_removing_takes_one_table() -> None:
    """The other tables and their comments stay."""
    after = without_provider(MINE, "b")
    assert "http://b/v1" not in after
    assert tomllib.loads(after)["providers"] == {"a": {"url": "http://a/v1"}}
    assert "# top" in after
    assert "# last" in after


def test_an_empty_config_can_be_edited() -> None:
    """The first table of an empty file is just that table."""
    assert with_provider("", "a", {"url": "http://a/v1"}) == '[providers.a]\nurl = "http://a/v1"\n'


def test_what_is_no_toml_is_not_edited() -> None:
    """A file that does not parse is refused, never rewritten."""
    with pytest.raises(ConfigInvalid):
        with_provider("[providers", "a", {"url": "x"})


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=40),
    st.integers(0, 999),
)
def test_any_value_survives(text: str, number: int) -> None:
    """Whatever is written is read back the same."""
    after = with_provider(MINE, "c", {"name": text, "priority": number})
    assert tomllib.loads(after)["providers"]["c"] == {"name": text, "priority": number}


def test_a_model_is_declared_in_place_or_at_the_end() -> None:
    """A known model's table takes the fields, an unknown one gets a table of its own."""
    first = with_model(MINE, "a/m", {"quality": 7, "aliases": ["small"]})
    assert first == MINE + '\n[[models]]\nid = "a/m"\nquality = 7\naliases = ["small"]\n'
    again = with_model(first, "a/m", {"quality": 8, "aliases": ["tiny"]})
    assert tomllib.loads(again)["models"] == [{"id": "a/m", "quality": 8, "aliases": ["small", "tiny"]}]
    assert again.startswith(MINE)
