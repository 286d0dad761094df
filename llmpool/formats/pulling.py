"""What the formats that can fetch models have in common: how far a pull is."""

from __future__ import annotations

from typing import NamedTuple

MOST_BYTES = 1 << 50  # a pebibyte: no model is larger, and figures beyond it are made up
MADE_UP = 1 << 100  # what is beyond this, too, is not even cut down


class Moved(NamedTuple):
    """How far a pull is: bytes *done* of *total*, 0 while unknown; *over* once all is there.

    *handle* is what the server calls the pull, where it can be asked for it.
    """

    status: str
    done: int = 0
    total: int = 0
    over: bool = False
    handle: str = ""


def in_bounds(done: int, total: int) -> tuple[int, int]:
    """Make two counts of a stranger plausible: not beyond what models have, nor done more than all."""
    total = min(total, MOST_BYTES)
    return min(done, total or MOST_BYTES), total
