"""A disk that is really full, and one that may really not be written: small file systems of their own.

They are mounted where that is permitted (root in a container, say); elsewhere these tests are skipped in so
many words, and `test_every_point` stands in for them with the same errors.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash import judge, scenes
from tests.crash.forks import Forks
from tests.crash.scenes import ASK, SCENES
from tests.support import Home

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the runs are forked")

PAGE = 4096
SIZE = 1 << 20
WRITES = (
    (*ASK, "--session", "s"),
    ("route", "--record", "hi", "--json"),
    ("policy", "set", "den/m", "--state", "flagged", "--reason", "x"),
    ("refresh", "--json"),
    ("config", "set", "routing.max_retries", "3"),
    ("providers", "clear", "--all"),
    ("usage", "--since", "all", "--json"),
)
READS = (
    ("route", "hi", "--json"),
    ("models", "list", "--json"),
    ("providers", "list", "--json"),
    ("policy", "show", "--json"),
    ("usage", "--since", "all", "--json"),
    ("usage", "decisions", "--json"),
    ASK,
)


@pytest.fixture
def disk(own_home: Path) -> Iterator[Path]:
    """Give a file system of a megabyte."""
    place = own_home / "disk"
    place.mkdir()
    if not _mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)):
        pytest.skip("this user may not mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)


def _mounted(*words: str) -> bool:
    try:
        return subprocess.run(["mount", *words], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def _lived_in(disk: Path) -> tuple[Home, scenes.Scene]:
    return Home(disk / "home"), next(scene for scene in SCENES if scene.name == "chat")


@pytest.mark.slow
@pytest.mark.parametrize("pages", [0, 1, 2, 3, 5, 8] if os.environ.get("LONG") else [2])
def test_a_full_disk(disk: Path, pages: int, forks: Forks) -> None:
    """With so many pages left every command ends in words; with room again all works, and nothing is gone."""
    home, scene = _lived_in(disk)
    with scenes.house(home, scene):
        before = judge.what_is_there(home.dir)
        for line in WRITES:
            _fill(disk, pages)
            done = forks.run(home, *line)
            judge.is_told(done.out + done.err)
            assert done.code in (0, 10), done
            judge.lines_are_whole(home.dir, torn=0)
            there = judge.what_is_there(home.dir)
            assert {name for name in before if name not in there} == set()
            usage = [name for name in before if name.endswith(".jsonl")]
            assert all(there[name][: len(before[name])] == before[name] for name in usage)
            before = there
        (disk / "ballast").unlink()
        for line in (*WRITES, *READS):
            assert forks.run(home, *line).code == 0, line
        judge.lines_are_whole(home.dir, torn=0)


def _fill(disk: Path, pages: int) -> None:
    """Leave only so many pages of the disk."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(PAGE)) == PAGE:
                pass
        except OSError:
            pass
        file.truncate(max(0, file.tell() - pages * PAGE))


@pytest.mark.slow
def test_a_disk_that_may_not_be_written(disk: Path, forks: Forks) -> None:
    """What only reads works, and a chat is answered; that and what would decide something end with 10."""
    home, scene = _lived_in(disk)
    with scenes.house(home, scene):
        assert _mounted("-o", "remount,ro", str(disk))
        before = judge.what_is_there(home.dir)
        for line in READS:
            done = forks.run(home, *line)
            judge.is_told(done.out + done.err)
            assert done.code == (10 if line is ASK else 0), (line, done)  # its answer cost what is nowhere
            assert json.loads(done.out)
        for line in (*WRITES[1:3], WRITES[4]):
            done = forks.run(home, *line)
            judge.is_told(done.out + done.err)
            assert done.code == 10, (line, done)
        assert judge.what_is_there(home.dir) == before
        assert _mounted("-o", "remount,rw", str(disk))
        for line in WRITES:
            assert forks.run(home, *line).code == 0, line
