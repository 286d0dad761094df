"""What of the usage has to be read before it is known what it adds up to, so that nobody waits in silence."""

from __future__ import annotations

import os
from pathlib import Path

from llmpool.core.text import size
from llmpool.state import jsonl, rollfile
from llmpool.state.collect import MONTH
from llmpool.state.ledger import MUCH
from llmpool.state.rollup import DAY, FOLDER, KEPT, Part, stamp
from llmpool.usage.rollup import CELLS, DAYS, DEPLOYMENTS, KEYS, TOTALS
from llmpool.usage.span import Span

_Seen = tuple[str, list[int]]  # the name of a roll-up, and its stamp


def words(state: Path, span: Span, view: str = CELLS, *, finer: bool = False, lines: bool = False) -> str:
    """Say what a person has to wait for before a span is added up; nothing where that is soon done.

    It is the days that no roll-up has yet, or all where the *lines* themselves are wanted; and the roll-ups
    of months that are void, or were never asked for that *view* of them, or of all for what is *finer*.
    """
    if finer:
        view = DAYS if view == TOTALS else ""
    folder = state / "usage"
    found = jsonl.iter_days(folder, span.first[:10], span.end[:10])
    days = (Part(path.stem, path) for path in found if span.touches(path.stem))
    unread = sum(_unread(part, folder / FOLDER, lines=lines) for part in days)
    unread += 0 if lines else _remade(folder / FOLDER, span, view)
    if unread < MUCH:
        return ""
    return f"reading {size(unread)} of usage" + ("" if lines or not view else ", which is added up once")


def _unread(part: Part, rollups: Path, *, lines: bool) -> int:
    """Count the bytes of a day that no roll-up has, as far as its time tells."""
    seen = stamp(part.path)
    if not seen or lines:
        return seen[0] if seen else 0
    path = rollups / f"{part.day}{DAY}"
    kept = stamp(path)
    if kept and kept[1] >= seen[1]:
        return 0
    roll = rollfile.read(path, TOTALS) if kept else None
    done = roll.head.get("offset") if roll else 0
    return max(0, seen[0] - done) if type(done) is int else seen[0]


def _remade(rollups: Path, span: Span, view: str) -> int:
    """Count the bytes of the roll-ups of days that are read where no month has the view; none has ''."""
    try:
        names = [entry.name for entry in os.scandir(rollups)]
    except OSError:
        return 0
    days: dict[str, list[_Seen]] = {}
    for name in [name for name in names if name[0] != "." and _has(span, name[:7])]:
        if name.endswith((DAY, KEPT)) and (seen := stamp(rollups / name)):  # it may be gone by now
            days.setdefault(name[:7], []).append((name, seen))
    months = ((rollups / f"{month}{MONTH}", some) for month, some in days.items() if len(some) > 1)
    return sum(_remade_of(path, some, view) for path, some in months)


def _has(span: Span, month: str) -> bool:
    """Tell whether a span has all of a month, but for its end."""
    return span.first[:10] <= f"{month}-01" and (not span.end or month <= span.end[:7])


def _remade_of(path: Path, days: list[_Seen], view: str) -> int:
    """Count what a month is made of: its days where it is void or they are wanted, else its own cells."""
    made, whole = stamp(path), sum(seen[0] for _, seen in days)
    if not made or any(seen[1] > made[1] for name, seen in days if name.endswith(KEPT)):
        return whole
    if view in (TOTALS, CELLS):
        return 0
    roll = rollfile.read(path, TOTALS)
    if roll is None or view in roll.head.get("asked", ()):
        return 0
    return made[0] if view in (DEPLOYMENTS, KEYS) else whole
