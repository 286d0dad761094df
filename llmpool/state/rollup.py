"""usage/rollup/: what usage adds up to by local day and month, so that nobody reads a million lines again.

Each source is exact. A day's lines themselves; `DAY.day`, what they add up to, kept with the size, time and
checksum of what was added up, so that it is void when that is another, and goes on where lines were appended;
`MONTH.month` (see `collect`); `DAY.kept`, all that is left of a day that was pruned. The second and third are
made anew without a word: nothing but time depends on them. Part of a day is read from its lines; where these
are gone the whole day counts, and that is said.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from llmpool.state import jsonl, rollfile
from llmpool.state.localdays import Calendar, zone
from llmpool.state.lock import unusable
from llmpool.state.rollfile import Roll
from llmpool.state.usagelines import Lines, begins_with
from llmpool.usage.fold import Fold
from llmpool.usage.rollup import CELLS, DAYS, TOTALS, Days, merged_days, views

FOLDER = "rollup"
KEPT, DAY = ".kept", ".day"
FEW_LINES = 1500  # fewer new lines are read again next time: adding them to the file takes as long as 1,000


class Part(NamedTuple):
    """A source of one UTC day: the file of its lines, or what is kept of a pruned one."""

    day: str
    path: Path

    @property
    def kept(self) -> bool:
        """Whether its lines are gone."""
        return self.path.suffix == KEPT


class Gone(Exception):
    """A day was pruned since its file was listed: what is kept of it has to be looked for anew."""


class Loaded(NamedTuple):
    """The local days of a part, in blocks that add up, and how many of its lines are bad."""

    blocks: list[Days]
    bad: int

    @property
    def labels(self) -> set[str]:
        """The local days that it has records of."""
        return {label for days in self.blocks for label in days}


def parts(state: Path) -> list[Part]:
    """Return all sources of usage, the oldest day first, and of a day what was pruned of it first.

    In that order nothing counts twice: what is pruned meanwhile is gone when its turn comes.
    """
    folder = state / "usage"
    live = {path.stem: Part(path.stem, path) for path in jsonl.iter_days(folder)}
    kept = list(_kept(folder / FOLDER))
    for part in [part for part in kept if part.day in live and is_in(part.path, live[part.day].path)]:
        if rollfile.read(part.path):
            del live[part.day]
        else:  # it is corrupt, and its lines are still there
            kept.remove(part)
    return sorted([*live.values(), *kept], key=lambda part: (part.day, not part.kept))


def _kept(folder: Path) -> Iterable[Part]:
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return []
    return [
        Part(name.removesuffix(KEPT), folder / name)
        for name in names
        if name.endswith(KEPT) and name[0] != "."
    ]


def is_in(kept: Path, live: Path) -> bool:
    """Tell whether the lines of a day are in its sums already: who pruned it was stopped in between."""
    roll = rollfile.read(kept, TOTALS)
    return roll is not None and roll.head.get("source") == stamp(live)


def stamp(path: Path) -> list[int]:
    """Take what tells a file from a changed one; nothing of one that is gone."""
    try:
        return _stamp(path.stat())
    except OSError:
        return []


def _stamp(seen: os.stat_result) -> list[int]:
    return [seen.st_size, seen.st_mtime_ns, seen.st_ino]


def load(part: Part, calendar: Calendar, view: str = CELLS) -> Loaded | None:
    """Add up a part, from its roll-up as far as that holds; None for a pruned day that cannot be read.

    Of cells it has what the *view* needs at least. Raises Gone.
    """
    if part.kept:
        roll = rollfile.read(part.path, view)
        if roll is None:
            rollfile.refuse_later(part.path)
        return None if roll is None else Loaded([roll.days], _count(roll.head.get("bad")))
    known = rollfile.read(_path_of(part), view)
    if known and _is_all(known, part, calendar):
        return Loaded([known.days], known.head["bad"])
    try:
        with part.path.open("rb") as file:
            return _fresh(file, part, calendar, known, view)[0]
    except FileNotFoundError:
        raise Gone from None
    except OSError as error:
        raise unusable(part.path, error, "read") from error


def whole(part: Part, calendar: Calendar) -> tuple[Roll, list[int]]:
    """Return the sums of all lines of a day, unfinished ones included, with the stamp of what they are of.

    Raises FileNotFoundError where it is gone.
    """
    try:
        with part.path.open("rb") as file:
            loaded, seen = _fresh(file, part, calendar, rollfile.read(_path_of(part)))
    except FileNotFoundError:
        raise
    except OSError as error:
        raise unusable(part.path, error, "read") from error
    return Roll({"bad": loaded.bad}, merged_days(loaded.blocks)), seen


def _count(value: object) -> int:
    return value if type(value) is int else 0


def _path_of(part: Part) -> Path:
    """Return where the sums of a day's lines are kept."""
    return part.path.parent / FOLDER / f"{part.day}{DAY}"


def _place(part: Part, calendar: Calendar) -> dict[str, Any]:
    """Tell by what a day's lines are cut into local days."""
    return {"zone": zone(), "cuts": calendar.cuts(part.day)}


def _is_all(roll: Roll, part: Part, calendar: Calendar) -> bool:
    """Tell whether a roll-up is of all that a file has, which nobody has to open then."""
    head, seen = roll.head, stamp(part.path)
    if not seen or head.get("stamp") != seen or head.get("offset") != seen[0]:
        return False
    return all(head.get(name) == value for name, value in _place(part, calendar).items())


def _fresh(
    file: BinaryIO,
    part: Part,
    calendar: Calendar,
    roll: Roll | None,
    view: str = CELLS,
    *,
    whole: bool = False,
) -> tuple[Loaded, list[int]]:
    """Bring the roll-up of an open file up to date, and keep it where that was work.

    The roll-up is for a *view*, or *whole*. A day that is looked at by itself keeps what its month would have
    of it, for the view that it was looked at with.
    """
    seen = os.fstat(file.fileno())
    size, path, place = seen.st_size, _path_of(part), _place(part, calendar)
    known = _holding(roll, file, place, seen)
    head: dict[str, Any] = known.head if known else place | {"offset": 0, "crc": 0, "bad": 0}
    whole = whole or view == CELLS
    fold = Fold(calendar.around, view=view if known and not whole else CELLS)
    lines = Lines(file, part.day, head["offset"], size, head["crc"])
    fold.extend(lines)
    if known and not whole and lines.count >= FEW_LINES:
        return _fresh(file, part, calendar, rollfile.read(path), view, whole=True)
    blocks = [known.days] if known else []
    blocks += [fold.days()] if lines.count else []
    bad = head["bad"] + lines.bad
    if not known or lines.count >= FEW_LINES:
        made = {"stamp": _stamp(seen), "offset": lines.offset, "crc": lines.crc, "bad": bad}
        days = merged_days(blocks)
        blocks = [kept_anew(path, Roll(place | made, days, views(days, {view})), view)]
    rest = Fold(calendar.around)
    rest.extend([lines.rest()])
    blocks += [rest.days()] if lines.offset < size else []
    return Loaded(blocks, head["bad"] + lines.bad), _stamp(seen)


def kept_anew(path: Path, roll: Roll, view: str) -> Days:
    """Keep a roll-up, and return its days: from the file, as cells are in no memory there until asked for."""
    kept = rollfile.read(path, view) if rollfile.write(path, roll) else None
    if kept and kept.head.items() >= roll.head.items():
        return kept.days
    return roll.views[DAYS] if view == DAYS else roll.days


def _holding(roll: Roll | None, file: BinaryIO, place: dict[str, Any], seen: os.stat_result) -> Roll | None:
    """Return a roll-up that holds for the beginning of the file, in this time zone."""
    if roll is None or any(roll.head.get(name) != value for name, value in place.items()):
        return None
    try:
        made_of, offset, crc = (roll.head[name] for name in ("stamp", "offset", "crc"))
        if made_of == _stamp(seen) or (offset <= seen.st_size and begins_with(file, offset, crc)):
            return roll
    except (KeyError, TypeError, ValueError):
        pass
    return None


class Scan:
    """The records of a day's file, some at a time; *bad* counts the lines that are none. Raises Gone."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.bad = 0

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        try:
            with self.part.path.open("rb") as file:
                lines = Lines(file, self.part.day, 0, os.fstat(file.fileno()).st_size)
                yield from lines
                yield lines.rest()
                self.bad = lines.bad
        except FileNotFoundError:
            raise Gone from None
        except OSError as error:
            raise unusable(self.part.path, error, "read") from error
