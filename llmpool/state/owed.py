"""Writes that failed and must not be forgotten: made with the next of their kind, or when the run ends.

What was paid for, and what a login hangs on, is owed to its owner. A disk that is full for a moment costs
nothing then; where it stays full the run says so at its end, and ends with 10, whatever it has answered.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import RLock

from llmpool.errors import Busy, LlmpoolError, StateUnusable
from llmpool.state.jsonfile import remove_leftovers, temporary_of, write_all
from llmpool.state.lock import open_private, unusable

Write = Callable[[], object]
MUCH = 16_384  # bytes: more than what is written of an account


class Unwritten(StateUnusable):
    """What a run has left undone: *told* are the kinds of writes by the reason they failed for."""

    def __init__(self, told: dict[str, list[str]], hint: str) -> None:
        first, *others = (f"{', '.join(kinds)}: {reason}" for reason, kinds in told.items())
        super().__init__(first, lines=tuple(others), hint=hint)
        self.reasons = tuple(told)


class Owed:
    """The writes of a run that are still to be made, by *kind*: what is told of them where they cannot be.

    Those of a kind are made in the order in which they came. Threads may share it.
    """

    def __init__(self) -> None:
        self._lock = RLock()
        self._writes: dict[str, deque[Write]] = {}
        self._why: dict[str, LlmpoolError] = {}

    def __contains__(self, kind: object) -> bool:
        return kind in self._writes

    def __len__(self) -> int:
        return sum(map(len, tuple(self._writes.values())))

    def take(self, kind: str, write: Write, why: LlmpoolError | None = None) -> None:
        """Take a write that failed, or, with no reason *why*, one that waits behind others of its kind."""
        with self._lock:
            self._writes.setdefault(kind, deque()).append(write)
            if why is not None:
                self._why[kind] = why
            else:
                self._pay(kind)

    def pay(self, *, last: bool = False) -> None:
        """Make what can be made now; a lock that was waited for in vain is waited for once more at *last*."""
        with self._lock:
            for kind in tuple(self._writes):
                if last or not isinstance(self._why[kind], Busy):
                    self._pay(kind)

    def _pay(self, kind: str) -> None:
        """Make the writes of a kind; the first that fails says how the others would fare."""
        queue = self._writes[kind]
        while queue:
            try:
                queue[0]()
            except LlmpoolError as error:
                self._why[kind] = error
                return
            queue.popleft()
        del self._writes[kind]
        self._why.pop(kind, None)

    def settled(self) -> Unwritten | None:
        """Make what can be made now, and return the error of what cannot; None where nothing is left."""
        with suppress(KeyboardInterrupt):  # whoever waits for no lock is told what is left
            self.pay(last=True)
        with self._lock:
            told: dict[str, list[str]] = {}
            for kind, writes in self._writes.items():
                times = f" ({len(writes)} times)" if len(writes) > 1 else ""
                told.setdefault(self._why[kind].message, []).append(f"{kind}{times}")
            hint = next((error.hint for error in self._why.values()), "")
        return Unwritten(told, hint) if told else None


def check_writable(path: Path) -> None:
    """Raise where *path* could not be written now: before something is done that has to be kept there."""
    trial = temporary_of(path)
    try:
        descriptor = open_private(trial, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        try:
            write_all(descriptor, bytes(MUCH))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            trial.unlink(missing_ok=True)
    except OSError as error:
        raise unusable(path, error) from error
    remove_leftovers(path.parent)
