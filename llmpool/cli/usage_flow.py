"""Lists of records and decisions; long ones are written as they are found: their number does not matter."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Protocol

from llmpool.core.text import cell

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

HELD = 1000  # entries that are held until all are there; of more the first is written before the last is read
LAID_OUT = 10_000  # entries of a table at most; who wants more has them as a pipe has

Row = Callable[["Terminal", dict[str, Any]], list[str]]


class Listing(Protocol):
    """Entries, and how many of the lines that were read by now are none."""

    def __iter__(self) -> Iterator[dict[str, Any]]: ...

    @property
    def bad(self) -> int:
        """Count the lines that are no entries."""


def show(
    terminal: Terminal,
    name: str,
    listing: Listing,
    limit: int,
    *,
    table: tuple[Sequence[str], Row],
    as_json: bool,
) -> bool:
    """Show as many entries as *limit* says, 0 all, as a document or a table; say whether there are any.

    A person's table is laid out once all of it is there, if it is no longer than anybody reads.
    """
    entries: Iterable[dict[str, Any]] = islice(listing, limit or None)
    if 0 < limit <= HELD or (terminal.for_people and not terminal.options.jsonl):
        found = list(islice(entries, LAID_OUT + 1))
        if len(found) <= LAID_OUT:
            return _at_once(terminal, name, listing, found, table, as_json=as_json)
        entries = chain(found, entries)
    if as_json:
        return _document(terminal, name, listing, entries)
    count = 0
    for count, entry in enumerate(entries, 1):  # noqa: B007 - how many there were is wanted
        terminal.write("\t".join(cell(each) for each in table[1](terminal, entry)) + "\n")
    return bool(count)


def _at_once(
    terminal: Terminal,
    name: str,
    listing: Listing,
    found: list[dict[str, Any]],
    table: tuple[Sequence[str], Row],
    *,
    as_json: bool,
) -> bool:
    from llmpool.cli import tables

    headings, row = table
    if as_json:
        terminal.json({name: found, "bad_lines": listing.bad})
    else:
        with terminal.paged():
            tables.show(terminal, headings, [row(terminal, entry) for entry in found])
    return bool(found)


def _document(terminal: Terminal, name: str, listing: Listing, entries: Iterable[dict[str, Any]]) -> bool:
    """Write what `Terminal.json` would write, or with `--jsonl` a line of each."""
    lines, count = terminal.options.jsonl, 0
    if not lines:
        terminal.write(f'{{"schema": 1, "{name}": [')
    for count, entry in enumerate(entries, 1):
        text = json.dumps(entry)
        terminal.write(f"{text}\n" if lines else text if count == 1 else f", {text}")
    if not lines:
        terminal.write(f'], "bad_lines": {listing.bad}}}\n')
    return bool(count)
