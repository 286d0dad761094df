"""The answers of a batch as a stream: each line as soon as all before it are there."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from llmpool.chat.batch_lines import Entry

AHEAD = 256  # lines that may be under way or wait for one before them


class InOrder:
    """Writes lines in the order in which they were taken; what waits for another is kept in memory."""

    def __init__(self, write: Callable[[dict[str, Any]], None]) -> None:
        self._write = write
        self._expected: deque[int] = deque()
        self._waiting: dict[int, dict[str, Any]] = {}

    def known(self, entry: Entry) -> bool:
        """Expect a line; none of them was ever answered."""
        self._expected.append(entry.number)
        return False

    def keep(self, documents: list[dict[str, Any]]) -> None:
        """Write the lines that have nobody before them any more."""
        self._waiting |= {document["line"]: document for document in documents}
        while self._expected and self._expected[0] in self._waiting:
            self._write(self._waiting.pop(self._expected.popleft()))

    def has_room(self) -> bool:
        """Say whether another line may be taken."""
        return len(self._expected) < AHEAD

    def finish(self) -> None:
        """Write what is left, in order, though lines between were never answered."""
        for number in sorted(self._waiting):
            self._write(self._waiting.pop(number))
