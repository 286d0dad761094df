"""Recorded requests: those that are wanted, the newest first."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from llmpool.core.record import Record
from llmpool.pool import Pool
from llmpool.state import ledger
from llmpool.usage.span import Span
from llmpool.usage.summary import GROUPINGS, NONE


class Whose(Record):
    """Records in a span, and whose; empty takes any, and `none` those that carry no such thing."""

    span: Span
    provider: str = ""
    deployment: str = ""
    model: str = ""
    key: str = ""
    tag: str = ""
    session: str = ""

    @property
    def filters(self) -> dict[str, str]:
        """What records have to carry, by field."""
        return {name: value for name in GROUPINGS if (value := getattr(self, name))}


class Wanted(Whose):
    """Which records are wanted."""

    failed: bool = False

    def takes(self, record: Mapping[str, Any]) -> bool:
        """Say whether a usage record is one of them."""
        return (
            self.span.holds(record["at"][:-1])
            and not (self.failed and record.get("success") is True)
            and all((record.get(name) or NONE) == value for name, value in self.filters.items())
        )


def _told(wanted: Wanted) -> str:
    """Return what the line of a wanted record surely has in it: no other line is parsed."""
    held = [value for value in wanted.filters.values() if value.isascii() and value != NONE]
    return max(map(json.dumps, held), key=len, default="")


class Listing:
    """The records that are wanted, the newest first; *bad* counts the lines that are none, of those read."""

    def __init__(self, pool: Pool, wanted: Wanted) -> None:
        self.wanted = wanted
        first, end = wanted.span.first[:10], wanted.span.end[:10]
        self._reading = ledger.Reading(
            pool.paths.state,
            ledger.USAGE,
            first,
            end,
            newest_first=True,
            holding=_told(wanted),
            tell=pool.tell,
        )

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (record for record in self._reading if self.wanted.takes(record))

    @property
    def bad(self) -> int:
        """Count the lines, of those read by now, that were no records."""
        return self._reading.bad
