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
Known = Mapping[tuple[str, str], T]  # by whose they are: a provider's, with one of its keys or accounts


def remember(
    path: Path,
    fresh: Known[T],
    now: float,
    *,
    decode: Callable[[Any], dict[tuple[str, str], T]],
    encode: Callable[[T], Any],
) -> None:
    """Take answers into the file under its lock, in the place of earlier ones; none change nothing."""

    def change(known: dict[tuple[str, str], T]) -> Any:
        return [encode(each) for each in latest(known | dict(fresh), now)]

    if fresh:
        jsonfile.update(path, change, decode=decode)


def latest(known: Known[T], now: float) -> list[T]:
    """Return the answers of the last day, of too many the latest, in the order of whose they are."""
    kept = [pair for pair, each in known.items() if now - KEPT <= each.at <= now]
    kept.sort(key=lambda pair: -known[pair].at)
    return [known[pair] for pair in sorted(kept[:MOST])]
