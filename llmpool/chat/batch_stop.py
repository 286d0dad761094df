"""Ctrl-C, SIGTERM and a window that is closed while answers come in: noted, they break nothing off midway.

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

_HEEDED = {"SIGINT": Exit.INTERRUPTED, "SIGTERM": Exit.TERMINATED, "SIGHUP": Exit.TERMINATED}


class Signals:
    """What was heard: *times*, and the exit code that the first of them asks for."""

    def __init__(self) -> None:
        self.times = 0
        self.code = Exit.OK

    def hear(self, number: int, _frame: Any) -> None:
        """Note a signal; of a window that is closed both shell and system tell, and nobody is impatient."""
        name = signal.Signals(number).name
        if name != "SIGHUP" or not self.times:
            self.times += 1
        self.code = self.code or _HEEDED[name]


@contextmanager
def heeded() -> Iterator[Signals]:
    """Note signals inside the block, instead of what they do outside."""
    signals = Signals()
    if threading.current_thread() is not threading.main_thread():
        yield signals
        return
    heard = [getattr(signal, name) for name in _HEEDED if hasattr(signal, name)]  # Windows has no SIGHUP
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        heard.remove(signal.SIGHUP)  # under nohup
    before = {number: signal.signal(number, signals.hear) for number in heard}
    try:
        yield signals
    finally:
        for number, action in before.items():
            signal.signal(number, action)
