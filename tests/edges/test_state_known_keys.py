"""What keys.json keeps to tell keys apart: digests and masks by label, and those that were replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmpool.state import jsonfile, keys
from llmpool.state.keys import MOST_KEYS, MOST_PAST, Known, Past, Use

NOW = 1_790_000_000.0


def known(number: int, since: float = NOW) -> Known:
    """Make what is known of a key."""
    return Known(f"digest-{number}", f"mask-{number}", since)


def test_a_key_is_known_by_its_digest(tmp_path: Path) -> None:
    """A second label for the same one gets the first as its answer, and is not kept."""
    assert keys.learn(tmp_path, "work", "a", known(1), among=lambda: ("a",)) == ""
    assert keys.learn(tmp_path, "work", "b", known(1), among=lambda: ("a", "b")) == "a"
    assert keys.learn(tmp_path, "work", "b", known(2), among=lambda: ("a", "b")) == ""
    assert keys.learn(tmp_path, "den", "a", known(1), among=lambda: ("a",)) == ""
    found = keys.read(tmp_path).known
    assert found == {"work": {"a": known(1), "b": known(2)}, "den": {"a": known(1)}}


def test_a_label_that_is_gone_is_nobodys_double(tmp_path: Path) -> None:
    """A key taken out of the config by hand can be added again."""
    keys.learn(tmp_path, "work", "old", known(1))
    assert keys.learn(tmp_path, "work", "new", known(1), among=lambda: ("new",)) == ""


def test_the_same_key_again_changes_nothing(tmp_path: Path) -> None:
    """Since when it is known stays, and it is not its own past."""
    keys.learn(tmp_path, "work", "a", known(1))
    keys.learn(tmp_path, "work", "a", known(1, NOW + 5))
    assert keys.read(tmp_path).known["work"]["a"] == known(1)


def test_what_a_key_replaces_is_its_past(tmp_path: Path) -> None:
    """The last eight, each until when; uses stay with the label."""
    keys.note(tmp_path, {("work", "a"): 2}, NOW)
    for number in range(11):
        keys.learn(tmp_path, "work", "a", known(number, NOW + number))
    found = keys.read(tmp_path)
    key = found.known["work"]["a"]
    assert (key.digest, len(key.past), found.uses["work"]["a"]) == ("digest-10", MOST_PAST, Use(2, NOW))
    assert key.past[0] == Past("digest-2", "mask-2", NOW + 3)
    assert key.past[-1] == Past("digest-9", "mask-9", NOW + 10)


def test_a_key_that_is_removed_is_forgotten(tmp_path: Path) -> None:
    """Its uses, its turn and its digest; others stay, and forgetting it twice does no harm."""
    keys.forget(tmp_path, "work", "a")
    assert not (tmp_path / keys.NAME).exists()
    for label in "ab":
        keys.learn(tmp_path, "work", label, known(ord(label)))
    keys.take(tmp_path, "work", ["a", "b"], ["a", "b"], rotation="round_robin", now=NOW)
    for _ in range(2):
        keys.forget(tmp_path, "work", "a")
    assert keys.read(tmp_path) == keys.Keys({}, {}, {"work": {"b": known(ord("b"))}})


def test_counting_keeps_what_is_known(tmp_path: Path) -> None:
    """A turn, and a use of another provider's key, lose nothing."""
    keys.learn(tmp_path, "work", "a", known(1))
    keys.learn(tmp_path, "work", "a", known(2))
    before = keys.read(tmp_path).known
    keys.take(tmp_path, "work", ["a"], ["a"], rotation="least_used", now=NOW)
    keys.note(tmp_path, {("den", "x"): 1}, NOW)
    assert keys.read(tmp_path).known == before


def test_the_file_has_an_end(tmp_path: Path) -> None:
    """The keys that came last are kept."""
    data = {"work": {f"k{n:03}": known(n, float(n))._asdict() for n in range(MOST_KEYS)}}
    jsonfile.update(tmp_path / keys.NAME, lambda _: {"uses": {}, "turns": {}, "known": data})
    keys.learn(tmp_path, "den", "new", known(9_999))
    found = keys.read(tmp_path).known
    assert (len(found["work"]), "k000" in found["work"], "new" in found["den"]) == (
        MOST_KEYS - 1,
        False,
        True,
    )


@pytest.mark.parametrize(
    "entry",
    [None, 1, [], {"digest": 1}, {"digest": "d"}, {"digest": "d", "mask": "m", "since": -1, "past": []},
     {"digest": "d", "mask": "m", "since": 1, "past": [{"digest": "d"}]}],
)  # fmt: skip
def test_what_is_no_knowledge_is_set_aside(tmp_path: Path, entry: Any) -> None:
    """As every observation that cannot be read: with a warning, and the run goes on."""
    warnings: list[str] = []
    path = tmp_path / keys.NAME
    path.write_text(json.dumps({"version": 1, "data": {"known": {"work": {"a": entry}}}}))
    jsonfile.on_warning(warnings.append)
    assert keys.read(tmp_path) == keys.Keys({}, {}, {})
    assert (len(warnings), path.exists()) == (1, False)


def test_a_file_of_an_older_version_is_read(tmp_path: Path) -> None:
    """One that only counted."""
    data = {"uses": {"work": {"a": {"times": 2, "last_used": NOW}}}, "turns": {"work": "a"}}
    jsonfile.update(tmp_path / keys.NAME, lambda _: data)
    assert keys.read(tmp_path) == keys.Keys({"work": {"a": Use(2, NOW)}}, {"work": "a"}, {})
