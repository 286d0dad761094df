"""One file of rolled-up usage: a line with a checksum, a line that says what it is of, and sections.

A section has what days add up to, or their cells; a month has its cells once more by fewer names, and what
each of its days adds up to. Each has a checksum of its own, as whoever asks wants one or two of them.

What is no such file, or of another layout or byte order, reads as none: whoever asks makes it anew, or says
that it is gone. It is written under another name and renamed, so that nobody sees half of one.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.errors import LaterState
from llmpool.state.jsonfile import encode, temporary_of, write_all, write_atomic
from llmpool.state.lock import open_private
from llmpool.state.rollcells import (
    before_sections,
    line_of,
    pack_cells,
    pack_totals,
    unpack_totals,
    with_cells,
)
from llmpool.usage.rollup import CELLS, DAYS, TOTALS, Days

LAYOUT = 3  # goes up with every change of what a file holds
_WHOLE = 2  # had one checksum and no sections; what was pruned by then is kept so
_FOREIGN = (OSError, ValueError, LookupError, TypeError, RecursionError, ArithmeticError)


class Roll(NamedTuple):
    """What a file holds: *head* says what it was made of, *days* what that adds up to.

    *views* are written only: the same with cells by fewer names, and by local day. Whoever reads says which
    of them is wanted, and has it in *days*.
    """

    head: dict[str, Any]
    days: Days
    views: Mapping[str, Days] = {}


def read(path: Path, view: str = CELLS) -> Roll | None:
    """Read a roll-up for a view of it, or for more; None where there is none that can be trusted."""
    try:
        return _decoded(_content(path), view)
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
    """Map a file, of which little may be wanted. Windows replaces none that is mapped."""
    with path.open("rb") as file:
        if sys.platform == "win32":
            return memoryview(file.read())
        import mmap

        return memoryview(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ))


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
    sections: list[list[Any]] = []
    content: list[bytes] = []
    for name, days in {TOTALS: roll.days, **roll.views, CELLS: roll.days}.items():
        part = pack_totals(days) if name in (TOTALS, DAYS) else pack_cells(days)
        count = sum(len(day.cells) for day in days.values())
        sections.append([name, len(part), zlib.crc32(part), count])
        content.append(part)
    head = {"layout": LAYOUT, "order": sys.byteorder, "sections": sections}
    told = encode(roll.head | head) + b"\n"
    return b"".join([b'{"crc":%d}\n' % zlib.crc32(told), told, *content])


def _decoded(content: memoryview, view: str) -> Roll | None:
    first, start = line_of(content, 0)
    text, after = line_of(content, start)
    head, crc = json.loads(text), json.loads(first)["crc"]
    if head["layout"] not in (LAYOUT, _WHOLE) or head["order"] != sys.byteorder:
        return None
    if zlib.crc32(text if head["layout"] == LAYOUT else content[start:]) != crc:
        return None
    if head["layout"] == _WHOLE:
        if view == DAYS:
            return None
        return Roll(head, before_sections(head.pop("days"), head.pop("cells"), content[after:]))
    sections = _Sections(content[after:], head.pop("sections"))
    days = unpack_totals(sections.take(DAYS if view == DAYS else TOTALS))
    if view in (TOTALS, DAYS):
        return Roll(head, days)
    name = view if view in sections.counts else CELLS
    return Roll(head, with_cells(days, sections.counts[name], sections.take(name)))


class _Sections:
    """The sections of a file; each is held against its checksum when it is wanted, as most are not."""

    def __init__(self, content: memoryview, listed: list[Any]) -> None:
        self.counts: dict[str, int] = {}
        self._parts: dict[str, tuple[memoryview, int]] = {}
        for name, length, crc, count in listed:
            self.counts[name] = count
            self._parts[name] = content[:length], crc
            content = content[length:]

    def take(self, name: str) -> memoryview:
        """Return a section; raise ValueError where it is not as it was written, LookupError for none."""
        part, crc = self._parts[name]
        if zlib.crc32(part) != crc:
            raise ValueError(f"{name} is corrupt")
        return part
