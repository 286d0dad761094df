"""What is counted of keys: uses and turns by label, never a key."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from llmpool.state import jsonfile, keys
from llmpool.state.keys import Use
from tests.support import python_environment

NOW = 1_790_000_000.0
ALL = ("a", "b", "c")
TURNS = """
import sys
from pathlib import Path
from llmpool.state import keys
for _ in range(5):
    print(keys.take(Path(sys.argv[1]), "work", [*"abc"], {*"abc"}, rotation=sys.argv[2], now=1.0)[0])
"""


def take(state: Path, rotation: str = "round_robin", awake: tuple[str, ...] = ALL) -> str:
    """Take a turn and return the labels in order."""
    return "".join(keys.take(state, "work", ALL, awake, rotation=rotation, now=NOW))


def test_round_robin_begins_behind_the_last(tmp_path: Path) -> None:
    """Each request begins with the next key, the others follow in order."""
    assert [take(tmp_path) for _ in range(4)] == ["abc", "bca", "cab", "abc"]


def test_round_robin_passes_over_who_rests(tmp_path: Path) -> None:
    """A key that rests loses its turn, and has it again when it is awake."""
    assert [take(tmp_path), take(tmp_path, awake=("a", "c")), take(tmp_path)] == ["abc", "ca", "abc"]


def test_a_key_that_is_gone_does_not_stop_the_turns(tmp_path: Path) -> None:
    """When the last one's key was taken out of the config, turns begin anew."""
    keys.take(tmp_path, "work", ["old"], ["old"], rotation="round_robin", now=NOW)
    assert take(tmp_path) == "abc"


def test_least_used_takes_the_one_with_fewest_uses(tmp_path: Path) -> None:
    """The key that was used least comes first; of equals the first in the config (3.4)."""
    keys.note(tmp_path, {("work", "a"): 2, ("work", "b"): 1}, NOW)
    assert [take(tmp_path, "least_used") for _ in range(5)] == ["cba", "bca", "cab", "abc", "bca"]


def test_uses_are_counted_with_their_last_time(tmp_path: Path) -> None:
    """Uses add up, the latest time stays, and a turn counts as one."""
    keys.note(tmp_path, {("work", "a"): 2, ("den", "none"): 1}, NOW)
    keys.note(tmp_path, {("work", "a"): 1}, NOW - 5)
    take(tmp_path)
    assert keys.read(tmp_path).uses == {"work": {"a": Use(4, NOW)}, "den": {"none": Use(1, NOW)}}
    keys.note(tmp_path, {}, NOW)
    keys.note(tmp_path, {("work", "a"): -1, ("den", "none"): -5}, NOW + 1)
    assert keys.read(tmp_path).uses == {"work": {"a": Use(3, NOW)}, "den": {"none": Use(0, NOW)}}


@pytest.mark.parametrize("rotation", ["round_robin", "least_used"])
def test_processes_at_once_share_the_keys_evenly(tmp_path: Path, rotation: str) -> None:
    """Six processes with five requests each: every key is taken ten times, whoever comes when."""
    command = [sys.executable, "-c", TURNS, str(tmp_path), rotation]
    env = python_environment(tmp_path)
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) for _ in range(6)]
    taken = Counter("".join(child.communicate(timeout=60)[0] for child in children).split())
    assert taken == {"a": 10, "b": 10, "c": 10}


def test_the_keys_used_last_are_kept(tmp_path: Path) -> None:
    """Beyond 512 keys the ones that were used longest ago go."""
    keys.note(tmp_path, {("old", "k"): 1}, NOW - 1)
    keys.note(tmp_path, {("new", str(n)): 1 for n in range(keys.MOST_KEYS)}, NOW)
    assert list(keys.read(tmp_path).uses) == ["new"]


@pytest.mark.parametrize(
    "data",
    [
        [],
        {"uses": []},
        {"uses": {"work": []}},
        {"uses": {"work": {"a": []}}},
        {"uses": {"work": {"a": {"times": -1}}}},
        {"uses": {"work": {"a": {"last_used": "x"}}}},
        {"turns": {"work": 1}},
    ],
    ids=str,
)
def test_foreign_counts_stop_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Any) -> None:
    """Counts are no decision: a file that cannot be read costs a warning, and counting begins anew."""
    warnings: list[str] = []
    monkeypatch.setattr(jsonfile, "_warning_hooks", [warnings.append])
    (tmp_path / keys.NAME).write_text(json.dumps({"version": 1, "written_at": "", "data": data}))
    assert take(tmp_path) == "abc"
    assert len(warnings) == len(list(tmp_path.glob("keys.json.corrupt-*"))) == 1
