"""One file of rolled-up usage: a checksum, two lines of JSON, a table of 64-bit numbers, and 32-bit times.

The first line says what it is of and has the totals, which is enough where only days or months are asked for.
The other has the names and the costs of the cells, whose other figures are the table.

What is no such file, or of another layout or byte order, reads as none: whoever asks makes it anew, or says
that it is gone. It is written under another name and renamed, so that nobody sees half of one.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from array import array
from collections.abc import ItemsView, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from llmpool.state.jsonfile import encode, write_all, write_atomic
from llmpool.state.lock import open_private
from llmpool.usage.rollup import SUMS, ZERO, Cell, Day, Days, Who
from llmpool.usage.runs import BOUNDS, CODE, MARKED, Run, joined

LAYOUT = 2  # goes up with every change of what a file holds
_COUNT = len(SUMS)
_COLUMNS = _COUNT + 3  # the number of a name, sums, how many latencies, how many times to first token
_NUMBER: Final = "q"
_FOREIGN = (OSError, ValueError, LookupError, TypeError, RecursionError, ArithmeticError)


class Roll(NamedTuple):
    """What a file holds: *head* says what it was made of, *days* what that adds up to."""

    head: dict[str, Any]
    days: Days


def read(path: Path) -> Roll | None:
    """Read a roll-up; None where there is none that can be trusted."""
    try:
        return _decoded(_content(path))
    except _FOREIGN:
        return None


def _content(path: Path) -> memoryview:
    """Map a file: most of it is for its checksum alone. Windows replaces none that is mapped."""
    with path.open("rb") as file:
        if sys.platform == "win32":
            return memoryview(file.read())
        import mmap

        flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)  # all of it is read at once
        return memoryview(mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ))


def write(path: Path, roll: Roll, *, durable: bool = False) -> bool:
    """Write a roll-up and say whether that went well; only a *durable* one is worth an error, or a sync."""
    content = _encoded(roll)
    if durable:
        write_atomic(path, content)
        return True
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        descriptor = open_private(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            write_all(descriptor, content)
        finally:
            os.close(descriptor)
        temporary.replace(path)
    except OSError:  # it can be made again, at the cost of some time
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        return False
    return True


def _encoded(roll: Roll) -> bytes:
    cells = _Cells()
    totals = [[label, day.first, day.last, cells.row(day.total)] for label, day in roll.days.items()]
    counts = [cells.add(day.cells) for day in roll.days.values()]
    head = {"layout": LAYOUT, "order": sys.byteorder, "days": totals, "cells": sum(counts)}
    known = {"counts": counts, "who": [who[:5] for who in cells.names]}
    rest = known | {"costs": cells.costs, "large": cells.large}
    body = b"\n".join((encode(roll.head | head), encode(rest), b"".join([bytes(cells.table), *cells.times])))
    return b'{"crc":%d}\n' % zlib.crc32(body) + body


class _Cells:
    """Cells as they are written: names, costs, the *table* of all other figures, and times."""

    def __init__(self) -> None:
        self.names: dict[Who, int] = {}
        self.costs: list[str] = []
        self.table = array(_NUMBER)
        self.large: list[tuple[int, int]] = []
        self.times: list[bytes] = []

    def add(self, cells: Mapping[Who, Cell]) -> int:
        """Add the cells of a day, and return how many there are."""
        for who, cell in cells.items():
            *sums, cost, latencies, ttfts = self.row(cell)
            self.costs.append(cost)
            self._note([self.names.setdefault(who, len(self.names)), *sums, latencies, ttfts])
        return len(cells)

    def _note(self, numbers: list[int]) -> None:
        """Add a row to the table, and apart what no 63 bits hold."""
        try:
            self.table += array(_NUMBER, numbers)
        except OverflowError:
            start = len(self.table)
            self.large += [(start + place, value) for place, value in enumerate(numbers) if value >> 63]
            self.table.extend([0 if value >> 63 else value for value in numbers])

    def row(self, cell: Cell) -> list[Any]:
        """Keep the times of a cell, and return its figures."""
        runs = [joined(some) for some in (cell.latencies, cell.ttfts)]
        for run in runs:
            self.times += [bytes(run.values), bytes(run.marks or b"")]
        return [*cell.sums, str(cell.cost), *(len(run.values) for run in runs)]


def _decoded(content: memoryview) -> Roll | None:
    start = bytes(content[:64]).index(b"\n") + 1
    if json.loads(bytes(content[:start]))["crc"] != zlib.crc32(content[start:]):
        return None
    text, start = _line(content, start)
    head = json.loads(text)
    if (head["layout"], head["order"]) != (LAYOUT, sys.byteorder):
        return None
    text, start = _line(content, start)
    end = start + head.pop("cells") * _COLUMNS * 8
    times = _Times(content[end:].cast(CODE))
    totals = [(label, first, last, _total(row, times)) for label, first, last, row in head.pop("days")]
    rest = _Rest(text, content[start:end].cast(_NUMBER), times)
    days = {
        label: Day(first, last, total, _Day(rest, number))
        for number, (label, first, last, total) in enumerate(totals)
    }
    return Roll(head, days)


class _Rest:
    """The cells of all days of a file, decoded when the first is asked for: totals alone want none."""

    def __init__(self, text: bytes, table: memoryview, times: _Times) -> None:
        self._text = text
        self._table = table
        self._times = times

    @cached_property
    def days(self) -> list[dict[Who, Cell]]:
        """The cells by day."""
        known = json.loads(self._text)
        names = [Who(*parts) for parts in known["who"]]
        cells = self._cells(known["costs"], known["large"])
        return [{names[number]: cell for number, cell in islice(cells, count)} for count in known["counts"]]

    def _cells(self, costs: list[str], large: list[list[int]]) -> Iterator[tuple[int, Cell]]:
        """Yield the cells in order, each with the number of its name."""
        numbers, take = self._table.tolist(), self._times.take
        for place, value in large:
            numbers[place] = value
        for start, cost in zip(range(0, len(numbers), _COLUMNS), costs, strict=True):
            end = start + 1 + _COUNT
            runs = (take(numbers[end]),), (take(numbers[end + 1]),)
            yield numbers[start], Cell(numbers[start + 1 : end], _money(cost), *runs)


class _Day(Mapping[Who, Cell]):
    """The cells of one day of a file."""

    def __init__(self, rest: _Rest, number: int) -> None:
        self._rest = rest
        self._number = number

    def __getitem__(self, who: Who) -> Cell:
        return self._rest.days[self._number][who]

    def __iter__(self) -> Iterator[Who]:
        return iter(self._rest.days[self._number])

    def __len__(self) -> int:
        return len(self._rest.days[self._number])

    def items(self) -> ItemsView[Who, Cell]:
        """Return all at once: one by one takes three times as long."""
        return self._rest.days[self._number].items()


def _line(content: memoryview, start: int) -> tuple[bytes, int]:
    """Return the line at *start*, and where the next one begins; it is looked for block by block."""
    text = b""
    while b"\n" not in text:
        block = bytes(content[start + len(text) : start + len(text) + (1 << 16)])
        if not block:
            raise ValueError("no end of a line")
        text += block
    line = text[: text.index(b"\n") + 1]
    return line, start + len(line)


class _Times:
    """The runs of a file, one after another."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._place = 0

    def take(self, count: int) -> Run:
        """Return the next run, which has so many values, and marks where it is long."""
        start, end = self._place, self._place + count
        self._place = end + len(BOUNDS) if count >= MARKED else end
        if self._place > len(self._content):
            raise ValueError("a run is cut off")
        return Run(self._content[start:end], self._content[end : self._place] if count >= MARKED else None)


def _total(row: list[Any], times: _Times) -> Cell:
    if len(row) != _COUNT + 3:
        raise ValueError("not a cell")
    cost, latencies, ttfts = row[_COUNT:]
    return Cell(row[:_COUNT], _money(cost), (times.take(latencies),), (times.take(ttfts),))


def _money(text: str) -> Decimal:
    return ZERO if text == "0" else Decimal(text)
