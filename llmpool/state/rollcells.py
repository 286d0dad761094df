"""The cells of a roll-up as bytes: a line of JSON, a table of 64-bit numbers, and 32-bit times.

The line has the names and the costs of the cells, whose other figures are the table. Nothing is decoded
before it is asked for.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import ItemsView, Iterator, Mapping
from decimal import Decimal
from struct import iter_unpack
from typing import TYPE_CHECKING, Any, Final
from weakref import ReferenceType, ref

from llmpool.state.jsonfile import encode
from llmpool.usage.rollup import SUMS, ZERO, Cell, Day, Days, Who
from llmpool.usage.runs import BOUNDS, CODE, EMPTY_RUN, MARKED, NARROW, Run, joined

if TYPE_CHECKING:
    import mmap

_COUNT = len(SUMS)
_COLUMNS = _COUNT + 3  # the number of a name, sums, how many latencies, how many times to first token
_RUNS = (_COLUMNS - 2, _COLUMNS - 1)  # the columns of how many
_NUMBER: Final = "q"
_MARKS = 4 * len(BOUNDS)  # bytes
_MOST = 1 << 63
_FILES, _BYTES = 64, 32 << 20  # so much stays mapped; Macs let a process open 256 files


def pack_totals(days: Days) -> bytes:
    """Write what each day adds up to."""
    times: list[bytes] = []
    rows = [[label, day.first, day.last, _row(day.total, times)] for label, day in days.items()]
    return b"".join([encode(rows), b"\n", *times])


def pack_cells(days: Days) -> bytes:
    """Write the cells of days."""
    cells = _Packing()
    counts = [cells.add(day.cells) for day in days.values()]
    text = {
        "counts": counts,
        "who": [who[:5] for who in cells.names],
        "costs": cells.costs,
        "large": cells.large,
    }
    return b"".join([encode(text), b"\n", bytes(cells.table), *cells.times])


class _Packing:
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
            *sums, cost, latencies, ttfts = _row(cell, self.times)
            self.costs.append(cost)
            self._note([self.names.setdefault(who, len(self.names)), *sums, latencies, ttfts])
        return len(cells)

    def _note(self, numbers: list[int]) -> None:
        """Add a row to the table, and apart what no 63 bits hold."""
        try:
            self.table += array(_NUMBER, numbers)
        except OverflowError:
            start = len(self.table)
            self.large += [(start + place, value) for place, value in enumerate(numbers) if value >= _MOST]
            self.table.extend([0 if value >= _MOST else value for value in numbers])


def _row(cell: Cell, times: list[bytes]) -> list[Any]:
    """Return the figures of a cell, and add its times to *times*; of 16 bits their number is negative."""
    runs = [joined(some) for some in (cell.latencies, cell.ttfts)]
    for run in runs:
        times += [bytes(run.values), bytes(run.marks or b"")]
    return [*cell.sums, str(cell.cost), *(-len(v) if v.format == NARROW else len(v) for v, _ in runs)]


def unpack_totals(content: memoryview) -> Days:
    """Read what days add up to, as `pack_totals` writes it; they are without cells."""
    text, start = line_of(content, 0)
    return totals_of(json.loads(text), content[start:])[0]


def totals_of(rows: list[Any], runs: memoryview) -> tuple[Days, memoryview]:
    """Make days of rows of figures and of their times; return the rest of the times as well."""
    times = _Times(runs, 0, sum(_length(count) for *_, row in rows for count in row[-2:]))
    days = {label: Day(first, last, _total(row, times), {}) for label, first, last, row in rows}
    return days, runs[times.place :]


def with_cells(days: Days, count: int, content: memoryview) -> Days:
    """Give days their *count* cells, as `pack_cells` writes them; each is decoded when it is asked for."""
    text, start = line_of(content, 0)
    end = start + count * _COLUMNS * 8
    return _with_rest(days, _Rest(text, content[start:end].cast(_NUMBER), content[end:]))


def before_sections(rows: list[Any], count: int, content: memoryview) -> Days:
    """Read days as layout 2 had them: a line and a table of cells, then the times of all."""
    text, start = line_of(content, 0)
    end = start + count * _COLUMNS * 8
    days, runs = totals_of(rows, content[end:])
    return _with_rest(days, _Rest(text, content[start:end].cast(_NUMBER), runs))


def _with_rest(days: Days, rest: _Rest) -> Days:
    pairs = enumerate(days.items())
    return {label: day._replace(cells=_Day(rest, number)) for number, (label, day) in pairs}


def line_of(content: memoryview, start: int) -> tuple[bytes, int]:
    """Return the line at *start*, and where the next one begins; it is looked for block by block."""
    text, block = b"", 1 << 10
    while b"\n" not in text:
        more = bytes(content[start + len(text) : start + len(text) + block])
        if not more:
            raise ValueError("no end of a line")
        text, block = text + more, 8 * block
    line = text[: text.index(b"\n") + 1]
    return line, start + len(line)


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


def _with_large(
    rows: Iterator[tuple[int, ...]], first: int, large: dict[int, int]
) -> Iterator[tuple[int, ...]]:
    for start, numbers in enumerate(rows):
        places = enumerate(numbers, first + start * _COLUMNS)
        yield tuple([large.get(place, number) for place, number in places])


_mapped: dict[ReferenceType[mmap.mmap], int] = {}  # what runs refer to, and how many bytes of it


def _lasting(runs: memoryview) -> memoryview:
    """Return values that may be kept: a copy, unless little is mapped.

    A mapping holds a descriptor, of which a process has few, and what is looked at of it counts as memory.
    """
    if not isinstance(runs.obj, bytes) and _is_noted(runs.obj, runs.nbytes):
        return runs
    return memoryview(bytes(runs))


def _is_noted(whole: Any, size: int) -> bool:
    """Note so many bytes of a mapping for as long as it is in use, where there is room for them."""
    known = ref(whole)
    if (known not in _mapped and len(_mapped) >= _FILES) or sum(_mapped.values()) + size > _BYTES:
        return False
    if known in _mapped:
        _mapped[known] += size
    else:
        _mapped[ref(whole, lambda gone: _mapped.pop(gone, None))] = size
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
        end = self.place = start + (4 * count if count > 0 else -2 * count)
        values = self._runs[start:end].cast(CODE if count > 0 else NARROW)
        if 0 < count < MARKED:
            return Run(values)
        self.place += _MARKS
        return Run(values, self._runs[end : self.place].cast(CODE))


def _length(count: int) -> int:
    """Tell how many bytes a run of so many values has, with its marks."""
    if count < 0:
        return _MARKS - 2 * count
    return 4 * count + (_MARKS if count >= MARKED else 0)


def _total(row: list[Any], times: _Times) -> Cell:
    if len(row) != _COUNT + 3:
        raise ValueError("not a cell")
    cost, latencies, ttfts = row[_COUNT:]
    return Cell(row[:_COUNT], _money(cost), (times.take(latencies),), (times.take(ttfts),))


def _money(text: str) -> Decimal:
    return ZERO if text == "0" else Decimal(text)
