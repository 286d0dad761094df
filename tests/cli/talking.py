"""Interactive sessions in this process: what is typed comes from a list, not from a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from llmpool.cli import context, interactive
from tests.support import Home, Result

Typed = str | Callable[[], object]  # what is typed, or what happens meanwhile


class Typist:
    """Types *lines* one by one; a `Ctrl-C` is one, the end is Ctrl-D."""

    def __init__(self, lines: Iterable[Typed]) -> None:
        self.lines = iter(lines)
        self.known: list[str] = []
        self.prompts: list[str] = []
        self.offers: Any = None

    def editor(self, _terminal: Any, offers: Any) -> Typist:
        """Stand in for the line editor."""
        self.offers = offers
        return self

    def know(self, texts: Iterable[str]) -> None:
        """Note what the arrow keys would bring back."""
        self.known += texts

    def read(self, prompt: str) -> str:
        """Return the next line."""
        self.prompts.append(prompt)
        for line in self.lines:
            if line == "Ctrl-C":
                raise KeyboardInterrupt
            if isinstance(line, str):
                return line
            line()
        raise EOFError


class Talking:
    """Runs `chat -i` in a home with what is typed there."""

    def __init__(self, home: Home, patch: pytest.MonkeyPatch) -> None:
        self.home, self.patch = home, patch
        self.typist = Typist([])

    def __call__(self, *lines: Typed, options: tuple[str, ...] = ()) -> Result:
        """Type *lines* into a session begun with *options*, and leave it."""
        self.typist = Typist(lines)
        self.patch.setattr(interactive, "LineEditor", self.typist.editor)
        return self.home.here("chat", "-i", *options)


@pytest.fixture
def talking(home: Home, monkeypatch: pytest.MonkeyPatch) -> Talking:
    """Give what talks in a session whose stdin passes for a terminal."""
    monkeypatch.setattr(context, "_is_terminal", lambda stream: stream is sys.stdin)
    return Talking(home, monkeypatch)
