"""An answer as it is shown: its text on stdout as it comes, thoughts apart on stderr, seams marked."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from typing import TYPE_CHECKING

from llmpool.core.text import clean

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.cli.markdown import Markdown


class Screen:
    """Where one answer is shown; *raw* leaves the text as the model wrote it, for what reads a pipe.

    What is *verbatim* is no Markdown, but code or JSON, in which every mark is meant.
    """

    def __init__(self, terminal: Terminal, *, raw: bool = False, verbatim: bool = False) -> None:
        self.terminal = terminal
        self.raw = raw
        self.verbatim = verbatim
        self._open = False  # whether a line of the answer is under way
        self._thinks = False  # likewise of a thought

    @cached_property
    def _markdown(self) -> Markdown | None:
        """What sets Markdown for a terminal; a pipe takes the text as it is."""
        terminal = self.terminal
        if self.raw or self.verbatim or not terminal.for_people or os.environ.get("TERM") == "dumb":
            return None
        from llmpool.cli.markdown import Markdown

        drawn = "utf" in (sys.stdout.encoding or "").lower()
        return Markdown(terminal.width, color=terminal.use_color, unicode=drawn)

    def prepare(self) -> None:
        """Get ready for an answer that is on its way, so that its first word is shown when it comes."""
        _ = self._markdown

    def show(self, text: str) -> None:
        """Show a piece of the answer at once."""
        if self._thinks:
            self.end_thought()
        if self._markdown is None:
            self._write(text if self.raw else clean(text))
        else:
            self._markdown.resize(self.terminal.width)
            self._write(self._markdown.feed(text))

    def think(self, text: str) -> None:
        """Show a piece of what the model thinks, as what may be overlooked."""
        self._thinks = True
        shown, err = clean(text), self.terminal.err
        err.write(f"\x1b[2m{shown}\x1b[0m" if self.terminal.use_color else shown)
        err.flush()

    def end_thought(self) -> None:
        """End the line of what the model thought, so that what it says is seen to be something else."""
        if self._thinks:
            self._thinks = False
            self.terminal.end_line()

    def seam(self) -> None:
        """End a line that was broken off, so that what follows is seen to be something else."""
        self._settle()
        if self._open:
            self._write("\n")

    def broken(self) -> None:
        """End an answer in the middle, for whoever looks at it; a file gets no more."""
        if self.terminal.is_terminal:
            self.seam()
        self.end_thought()

    def _settle(self) -> None:
        """Show what was held back until more was known; what comes next is set anew."""
        if self._markdown is not None:
            self._write(self._markdown.end())
            self._open = self._markdown.column > 0
            del self._markdown

    def _write(self, shown: str) -> None:
        if shown:
            stdout = sys.stdout
            stdout.write(shown)
            stdout.flush()
            self._open = not shown.endswith("\n")
