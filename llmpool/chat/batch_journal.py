"""The answers of a batch on disk: safe when they are given, in the order of the input when all are there.

While a batch runs its lines are appended to a journal beside the output, FILE.part, in the order in which
they come, and synced before anybody hears of them. When nothing is left to ask, all lines are written in the
order of the input to FILE.part.new, which then takes the name of FILE; until that moment FILE is what it was.
A run that goes on reads both: what FILE.part says is newer. A torn last line is cut off.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import IO, Any

from llmpool.chat.batch_lines import Entry
from llmpool.errors import Busy, LlmpoolError, Misuse
from llmpool.state.jsonfile import sync_directory, write_all
from llmpool.state.lock import file_of, locked, unusable

MOST_LINES = 1 << 28  # a line number beyond it is none of ours
_GAPS = 1 << 22  # lines of the input that nothing was kept of; any number more takes a byte at least
_BEGINS = b'{"schema": 1, "line": '  # as every line does, torn or not
_FAILED, _ANSWERED = 1, 2  # what is known of a line
_IN_PART, _WANTED = 4, 8  # where that stands, and whether this run's input has the line


class Journal:
    """What is answered of a batch, by the numbers of its lines; eight bytes of memory a line, and a few."""

    def __init__(self, output: Path, part: Path) -> None:
        self.output = output
        self.part = part
        self.answered = 0  # lines that were answered when the journal was opened
        self.left = 0  # answers in it that nobody asks for now: their lines have changed, or are gone
        self._places = array("q")
        self._marks = bytearray()
        self._files: dict[int, IO[bytes]] = {}
        self._descriptor = -1
        self._aside: list[tuple[int, int]] = []
        self._lock = Lock()  # threads look at lines while answers are kept
        self._fresh = False  # whether the journal has anything that the output has not

    def known(self, entry: Entry) -> bool:
        """Say whether a line of the input is answered already; from now on it is part of the output."""
        with self._lock:
            mark = self._mark(entry.number)
            self._marks[entry.number] |= _WANTED
            if not mark & _ANSWERED:
                return False
            if self._read(entry.number).get("key") == entry.key:
                return True
            self._set_aside(entry.number)
            return False

    def matches(self, entry: Entry) -> bool | None:
        """Say whether a line is answered, with that very key; None where it is not answered at all."""
        if not self._mark(entry.number) & _ANSWERED:
            return None
        return bool(self._read(entry.number).get("key") == entry.key)

    def keep(self, documents: Iterable[dict[str, Any]]) -> None:
        """Append lines; when this returns they survive a power cut."""
        found = [(document, encoded(document)) for document in documents]
        content = b"".join(line for _, line in found)
        place = os.lseek(self._descriptor, 0, os.SEEK_END)
        try:
            try:
                self._append(content)
            except OSError:  # a disk that is full for a moment, or broken there: once more, anew
                os.ftruncate(self._descriptor, place)
                self._append(content)
        except OSError as error:
            raise unwritable(self.part, error) from error
        self._fresh = True
        with self._lock:
            for document, line in found:
                self._note(document, place, _IN_PART)
                place += len(line)

    def _append(self, content: bytes) -> None:
        write_all(self._descriptor, content)
        os.fsync(self._descriptor)

    def has_room(self) -> bool:
        """Say whether another line may be taken: nothing is held in memory."""
        return True

    def finish(self) -> Path | None:
        """Write the output in the order of the input, and return where answers were put that it has not."""
        for number, mark in enumerate(self._marks):
            if mark & _ANSWERED and not mark & _WANTED:
                self._set_aside(number)
        if not (self._fresh or self._aside or not self.output.exists()):
            return None
        aside = self._keep_aside()
        new = self.part.with_name(f"{self.part.name}.new")
        try:
            _write(new, self._in_order())
            self.close()  # Windows puts nothing in the place of an open file, and removes none
            new.replace(self.output)
            sync_directory(self.output.parent)  # before the journal goes
            self.part.unlink(missing_ok=True)
            sync_directory(self.output.parent)
        except OSError as error:
            raise unwritable(self.output, error) from error
        return aside

    def load(self) -> None:
        """Read what is there; raises Misuse where the output is somebody else's."""
        if self.output.exists():
            self._open(0, self.output)
            if (bad := self._index(0)) is not None:
                raise Misuse(
                    f"{self.output} is there and is no answers of a batch (line {bad}); it is left alone",
                    hint="name another file: -o FILE",
                )
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        try:
            self._descriptor = os.open(self.part, flags, 0o666)
            sync_directory(self.part.parent)
        except OSError as error:
            raise unwritable(self.part, error) from error
        self._open(_IN_PART, self.part)
        try:
            self._mend()
        except OSError as error:
            raise unwritable(self.part, error) from error
        self._index(_IN_PART)
        self.answered = sum(1 for mark in self._marks if mark & _ANSWERED)

    def close(self) -> None:
        """Close the files; a journal in which nothing stands is not left behind."""
        for file in self._files.values():
            file.close()
        if self._descriptor >= 0:
            size = os.fstat(self._descriptor).st_size
            os.close(self._descriptor)
            self._descriptor = -1
            if not size:
                _drop(self.part)

    def _open(self, where: int, path: Path) -> None:
        try:
            self._files[where] = path.open("rb")
        except OSError as error:
            raise unusable(path, error, "read") from error

    def _mend(self) -> None:
        """Cut off what a crash left of the last line; one that is whole gets its end."""
        whole, first, last = 0, b"", b""
        with self._files[_IN_PART] as file:
            for line in file:
                first, last = first or line, line
                whole += len(line) if line.endswith(b"\n") else 0
        if first and _document(first) is None and not first.startswith(_BEGINS[: len(first)]):
            raise Misuse(f"{self.part} is there and is no journal of a batch", hint="move it away")
        if last and not last.endswith(b"\n"):
            if _document(last) is not None:
                os.write(self._descriptor, b"\n")
            else:
                os.ftruncate(self._descriptor, whole)
        self._open(_IN_PART, self.part)  # anew: what was read ahead may have been cut off

    def _index(self, where: int) -> int | None:
        """Note where each line stands, and return the number of the first that is none of a batch's."""
        number, place, bad = 0, 0, None
        most = _GAPS + os.fstat(self._files[where].fileno()).st_size
        while line := self._line(where, place):  # anew each time: `_note` looks at lines before it
            number += 1
            document = _document(line)
            if document is not None and document["line"] <= most:
                self._note(document, place, where)
            elif line.strip():
                bad = bad or number
            place += len(line)
        self._fresh |= bool(where and place)
        return bad

    def _note(self, document: dict[str, Any], place: int, where: int) -> None:
        """Note where a line stands; a failure takes no answer's place, unless that was set aside."""
        number = document["line"]
        mark = self._mark(number)
        if mark & _ANSWERED and "error" in document:
            return
        if mark & _ANSWERED and self._read(number).get("key") != document["key"]:
            self._set_aside(number)
            mark = self._marks[number]
        self._places[number] = place
        kind = _FAILED if "error" in document else _ANSWERED
        self._marks[number] = (mark & _WANTED) | kind | where

    def _mark(self, number: int) -> int:
        missing = number + 1 - len(self._marks)
        if missing > 0:
            missing = max(missing, len(self._marks) // 8)
            self._marks.extend(bytes(missing))
            self._places.extend([0] * missing)
        return self._marks[number]

    def _set_aside(self, number: int) -> None:
        """Take an answer out of the output: its question is another now, or not there."""
        self.left += 1
        self._aside.append((self._marks[number] & _IN_PART, self._places[number]))
        self._marks[number] &= _WANTED

    def _line(self, where: int, place: int) -> bytes:
        file = self._files[where]
        file.seek(place)
        return file.readline()

    def _read(self, number: int) -> dict[str, Any]:
        mark = self._marks[number]
        return _document(self._line(mark & _IN_PART, self._places[number])) or {}

    def _in_order(self) -> Iterator[bytes]:
        for number, mark in enumerate(self._marks):
            if mark & _WANTED and mark & (_ANSWERED | _FAILED):
                yield self._line(mark & _IN_PART, self._places[number])

    def _keep_aside(self) -> Path | None:
        """Append the answers that were set aside to FILE.old: they were paid for."""
        if not self._aside:
            return None
        old = self.output.with_name(f"{self.output.name}.old")
        lines = [self._line(where, place) for where, place in self._aside]
        try:
            _write(old, lines, flags=os.O_APPEND)
        except OSError as error:
            raise unwritable(old, error) from error
        return old


@contextmanager
def opened(name: str) -> Iterator[Journal]:
    """Open the answers that go to the file *name*, for this run alone; raises Misuse, Busy, StateUnusable."""
    output = Path(os.path.realpath(name))
    _check_place(output, name)
    part = output.with_name(f"{output.name}.part")
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(part, wait=0))
        except Busy:
            raise Busy(
                f"another run is writing {name}", hint="let it end, or name another file: -o FILE"
            ) from None
        journal = Journal(output, part)
        stack.callback(_drop, file_of(part))
        stack.callback(journal.close)
        journal.load()
        yield journal


def _drop(path: Path) -> None:
    """Remove a file that does no harm where it cannot be removed."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def encoded(document: dict[str, Any]) -> bytes:
    """Return a document as it is written: one line of ASCII."""
    return json.dumps(document).encode() + b"\n"


def unwritable(path: Path, error: OSError) -> LlmpoolError:
    """Return the error of answers that cannot be kept; what is in the journal stays there."""
    failed = unusable(path, error)
    failed.hint = "mend that and run the same command again: what was answered is not asked twice"
    return failed


def _check_place(output: Path, name: str) -> None:
    if output.exists() and not output.is_file():
        raise Misuse(f"-o {name} is no file", hint="a file's name; without -o answers go to stdout")
    if not output.parent.is_dir():
        raise Misuse(f"-o {name}: there is no directory {output.parent}", hint=f"mkdir -p {output.parent}")
    if not os.access(output.parent, os.W_OK):
        raise Misuse(f"-o {name}: nothing can be written to {output.parent}", hint="name another place")


def _document(line: bytes) -> dict[str, Any] | None:
    """Read a line of a batch's answers; None where it is something else."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or type(found.get("key")) is not str:
        return None
    number = found.get("line")
    return found if type(number) is int and 0 < number < MOST_LINES else None


def _write(path: Path, lines: Iterable[bytes], *, flags: int = os.O_TRUNC) -> None:
    """Write lines to a file, and let the disk have them."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flags | getattr(os, "O_BINARY", 0), 0o666)
    with os.fdopen(descriptor, "wb") as file:
        for line in lines:
            file.write(line if line.endswith(b"\n") else line + b"\n")
        file.flush()
        os.fsync(file.fileno())
