"""Edits keep what a person wrote: comments, order, layout."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.config.edit import (
    with_model,
    with_provider,
    with_table,
    with_value,
    without,
    without_model,
    without_provider,
)
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
    assert after.endswith('[providers.c]\nurl = "http://c/v1"\nkey = { env = "C_KEY" }\n')


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


def test_a_key_finds_its_table_or_makes_one() -> None:
    """A top key joins the top keys, a key of a table its table; what has no table gets one at the end."""
    assert with_value(MINE, ("local_first",), False).startswith(
        '# top\ndefault_model = "a/m"   # why\nlocal_first = false\n\n[providers.a]'
    )
    assert with_value(MINE, ("routing", "strategy"), "cost").endswith(
        'mode = "auto"  # last\nstrategy = "cost"\n'
    )
    assert with_value(MINE, ("usage", "retention"), "7d") == MINE + '\n[usage]\nretention = "7d"\n'
    assert with_value(MINE, ("groups", "g", "providers"), ["a"]) == MINE + '\n[groups.g]\nproviders = ["a"]\n'
    assert (
        with_value("# mine\n[routing]\n", ("local_first",), True)
        == "# mine\nlocal_first = true\n\n[routing]\n"
    )


def test_a_value_inside_a_value_is_reached() -> None:
    """Inline tables are changed where they stand, and made where there is none."""
    text = '[providers.a]\nurl = "http://a/v1"\nparams = { top_p = 1.0 } # hot\n'
    after = with_value(text, ("providers", "a", "params", "temperature"), 0.2)
    assert after == text.replace("1.0 }", "1.0, temperature = 0.2 }")
    assert without(after, ("providers", "a", "params", "temperature")) == text
    assert with_value(MINE, ("providers", "b", "params", "top_p"), 0.5).replace(
        "params = { top_p = 0.5 }\n", ""
    ) == (MINE)


def test_an_array_is_changed_item_by_item() -> None:
    """Items that stay keep their lines and comments; new ones follow in the same layout."""
    text = '[routing]\nfallbacks = [ # in turn\n  "a/m", # cheap\n  "b/m",\n] # end\n'
    path = ("routing", "fallbacks")
    longer = with_value(text, path, ["a/m", "b/m", "c/m"])
    assert longer == text.replace('  "b/m",\n', '  "b/m",\n  "c/m",\n')
    assert with_value(longer, path, ["a/m", "b/m"]) == text.replace('"b/m",\n', '"b/m"' + ",\n")
    assert with_value('[routing]\nfallbacks = ["a/m"]\n', path, ["a/m", "b/m"]) == (
        '[routing]\nfallbacks = ["a/m", "b/m"]\n'
    )
    assert with_value(text, path, ["a/m"]) == text.replace('  "b/m",\n', "")


def test_a_comment_stays_with_the_item_it_leads_to() -> None:
    """Of items that go, only their own comments leave the array, in order; half of many go in one step."""
    text = 'a = [\n  # one\n  "x", # x\n  # two\n  "y", # y\n  # three\n  "z" # z\n]\n'
    assert (
        with_value(text, ("a",), ["y", "z"]) == "# x\na = [\n  # one\n  # two\n" + text[text.index('  "y"') :]
    )
    assert with_value(text, ("a",), ["x"]) == ('# y\n# three\n# z\na = [\n  # one\n  "x", # x\n  # two\n]\n')
    assert with_value('a = ["x", "y" , # y\n "z"]\n', ("a",), ["x", "z"]) == '# y\na = ["x", "z"]\n'
    many = [f"m{number}" for number in range(3000)]
    lines = "a = [\n" + "".join(f'  "{name}",\n' for name in many) + "]\n"
    assert (
        with_value(lines, ("a",), many[::2]) == "a = [\n" + "".join(f'  "{n}",\n' for n in many[::2]) + "]\n"
    )


def test_no_comment_goes_with_what_it_stood_by() -> None:
    """The comment of a line that is taken out stays as a line, one inside of a replaced value above it."""
    assert without(MINE, ("default_model",)).startswith("# top\n# why\n\n[providers.a]  # first\n")
    assert without(MINE, ("providers", "a")).startswith(
        '# top\ndefault_model = "a/m"   # why\n\n# first\n# about b:\n\n[providers.b]'
    )
    text = '[routing]\nfallbacks = [\n  "a/m", # cheap\n]\n'
    assert with_value(text, ("routing", "fallbacks"), ["z/m"]) == '[routing]\n# cheap\nfallbacks = ["z/m"]\n'


def test_a_model_goes_by_its_id() -> None:
    """Fields of one model are set and taken out where it stands, between models and tables of any order."""
    text = '[[models]]\nid = "a/m"\n[routing]\n[[models]]\nid = "b/n:1" # two\nquality = 3\nspeed = 4\n'
    assert with_value(text, ("models", "b/n:1", "quality"), 9) == text.replace("quality = 3", "quality = 9")
    assert with_model(text, "b/n:1", {"quality": None, "speed": 5}) == text.replace(
        "quality = 3\nspeed = 4", "speed = 5"
    )
    assert with_value("", ("models", "a/m", "speed"), 1) == '[[models]]\nid = "a/m"\nspeed = 1\n'
    assert without_model(text, "a/m") == text.removeprefix('[[models]]\nid = "a/m"\n')
    assert without_model(text, "b/n:1") == '[[models]]\nid = "a/m"\n[routing]\n# two\n'
    assert without(text, ("models", "c/x")) == text


def test_tables_come_and_go() -> None:
    """A table is added with its fields, takes others, and loses those that are set to nothing."""
    made = with_table(MINE, ("groups", "g"), {"providers": ["a"], "models": None})
    assert made == MINE + '\n[groups.g]\nproviders = ["a"]\n'
    changed = with_table(made, ("groups", "g"), {"providers": None, "models": ["q*"]})
    assert changed == MINE + '\n[groups.g]\nmodels = ["q*"]\n'
    assert without(changed, ("groups", "g")) == MINE
    assert with_table(MINE, ("groups", "all"), {}) == MINE + "\n[groups.all]\n"


def test_every_way_to_write_a_table() -> None:
    """Dotted keys, inline tables and lines that end as on Windows stay what they are."""
    dotted = 'routing.mode = "auto" # m\r\nproviders = { a = { url = "http://a" } }\r\n'
    assert with_value(dotted, ("routing", "strategy"), "cost") == dotted.replace(
        "# m\r\n", '# m\r\nrouting.strategy = "cost"\r\n'
    )
    assert with_value(dotted, ("providers", "a", "priority"), 3) == dotted.replace(
        " }", ", priority = 3 }", 1
    )
    further = "[profiles.p.hints]\nx = 1\n"
    assert (
        with_value(further, ("profiles", "p", "mode"), "local")
        == further + '\n[profiles.p]\nmode = "local"\n'
    )
    assert with_value("[a.b.c]\n", ("a", "b", "d"), 1) == "[a.b.c]\n\n[a.b]\nd = 1\n"
    assert with_value(dotted, ("usage", "retention"), "1d") == dotted + '\r\n[usage]\r\nretention = "1d"\r\n'


def test_a_number_is_no_truth_and_a_text_no_number() -> None:
    """Values are compared by what they are: 1 is not true, "0.2" not 0.2; the same again changes nothing."""
    text = "a = 1\nb = 0.2\n"
    assert with_value(text, ("a",), True) == "a = true\nb = 0.2\n"
    assert with_value(text, ("b",), "0.2") == 'a = 1\nb = "0.2"\n'
    assert with_value(text, ("b",), 0.2) == text


def test_what_no_command_can_edit_is_refused() -> None:
    """The last table of a list that a provider needs cannot go by itself; the way out is the editor."""
    with pytest.raises(ConfigInvalid) as caught:
        without('[[providers.a.keys]]\nenv = "X"\n', ("providers", "a", "keys", 0))
    assert "llmpool config" in caught.value.hint


def test_a_model_is_added_to_an_inline_list() -> None:
    """`models = [...]` takes no `[[models]]` beside it, so the new one goes into the list."""
    text = 'models = [ { id = "a/b", quality = 3 } ] # mine\n'
    assert with_model(text, "a/c", {"quality": 5, "aliases": None}) == (
        'models = [ { id = "a/b", quality = 3 }, { id = "a/c", quality = 5 } ] # mine\n'
    )
    assert with_value(text, ("models", "a/c", "quality"), 5) == (
        'models = [ { id = "a/b", quality = 3 }, { id = "a/c", quality = 5 } ] # mine\n'
    )


def test_the_last_model_leaves_an_inline_list() -> None:
    """What is in the list of models alone goes with the list; its comments stay."""
    text = 'a = 1\nmodels = [ { id = "a/b", quality = 3 } ] # mine\n[routing]\n'
    assert without_model(text, "a/b") == "a = 1\n# mine\n[routing]\n"
