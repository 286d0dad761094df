"""usage/ and decisions/: one line per request and per decision, a file per UTC day."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from llmpool.state import jsonl

USAGE, DECISIONS = "usage", "decisions"


def append(state: Path, kind: str, record: dict[str, Any]) -> None:
    """Append *record* to the file of the UTC day in its `at`."""
    jsonl.append(state / kind / f"{record['at'][:10]}.jsonl", record)


class Reading:
    """Records of a span of days, with a count of the lines that could not be read."""

    def __init__(self, state: Path, kind: str, first: str = "", last: str = "") -> None:
        self.folder = state / kind
        self.span = (first, last)
        self.bad = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for path in jsonl.iter_days(self.folder, *self.span):
            lines = jsonl.read(path)
            self.bad += lines.bad
            yield from lines.records


def newest(state: Path, kind: str, *, limit: int = 1, ref: str = "") -> list[dict[str, Any]]:
    """Read the newest records first, or those whose id is *ref*."""
    found: list[dict[str, Any]] = []
    for path in jsonl.iter_days(state / kind, newest_first=True):
        lines = reversed(jsonl.read(path).records)
        found += [record for record in lines if not ref or record.get("id") == ref]
        if len(found) >= limit:
            break
    return found[:limit]
