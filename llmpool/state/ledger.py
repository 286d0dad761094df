"""usage/ and decisions/: one line per request and per decision, a file per UTC day."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from llmpool.state import jsonl, shape

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
            records, bad = _read(path, self.folder.name)
            self.bad += bad
            yield from records


def newest(state: Path, kind: str, *, limit: int = 1, ref: str = "") -> list[dict[str, Any]]:
    """Read the newest records first, or those whose id is *ref*."""
    found: list[dict[str, Any]] = []
    for path in jsonl.iter_days(state / kind, newest_first=True):
        lines = reversed(_read(path, kind).records)
        found += [record for record in lines if not ref or record["id"] == ref]
        if len(found) >= limit:
            break
    return found[:limit]


def _read(path: Path, kind: str) -> jsonl.Lines:
    """Read a day; what is no record of this *kind* counts as a line that could not be read."""
    lines = jsonl.read(path)
    is_one = _READERS[kind]
    records = [record for record in lines.records if is_one(record)]
    return jsonl.Lines(records, lines.bad + len(lines.records) - len(records))


def _is_usage(record: dict[str, Any]) -> bool:
    """Tell whether a line is a usage record; a figure that is none is dropped, which makes it unknown."""
    if not shape.is_moment(record.get("at")) or type(record.get("id")) is not str:
        return False
    for name in _FIGURES:
        value = record.get(name, 0)
        if type(value) is not int or not 0 <= value < shape.MOST:
            del record[name]
    cost = record.get("cost")
    if cost is not None and not (type(cost) is str and _AMOUNT.fullmatch(cost)):
        record["cost"] = None
    return True


def _is_decision(record: dict[str, Any]) -> bool:
    """Tell whether a line is a decision that can be shown: what that takes has the type it was written in."""
    try:
        _DECISION(record)
        if "outcome" in record:
            _OUTCOME(record["outcome"])
    except (TypeError, ValueError, KeyError):
        return False
    return True


def _whole(shapes: Mapping[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """Return the shape of an object that has all these fields."""

    def read(value: Any) -> dict[str, Any]:
        known = shape.fields(value, shapes)
        if len(known) < len(shapes):
            raise KeyError("a field is missing")
        return known

    return read


def _written(value: Any) -> str:
    """Return the time a line was written at, which every line has."""
    if not value:
        raise ValueError("not a time")
    return shape.moment(value)


def _attempt(value: Any) -> Any:
    """Read an attempt; one that failed says how."""
    return (_ATTEMPT if shape.mapping(value)["ok"] is True else _FAILED)(value)


_READERS = {USAGE: _is_usage, DECISIONS: _is_decision}
_FIGURES = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("request_count", "latency_ms", "ttft_ms", "attempts"),
)
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,40})?(E[+-]?[0-9]{1,2})?", re.ASCII)
_ATTEMPT = _whole({"deployment": shape.text, "ok": shape.flag, "latency_ms": shape.whole})
_FAILED = _whole(
    {
        **dict.fromkeys(("deployment", "kind", "message"), shape.text),
        "ok": shape.flag,
        "latency_ms": shape.whole,
    }
)
_HIT = _whole({"rule": shape.text, "points": shape.number})
_CANDIDATE = _whole({"deployment": shape.text, "score": shape.number, "hits": shape.listed(_HIT)})
_REJECTION = _whole({"deployment": shape.text, "reasons": shape.listed(shape.text)})
_OUTCOME = _whole({"attempts": shape.listed(_attempt), "success": shape.flag, "served_by": shape.text})
_DECISION = _whole(
    {
        **dict.fromkeys(("id", "complexity", "intent", "strategy", "mode"), shape.text),
        "at": _written,
        "selected": shape.unset_or(shape.text),
        "candidates": shape.listed(_CANDIDATE),
        "candidates_total": shape.whole,
        "rejections": shape.listed(_REJECTION),
    }
)
