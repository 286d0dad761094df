"""What a span of time adds up to, out of roll-ups where they hold and out of lines where they do not.

`MONTH.month` has the closed days of a local month, with the stamps of all it was made of: void when one of
them is another. It is made anew without a word, as the roll-ups of days are, and so it is for a view of it
that nobody has asked for before.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from llmpool.core.times import rfc3339
from llmpool.errors import Busy
from llmpool.state import localdays, rollfile, rollup
from llmpool.state.rollfile import Roll
from llmpool.state.rollup import FOLDER, Loaded, Part
from llmpool.usage.fold import Fold
from llmpool.usage.rollup import CELLS, DAYS, TOTALS, Day, Days, DaySum, views
from llmpool.usage.span import Span

MONTH = ".month"
FEW_DAYS = 2  # so many closed days stand beside the file of their month
PRUNED = "(pruned)"  # the session of records whose sessions are gone
TRIES = 100  # listings, each after a day was pruned
_DAY = 86400
_FOREIGN = (KeyError, TypeError, ValueError, AttributeError)


class Into(Protocol):
    """Where blocks go as they are found, so that years of them are not all in memory at once."""

    def begin(self) -> None:
        """Forget what was added: it is all found once more."""

    def add(self, days: Days) -> None:
        """Take a block in."""


class Blocks(list[Days]):
    """All blocks as they are."""

    begin = list.clear
    add = list.append


class Collected(NamedTuple):
    """What a span adds up to: blocks by local day, or by month; and what is to be said about it.

    *bad* counts the lines that are no records in the files that were touched; *rounded* names the pruned days
    of which the span wants a part but has the whole; *lost* those whose sums cannot be read.
    """

    blocks: list[Days]
    bad: int
    rounded: list[str]
    lost: list[str]


class _Covered(NamedTuple):
    """What a month has of a part: these local days out of all; and how many of its lines are bad."""

    stamp: list[int]
    labels: list[str]
    all_labels: list[str]
    bad: int


def collect(
    state: Path,
    span: Span,
    *,
    now: float,
    finer: bool = False,
    view: str = CELLS,
    into: Into | None = None,
) -> Collected:
    """Add up the usage in a span; *finer* wants local days throughout, where months would do otherwise.

    Blocks go *into* whatever is given, one after another, and are in the answer where nothing is. They have
    cells by the names of the *view* at least, and none where that is of totals.
    """

    def rolled(work: _Work) -> None:
        if not finer:
            work.take_months(view)
        elif view == TOTALS:
            work.take_months(DAYS)
        for part in work.parts:
            work.take(part, view=view)

    return _collected(state, span, now, rolled, into)


def scan(
    state: Path, span: Span, *, now: float, sessions: bool = False, into: Into | None = None
) -> Collected:
    """Add up the usage in a span from all its lines; what was pruned has no sessions any more."""

    def scanned(work: _Work) -> None:
        for part in work.parts:
            if part.kept:
                work.take(part, session=PRUNED if sessions else "")
            else:
                work.bad += work.read(part, sessions=sessions)

    return _collected(state, span, now, scanned, into)


def _collected(
    state: Path, span: Span, now: float, take: Callable[[_Work], None], into: Into | None
) -> Collected:
    """Add up, anew where another process prunes meanwhile: nothing is missed or counted twice."""
    blocks = Blocks()
    for _ in range(TRIES):
        target = blocks if into is None else into
        target.begin()
        work = _Work(state, span, now, target)
        with suppress(rollup.Gone):
            take(work)
            return Collected(blocks, work.bad, work.rounded, work.lost)
    raise Busy(f"{state / 'usage'} is being pruned", hint="try again when that has finished")


class _Work:
    """A span that is being added up; what is read for it is let go when it has been added."""

    def __init__(self, state: Path, span: Span, now: float, into: Into) -> None:
        self.span = span
        self.today = localdays.today(now)
        self.closed_before = rfc3339(now - _DAY)[:10]  # no local day is that far from its UTC day
        self.calendar = localdays.Calendar()
        self.folder = state / "usage" / FOLDER
        self.all = rollup.parts(state)
        self.parts = [part for part in self.all if span.touches(part.day)]
        self.bad = 0
        self.rounded: list[str] = []
        self.lost: list[str] = []
        self._into = into
        self._covered: dict[str, list[_Covered]] = {}

    def take(self, part: Part, *, view: str = CELLS, session: str = "") -> None:
        """Take of a part what the span wants, and no month has."""
        covered = self._covered.get(part.path.name, [])
        done = {label for each in covered for label in each.labels}
        if covered and done.issuperset(covered[0].all_labels):
            self.bad += covered[0].bad
            return
        loaded = rollup.load(part, self.calendar, view)
        if loaded is None:
            self.lost.append(part.day)
            return
        self.bad += loaded.bad
        partly = self._partly(part, loaded, done)
        for days in loaded.blocks:
            wanted = {label: day for label, day in days.items() if label not in done and self._wants(day)}
            block = {label: day for label, day in wanted.items() if label not in partly}
            self._into.add(_in_session(block, session) if session else block)
        if partly:
            self.read(part, partly.__contains__)

    def _partly(self, part: Part, loaded: Loaded, done: set[str]) -> set[str]:
        """Name the local days of which the span has some records and not others."""
        found = {
            label
            for days in loaded.blocks
            for label, day in days.items()
            if label not in done and not self.span.covers(day.first, day.last)
        }
        inside = {label for days in loaded.blocks for label, day in days.items() if self._wants(day)}
        if part.kept and found & inside:
            self.rounded.append(part.day)
        return set() if part.kept else found & inside

    def _wants(self, day: Day) -> bool:
        return not self.span.misses(day.first, day.last)

    def read(self, part: Part, wants: Callable[[str], bool] | None = None, *, sessions: bool = False) -> int:
        """Add up the lines of a part that the span has, on the local days that are wanted."""
        fold = Fold(self.calendar.around, sessions=sessions)
        holds, label, found = self.span.holds, self.calendar.label, rollup.Scan(part)
        inside = ([each for each in records if holds(each["at"][:-1])] for records in found)
        if wants is not None:
            inside = ([each for each in records if wants(label(each["at"][:-1]))] for records in inside)
        fold.extend(inside)
        self._into.add(fold.days())
        return found.bad

    def take_months(self, view: str) -> None:
        """Take what whole months have in their own files, and bring these up to date."""
        for name in sorted({part.day[:7] for part in self.parts}):
            roll = self._month(name, view) if self._has_all_of(name) else None
            if not roll or not all(self.span.covers(day.first, day.last) for day in roll.days.values()):
                continue
            self._into.add(roll.days)
            for part, covered in _covers(roll).items():
                self._covered.setdefault(part, []).append(covered)

    def _has_all_of(self, month: str) -> bool:
        """Tell whether the span has all of a local month, or all of it that is over."""
        try:
            first, after = (rfc3339(localdays.start(day))[:-1] for day in (f"{month}-01", _after(month)))
            today = rfc3339(localdays.start(self.today))[:-1]
        except (ValueError, OverflowError):
            return False
        return self.span.first <= first and (not self.span.end or self.span.end >= min(after, today))

    def _month(self, month: str, view: str) -> Roll | None:
        """Return the file of a month, made anew where it is void or lacks too much."""
        first, last = _day_before(month), _after(month)  # what days can have records of a local month
        parts = [p for p in self.all if first <= p.day <= last and p.day < self.closed_before]
        path = self.folder / f"{month}{MONTH}"
        roll = rollfile.read(path, view)
        before = _asked(roll or rollfile.read(path, TOTALS))
        asked = before | {view} - {TOTALS, CELLS}
        known = _covers(roll) if roll and roll.head.get("zone") == localdays.zone() else {}
        if known and all(known[name].stamp == rollup.stamp(_path(self.folder, name)) for name in known):
            outside = [part for part in parts if part.path.name not in known]
            over = _after(month) < self.closed_before
            if not outside or (len(outside) < FEW_DAYS and not over):
                if asked == before:
                    return roll
                if made := _seen_anew(path, asked):
                    return Roll(made.head, rollup.kept_anew(path, made, view))
        if len(parts) < 2:
            return None
        made = self._made_month(month, parts, asked)
        return Roll(made.head, rollup.kept_anew(path, made, view))

    def _made_month(self, month: str, parts: list[Part], asked: set[str]) -> Roll:
        covers: dict[str, _Covered] = {}
        whole, by_day = DaySum(), dict[str, DaySum]()
        for part in parts:
            seen, loaded = rollup.stamp(part.path), rollup.load(part, self.calendar)
            if loaded is None:
                continue
            labels = [label for label in loaded.labels if label[:7] == month and label < self.today]
            covers[part.path.name] = _Covered(seen, labels, sorted(loaded.labels), loaded.bad)
            found = [(each, block[each]) for block in loaded.blocks for each in labels if each in block]
            for label, day in found:
                whole.add(day)
                if DAYS in asked:
                    by_day.setdefault(label, DaySum()).add(day._replace(cells={}))
        head = {"zone": localdays.zone(), "parts": {name: list(each) for name, each in covers.items()}}
        days = _days({month: whole})
        kept = views(days, asked) | ({DAYS: _days(by_day)} if DAYS in asked else {})
        return Roll(head | {"asked": sorted(asked)}, days, kept)


def _seen_anew(path: Path, asked: set[str]) -> Roll | None:
    """Make the views of a month that holds, out of its own cells; None where it takes its days for that."""
    roll = rollfile.read(path)
    by_day = rollfile.read(path, DAYS) if DAYS in asked else None
    if not roll or (DAYS in asked and not by_day):
        return None
    kept = views(roll.days, asked) | ({DAYS: by_day.days} if by_day else {})
    return Roll(roll.head | {"asked": sorted(asked)}, roll.days, kept)


def _days(sums: dict[str, DaySum]) -> Days:
    return {label: day for label, each in sums.items() if (day := each.day())}


def _covers(roll: Roll) -> dict[str, _Covered]:
    try:
        return {name: _Covered(*each) for name, each in roll.head["parts"].items()}
    except _FOREIGN:
        return {}


def _asked(roll: Roll | None) -> set[str]:
    """Return the views that a month's file was asked for: of these it has what saves anything."""
    try:
        return set(roll.head["asked"]) if roll else set()
    except _FOREIGN:
        return set()


def _path(folder: Path, name: str) -> Path:
    return folder / name if name.endswith(rollup.KEPT) else folder.parent / name


def _after(month: str) -> str:
    """Return the first day of the next month."""
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04}-{number % 12 + 1:02}-01"


def _day_before(month: str) -> str:
    from datetime import date, timedelta

    try:
        return (date.fromisoformat(f"{month}-01") - timedelta(days=1)).isoformat()
    except (ValueError, OverflowError):
        return ""


def _in_session(days: Days, session: str) -> Days:
    return {
        label: day._replace(cells={who._replace(session=session): cell for who, cell in day.cells.items()})
        for label, day in days.items()
    }
