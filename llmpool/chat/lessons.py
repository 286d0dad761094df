"""What answers teach a run of thousands: written down together once a second, not by each of them alone.

A file of state is synced and renamed for every change, which takes longer than all else that a prompt costs.
What nobody waits for is kept in memory until then: averages, when a provider was last heard of, what its
headers said of its allowances, how often a key was used. That is what a crash may lose, a second of it. A
failure, and an answer that ends a rest or finds who was out of reach, are written at once; usage and
decisions never come here.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from llmpool.chat.record import experienced, twice
from llmpool.core.ids import split_ref
from llmpool.core.outcome import Attempt
from llmpool.errors import Busy, LlmpoolError, StateUnusable
from llmpool.state import health, keys, limits

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
        self._uses: Counter[tuple[str, str]] = Counter()
        self._used = 0.0  # when a key was last

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

    def count(self, uses: Mapping[tuple[str, str], int], at: float) -> None:
        """Count uses of keys, by provider and label; fewer than none take back a turn."""
        with self._lock:
            self._uses.update(uses)
            self._used = max(at, self._used) if uses else self._used

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
        """Write each kind by itself: what becomes of one file says nothing about the others."""
        wrong: list[LlmpoolError] = []
        for write in (self._write_answers, self._write_told, self._write_uses):
            try:
                write(wait)
            except (Busy, StateUnusable) as error:
                wrong.append(error)
        return wrong

    def _write_answers(self, wait: float) -> None:
        with self._lock:
            answers, self._answers = self._answers, []
        if not answers:
            return
        try:
            twice(lambda: health.update(self._state, lambda known: fold(known, answers), wait=wait))
        except Busy:
            with self._lock:
                self._answers = answers + self._answers
            raise

    def _write_told(self, _wait: float) -> None:
        with self._lock:
            told, self._told = self._told, {}
        try:
            for (provider, key), (at, entries) in told.items():
                twice(partial(limits.update, self._state, provider, key, entries, at))
        except Busy:
            with self._lock:
                self._told = told | self._told
            raise

    def _write_uses(self, _wait: float) -> None:
        with self._lock:
            uses, self._uses = self._uses, Counter()
        try:
            twice(partial(keys.note, self._state, {key: n for key, n in uses.items() if n}, self._used))
        except Busy:
            with self._lock:
                self._uses.update(uses)
            raise


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
