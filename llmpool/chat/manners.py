"""How a request is to be run, and the time it has for that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from llmpool.core.outcome import Failure
from llmpool.core.record import Record

if TYPE_CHECKING:
    from llmpool.chat.journey import Journey


class Manners(Record):
    """How a request is to be run: *shows* when text reaches a reader at once, *on_break* stop or restart.

    *shows_thinking*: what the model thinks is shown as well. *max_wait* bounds all waiting for a better
    moment; *deadline*, in seconds from the start, bounds everything. *keep* takes an answer into a session.
    *complains* says why a whole answer is not what was asked for, with an empty text where it is.
    *meanwhile* is called when a call has left, before its answer is there: time to get ready for that.
    """

    shows: bool = True
    shows_thinking: bool = False
    on_break: str = "stop"
    max_wait: float = 20.0
    deadline: float | None = None
    tag: str = ""
    session: str = ""
    keep: Callable[[Journey], None] | None = None
    complains: Callable[[str], str] | None = None
    meanwhile: Callable[[], object] | None = None

    def objection(self, journey: Journey) -> Failure | None:
        """Return what is wrong with a whole answer, where the caller knows what it has to be."""
        if self.complains is None or (journey.tools and not journey.answer):
            return None
        words = self.complains(journey.answer)
        return Failure(kind="unfit", message=words) if words else None


def _chance() -> float:
    from random import random

    return random()  # noqa: S311 - it spreads waits, nobody gains by guessing it


class Pace(NamedTuple):
    """Time as a request has it: a clock, a sleep, and the chance that spreads waits."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] = time.sleep
    chance: Callable[[], float] = _chance
