"""Progress on stderr, only on a terminal, redrawn in place."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Self

from llmpool.core.text import clean

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
            width = shutil.get_terminal_size().columns - 1  # what wraps cannot be taken away again
            self.err.write(f"\r\x1b[K{clean(text)[:width]}")
            self.err.flush()
