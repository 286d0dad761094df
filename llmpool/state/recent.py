"""What was told of accounts and is kept for a day: the latest of it, so that a file does not grow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from llmpool.state import jsonfile

KEPT = 86_400.0  # seconds
MOST = 512


class Dated(Protocol):
    """An answer that says when it came, in seconds since the epoch."""

    @property
    def at(self) -> float:
        """When it came."""


T = TypeVar("T", bound=Dated)
Known = dict[tuple[str, str], T]


def latest(known: Mapping[tuple[str, str], T], now: float) -> list[T]:
    """Return the answers of the last day, of too many the latest, in the order of whose they are."""
    kept = [pair for pair, each in known.items() if now - KEPT <= each.at <= now]
    kept.sort(key=lambda pair: -known[pair].at)
    return [known[pair] for pair in sorted(kept[:MOST])]


def renew(
    path: Path, fresh: Known[T], now: float, decode: Callable[[Any], Known[T]], as_data: Callable[[T], Any]
) -> None:
    """Take *fresh* answers into the cache at *path* under its lock; the later answer counts."""
    if fresh:
        jsonfile.update(
            path, lambda known: [as_data(each) for each in latest(known | fresh, now)], decode=decode
        )
