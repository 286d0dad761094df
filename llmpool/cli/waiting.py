"""A line on a terminal that says how far a refresh has come, and whom it waits for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

from llmpool.cli.progress import Progress
from llmpool.core.text import few

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.discovery.refresh import Heard

NAMED = 3  # so many are named, the rest is counted
_EVERY = 0.25  # seconds: a provider that hangs is seen to hang, while nothing is heard


class Waiting(Progress):
    """Redraws itself beside what it waits for; nothing at all for a pipe or with `--quiet`."""

    def __init__(self, terminal: Terminal) -> None:
        super().__init__(terminal)
        self._heard: Heard | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._draw_on, daemon=True)

    def __enter__(self) -> Self:
        """Begin to draw."""
        if self.shown:
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Take the line away."""
        self.clear()

    def heard(self, heard: Heard) -> None:
        """Note how far it has come; the next drawing shows it, and when all were heard there is none."""
        self._heard = heard
        if not heard.waiting:
            self.clear()

    def clear(self) -> None:
        """Draw no more by itself, and leave an empty line for whoever writes next."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(1)
        super().__exit__()

    def _draw_on(self) -> None:
        while not self._over.wait(_EVERY):
            if self._heard is not None:
                self.bar(self._heard.done, self._heard.total, waits(self._heard))


def waits(heard: Heard) -> str:
    """Name those that are still waited for."""
    return f"waiting for {few(heard.waiting, NAMED)}" if heard.waiting else ""
