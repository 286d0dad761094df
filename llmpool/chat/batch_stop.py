"""Ctrl-C and SIGTERM while answers come in: they are noted, and break nothing off in the middle.

A signal that raised wherever the run happens to be could lose an answer between its coming and its being
kept. The first one ends the taking of lines; the second, or a while, ends the run.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from llmpool.errors import Exit

_HEEDED = {signal.SIGINT: Exit.INTERRUPTED, signal.SIGTERM: Exit.TERMINATED}


class Signals:
    """What was heard: *times*, and the exit code that the first of them asks for."""

    def __init__(self) -> None:
        self.times = 0
        self.code = Exit.OK

    def hear(self, number: int, _frame: Any) -> None:
        """Note a signal."""
        self.times += 1
        self.code = self.code or _HEEDED[signal.Signals(number)]


@contextmanager
def heeded() -> Iterator[Signals]:
    """Note signals inside the block, instead of what they do outside."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    before = {number: signal.signal(number, signals.hear) for number in _HEEDED}
    try:
        yield signals
    finally:
        for number, action in before.items():
            signal.signal(number, action)
