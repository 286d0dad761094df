"""usage/ and decisions/: one line per request and per decision, a file per UTC day."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

from llmpool.state import backwards, jsonl, shape
from llmpool.state.lock import unusable

USAGE, DECISIONS = "usage", "decisions"
Check = Callable[[dict[str, Any]], bool]
Tell = Callable[[str], object]
MUCH = 24 << 20  # bytes that take a second or two


def append(state: Path, kind: str, record: dict[str, Any]) -> bool:
    """Append *record* to the file of the UTC day in its `at`, and say whether it is the first there."""
    return jsonl.append(state / kind / f"{record['at'][:10]}.jsonl", record)


class Reading:
    """Records of a span of days, one after another, with a count of the lines that could not be read.

    *newest_first* begins at the end of the newest day, so that whoever stops early has read no more than
    that. Lines without the text *holding* are passed over unread; *check* says what a record is, where less
    than all of it is looked at. *tell* hears once that much was read already and more days are to come.
    """

    def __init__(
        self,
        state: Path,
        kind: str,
        first: str = "",
        last: str = "",
        *,
        newest_first: bool = False,
        holding: str = "",
        check: Check | None = None,
        tell: Tell | None = None,
    ) -> None:
        self.folder = state / kind
        self.span = (first, last)
        self.newest_first = newest_first
        self.holding = holding.encode()
        self.check = check or _READERS[kind]
        self.tell = tell
        self.bad = 0

    def __iter__(self) -> Iterator[dict[str, Any]]:
        lines, read, tell = backwards.lines if self.newest_first else _forwards, 0, self.tell
        for path in jsonl.iter_days(self.folder, *self.span, newest_first=self.newest_first):
            if tell and read >= MUCH:
                tell(f"looking through {self.folder.name} of {path.stem} and before")
                tell = None
            for line in lines(path):
                read += len(line)
                if self.holding not in line or not line.strip():
                    continue
                record = _record(line)
                if record is not None and self.check(record):
                    yield record
                else:
                    self.bad += 1


def newest(state: Path, kind: str, *, limit: int = 1) -> list[dict[str, Any]]:
    """Read the newest records, the last one first."""
    return list(islice(Reading(state, kind, newest_first=True), limit))


def is_dated(record: dict[str, Any]) -> bool:
    """Tell whether a line has the time and the id of a record; the rest of it is not looked at."""
    return shape.is_moment(record.get("at")) and type(record.get("id")) is str


def _forwards(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:
        return  # pruned meanwhile
    except OSError as error:
        raise unusable(path, error, "read") from error


def _record(line: bytes) -> dict[str, Any] | None:
    """Return the object on *line*, None when there is none; numbers that JSON has no word for are null."""
    try:
        record = _DECODER.decode(line.decode("utf-8", "replace").strip())
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None


def _number(text: str) -> float | None:
    number = float(text)
    return number if isfinite(number) else None


_DECODER = json.JSONDecoder(parse_float=_number, parse_constant=lambda _word: None)


def _is_usage(record: dict[str, Any]) -> bool:
    """Tell whether a line is a usage record; a figure that is none is dropped, which makes it unknown."""
    if not is_dated(record):
        return False
    for name in _FIGURES:
        value = record.get(name, 0)
        if type(value) is not int or not 0 <= value < shape.MOST:
            del record[name]
    for name in _AMOUNTS:
        cost = record.get(name)
        if cost is not None and not (type(cost) is str and _AMOUNT.fullmatch(cost)):
            record[name] = _amount(cost)
            if record[name] is None and name != "cost":
                del record[name]
    return True


def _amount(cost: object) -> str | None:
    """Write an amount with an exponent in plain digits, as sums take it; None for what is none."""
    from llmpool.usage.fold import amount  # only foreign records need it

    value = amount(cost)
    return None if value is None else f"{value:f}"


def _is_decision(record: dict[str, Any]) -> bool:
    """Tell whether a line is a decision that can be shown: what that takes has the type it was written in."""
    try:
        _DECISION(record)
        shape.fields(record, _MORE)
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


def _candidates(value: Any) -> Any:
    """Read the candidates, of which a line has most; written out, because that takes a fifth of the time."""
    for each in shape.listed(shape.mapping)(value):
        shape.number(each["score"])
        if type(each["deployment"]) is not str or type(each["hits"]) is not list:
            raise TypeError("not a candidate")
        for hit in each["hits"]:
            if type(hit) is not dict or type(hit["rule"]) is not str:
                raise TypeError("not a rule that was hit")
            if type(hit["points"]) is not int:
                shape.number(hit["points"])
    return value


def _attempt(value: Any) -> Any:
    """Read an attempt; one that failed says how."""
    return (_ATTEMPT if shape.mapping(value)["ok"] is True else _FAILED)(value)


def _rejection(value: Any) -> Any:
    """Read a rejection; one for the size of the request has figures."""
    shape.fields(value, {"needed": shape.whole, "window": shape.whole})
    return _REJECTED(value)


_READERS = {USAGE: _is_usage, DECISIONS: _is_decision}
_FIGURES = (
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("request_count", "latency_ms", "ttft_ms", "attempts"),
)
_AMOUNTS = ("cost", "cost_original", "lost_cost")
_AMOUNT = re.compile(r"[0-9]{1,15}(\.[0-9]{1,40})?", re.ASCII)
_ATTEMPT = _whole({"deployment": shape.text, "ok": shape.flag, "latency_ms": shape.whole})
_FAILED = _whole(
    {
        **dict.fromkeys(("deployment", "kind", "message"), shape.text),
        "ok": shape.flag,
        "latency_ms": shape.whole,
    }
)
_REJECTED = _whole({"deployment": shape.text, "reasons": shape.listed(shape.text)})
_OUTCOME = _whole({"attempts": shape.listed(_attempt), "success": shape.flag, "served_by": shape.text})
_DECISION = _whole(
    {
        **dict.fromkeys(("id", "complexity", "intent", "strategy", "mode"), shape.text),
        "at": _written,
        "selected": shape.unset_or(shape.text),
        "candidates": _candidates,
        "candidates_total": shape.whole,
        "rejections": shape.listed(_rejection),
    }
)
_MORE = {  # what only some decisions have
    "outcome": _OUTCOME,
    "rejections_total": shape.whole,
    "difficulty": shape.number,
    "notes": shape.listed(shape.text),
    "request": shape.unset_or(shape.mapping),
}
