"""What of the usage has to be read before it is known what it adds up to, so that nobody waits in silence."""

from __future__ import annotations

from pathlib import Path

from llmpool.core.text import size
from llmpool.state import jsonl, rollfile
from llmpool.state.collect import MONTH
from llmpool.state.ledger import MUCH
from llmpool.state.rollup import DAY, FOLDER, Part, stamp
from llmpool.usage.rollup import CELLS, DAYS, TOTALS
from llmpool.usage.span import Span


def words(state: Path, span: Span, view: str = CELLS, *, finer: bool = False, lines: bool = False) -> str:
    """Say what a person has to wait for before a span is added up; nothing where that is soon done.

    It is the days that no roll-up has yet, or all where the *lines* themselves are wanted; and the roll-ups
    of months that nobody has asked for that *view* of them, or of all where something *finer* is wanted.
    """
    if finer:
        view = DAYS if view == TOTALS else ""
    folder = state / "usage"
    found = jsonl.iter_days(folder, span.first[:10], span.end[:10])
    days = (Part(path.stem, path) for path in found if span.touches(path.stem))
    unread = sum(_unread(part, folder / FOLDER, lines=lines) for part in days)
    unread += 0 if lines else _unasked(folder / FOLDER, span, view)
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


def _unasked(rollups: Path, span: Span, view: str) -> int:
    """Count the bytes of the roll-ups of days that are read as no month has the view; none has ''."""
    if view in (TOTALS, CELLS):
        return 0
    months = [path for path in rollups.glob(f"*{MONTH}") if _has(span, path.stem)]
    unasked = [path.stem for path in months if not _is_asked(path, view)]
    days = (path for month in unasked for path in rollups.glob(f"{month}-*{DAY}"))
    return sum(seen[0] for path in days if (seen := stamp(path)))


def _has(span: Span, month: str) -> bool:
    """Tell whether a span has all of a month, but for its end."""
    return span.first[:10] <= f"{month}-01" and (not span.end or month <= span.end[:7])


def _is_asked(path: Path, view: str) -> bool:
    roll = rollfile.read(path, TOTALS)
    return roll is None or view in roll.head.get("asked", ())
