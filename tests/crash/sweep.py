"""Kill and fail a command at each of its calls; judge what is left, and what the next one makes of it."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.crash import judge, scenes
from tests.crash.disk import Disk
from tests.crash.forks import Ended, Forks
from tests.crash.points import AFTER, BEFORE, FAULTS, KILLS, nth
from tests.crash.scenes import Scene
from tests.support import Home

TRIES = 3
MISSED = "not reached"
Point = tuple[int, str]  # the number of a call, and what happens there


class Sweep:
    """A scene, the command of which is run from the same beginning again and again."""

    def __init__(self, home: Home, scene: Scene, forks: Forks) -> None:
        self.home, self.scene, self.forks = home, scene, forks
        self.start = home.dir.with_name(f"{home.dir.name}-start")
        self.left: set[str] = set()  # strays, as they were found
        self.tried: Counter[str] = Counter()
        self.mended: set[int] = set()  # what was found after a crash, and gone on from
        shutil.copytree(home.dir, self.start)
        self.before = judge.what_is_there(home.dir)
        disk = Disk(home.dir)
        self.done = self.run()
        assert self.done.code == scene.code, self.done
        self.moments = judge.moments(disk, self.done.steps)
        self.after = judge.what_is_there(home.dir)
        assert self.run().code in scene.again
        self.settled = judge.what_is_there(home.dir)

    def run(self, number: int = 0, act: str = BEFORE) -> Ended:
        """Run the command, with something happening at a call of the undisturbed run."""
        scene, wanted = self.scene, nth(self.done.calls, number) if number else None
        return self.forks.run(
            self.home, *scene.line, stdin=scene.stdin, wanted=wanted, act=act, env=scene.env
        )

    def points(self) -> Iterator[Point]:
        """Yield all that can be tried."""
        for number, (kind, _) in enumerate(self.done.calls, 1):
            kills = KILLS if kind == "write" else (BEFORE, AFTER)
            yield from ((number, act) for act in kills)
            yield from ((number, name) for name, fault in FAULTS.items() if kind in fault.kinds)

    def begin_again(self) -> None:
        """Put the home as it was before the command."""
        for entry in list(self.home.dir.iterdir()):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        shutil.copytree(self.start, self.home.dir, dirs_exist_ok=True)

    def try_all(self, points: Iterable[Point]) -> None:
        """Try *points*, each from the beginning; fail with the first of each kind of what went wrong."""
        wrong: dict[tuple[str, str], str] = {}
        for number, act in points:
            try:
                self.try_one(number, act)
            except (AssertionError, ValueError, OSError) as error:
                call = " ".join(self.done.calls[number - 1])
                wrong.setdefault((act, str(error)[:60]), f"{act} at call {number}, {call}: {error}")
        assert not wrong, f"\n{self.scene.name}: ".join(["", *wrong.values()])

    def try_one(self, number: int, act: str) -> None:
        """Let something happen at a call; judge what is left, and go on from there unless it is known.

        Threads may make fewer calls, as when one write takes the lines of two: then it is tried again.
        """
        for _ in range(TRIES):
            self.begin_again()
            ended = self.run(number, act)
            if ended.struck:
                break
        self.tried[act if ended.struck else MISSED] += 1
        try:
            self.judge(ended, act)
            if (found := self._found()) not in self.mended:
                self.go_on()
                self.mended.add(found)
        except (AssertionError, ValueError, OSError) as error:
            raise AssertionError(f"{error}\n{ended}") from error

    def judge(self, ended: Ended, act: str) -> None:
        """Judge what a run has left and what it said."""
        judge.is_told(ended.out + ended.err)
        judge.lines_are_whole(self.home.dir, torn=1)
        there = judge.what_is_there(self.home.dir)
        for name in {*there, *self.moments}.difference(() if ended.killed else self.scene.leaves):
            assert there.get(name) in self.moments.get(name, [self.before.get(name)]), (
                name,
                there.get(name),
                self.moments.get(name),
            )
        self.left |= {str(path.relative_to(self.home.dir)) for path in judge.strays(self.home.dir)}
        if ended.killed:
            assert act in KILLS
            assert not self._is_told_done(ended) or there == self.after, "told, and not done"
        elif ended.code == self.scene.code:
            undone = {name for name in {*there, *self.after} if there.get(name) != self.after.get(name)}
            lost = undone - {*self.scene.leaves}
            assert not lost or "warning" in ended.err, f"it ended well without {lost}, and told nobody"
            assert lost <= {*self.scene.spares}, f"it ended well without {lost}; a warning is not enough"
        else:
            assert ended.code in judge.CODES, ended.code
            assert act in FAULTS

    def _is_told_done(self, ended: Ended) -> bool:
        """Say whether the command has told that it was done before it was killed."""
        return self.scene.tells and bool(ended.out.strip()) and ended.out == self.done.out

    def leftovers_go(self) -> None:
        """Check that nothing crashes have left stays: a later run removes it, or `doctor` names it."""
        self.begin_again()
        for name in self.left:
            path = self.home.dir / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"half")
        judge.aged(self.home.dir / name for name in self.left)
        assert self.run().code == self.scene.code
        found = self.forks.run(self.home, "doctor", "--offline", env=self.scene.env)
        for path in judge.strays(self.home.dir):
            assert path.name in found.out + found.err, f"{path} is left, and nobody says so"

    def _found(self) -> int:
        """Return what tells the home from others for whoever goes on from there."""
        files = [path for path in sorted(self.home.dir.rglob("*")) if path.is_file()]
        names = [re.sub(r"\d+-[0-9a-f]{8}", "", str(path)) for path in files]
        ends = [(path.stat().st_size == 0, path.read_bytes()[-1:]) for path in files]
        return hash((tuple(names), tuple(ends), repr(judge.what_is_there(self.home.dir))))

    def go_on(self) -> None:
        """Run the command again: it works, mends what was torn, and ends where it would have ended."""
        lengths = {
            name: len(lines) for name, lines in judge.what_is_there(self.home.dir).items() if _is_log(name)
        }
        again = self.run()
        judge.is_told(again.out + again.err)
        assert again.code in (self.scene.code, *self.scene.again), again
        if again.code and self.scene.mend:
            mended = self.forks.run(self.home, *self.scene.mend, stdin=self.scene.stdin)
            assert mended.code == 0, mended
        judge.lines_are_whole(self.home.dir, torn=1)
        there = judge.what_is_there(self.home.dir)
        judge.tails_are_mended(self.home.dir, filter(_is_log, there))
        if self.scene.settles:
            for name in sorted({*there, *self.settled}.difference(self.scene.leaves)):
                assert there.get(name) == self.settled.get(name), (
                    name,
                    there.get(name),
                    self.settled.get(name),
                )
        else:
            for name, count in lengths.items():
                grown = len(self.settled[name]) - len(self.after[name]) if name in self.settled else 0
                assert len(there[name]) >= count + grown, (name, count, len(there[name]))


def _is_log(name: str) -> bool:
    return name.endswith(".jsonl")


@contextmanager
def opened(directory: Path, scene: Scene, forks: Forks) -> Iterator[Sweep]:
    """Give a scene in a home of its own."""
    directory.mkdir()
    home = Home(directory)
    with scenes.house(home, scene):
        yield Sweep(home, scene, forks)
