"""The clock jumps between two runs: nothing is lost or doubled, nobody rests for years, the next works."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from tests.crash import judge, scenes
from tests.crash.forks import Forks
from tests.crash.scenes import SCENES, Scene
from tests.support import Home

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the runs are forked")

DAY = 86400.0
JUMPS = {
    "a-day-back": -DAY,
    "a-year-on": 365 * DAY,
    "to-1970": 100 - time.time(),
    "to-2100": 4102444800 - time.time(),
}
LONGEST_REST = 3600.0  # seconds (DESIGN ruling 10)
CHATS = ("chat", "a failing chat", "a chat with keys", "a chat with a budget", "a token", "a session")
EVERYDAY = [("a failing chat", "to-2100")]
SOME = [*((name, "a-year-on") for name in CHATS), ("chat", "a-day-back"), ("a failing chat", "to-1970")]
ALL = [(name, jump) for name in CHATS for jump in JUMPS if (name, jump) not in EVERYDAY]


def scene_of(name: str) -> Scene:
    return next(scene for scene in SCENES if scene.name == name)


def check(home: Home, scene: Scene, jump: float, forks: Forks) -> None:
    """Ask now, by the wrong clock, and now again."""
    with scenes.house(home, scene):
        before = counted(home)
        for clock in (0.0, jump, 0.0):
            done = forks.run(home, *scene.line, stdin=scene.stdin, clock=clock, env=scene.env)
            judge.is_told(done.err)
            assert done.code == 0, done
            health = json.loads((home.state / "health.json").read_bytes())["data"]
            assert all(
                rest["until"] <= time.time() + clock + LONGEST_REST for rest in health["cooldowns"].values()
            )
        judge.lines_are_whole(home.dir, torn=0)
        assert counted(home) == [count + 3 for count in before]


def counted(home: Home) -> list[int]:
    """Count the usage records and the decisions."""
    kinds = ("usage", "decisions")
    days = [path for kind in kinds for path in (home.state / kind).glob("*.jsonl")]
    return [
        sum(len(judge.records(d.read_bytes())[0]) for d in days if d.parent.name == kind) for kind in kinds
    ]


@pytest.mark.parametrize(("name", "jump"), EVERYDAY)
def test_a_clock_that_was_wrong_for_one_run(name: str, jump: str, home: Home, forks: Forks) -> None:
    """Three chats are three records and three decisions, whatever the time was at the second."""
    check(home, scene_of(name), JUMPS[jump], forks)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "jump"), ALL if os.environ.get("LONG") else SOME)
def test_any_jump_of_the_clock(name: str, jump: str, home: Home, forks: Forks) -> None:
    """The same for every way to chat."""
    check(home, scene_of(name), JUMPS[jump], forks)


@pytest.mark.slow
@pytest.mark.parametrize("jump", JUMPS if os.environ.get("LONG") else ["to-2100"])
def test_decisions_and_observations_outlive_a_jump(jump: str, home: Home, forks: Forks) -> None:
    """What is decided and observed by a wrong clock is replaced by what comes after, by the right one."""
    with scenes.house(home, scene_of("refresh")):
        for clock, state in ((JUMPS[jump], "inactive"), (0.0, "flagged")):
            for line in (("refresh", "--quiet"), ("policy", "set", "den/m", "--state", state)):
                assert forks.run(home, *line, clock=clock).code == 0
        shown = json.loads(forks.run(home, "policy", "show", "--json").out)
        assert "flagged" in json.dumps(shown)
        seen = json.loads((home.state / "inventory.json").read_bytes())["data"]["providers"]["den"]
        assert seen["attempted_at"][:4] == time.strftime("%Y", time.gmtime())
        assert forks.run(home, "chat", "hi", "--json").code == 0
