"""Records from elsewhere among those of a day: each once, in order of time, all of a day or none of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from llmpool.state import rollup
from llmpool.state.jsonfile import write_atomic
from llmpool.state.jsonl import gate
from llmpool.state.lock import locked, unusable


class Line(NamedTuple):
    """A line without its end: its record's id and time (without the `Z`: text order is then time's)."""

    id: str
    at: str
    text: bytes


def merge(path: Path, lines: Sequence[Line], *, dry_run: bool = False) -> int | None:
    """Put those of *lines*, which are in order of time, into *path* that it lacks; return how many.

    What the file holds stays as it is, in its order, broken lines included. A day that was pruned takes
    nothing, which None says: its ids are gone, so nobody can tell what its sums hold already. A *dry_run*
    counts only. Raises StateUnusable where the file cannot be read or written.
    """
    if dry_run:
        return None if _is_pruned(path) else len(_missing(_lines(path), lines))
    with locked(gate(path.parent)):
        if _is_pruned(path):
            return None
        held = _lines(path)
        new = _missing(held, lines)
        if new:
            write_atomic(path, b"".join(_in_order(held, new)))
        return len(new)


def _is_pruned(path: Path) -> bool:
    return (path.parent / rollup.FOLDER / f"{path.stem}{rollup.KEPT}").exists()


def _lines(path: Path) -> list[Line]:
    """Read what *path* holds; a line that is no record has neither id nor time."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unusable(path, error, "read") from error
    return [_line(text) for text in content.removesuffix(b"\n").split(b"\n")] if content else []


def _line(text: bytes) -> Line:
    try:
        record = json.loads(text.decode("utf-8", "replace"))  # as the readers of the log do
    except (ValueError, RecursionError):
        record = None
    known = record if isinstance(record, dict) else {}
    return Line(str(known.get("id") or ""), str(known.get("at") or "").rstrip("Z"), text)


def _missing(held: Iterable[Line], lines: Iterable[Line]) -> list[Line]:
    """Return the lines whose record is not there."""
    ids = {line.id for line in held}
    return [line for line in lines if line.id not in ids]


def _in_order(held: Iterable[Line], new: Sequence[Line]) -> Iterator[bytes]:
    """Yield both, each new line before the first held one that is later."""
    place = 0
    for line in held:
        while place < len(new) and new[place].at < line.at:
            yield new[place].text + b"\n"
            place += 1
        yield line.text + b"\n"
    for line in new[place:]:
        yield line.text + b"\n"
