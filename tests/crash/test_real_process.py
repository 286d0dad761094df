"""The same with nothing forked: `python -m llmpool` as a shell starts it, killed at a call.

The interpreter of the child imports `sitecustomize` from a directory of the test, which begins to watch
before anything of llmpool is loaded.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.crash import judge, sweep
from tests.crash.forks import ROOT, Ended, Forks
from tests.crash.points import KILLS
from tests.crash.scenes import SCENES, Scene
from tests.support import Home

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are told by /proc")

LONG = bool(os.environ.get("LONG"))
SIX = ("chat", "route", "a failing chat", "policy set", "refresh", "config set")
FIRST = """
import os, sys
sys.path.append({root!r})
from tests.crash import points
points.install([os.environ["CRASH_ROOT"]], int(os.environ["CRASH_NUMBER"]), os.environ["CRASH_ACT"])
"""


def killed(home: Home, scene: Scene, number: int, act: str, place: Path) -> Ended:
    """Run llmpool in a process of its own, to be killed at a call."""
    (place / "sitecustomize.py").write_text(FIRST.format(root=ROOT))
    paths = [str(place), *filter(None, [home.env.get("PYTHONPATH")])]
    told = {"CRASH_ROOT": str(home.dir), "CRASH_NUMBER": str(number), "CRASH_ACT": act}
    done = subprocess.run(
        [sys.executable, "-m", "llmpool", *scene.line],
        env=home.env | dict(scene.env) | told | {"PYTHONPATH": os.pathsep.join(paths)},
        cwd=home.cwd,
        input=scene.stdin,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr, [], [])


@pytest.mark.slow
@pytest.mark.timeout(3600 if LONG else 120)
@pytest.mark.parametrize("name", SIX)
def test_a_real_process_is_killed(name: str, tmp_path: Path, forks: Forks) -> None:
    """For each of the six write paths: killed by the kernel, and what is left can be gone on from."""
    scene = next(scene for scene in SCENES if scene.name == name)
    place = tmp_path / "site"
    place.mkdir()
    with sweep.opened(tmp_path / "home", scene, forks) as run:
        points = [point for point in run.points() if point[1] in KILLS]
        chosen = points if LONG else [points[len(points) // 2]]
        for number, act in chosen:
            run.begin_again()
            ended = killed(run.home, scene, number, act, place)
            assert ended.killed, ended
            run.judge(ended, act)
            run.go_on()
            judge.is_told(ended.err)
    print(f"{scene.path}: {len(chosen)} kills of a real process")
