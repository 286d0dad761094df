"""Old days go: their usage leaves its sums behind, exact to the local day; their decisions leave nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from llmpool.core.times import rfc3339
from llmpool.state import jsonl, ledger, rollfile, rollup
from llmpool.state.jsonfile import sync_directory, warn
from llmpool.state.localdays import Calendar
from llmpool.state.lock import locked, unusable
from llmpool.state.rollfile import Roll
from llmpool.state.rollup import DAY, FOLDER, KEPT, Part
from llmpool.usage.rollup import merged_days

_LENGTH = 86400
_LEAST = 2  # days
Heard = Callable[[int, int], object]  # is told how many days are done, and of how many


def nobody(_done: int, _total: int) -> None:
    """Tell nobody."""


class Old(NamedTuple):
    """The files of days that may go."""

    usage: list[Path]
    decisions: list[Path]


def before(now: float, retention: float) -> str:
    """Return the first UTC day that stays: as many full days as *retention* seconds have, and today."""
    days = -(-retention // _LENGTH)
    return rfc3339(max(0.0, now - days * _LENGTH))[:10]


def old(state: Path, day: str) -> Old:
    """Find the files of the days before *day*."""
    usage, decisions = (
        [path for path in jsonl.iter_days(state / kind, last=day) if path.stem < day]
        for kind in (ledger.USAGE, ledger.DECISIONS)
    )
    return Old(usage, decisions)


def prune(state: Path, day: str, *, most: int = 0, heard: Heard = nobody) -> Old:
    """Remove what is older than *day*, the oldest first, and return it.

    With *most* it ends where more bytes of usage would be read, but not before two days: who comes every day
    is done with what there is.
    """
    found = old(state, day)
    usage = found.usage[: _within(found.usage, most)] if most else found.usage
    calendar = Calendar()
    for number, path in enumerate(usage):
        heard(number, len(usage))
        _seal(Part(path.stem, path), calendar)
    jsonl.remove_before(state / ledger.DECISIONS, day)
    return found._replace(usage=usage)


def _within(files: list[Path], most: int) -> int:
    """Count the first files that have so many bytes together, and two in any case."""
    whole = accumulate(stamp[0] if (stamp := rollup.stamp(path)) else 0 for path in files)
    return max(_LEAST, sum(size <= most for size in whole))


def _seal(part: Part, calendar: Calendar) -> None:
    """Keep what a day adds up to, then remove its lines; what is appended meanwhile is in it."""
    try:
        roll, seen = rollup.whole(part, calendar)
    except FileNotFoundError:
        return  # another process was faster
    folder = part.path.parent / FOLDER
    with locked(jsonl.gate(part.path.parent)):
        now = rollup.stamp(part.path)
        if not now:
            return
        if now != seen:
            roll, seen = rollup.whole(part, calendar)
        try:
            _keep(folder / f"{part.day}{KEPT}", roll, seen)
            part.path.unlink(missing_ok=True)
            (folder / f"{part.day}{DAY}").unlink(missing_ok=True)
            sync_directory(part.path.parent)
        except OSError as error:
            raise unusable(part.path, error) from error


def _keep(path: Path, roll: Roll, seen: list[int]) -> None:
    """Add a day's sums to those that are kept of it, unless they are in these since a crash."""
    known = rollfile.read(path)
    if known is None and path.exists():
        rollfile.refuse_later(path)
        aside = path.rename(path.with_name(f"{path.name}.corrupt-{seen[1]}"))
        warn(f"{path} is corrupt: set aside as {aside.name}; going on without it")
    if known and known.head.get("source") == seen:
        return
    bad = roll.head["bad"] + (known.head.get("bad", 0) if known else 0)
    days = merged_days([known.days, roll.days]) if known else roll.days
    rollfile.write(path, Roll({"source": seen, "bad": bad}, days), durable=True)
