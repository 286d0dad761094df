"""The outside world as one value: streams, terminal or not, colour, quiet, and the pool that is opened."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from llmpool.core.text import clean
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from llmpool.pool import Pool

_PLAIN = "\x1b[0m"
_NO = ("", "0", "false", "f", "no", "n", "off")  # what typer takes for a flag's no, and nothing
COLOR = ("auto", "always", "never")
_SHORTEST_KEY = 16


class Globals(NamedTuple):
    """The options every command accepts, wherever they stand."""

    config: str = ""
    state: str = ""
    color: str = "auto"
    quiet: bool = False
    traceback: bool = False
    offline: bool = False


class Terminal:
    """What a command talks to: answers go to `out`, all else to `say` and friends."""

    def __init__(self, options: Globals, typed: Sequence[str] = ()) -> None:
        self.options = options
        self._typed = typed
        self.err: TextIO = sys.stderr
        self.is_terminal = _is_terminal(sys.stdout)
        self.err_is_terminal = _is_terminal(sys.stderr)
        self.in_is_terminal = _is_terminal(sys.stdin)
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The pool of this run; opened once."""
        if self._pool is None:
            from llmpool.config.paths import find_paths
            from llmpool.pool import open_pool

            paths = find_paths(os.environ, self.options.config or None, self.options.state or None)
            self._pool = open_pool(paths, offline=self.options.offline)
        return self._pool

    @property
    def use_color(self) -> bool:
        """Whether stdout takes colour: option, NO_COLOR, FORCE_COLOR and CLICOLOR*, then the terminal."""
        return _color(self.options.color, self.is_terminal)

    def out(self, text: str) -> None:
        """Write an answer to stdout, as a line."""
        sys.stdout.write(clean(text) + "\n")

    def json(self, document: dict[str, Any]) -> None:
        """Write one JSON document to stdout; indented only for a person."""
        text = json.dumps({"schema": 1} | document, indent=2 if self.is_terminal else None)
        sys.stdout.write(text + "\n")

    def json_list(self, name: str, entries: str) -> None:
        """Write one JSON document whose list *name* holds *entries*, which are JSON text already."""
        sys.stdout.write(f'{{"schema": 1, "{name}": [{entries}]}}\n')

    def say(self, text: str, *, dim: bool = False) -> None:
        """Tell a person something on stderr, unless quiet was asked for; *dim* is what may be overlooked."""
        if not self.options.quiet:
            self._line(text, "\x1b[2m" if dim and _color(self.options.color, self.err_is_terminal) else "")

    def warn(self, text: str) -> None:
        """Warn on stderr; quiet does not silence what may cost data."""
        self._line(f"warning: {text}")

    def error(self, message: str, lines: tuple[str, ...] = (), hint: str = "") -> None:
        """Tell an error on stderr: message, facts, the way out."""
        self._line(self.unkeyed("\n  ".join([f"error: {message}", *lines, *([hint] if hint else [])])))

    def unkeyed(self, text: str) -> str:
        """Return *text* without the keys on the command line: a slip, which no log has to keep."""
        words = [word for word in self._typed if len(word) > _SHORTEST_KEY]
        if not words:
            return text
        from llmpool.config.problems import keys_in

        for key in keys_in(words):
            text = text.replace(key, "<hidden>")
        return text

    def end_line(self) -> None:
        """End a line that was interrupted, so that the shell's prompt starts on its own."""
        if self.err_is_terminal:
            self._line("")

    def _line(self, text: str, style: str = "") -> None:
        try:
            self.err.write(f"{style}{clean(text)}{style and _PLAIN}\n")
            self.err.flush()
        except (OSError, ValueError):
            return  # nobody listens on stderr; there is nowhere left to say so

    def flush_warnings(self) -> None:
        """Say what the pool noticed on the way."""
        if self._pool is not None:
            for text in self._pool.warnings:
                self.warn(text)
            self._pool.warnings.clear()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False  # closed


def _color(option: str, is_terminal: bool) -> bool:
    env = os.environ
    if option != "auto":
        return option == "always"
    if env.get("NO_COLOR"):
        return False
    if env.get("FORCE_COLOR") or env.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return is_terminal and env.get("CLICOLOR", "1") != "0" and env.get("TERM") != "dumb"


_VALUES = ("config", "state", "color")
_FLAGS = {"--quiet": "quiet", "-q": "quiet", "--traceback": "traceback", "--offline": "offline"}


def take_globals(argv: list[str]) -> tuple[Globals, list[str]]:
    """Take the global options out of *argv*, wherever they stand before a `--`."""
    found: dict[str, Any] = {"offline": os.environ.get("LLMPOOL_OFFLINE", "").lower() not in _NO}
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif word in _FLAGS:
            found[_FLAGS[word]] = True
        elif name[:2] == "--" and name[2:] in _VALUES:
            given = value if equals else next(words, "")
            if name == "--state" and rest[:2] == ["policy", "set"]:
                rest += [name, given]  # the verb's own option: a directory stands in front of `policy`
                continue
            found[name[2:]] = given
            if not found[name[2:]]:
                raise Misuse(f"{name} needs a value", hint="see: llmpool --help")
        else:
            rest.append(word)
    if found.get("color", "auto") not in COLOR:
        raise Misuse(f"--color {found['color']!r} is not known", hint=f"one of: {', '.join(COLOR)}")
    return Globals(**found), rest
