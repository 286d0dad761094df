"""A pager for what is longer than the screen, as git does it: never for JSON, pipes or short output."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import subprocess

    from llmpool.cli.context import Terminal

_USUAL = "less"
_LESS = "FRX"  # leave at once where it fits after all, show colours, leave the screen as it is
_NO_START = (126, 127)  # what a shell says of a program that it cannot run


class Paged:
    """Keeps what is written in its `with`, and shows it at the end: by a pager, if it needs one."""

    def __init__(self, terminal: Terminal) -> None:
        self.terminal = terminal
        self.pager = _pager() if _may_page(terminal) else ""

    def __enter__(self) -> Self:
        """Begin to keep, where a pager may be wanted."""
        if self.pager and self.terminal.held is None:
            self.terminal.held = []
        else:
            self.pager = ""  # somebody further out keeps already
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        """Show what was kept."""
        if not self.pager:
            return
        text, self.terminal.held = "".join(self.terminal.held or ()), None
        if kind is not None or not _is_long(text) or not _shown(self.pager, text):
            sys.stdout.write(text)


def _may_page(terminal: Terminal) -> bool:
    """Say whether a person looks at it, who has not said otherwise, on a screen that can be moved about."""
    return terminal.for_people and not terminal.options.no_pager and os.environ.get("TERM") != "dumb"


def _pager() -> str:
    """Name the pager; a variable that is set to nothing, or to `cat`, says that there is none."""
    for name in ("LLMPOOL_PAGER", "PAGER"):
        if (wanted := os.environ.get(name)) is not None:
            return "" if wanted.strip() in ("", "cat") else wanted
    return _USUAL if shutil.which(_USUAL) else ""


def _is_long(text: str) -> bool:
    """Say whether a text has more lines than the screen, with one left for the prompt."""
    from llmpool.cli.styles import unpainted
    from llmpool.core.cells import width

    size = shutil.get_terminal_size()
    lines = 0
    for line in text.splitlines():
        lines += max(1, -(-width(unpainted(line)) // max(1, size.columns)))
        if lines >= size.lines:
            return True
    return False


def _shown(pager: str, text: str) -> bool:
    """Show a text by the pager; False when it cannot be started. Whoever leaves it early has seen enough."""
    import signal
    import subprocess

    from llmpool.auth.program import for_others

    environment = {"LESS": _LESS, "LV": "-c"} | for_others(os.environ)
    sys.stdout.flush()
    try:
        child = subprocess.Popen(pager, shell=True, stdin=subprocess.PIPE, env=environment)  # noqa: S602 - theirs
    except OSError:
        return False
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # the pager's to answer: it ends a search
    try:
        _fed(child, _fitting(pager, environment["LESS"], text))
        return child.wait() not in _NO_START
    finally:
        signal.signal(signal.SIGINT, before)


def _fed(child: subprocess.Popen[bytes], text: str) -> None:
    import contextlib

    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    errors = getattr(sys.stdout, "errors", None) or "replace"
    with contextlib.suppress(BrokenPipeError), child.stdin or contextlib.nullcontext() as pipe:
        if pipe is not None:
            pipe.write(text.encode(encoding, errors))


def _fitting(pager: str, less: str, text: str) -> str:
    """Take the colours away for a `less` that was told not to show them."""
    from llmpool.cli.styles import unpainted

    words = pager.split()
    options = less + "".join(words[1:])
    plain = os.path.basename(words[0]) == _USUAL and "r" not in options.lower()  # noqa: PTH119
    return unpainted(text) if plain else text
