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
from pathlib import Path
from struct import iter_unpack
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from weakref import ReferenceType, ref

from llmpool.errors import LaterState
from llmpool.state.jsonfile import encode, temporary_of, write_all, write_atomic
from llmpool.state.lock import open_private
from llmpool.usage.rollup import SUMS, ZERO, Cell, Day, Days, Who
from llmpool.usage.runs import BOUNDS, CODE, EMPTY_RUN, MARKED, Run, joined

if TYPE_CHECKING:
    import mmap

LAYOUT = 2  # goes up with every change of what a file holds
_COUNT = len(SUMS)
_COLUMNS = _COUNT + 3  # the number of a name, sums, how many latencies, how many times to first token
_RUNS = (_COLUMNS - 2, _COLUMNS - 1)  # the columns of how many
_NUMBER: Final = "q"
_FILES, _BYTES = 64, 32 << 20  # so much stays mapped; Macs let a process open 256 files
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


def refuse_later(path: Path) -> None:
    """Raise LaterState for a roll-up of a later layout: nothing else tells of a day that was pruned."""
    try:
        with path.open("rb") as file:
            file.readline()
            layout = json.loads(file.readline())["layout"]
    except _FOREIGN:
        return
    if type(layout) is int and layout > LAYOUT:
        raise LaterState(path, layout, LAYOUT)


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
    temporary = temporary_of(path)
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
    table, runs, rows = content[start:end].cast(_NUMBER), content[end:].cast(CODE), head.pop("days")
    times = _Times(runs, 0, sum(_length(count) for *_, row in rows for count in row[-2:]))
    totals = [(label, first, last, _total(row, times)) for label, first, last, row in rows]
    rest = _Rest(text, table, runs[times.place :])
    days = {
        label: Day(first, last, total, _Day(rest, number))
        for number, (label, first, last, total) in enumerate(totals)
    }
    return Roll(head, days)


class _Rest:
    """The cells of all days of a file, decoded one by one when they are asked for: totals alone want none."""

    def __init__(self, text: bytes, table: memoryview, runs: memoryview) -> None:
        self._text = text
        self._table = table
        self._runs = runs

    def count(self, number: int) -> int:
        """Count the cells of a day."""
        counts: list[int] = json.loads(self._text)["counts"]
        return counts[number]

    def names(self, number: int) -> list[Who]:
        """List whose cells a day has."""
        known = json.loads(self._text)
        start = sum(known["counts"][:number])
        end = start + known["counts"][number]
        rows = self._table[start * _COLUMNS : end * _COLUMNS : _COLUMNS].tolist()
        return [Who(*known["who"][row]) for row in rows]

    def cells(self, number: int) -> Iterator[tuple[Who, Cell]]:
        """Yield the cells of a day."""
        known = json.loads(self._text)
        names = [Who(*parts) for parts in known["who"]]
        start = sum(known["counts"][:number])
        end = start + known["counts"][number]
        take = _Times(self._runs, self._length(0, start), self._length(start, end)).take
        for numbers, cost in zip(
            self._rows(start, end, known["large"]), known["costs"][start:end], strict=True
        ):
            latencies, ttfts = take(numbers[-2]), take(numbers[-1])
            yield names[numbers[0]], Cell(numbers[1:-2], _money(cost), (latencies,), (ttfts,))

    def _length(self, start: int, end: int) -> int:
        """Tell how long the runs of some cells are together."""
        columns = (self._table[start * _COLUMNS + place : end * _COLUMNS : _COLUMNS] for place in _RUNS)
        return sum(_length(count) for column in columns for count in column.tolist())

    def _rows(self, start: int, end: int, large: list[tuple[int, int]]) -> Iterator[tuple[int, ...]]:
        """Return the numbers of some cells, those that are too large for the table in their places."""
        rows = iter_unpack(f"={_COLUMNS}{_NUMBER}", self._table[start * _COLUMNS : end * _COLUMNS])
        return _with_large(rows, start * _COLUMNS, dict(large)) if large else rows


class _Day(Mapping[Who, Cell]):
    """The cells of one day of a file; they are not kept: whoever wants them again waits again."""

    def __init__(self, rest: _Rest, number: int) -> None:
        self._rest = rest
        self._number = number

    def __getitem__(self, who: Who) -> Cell:
        return dict(self._rest.cells(self._number))[who]

    def __iter__(self) -> Iterator[Who]:
        return iter(self._rest.names(self._number))

    def __len__(self) -> int:
        return self._rest.count(self._number)

    def items(self) -> ItemsView[Who, Cell]:
        """Return all, of which each is made when its turn comes."""
        return _Items(self, self._rest.cells(self._number))


class _Items(ItemsView[Who, Cell]):
    """The cells of a day, to be gone through once."""

    def __init__(self, day: _Day, cells: Iterator[tuple[Who, Cell]]) -> None:
        super().__init__(day)
        self._cells = cells

    def __iter__(self) -> Iterator[tuple[Who, Cell]]:
        return self._cells


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


def _with_large(
    rows: Iterator[tuple[int, ...]], first: int, large: dict[int, int]
) -> Iterator[tuple[int, ...]]:
    for start, numbers in enumerate(rows):
        places = enumerate(numbers, first + start * _COLUMNS)
        yield tuple([large.get(place, number) for place, number in places])


_mapped: dict[ReferenceType[mmap.mmap], int] = {}  # what runs may refer to, and how large it is


def _lasting(runs: memoryview) -> memoryview:
    """Return values that may be kept: a copy, unless little is mapped.

    A mapping holds a descriptor, of which a process has few, and what is looked at of it counts as memory.
    """
    whole: Any = runs.obj
    if sys.platform != "win32" and (ref(whole) in _mapped or _is_noted(whole)):
        return runs
    return memoryview(bytes(runs)).cast(CODE)


def _is_noted(whole: mmap.mmap) -> bool:
    """Note a mapping for as long as it is in use, where there is room for it."""
    if len(_mapped) >= _FILES or sum(_mapped.values()) + len(whole) > _BYTES:
        return False
    _mapped[ref(whole, lambda gone: _mapped.pop(gone, None))] = len(whole)
    return True


class _Times:
    """Runs that follow one another: so much of what a file has of them, from *start* on."""

    def __init__(self, runs: memoryview, start: int, length: int) -> None:
        self._runs = _lasting(runs[start : start + length])
        if len(self._runs) != length:
            raise ValueError("a run is cut off")
        self.place = 0

    def take(self, count: int) -> Run:
        """Return the next run, which has so many values, and marks where it is long."""
        if not count:
            return EMPTY_RUN
        start = self.place
        end = self.place = start + count
        if count < MARKED:
            return Run(self._runs[start:end])
        self.place += len(BOUNDS)
        return Run(self._runs[start:end], self._runs[end : self.place])


def _length(count: int) -> int:
    """Tell how long a run of so many values is, with its marks."""
    return count + len(BOUNDS) if count >= MARKED else count


def _total(row: list[Any], times: _Times) -> Cell:
    if len(row) != _COUNT + 3:
        raise ValueError("not a cell")
    cost, latencies, ttfts = row[_COUNT:]
    return Cell(row[:_COUNT], _money(cost), (times.take(latencies),), (times.take(ttfts),))


def _money(text: str) -> Decimal:
    return ZERO if text == "0" else Decimal(text)
