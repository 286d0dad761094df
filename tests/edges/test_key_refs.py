"""References to keys in a config that somebody has written by hand: what changes, and what stays."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.errors import UnknownName
from llmpool.setup import key_refs

TEXT = """# mine
[providers.work] # the gateway
url = "http://gw.example" # ours
keys = [ # in order
  { label = "a", env = "A" }, # the first
  { env = "B" }, # the second
  { label = "c", command = ["pass", "show", "c"] } # the third
]
[providers.one]
key = { env = "ONE" } # the only one
[providers.none]
url = "http://n.example"
[[providers.tables.keys]]
label = "q" # a key with a header
env = "Q"
[[providers.tables.keys]]
env = "R"
"""
KEYRING = {"keyring": True}


def keys_in(text: str, provider: str) -> list[Any]:
    """Return what the config says of a provider's keys."""
    table = tomllib.loads(text)["providers"][provider]
    return [table["key"]] if "key" in table else list(table.get("keys", []))


def comments(text: str) -> list[str]:
    """List the comments of a text."""
    return sorted(line.partition("#")[2].strip() for line in text.splitlines() if "#" in line)


def test_the_first_key_stands_alone() -> None:
    """`key = { ... }` under the name `default`, or under the name it was given."""
    text = key_refs.added(TEXT, "none", "default", KEYRING)
    assert 'url = "http://n.example"\nkey = { keyring = true }\n' in text
    named = key_refs.added(TEXT, "none", "team", KEYRING)
    assert keys_in(named, "none") == [{"label": "team", "keyring": True}]
    assert key_refs.free_label(TEXT, "none") == "default"


def test_a_second_key_makes_a_list_of_the_first() -> None:
    """The first keeps its label, which its secret and its counts go by."""
    text = key_refs.added(TEXT, "one", "2", KEYRING)
    assert keys_in(text, "one") == [{"label": "default", "env": "ONE"}, {"label": "2", "keyring": True}]
    assert (key_refs.free_label(TEXT, "one"), comments(text)) == ("2", comments(TEXT))


def test_one_more_goes_behind_the_others() -> None:
    """In a line of its own, where the others have one; a free number is its label."""
    label = key_refs.free_label(TEXT, "work")
    text = key_refs.added(TEXT, "work", label, KEYRING)
    assert '  { label = "c", command = ["pass", "show", "c"] }, # the third\n' in text
    assert '  { label = "4", keyring = true }\n]' in text
    assert (key_refs.labels(text, "work"), comments(text)) == (["a", "2", "c", "4"], comments(TEXT))


def test_a_number_that_is_taken_is_passed_over() -> None:
    """A label is never given twice."""
    text = 'providers.p.keys = [{ label = "3", env = "A" }, { label = "x", env = "B" }]\n'
    assert key_refs.free_label(text, "p") == "4"


def test_a_key_is_switched_in_its_place() -> None:
    """`enabled = false` comes in and goes out again, and nothing else moves."""
    for provider, label in (("work", "2"), ("one", "default"), ("tables", "q")):
        off = key_refs.switched(TEXT, provider, label, on=False)
        found = keys_in(off, provider)[key_refs.labels(off, provider).index(label)]
        assert found["enabled"] is False
        assert key_refs.switched(off, provider, label, on=False) == off
        assert key_refs.switched(off, provider, label, on=True) == TEXT


def test_another_source_takes_the_place_of_one() -> None:
    """The label and whether it is enabled stay."""
    off = key_refs.switched(TEXT, "work", "a", on=False)
    text = key_refs.changed(off, "work", "a", {"file": True})
    assert keys_in(text, "work")[0] == {"label": "a", "enabled": False, "file": True}
    text = key_refs.changed(TEXT, "work", "2", KEYRING)
    assert "  { keyring = true }, # the second\n" in text
    assert key_refs.changed(text, "work", "2", KEYRING) == text
    assert keys_in(key_refs.changed(TEXT, "tables", "2", KEYRING), "tables") == [
        {"label": "q", "env": "Q"},
        {"keyring": True},
    ]


def test_what_follows_a_key_that_goes_keeps_its_label() -> None:
    """A label that is only a place is written down: secrets and counts go by it."""
    text = key_refs.removed(TEXT, "work", "a")
    assert (key_refs.labels(text, "work"), comments(text)) == (["2", "c"], comments(TEXT))
    text = key_refs.removed(TEXT, "work", "c")
    assert '  { env = "B" }, # the second\n' in text  # what stands before it is as it was
    assert key_refs.labels(key_refs.removed(TEXT, "tables", "q"), "tables") == ["2"]


def test_with_the_last_key_the_list_goes() -> None:
    """Then the preset's variable counts again."""
    assert keys_in(key_refs.removed(TEXT, "one", "default"), "one") == []
    text = TEXT
    for label in ("2", "a", "c"):
        text = key_refs.removed(text, "work", label)
    assert "keys" not in tomllib.loads(text)["providers"]["work"]
    assert comments(text) == comments(TEXT)


def test_an_unknown_label_lists_those_there_are() -> None:
    """Exit 3, with candidates."""
    for act in (key_refs.removed, lambda text, *name: key_refs.switched(text, *name, on=True)):
        with pytest.raises(UnknownName, match='work has no key "z"') as caught:
            act(TEXT, "work", "z")
        assert caught.value.details == {"candidates": ["a", "2", "c"]}


@given(st.data())
def test_any_order_of_changes_keeps_the_others(data: st.DataObject) -> None:
    """Whatever is added, switched and removed: each label that is left means the key it meant before."""
    text, meant = 'providers.p.url = "http://x"\n', dict[str, dict[str, Any]]()
    for number in range(data.draw(st.integers(1, 8))):
        act = data.draw(st.sampled_from(["add", "add", "remove", "switch", "change"]))
        if act == "add" or not meant:
            label = key_refs.free_label(text, "p")
            text = key_refs.added(text, "p", label, {"env": f"V{number}"})
            meant[label] = {"env": f"V{number}"}
            continue
        label = data.draw(st.sampled_from(sorted(meant)))
        if act == "remove":
            text = key_refs.removed(text, "p", label)
            del meant[label]
        elif act == "switch":
            on = data.draw(st.booleans())
            text = key_refs.switched(text, "p", label, on=on)
            meant[label] = {k: v for k, v in meant[label].items() if k != "enabled"}
            meant[label] |= {} if on else {"enabled": False}
        else:
            text = key_refs.changed(text, "p", label, {"file": True})
            meant[label] = {"file": True} | {k: v for k, v in meant[label].items() if k == "enabled"}
    found = zip(key_refs.labels(text, "p"), keys_in(text, "p"), strict=True)
    assert {label: {k: v for k, v in key.items() if k != "label"} for label, key in found} == meant


@pytest.mark.parametrize("other", [{"keyring": True}, {"env": "B"}])
def test_a_key_without_a_label_may_come_to_be_written_as_another_is(other: dict[str, Any]) -> None:
    """Where no key has a label, two that llmpool keeps in one place are written alike, and are two."""
    written = ", ".join(f"{name} = {'true' if each is True else repr(each)}" for name, each in other.items())
    text = f"[providers.a]\nkeys = [{{ file = true }}, {{ {written} }}] # mine\n"
    after = key_refs.changed(text, "a", "2", {"file": True})
    assert after == "[providers.a]\nkeys = [{ file = true }, { file = true }] # mine\n"
