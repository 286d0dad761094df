"""What answers teach a run of thousands: written down together once a second, not by each of them alone.

A file of state is synced and renamed for every change, which takes longer than all else that a prompt costs.
What nobody waits for is kept in memory until then: averages, when a provider was last heard of, what its
headers said of its allowances. That is what a crash may lose, a second of it. A failure, and an answer that
ends a rest or finds who was out of reach, are written at once; usage and decisions never come here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from llmpool.chat.record import experienced
from llmpool.core.ids import split_ref
from llmpool.core.outcome import Attempt
from llmpool.errors import Busy, LlmpoolError, StateUnusable
from llmpool.state import health, limits

if TYPE_CHECKING:
    from pathlib import Path

    from llmpool.core.limits import Headroom

EVERY = 1.0  # seconds between two writes
PATIENCE = 1.0  # seconds that a run which goes on waits for the lock of a file

Told = dict[tuple[str, str], tuple[float, "tuple[Headroom, ...]"]]  # by provider and key: when, and what


class Answer(NamedTuple):
    """An answer that only moves averages: the attempt that got it, when it was there, how many tokens."""

    attempt: Attempt
    at: float
    tokens: int


class Lessons:
    """The lessons of all threads of a run; *monotonic* says when the next write is due."""

    def __init__(self, state: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._state = state
        self._monotonic = monotonic
        self._due = monotonic() + EVERY
        self._lock = Lock()
        self._answers: list[Answer] = []
        self._told: Told = {}

    def take(self, answer: Answer) -> bool:
        """Take what an answer teaches; not what others should know of now, that is left to the caller."""
        ref, key = answer.attempt.deployment, answer.attempt.key
        try:
            if not health.read(self._state).is_well(split_ref(ref)[0], ref, key):
                return False
        except StateUnusable:
            return False  # whoever writes it tells why
        with self._lock:
            self._answers.append(answer)
        return True

    def hear(self, provider: str, key: str, entries: tuple[Headroom, ...], at: float) -> None:
        """Remember what a vendor said last of the allowances of a key."""
        with self._lock:
            self._told[provider, key] = (at, entries)

    def write_when_due(self) -> list[str]:
        """Write them down if it is time to, and return what went wrong; a file in use has time."""
        if self._monotonic() < self._due:
            return []
        wrong = [error.message for error in self._write(PATIENCE) if not isinstance(error, Busy)]
        self._due = self._monotonic() + EVERY
        return wrong

    def close(self) -> list[str]:
        """Write down what is left and return what went wrong."""
        return [error.message for error in self._write(10.0)]

    def _write(self, wait: float) -> list[LlmpoolError]:
        with self._lock:
            answers, self._answers = self._answers, []
            told, self._told = self._told, {}
        wrong: list[LlmpoolError] = []
        try:
            if answers:
                health.update(self._state, lambda known: fold(known, answers), wait=wait)
            answers = []
            for (provider, key), (at, entries) in told.items():
                limits.update(self._state, provider, key, entries, at)
            told = {}
        except Busy as error:
            wrong.append(error)
            with self._lock:
                self._answers, self._told = answers + self._answers, told | self._told
        except StateUnusable as error:
            wrong.append(error)
        return wrong


def fold(known: health.Health, answers: list[Answer]) -> None:
    """Fold *answers* into averages and contacts; who was out of reach after one is so still."""
    for attempt, at, tokens in answers:
        provider = split_ref(attempt.deployment)[0]
        experienced(known, attempt, tokens)
        known.average(provider, float(attempt.latency_ms))
        contact = known.contact.get(provider)
        if contact is None or not contact["kind"] or contact["at"] <= at:
            known.contact[provider] = {"at": at, "kind": "", "message": ""}
    known.tidy(max(answer.at for answer in answers))
