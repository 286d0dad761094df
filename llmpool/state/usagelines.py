"""The lines of a day's usage, fast: from one byte of a file to another, some records at a time."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Callable, Iterator
from operator import itemgetter
from typing import Any, BinaryIO

from llmpool.state import shape

_BLOCK = 1 << 18
_TOGETHER = 32  # lines that are parsed as one list: more are no longer at hand when they are added up
_TEXT = {str}
_CLOCK = r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?Z"


class Lines:
    """The records of the lines of *day* from byte *start* of a file on, up to its *end*.

    Once all are read, *offset* is where the last whole line ends, *crc* the checksum of all before, which was
    *crc* at the start, *count* how many lines there were, and *bad* how many of them were no record.
    """

    def __init__(self, file: BinaryIO, day: str, start: int, end: int, crc: int = 0) -> None:
        self.offset = start
        self.crc = crc
        self.count = self.bad = 0
        self._file = file
        self._end = end
        self._matches = _moments(day)

    def __iter__(self) -> Iterator[list[dict[str, Any]]]:
        """Yield records, some together."""
        for chunk in self._chunks():
            self.offset += len(chunk)
            self.crc = zlib.crc32(chunk, self.crc)
            lines = chunk.decode("utf-8", "replace").split("\n")
            lines.pop()  # what follows the last end of a line
            self.count += len(lines)
            for place in range(0, len(lines), _TOGETHER):
                yield self._records(lines[place : place + _TOGETHER])

    def rest(self) -> list[dict[str, Any]]:
        """Return the record of a last line that has no end, if any; it is not counted, as it may go on."""
        if self.offset >= self._end:
            return []
        self._file.seek(self.offset)
        return self._records([self._file.read(self._end - self.offset).decode("utf-8", "replace")])

    def _chunks(self) -> Iterator[bytes]:
        """Yield whole lines, many at a time."""
        place = self.offset
        pieces: list[bytes] = []
        self._file.seek(place)
        while place < self._end:
            block = self._file.read(min(_BLOCK, self._end - place))
            if not block:
                return
            place += len(block)
            cut = block.rfind(b"\n") + 1
            if cut:
                yield b"".join([*pieces, block[:cut]])
                pieces = []
            pieces.append(block[cut:])

    def _records(self, lines: list[str]) -> list[dict[str, Any]]:
        """Return what lines are records, and count the others."""
        found = _parsed_together(lines)
        if self._are_records(found):
            return found
        records = [record for record in found if _is_record(record)]
        lost = [line for record, line in zip(found, lines, strict=True) if not _is_record(record)]
        self.bad += sum(1 for line in lost if line.strip())
        return records

    def _are_records(self, found: list[Any]) -> bool:
        """Tell quickly whether all are records of the day; what it denies may still be one of another."""
        try:
            names, moments = map(itemgetter("id"), found), "\n".join(map(itemgetter("at"), found))
            are_moments = self._matches(moments) is not None and moments.count("Z") == len(found)
            return are_moments and set(map(type, names)) == _TEXT
        except (TypeError, LookupError):
            return False


def _is_record(record: Any) -> bool:
    return type(record) is dict and type(record.get("id")) is str and shape.is_moment(record.get("at"))


def begins_with(file: BinaryIO, offset: int, crc: int) -> bool:
    """Tell whether the file still begins with the bytes that have this checksum."""
    file.seek(0)
    found = 0
    while offset:
        block = file.read(min(_BLOCK, offset))
        if not block:
            return False
        offset -= len(block)
        found = zlib.crc32(block, found)
    return found == crc


def _parsed_together(lines: list[str]) -> list[Any]:
    """Return what each of some lines says in JSON.

    Parsed as one list they are done sooner, as the names of fields are known after the first. That is the
    same where each begins an object and none has a bracket: no string holds the line end between two of them,
    no object goes on with an object, so all are in the list itself, and one each where their number is right.
    """
    text = ",\n".join(lines)
    if "[" not in text and all(line.startswith("{") for line in lines):
        try:
            found: list[Any] = json.loads(f"[{text}]")
        except (ValueError, RecursionError):
            found = []
        if len(found) == len(lines):
            return found
    return [_parsed(line) for line in lines]


def _parsed(line: str) -> Any:
    """Return what a line says in JSON; None where it says nothing."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _moments(day: str) -> Callable[[str], object]:
    """Return what tells times of one day, a line each; where each has one Z, none is more than one time."""
    is_day = shape.is_moment(f"{day}T00:00:00Z")
    return re.compile(f"(?:{day}{_CLOCK}(?:\\n(?!\\Z)|\\Z))*" if is_day else "(?!)", re.ASCII).fullmatch
