"""Progress on stderr, only on a terminal, redrawn in place."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

_EVERY = 0.1  # seconds between redraws


class Progress:
    """One line that is redrawn until the end of its `with`; nothing at all for a pipe or with `--quiet`."""

    def __init__(self, terminal: Terminal) -> None:
        self.shown = terminal.err_is_terminal and not terminal.options.quiet
        self.err = terminal.err
        self.began = time.monotonic()
        self.drawn = 0.0

    def __enter__(self) -> Self:
        """Begin; nothing is shown before the first line."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Take the line away."""
        if self.shown and self.drawn:
            self.err.write("\r\x1b[K")
            self.err.flush()

    def line(self, text: str) -> None:
        """Redraw the line, at most ten times a second."""
        now = time.monotonic()
        if self.shown and now - self.drawn >= _EVERY:
            self.drawn = now
            self.err.write(f"\r\x1b[K{text[:100]}")
            self.err.flush()

    def bytes(self, done: int, total: int) -> None:
        """Show a transfer: so much of so much, the rate, the time left."""
        passed = max(0.001, time.monotonic() - self.began)
        rate = done / passed
        left = f"   {_clock((total - done) / rate)} left" if rate and total > done else ""
        self.line(f"  {_size(done)} of {_size(total)}   {_size(rate)}/s{left}")


def _size(number: float) -> str:
    for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= limit:
            return f"{number / limit:.1f} {unit}"
    return f"{number:.0f} B"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
