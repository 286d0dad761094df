"""Progress on stderr, only on a terminal that can redraw a line, in place."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from llmpool.core.cells import cut
from llmpool.core.text import cell
from llmpool.core.times import span

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

_EVERY = 0.1  # seconds between redraws
_BAR = 20  # cells of a bar
_LEAST_FOR_BAR = 60  # columns below which figures alone are shown
_CLEARED = "\r\x1b[K"


class Progress:
    """One line that is redrawn until the end of its `with`; nothing at all for a pipe or with `--quiet`."""

    def __init__(self, terminal: Terminal) -> None:
        redraws = terminal.err_is_terminal and os.environ.get("TERM") != "dumb"
        self.shown = redraws and not terminal.options.quiet
        self.terminal, self.err = terminal, terminal.err
        self.began = time.monotonic()
        self.drawn = 0.0

    def __enter__(self) -> Self:
        """Begin; nothing is shown before the first line."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Take the line away."""
        if self.shown and self.drawn:
            self._draw(_CLEARED)
            self.drawn = 0.0
            self.terminal.line_is_open = False

    def line(self, text: str) -> None:
        """Redraw the line, at most ten times a second."""
        if self._is_due():
            self.drawn = time.monotonic()
            width = shutil.get_terminal_size().columns - 1  # what wraps cannot be taken away again
            self._draw(f"{_CLEARED}{cut(self.terminal.writable(cell(text), self.err), width)}")

    def _draw(self, text: str) -> None:
        try:
            self.err.write(text)
            self.err.flush()
        except (OSError, ValueError):
            self.shown = False  # the window is gone; what goes on behind it need not end for that
            with suppress(OSError, ValueError):  # nor fail at the end for what is still buffered
                os.dup2(os.open(os.devnull, os.O_WRONLY), self.err.fileno())

    def _is_due(self) -> bool:
        return self.shown and time.monotonic() - self.drawn >= _EVERY

    def bar(self, done: int, total: int, text: str = "", *, unit: str = "") -> None:
        """Redraw the line as a bar: so many of so many, for how long already, and *text*."""
        if not self._is_due():
            return
        told = [
            "",
            barred(done, total),
            f"{done} of {total} {unit}".rstrip(),
            span(time.monotonic() - self.began),
            text,
        ]
        self.line("  ".join(part for place, part in enumerate(told) if part or not place))


def barred(done: int, total: int) -> str:
    """Draw a bar in brackets, or nothing where the terminal is too narrow for it and for words."""
    from llmpool.cli.plot import gauge

    room = shutil.get_terminal_size().columns
    return f"[{gauge(done, total, _BAR if room >= 80 else _BAR // 2)}]" if room >= _LEAST_FOR_BAR else ""
