"""The power is cut after a step of a run: what may be on the disk then, and what must be.

`disk` says what a disk may hold. What a command has acknowledged by its end must be in each of them; at every
step before that, each must be a state that the next command can read, with nothing older gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tests.crash import judge
from tests.crash.disk import Disk
from tests.crash.points import AFTER
from tests.crash.sweep import Sweep

Found = Mapping[str, bytes | None]


def cut_everywhere(run: Sweep) -> int:
    """Cut the power after every step, look at every disk there may be, and return how many there were."""
    count, disk, steps = 0, Disk(run.home.dir), run.done.steps
    for number, step in enumerate(steps, 1):
        disk.apply(step)
        for fate, files in disk.after_a_cut():
            count += 1
            try:
                _check_readable(run, files)
                if number == len(steps):
                    _check_done(run, files)
            except (AssertionError, ValueError) as error:
                at = f"{run.scene.name}: cut after {number} of {len(steps)} ({step.kind} {step.path}), {fate}"
                raise AssertionError(f"{at}\n{error}") from error
    return count


def check_there(run: Sweep, number: int) -> int:
    """Kill a run after a call, let another one end, cut the power: what that acknowledged is there."""
    run.begin_again()
    disk = Disk(run.home.dir)
    for step in (*run.run(number, AFTER).steps, *run.run().steps):
        disk.apply(step)
    there, count = judge.what_is_there(run.home.dir), 0
    for count, (fate, files) in enumerate(disk.after_a_cut(), 1):  # noqa: B007 - the last is how many
        found = _meant(files, run.home.dir)
        assert found.keys() >= there.keys(), (number, fate, there.keys() - found.keys())
        for name, said in there.items():
            assert judge.meaning(name, found[name]) == said, (number, fate, name)
    return count


def _meant(files: Found, root: Path) -> dict[str, bytes]:
    """Return the files that mean something, by their name below *root*."""
    return {
        name: content
        for path, content in files.items()
        if content is not None and judge.means(name := str(Path(path).relative_to(root)))
    }


def _check_readable(run: Sweep, files: Found) -> None:
    """Fail for a disk on which something cannot be read, or is not as it was at any moment."""
    there = _meant(files, run.home.dir)
    for name in run.before:
        assert name in there or None in run.moments[name] or _is_summed(name, there), f"{name} is gone"
    for name, content in there.items():
        known = run.moments.get(name) or [run.before.get(name)]
        if name.endswith(judge.LINES):
            lines, bad = judge.records(content)
            assert len(bad) <= 1, (name, bad)
            assert [judge.plain(line) for line in lines] in ([*known, []] if None in known else known), (
                name,
                lines,
            )
        elif not name.endswith(".kept"):
            assert judge.meaning(name, content) in known, name


def _is_summed(name: str, there: Mapping[str, bytes]) -> bool:
    """Say whether a day's lines are gone because their sums are kept."""
    path = Path(name)
    return there.get(str(path.parent / "rollup" / f"{path.stem}.kept"), b"").startswith(b'{"crc"')


def _check_done(run: Sweep, files: Found) -> None:
    """Fail for a disk that lacks what the command has acknowledged."""
    there = _meant(files, run.home.dir)
    assert there.keys() >= run.after.keys(), run.after.keys() - there.keys()
    for name, content in there.items():
        if name in run.after and not name.endswith(".kept"):
            assert judge.meaning(name, content) == run.after[name], name
