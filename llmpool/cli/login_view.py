"""What a person is shown during a login: where to go, what to type there, and how long there is."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Self

from llmpool.cli.progress import Progress
from llmpool.core.times import span

if TYPE_CHECKING:
    from llmpool.auth.oauth import Show
    from llmpool.cli.context import Terminal

_DESKTOP = ("DISPLAY", "WAYLAND_DISPLAY")
_REMOTE = ("SSH_CONNECTION", "SSH_TTY")


class Greeter:
    """Tells where to go, on stderr; opens a *browser* only on a terminal, and where there is one to open."""

    def __init__(self, terminal: Terminal, *, browser: bool) -> None:
        self.terminal = terminal
        self.progress = Progress(terminal)
        self.browser = browser and terminal.in_is_terminal and terminal.err_is_terminal

    def __enter__(self) -> Self:
        self.progress.__enter__()
        return self

    def __exit__(self, *ended: object) -> None:
        self.progress.__exit__(*ended)

    def show(self, step: Show) -> None:
        """Show the address on a line of its own, and the code on another; both can be copied whole."""
        lasts = span(step.seconds)
        told = "open this address, in any browser:" if step.code else "open this address, on this machine:"
        self._tell(told)
        self._tell(f"  {step.url}")
        if step.code:
            self._tell("and type in there:")
            self._tell(f"  {step.code}")
        elif any(os.environ.get(name) for name in _REMOTE):
            port = _port(step.url)
            self._tell(f"from another machine, begin with: ssh -L {port}:127.0.0.1:{port} HOST")
        self._tell(f"waiting for {lasts}; Ctrl-C leaves nothing behind")
        if self.browser and has_browser():
            import webbrowser

            webbrowser.open(step.url)

    def left(self, seconds: float) -> None:
        """Say how long there is still."""
        self.progress.line(f"  waiting for the browser, {span(seconds)} left")

    def _tell(self, text: str) -> None:
        """Tell what the login cannot go on without, even where quiet was asked for."""
        if self.terminal.options.quiet:
            self.terminal.warn(text)
        else:
            self.terminal.say(text)


def has_browser() -> bool:
    """Say whether this machine has a desktop to open a browser on; one inside the terminal is none."""
    if any(os.environ.get(name) for name in _REMOTE):
        return False
    return sys.platform in ("win32", "darwin") or any(os.environ.get(name) for name in _DESKTOP)


def _port(url: str) -> str:
    from urllib.parse import parse_qs, urlsplit

    back = parse_qs(urlsplit(url).query).get("redirect_uri", [""])[0]
    return str(urlsplit(back).port or "")
