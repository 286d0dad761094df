"""limits.json: what the headers of each key's last answer said of its allowances.

An entry is dropped an hour after its allowance started anew, or a day after it was seen when nobody said when
that would be; so are the oldest keys beyond 512.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.limits import Headroom
from llmpool.core.record import plain
from llmpool.state import jsonfile, shape

NAME = "limits.json"
KEPT = 3600.0  # seconds beyond a reset
KEPT_UNDATED = 86_400.0
MOST_KEYS = 512


class Seen(NamedTuple):
    """What one key's last answer said; *at* is seconds since the epoch."""

    at: float
    entries: tuple[Headroom, ...]


Limits = dict[str, dict[str, Seen]]  # by provider, then by the key's label


def read(state: Path) -> Limits:
    """Read what was seen; a missing or quarantined file is nothing seen."""
    return jsonfile.read(state / NAME, decode=_limits)


def update(state: Path, provider: str, key: str, entries: Iterable[Headroom], at: float) -> None:
    """Replace what is known of one key under the lock; saying nothing changes nothing."""
    seen = Seen(at, tuple(entries))
    if not seen.entries:
        return

    def change(known: Limits) -> Any:
        known.setdefault(provider, {})[key] = seen
        return _as_data(known, at)

    jsonfile.update(state / NAME, change, decode=_limits)


def is_over(entry: Headroom, seen_at: float, now: float) -> bool:
    """Say whether an entry is too old to tell anything."""
    end = seen_at + KEPT_UNDATED if entry.resets_at is None else entry.resets_at + KEPT
    return end < now


def _as_data(known: Limits, now: float) -> dict[str, Any]:
    """Return what is stored: the newest keys, each with the entries that still tell something."""
    kept = [
        (provider, key, seen.at, [plain(e) for e in seen.entries if not is_over(e, seen.at, now)])
        for provider, keys in known.items()
        for key, seen in keys.items()
    ]
    newest = sorted((line for line in kept if line[3]), key=lambda line: -line[2])[:MOST_KEYS]
    data: dict[str, Any] = {}
    for provider, key, at, entries in sorted(newest, key=lambda line: line[:2]):
        data.setdefault(provider, {})[key] = {"at": at, "entries": entries}
    return data


def _limits(data: Any) -> Limits:
    providers = {} if data is None else shape.mapping(data)
    return {
        provider: {key: _seen(entry) for key, entry in shape.mapping(keys).items()}
        for provider, keys in providers.items()
    }


def _seen(value: Any) -> Seen:
    entry = shape.mapping(value)
    return Seen(shape.instant(entry["at"]), tuple(shape.listed(_headroom)(entry["entries"])))


def _headroom(value: Any) -> Headroom:
    known = shape.fields(value, _HEADROOM)
    if "what" not in known:
        raise KeyError("what")
    return Headroom(**known)


_HEADROOM = {
    "what": shape.text,
    "per": shape.text,
    "limit": shape.unset_or(shape.whole),
    "remaining": shape.unset_or(shape.whole),
    "resets_at": shape.unset_or(shape.instant),
}
