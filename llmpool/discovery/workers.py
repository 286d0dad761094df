"""Work things off side by side, in threads that never keep a program from ending."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Generic, TypeVar

Thing = TypeVar("Thing")
Result = TypeVar("Result")

LEAVING_SECONDS = 0.5  # how long an interrupted run waits for its threads
LOOK_SECONDS = 0.2  # between two looks at whether something was done


def side_by_side(
    things: Iterable[Thing],
    work: Callable[[Thing], Result],
    *,
    jobs: int,
    heard: Callable[[Result], None],
    stop: Callable[[], None],
) -> None:
    """Do *work* on every thing, *jobs* at a time, and hand each result to *heard* here as it comes.

    What goes wrong in a thread, in *heard*, or by Ctrl-C is raised here once *stop* has been called: it has
    to end whatever the threads wait for.
    """
    workers = Workers(things, work)
    try:
        workers.start(jobs)
        for _ in range(workers.count):
            heard(workers.next_done())
    except BaseException:
        stop()
        workers.leave()
        raise


class Workers(Generic[Thing, Result]):
    """Daemon threads: unlike those of a pool, they are not waited for when a program ends."""

    def __init__(self, things: Iterable[Thing], work: Callable[[Thing], Result]) -> None:
        self._todo = deque(things)
        self.count = len(self._todo)
        self._work = work
        self._done: SimpleQueue[tuple[Result | None, BaseException | None]] = SimpleQueue()
        self._threads: list[Thread] = []

    def start(self, most: int) -> None:
        """Start as many threads as there are things, but not more than *most*."""
        for _ in range(max(1, min(most, self.count))):
            self._threads.append(Thread(target=self._run, daemon=True))
            self._threads[-1].start()

    def next_done(self) -> Result:
        """Wait for the next result; what went wrong in its thread is raised here."""
        while True:
            try:
                result, error = self._done.get(timeout=LOOK_SECONDS)
                break
            except Empty:
                continue  # a wait without an end would not hear a Ctrl-C that comes as it begins
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # None only beside an error, or because it is the result

    def leave(self) -> None:
        """Begin nothing more, and give threads a moment to end; one that cannot is left behind."""
        self._todo.clear()
        patience = time.monotonic() + LEAVING_SECONDS
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, patience - time.monotonic()))

    def _run(self) -> None:
        while True:
            try:
                thing = self._todo.popleft()
            except IndexError:
                return
            try:
                self._done.put((self._work(thing), None))
            except BaseException as error:  # noqa: BLE001 - next_done raises it
                self._done.put((None, error))
