"""Work that takes a while, done in a thread: watched from here, or out of reach of an interrupt."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

T = TypeVar("T")
TICK = 0.2  # seconds between two words of how long it has been

_Outcome = tuple[T | None, BaseException | None]


def watched(work: Callable[[], T], tick: Callable[[float], None], stop: Callable[[], None]) -> T:
    """Do *work* and tell *tick* how long it takes; an interrupt calls *stop*, which has to end the work."""
    done, began = _begun(work), time.monotonic()
    try:
        while True:
            try:
                return _outcome(*done.get(timeout=TICK))
            except Empty:
                tick(time.monotonic() - began)
    except (KeyboardInterrupt, SystemExit):
        stop()
        raise


def undisturbed(work: Callable[[], T]) -> T:
    """Do *work* to its end, whoever interrupts meanwhile."""
    done = _begun(work)
    while True:
        try:
            return _outcome(*done.get())
        except (KeyboardInterrupt, SystemExit):
            continue


def _begun(work: Callable[[], T]) -> SimpleQueue[_Outcome[T]]:
    done: SimpleQueue[_Outcome[T]] = SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except BaseException as error:  # noqa: BLE001 - raised again where somebody waits for it
            done.put((None, error))

    Thread(target=run, daemon=True).start()
    return done


def _outcome(result: T | None, error: BaseException | None) -> T:
    if error is not None:
        raise error
    return result  # type: ignore[return-value]  # None only beside an error, or because it is the result
