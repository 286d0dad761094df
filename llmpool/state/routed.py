"""usage/rollup/*.routed: the router's statistics up to a day that is over, so that they go on from there.

Their averages depend on the order of the records (catalog-registry-router 6.9), so days do not add up: what
is kept is how far they were counted, from the beginning of a span on. It is void when a day of it is another.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.core.times import rfc3339
from llmpool.state import localdays, rollfile, rollup
from llmpool.state.rollfile import Roll
from llmpool.state.rollup import FOLDER, Gone, Part, Scan
from llmpool.usage.rollup import TOTALS
from llmpool.usage.span import Span
from llmpool.usage.stats import Stats

KEPT_FOR = ".routed"
_FOREIGN = (KeyError, TypeError, ValueError, AttributeError)


def stats(state: Path, span: Span, *, now: float) -> Stats:
    """Count the records in a span, in the order of their days; those of pruned days are gone."""
    parts = [part for part in rollup.parts(state) if not part.kept and span.touches(part.day)]
    over = [part for part in parts if part.day < rfc3339(now)[:10] and span.has_end_of(part.day)]
    path = _path(state / "usage" / FOLDER, span)
    found, done = _kept(path, span, over) if path else (Stats(), 0)
    seen = [[part.day, rollup.stamp(part.path)] for part in over]
    for place, part in enumerate(parts[done:], done):
        if path and place == len(over) > done:
            _keep(path, span, seen, found)
        _add(found, part, span)
    if path and len(parts) == len(over) > done:
        _keep(path, span, seen, found)
    return found


def _add(found: Stats, part: Part, span: Span) -> None:
    try:
        for records in Scan(part):
            found.add(record for record in records if span.holds(record["at"][:-1]))
    except Gone:
        return  # pruned meanwhile; what was read of it counts as what was read before


def _path(folder: Path, span: Span) -> Path | None:
    """Return where the statistics from the beginning of a span are kept: of all time, and of local months."""
    if not span.first:
        return folder / f"all{KEPT_FOR}"
    calendar = localdays.Calendar()
    label = calendar.label(span.first)
    begins = label.endswith("-01") and localdays.moment(localdays.start(label)) == span.first
    return folder / f"{label}{KEPT_FOR}" if begins else None


def _kept(path: Path, span: Span, over: list[Part]) -> tuple[Stats, int]:
    """Return what is kept, and of how many days that is."""
    roll = rollfile.read(path, TOTALS)
    try:
        head: dict[str, Any] = roll.head if roll else {"days": []}
        days = head["days"]
        counted = [[part.day, rollup.stamp(part.path)] for part in over[: len(days)]]
        if days and days == counted and head["first"] == span.first:
            return Stats.resumed(head["stats"]), len(days)
    except _FOREIGN:
        pass
    return Stats(), 0


def _keep(path: Path, span: Span, seen: list[list[Any]], found: Stats) -> None:
    rollfile.write(path, Roll({"first": span.first, "days": seen, "stats": found.as_kept()}, {}))
