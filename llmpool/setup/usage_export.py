"""Write usage records out, one after another, for a spreadsheet, another machine or a collector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from llmpool import __version__
from llmpool.config.paths import refuse_own
from llmpool.errors import ConfigInvalid, Misuse
from llmpool.pool import Pool
from llmpool.state import ledger
from llmpool.usage.fields import known
from llmpool.usage.span import Span

FORMATS = ("jsonl", "csv", "otlp")
TOLD_EVERY = 1000
Tell = Callable[[int], None]  # hears how many records are written
_ENDINGS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


class Exported(NamedTuple):
    """How many records went out; *bad* lines of the log and days *pruned* to their sums did not."""

    records: int
    bad: int
    pruned: int


def chosen(form: str, target: str) -> str:
    """Return the format to write: the one named, raises Misuse; as the file's name ends; else JSONL."""
    if form and form not in FORMATS:
        raise Misuse(f"--format {form!r} is not known", hint=f"one of: {', '.join(FORMATS)}")
    return form or _ENDINGS.get(Path(target).suffix.lower(), "jsonl")


def export(
    pool: Pool, form: str, span: Span, write: Callable[[str], object], tell: Tell = lambda _: None
) -> Exported:
    """Write the records of *span* in the format *form*, holding no more than a few of them at a time."""
    reading = ledger.Reading(pool.paths.state, ledger.USAGE, span.first[:10], span.end[:10])
    counted = _Counted(reading, span, tell)
    for line in _lines(pool, form, counted):
        write(line)
    return Exported(counted.number, reading.bad, _pruned(pool, span))


def save(
    pool: Pool, form: str, span: Span, target: str, *, replace: bool, tell: Tell = lambda _: None
) -> Exported:
    """Write them into a file, which is there in full or not at all.

    Raises Misuse for one that is in the way or our own, StateUnusable where nothing can be written.
    """
    from llmpool.state.newfile import new_file

    refuse_own(pool.paths, Path(target))
    with new_file(Path(target).expanduser(), replace=replace) as write:
        return export(pool, form, span, write, tell)


def _pruned(pool: Pool, span: Span) -> int:
    """Count the pruned days of a span: their records are gone, and no export carries their sums."""
    from llmpool.state import rollup

    kept = [part.day for part in rollup.parts(pool.paths.state) if part.kept]
    return sum(not span.misses(f"{day}T00:00:00", f"{day}T23:59:59.999999999") for day in kept)


class _Counted:
    """The records of a span, counted as they pass."""

    def __init__(self, records: Iterable[dict[str, Any]], span: Span, tell: Tell) -> None:
        self.records, self.span, self.tell = records, span, tell
        self.number = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for record in self.records:
            if self.span.holds(record["at"][:-1]):
                self.number += 1
                if self.number % TOLD_EVERY == 0:
                    self.tell(self.number)
                yield record


def _lines(pool: Pool, form: str, records: Iterable[dict[str, Any]]) -> Iterator[str]:
    if form == "csv":
        from llmpool.usage import table

        return table.csv_lines(records)
    if form == "otlp":
        from llmpool.usage import otlp

        return otlp.lines(records, _presets(pool), __version__)
    return (json.dumps(known(record), separators=(",", ":")) + "\n" for record in records)


def _presets(pool: Pool) -> dict[str, str]:
    """Return what providers are made from; a config that cannot be read costs these names, not the export."""
    try:
        return {provider.id: provider.preset for provider in pool.catalog.providers}
    except ConfigInvalid:
        return {}
