"""Take usage records of another machine or another program in, each once, a day at a time."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from llmpool import budgets
from llmpool.core.times import rfc3339
from llmpool.errors import Misuse
from llmpool.importers import usage_source, zimaos_usage
from llmpool.importers.usage_record import NotARecord, own, parse
from llmpool.importers.usage_source import Raw
from llmpool.pool import Pool
from llmpool.state import ledger
from llmpool.state.jsonfile import encode
from llmpool.state.merge import merge

if TYPE_CHECKING:
    from llmpool.setup.usage_spool import Spool

TOOLS = ("zimaos", "llmpool")
_AHEAD = 86400.0  # seconds that another machine's clock may be ahead of this one's
_SHOWN = 20  # broken lines that are named
_EVERY = 1000  # records between two words about how far it is
Tell = Callable[[str], None]


class Fault(NamedTuple):
    """A line that is no record: where it is and why."""

    file: str
    place: str
    reason: str


class Taken(NamedTuple):
    """What came of an import: records taken, records that were there before, lines that are none.

    *reasons* counts those by reason, *faults* names the first of them; *days* has the records taken of each
    day that changed, *pruned* those left out of each day whose records were pruned here.
    """

    taken: int
    there: int
    broken: int
    pruned: dict[str, int]
    reasons: dict[str, int]
    faults: list[Fault]
    days: dict[str, int]
    files: int


class _Added(NamedTuple):
    """How many records each day took, or could not take, and how many were there."""

    days: dict[str, int]
    pruned: dict[str, int]
    there: int


class Intake:
    """Records that were read and wait to be added: in a temporary file, with notes of lines that are none.

    *tool* is who wrote them, empty where each line tells. It has to be closed.
    """

    def __init__(self, pool: Pool, tool: str) -> None:
        from llmpool.setup.usage_spool import Spool

        self.pool, self.tool, self.spool = pool, tool, Spool()
        self.latest = rfc3339(pool.clock() + _AHEAD)
        self.files = 0
        self.reasons: Counter[str] = Counter()
        self.faults: list[Fault] = []

    def read(self, name: str, lines: Iterator[Raw], tell: Tell) -> None:
        """Read one file to its end."""
        self.files += 1
        for number, raw in enumerate(lines):
            try:
                self._keep(raw)
            except NotARecord as fault:
                self._note(Fault(name, raw.place, str(fault)))
            if number % _EVERY == 0:
                tell(f"reading {name}: {number:,} lines")

    def add(self, tell: Tell, *, dry_run: bool = False) -> Taken:
        """Put what was read into the days it belongs to, and say what came of it."""
        added = _add(self.pool, self.spool, tell, dry_run=dry_run)
        return Taken(
            taken=sum(added.days.values()),
            there=self.spool.repeated + added.there,
            broken=self.reasons.total(),
            pruned=added.pruned,
            reasons=dict(self.reasons),
            faults=self.faults,
            days=added.days,
            files=self.files,
        )

    def close(self) -> None:
        """Let what was not added go."""
        self.spool.close()

    def _keep(self, raw: Raw) -> None:
        record = _record(raw, self.tool)
        if record["at"] > self.latest:
            raise NotARecord("its time has not come yet")
        self.spool.add(record["id"], record["at"], encode(record))

    def _note(self, fault: Fault) -> None:
        self.reasons[fault.reason] += 1
        if len(self.faults) < _SHOWN:
            self.faults.append(fault)


def take_in(pool: Pool, source: str, tool: str, tell: Tell, *, dry_run: bool = False) -> Taken:
    """Add the records at *source* (a file, a directory, `-`) to the days they belong to.

    A broken line costs itself alone; when there is nothing but those, it raises Misuse. A run that is
    stopped has added whole days, and the next one adds the rest.
    """
    if tool and tool not in TOOLS:
        raise Misuse(f"--from {tool!r} is not known", hint=f"one of: {', '.join(TOOLS)}")
    with closing(Intake(pool, tool)) as intake:
        for name, lines in _sources(source):
            intake.read(name, lines, tell)
        if intake.faults and not intake.spool.read:
            raise _nothing_but_faults(intake.faults[0], intake.reasons.total())
        return intake.add(tell, dry_run=dry_run)


def _sources(source: str) -> Iterator[tuple[str, Iterator[Raw]]]:
    """Yield what to read, one file after another, with its name."""
    if source == "-":
        stdin: BinaryIO = sys.stdin.buffer
        if stdin.isatty():
            raise Misuse("there is nothing on standard input", hint="llmpool usage import - < records.jsonl")
        yield "standard input", usage_source.read_stream("standard input", stdin)
        return
    for path in usage_source.find(Path(source).expanduser()):
        yield str(path), usage_source.read(path)


def _record(raw: Raw, tool: str) -> dict[str, Any]:
    """Read a line as the tool writes it, or as whichever it looks like."""
    if raw.text is None:
        raise NotARecord("longer than any record")
    source = parse(raw.text)
    if tool == "zimaos" or (not tool and zimaos_usage.is_one(source)):
        return zimaos_usage.record(source if source.get("timestamp") else source | {"timestamp": raw.at})
    if "at" not in source and "provider" not in source:
        raise NotARecord("neither a usage record of llmpool nor of ZimaOS")
    return own(source)


def _add(pool: Pool, spool: Spool, tell: Tell, *, dry_run: bool) -> _Added:
    """Put the records into their days; budgets know of them at once, of those before a stop as well."""
    days, pruned, there, under_way = dict[str, int](), dict[str, int](), 0, ""
    sorting = f"sorting {spool.read:,} records"
    tell(sorting)
    try:
        for day in spool.days(lambda: tell(sorting)):
            tell(f"adding {day}")
            lines, under_way = spool.lines(day), day
            added = merge(pool.paths.state / ledger.USAGE / f"{day}.jsonl", lines, dry_run=dry_run)
            under_way = ""
            if added is None:
                pruned[day] = len(lines)
                continue
            there += len(lines) - added
            if added:
                days[day] = added
    finally:
        if (days or under_way) and not dry_run:
            budgets.recount(pool)
    return _Added(days, pruned, there)


def _nothing_but_faults(first: Fault, number: int) -> Misuse:
    others = f" (and {number - 1} lines more)" if number > 1 else ""
    return Misuse(
        f"{first.file}, {first.place}: {first.reason}{others}",
        hint="it reads JSONL as `usage export` writes it, and the records of ZimaOS as JSONL or SQLite",
    )
