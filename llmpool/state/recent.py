"""What was told of accounts and is kept for a day: the latest of it, so that a file does not grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TypeVar

KEPT = 86_400.0  # seconds
MOST = 512


class Dated(Protocol):
    """An answer that says when it came, in seconds since the epoch."""

    @property
    def at(self) -> float:
        """When it came."""


T = TypeVar("T", bound=Dated)


def latest(known: Mapping[tuple[str, str], T], now: float) -> list[T]:
    """Return the answers of the last day, of too many the latest, in the order of whose they are."""
    kept = [pair for pair, each in known.items() if now - KEPT <= each.at <= now]
    kept.sort(key=lambda pair: -known[pair].at)
    return [known[pair] for pair in sorted(kept[:MOST])]
