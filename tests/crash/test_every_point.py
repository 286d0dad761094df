"""Killed, or failed by the disk, at every call a command makes on its files: nothing acknowledged is lost.

    LONG=1 pytest -n2 -rA -m slow tests/crash/test_every_point.py

tries every point: before, in the middle of and after each open, write, sync, rename, link, removal and lock,
and with a full, read-only or broken disk from there on. Without it each command is tried at a few of them.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash import judge, sweep
from tests.crash.forks import Forks
from tests.crash.power import check_there, cut_everywhere
from tests.crash.scenes import SCENES, Scene

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are told by /proc")

LONG = bool(os.environ.get("LONG"))
EVERYDAY = ("the first chat", "models set")
FEW = 4


def cases(*, everyday: bool) -> list[object]:
    chosen = [scene for scene in SCENES if (scene.name in EVERYDAY) == everyday or (LONG and not everyday)]
    return [pytest.param(scene, id=scene.name.replace(" ", "-")) for scene in chosen]


def check(scene: Scene, directory: Path, forks: Forks) -> None:
    """Try a scene at some points, or at all; then cut the power after each of its steps."""
    with sweep.opened(directory / "home", scene, forks) as run:
        every = list(run.points())
        run.try_all(every if LONG else every[2 :: (len(every) // FEW) | 1])
        assert run.tried[sweep.MISSED] <= sum(run.tried.values()) / 20, run.tried
        run.leftovers_go()
        run.begin_again()
        disks = cut_everywhere(run)
    tried = f"{sum(run.tried.values())} points {dict(run.tried)}"
    print(f"{scene.path}: {scene.name}: {tried}, {disks} disks after a cut")


@pytest.mark.parametrize("scene", cases(everyday=True))
def test_nothing_acknowledged_is_lost(scene: Scene, tmp_path: Path, forks: Forks) -> None:
    """Wherever a run ends, all can be read, nothing is lost or doubled, and the next run works and mends."""
    check(scene, tmp_path, forks)


@pytest.mark.slow
@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("scene", cases(everyday=False))
def test_no_command_loses_anything(scene: Scene, tmp_path: Path, forks: Forks) -> None:
    """The same for every command that writes."""
    check(scene, tmp_path, forks)


@pytest.mark.skipif(not LONG, reason="minutes: LONG=1")
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_crash_before_does_not_weaken_what_comes_after(tmp_path: Path, forks: Forks) -> None:
    """One run is killed, the next one acknowledges, then the power is cut: what the next one wrote is there.

    But for a kill in the same instant as the state directory was made, which a disk writes down by itself
    within seconds.
    """
    count = 0
    scene = next(scene for scene in SCENES if scene.name == "the first chat")
    with sweep.opened(tmp_path / "home", scene, forks) as run:
        for number in range(1, len(run.done.calls) + 1):
            if run.done.calls[number - 1][0] != "mkdir":
                count += check_there(run, number)
    print(f"{count} disks after a crash and a cut")


def test_a_checker_that_can_fail(tmp_path: Path) -> None:
    """A line twice, a torn line in the middle, a broken file are seen."""
    (tmp_path / "a.jsonl").write_bytes(b'{"id":"x"}\n{"id":"x"}\n')
    with pytest.raises(AssertionError, match="doubled"):
        judge.lines_are_whole(tmp_path, torn=1)
    (tmp_path / "a.jsonl").write_bytes(b'{"id"\n{"id":"x"}\n{"i')
    with pytest.raises(AssertionError):
        judge.lines_are_whole(tmp_path, torn=1)
    with pytest.raises(AssertionError):
        judge.tails_are_mended(tmp_path, ["a.jsonl"])
    (tmp_path / "policy.json").write_bytes(b'{"data"')
    with pytest.raises(ValueError, match="delimiter"):
        judge.what_is_there(tmp_path)
