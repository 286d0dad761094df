"""Reading what a person types: line editing with `readline` where there is one, and texts of several lines.

A text of several lines is typed between two marks of three quotes, or with a backslash at the end of each
line but the last; pasted into a terminal that marks pastes it is one input anyhow.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

QUOTES = '"""'
GOES_ON = ". "  # the prompt of a line that is not the first
_GNU = (
    "tab: complete",
    "$if mode=emacs",  # with vi's keys, Escape and Enter is something else
    '"\\e\\C-m": "\\C-v\\C-j"',
    "$endif",
)
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_PASTES_SINCE = 0x700  # the readline that knows of marked pastes, which Python switches off

Complete = Callable[[str, int], Iterable[str]]  # from a line and where its last word begins


def whole(read: Callable[[str], str], prompt: str) -> str:
    """Read one input of one or several lines; EOFError in the middle of it ends it unsaid."""
    line = read(prompt)
    if line.lstrip().startswith(QUOTES):
        return _quoted(read, line.lstrip().removeprefix(QUOTES))
    lines = []
    while _goes_on(line):
        lines.append(line[:-1])
        line = read(GOES_ON)
    return "\n".join([*lines, line])


def _quoted(read: Callable[[str], str], line: str) -> str:
    lines = []
    while not line.rstrip().endswith(QUOTES):
        lines.append(line)
        line = read(GOES_ON)
    lines.append(line.rstrip().removesuffix(QUOTES))
    return "\n".join(lines).strip("\n")


def _goes_on(line: str) -> bool:
    """Say whether a backslash ends the line; two of them are a text that ends with one."""
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


class LineEditor:
    """Where a person types: `read` returns one input, after it `known` brings lines back by arrow key."""

    def __init__(self, terminal: Terminal, complete: Complete) -> None:
        self.terminal = terminal
        self._complete = complete
        self._found: list[str] = []
        if hasattr(sys.stdin, "reconfigure"):
            sys.stdin.reconfigure(errors="replace")
        self._readline = _readline() if terminal.is_terminal else None
        if self._readline is not None:
            self._set_up(self._readline)

    def read(self, prompt: str) -> str:
        """Read one input; raises EOFError where there is no more, KeyboardInterrupt at Ctrl-C."""
        return whole(self._line, prompt)

    def know(self, texts: Iterable[str]) -> None:
        """Let the arrow keys bring *texts* back, the last of them first."""
        if self._readline is not None:
            for text in texts:
                self._readline.add_history(text)

    def _line(self, prompt: str) -> str:
        if self.terminal.is_terminal:
            return input(self._painted(prompt))
        self.terminal.err.write(prompt)  # stdout is a file: only answers go there
        self.terminal.err.flush()
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\n")

    def _painted(self, prompt: str) -> str:
        """Set the prompt off from what is typed, in a way that readline can count its columns."""
        if self._readline is None or _is_libedit(self._readline):
            return prompt
        return _STYLE.sub("\1\\g<0>\2", self.terminal.paint(prompt, "head"))

    def _set_up(self, readline: Any) -> None:
        readline.set_auto_history(False)  # what begins with a blank is not for the history
        readline.set_completer(self._completion)
        readline.set_completer_delims(" \t\n")
        if _is_libedit(readline):
            readline.parse_and_bind("bind ^I rl_complete")
            return
        for line in _GNU:
            readline.parse_and_bind(line)
        if getattr(readline, "_READLINE_VERSION", 0) >= _PASTES_SINCE:
            readline.parse_and_bind("set enable-bracketed-paste on")

    def _completion(self, _word: str, state: int) -> str | None:
        if state == 0:
            readline = self._readline
            line = readline.get_line_buffer()[: readline.get_endidx()] if readline else ""
            self._found = list(self._complete(line, readline.get_begidx() if readline else 0))
        return self._found[state] if state < len(self._found) else None


def _readline() -> Any:
    """Return the module that edits lines; None where Python has none, as on Windows."""
    try:
        import readline
    except ImportError:
        return None
    return readline


def _is_libedit(readline: Any) -> bool:
    """Say whether it is libedit in the clothes of readline, which Python tells by name since 3.13."""
    return getattr(readline, "backend", "") == "editline" or "libedit" in (readline.__doc__ or "")
