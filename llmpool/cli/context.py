"""The outside world as one value: streams, terminal or not, colour, quiet, and the pool that is opened."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

from llmpool.core.text import clean, shown
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from llmpool.pool import Pool

_NO = ("", "0", "false", "f", "no", "n", "off")  # what typer takes for a flag's no, and nothing
_YES = ("1", "true", "t", "yes", "y", "on")
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
    plain: bool = False
    jsonl: bool = False
    utc: bool = False
    no_pager: bool = False


class Terminal:
    """What a command talks to: answers go to `out`, all else to `say` and friends."""

    def __init__(self, options: Globals, typed: Sequence[str] = ()) -> None:
        self.options = options
        self._typed = typed
        self.err: TextIO = sys.stderr
        self.is_terminal = _is_terminal(sys.stdout)
        self.err_is_terminal = _is_terminal(sys.stderr)
        self.in_is_terminal = _is_terminal(sys.stdin)
        self.for_people = self.is_terminal and not options.plain  # tables with headings, relative times
        self.line_is_open = False  # since Ctrl-C, which a terminal echoes, nothing has begun a new one
        self.held: list[str] | None = None  # what is written while a pager may come to show it
        for stream in (sys.stdout, self.err):
            _stand_in(stream)
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The pool of this run; opened once."""
        if self._pool is None:
            from llmpool.config.paths import find_paths, refuse_shared
            from llmpool.pool import open_pool

            paths = find_paths(os.environ, self.options.config or None, self.options.state or None)
            refuse_shared(paths.state)
            self._pool = open_pool(paths, offline=self.options.offline)
            self._pool.tell = self.wait
        return self._pool

    @property
    def use_color(self) -> bool:
        """Whether stdout takes colour: option, NO_COLOR, FORCE_COLOR and CLICOLOR*, then the terminal."""
        return _color(self.options.color, self.for_people)

    @property
    def width(self) -> int:
        """How many columns the terminal has."""
        import shutil

        return shutil.get_terminal_size().columns

    def paint(self, text: str, style: str) -> str:
        """Return *text* in a style of `styles`, where stdout takes colour."""
        if not self.use_color:
            return text
        from llmpool.cli.styles import paint

        return paint(text, style)

    def writable(self, text: str, stream: TextIO | None = None) -> str:
        """Return *text* as stdout, or *stream*, writes it: as it is, but where that knows no UTF-8."""
        encoding = _encoding(stream or sys.stdout)
        if text.isascii() or not encoding:
            return text
        from llmpool.cli import standins

        return standins.written(text, encoding)

    def write(self, text: str) -> None:
        """Write to stdout what is fit for it, or keep it for the pager."""
        if self.held is None:
            sys.stdout.write(text)
        else:
            self.held.append(text)

    def need_output(self) -> None:
        """Raise where stdout takes nothing, before anything is paid for that would be lost."""
        wrong = getattr(sys.stdout, "wrong", None)
        if wrong is not None:
            raise wrong

    def out(self, text: str, *, prose: bool = False, hang: int | None = None) -> None:
        """Write to stdout, as a line; *prose* is what a model wrote, with the joiners its script needs.

        With *hang* a terminal has it broken between words, and indented so where it goes on.
        """
        told = clean(text) if prose else shown(text)
        if hang is not None and self.for_people:
            from llmpool.cli.layout import hung

            told = hung(self.writable(told), self.width, hang)
        self.write(told + "\n")

    def paged(self) -> AbstractContextManager[object]:
        """Let what is written in a `with` be shown by a pager, if it is longer than the screen."""
        if not self.for_people:
            from contextlib import nullcontext

            return nullcontext()
        from llmpool.cli.paging import Paged

        return Paged(self)

    def json(self, document: dict[str, Any], *, entries: str = "") -> None:
        """Write one JSON document to stdout, indented only for a person; with `--jsonl` its list, by lines.

        The list is the one called *entries*, else the only one that the document has.
        """
        if self.options.jsonl:
            self.write("".join(f"{line}\n" for line in _by_lines({"schema": 1} | document, entries)))
        else:
            self.write(json.dumps({"schema": 1} | document, indent=2 if self.for_people else None) + "\n")

    def json_list(self, name: str, entries: str) -> None:
        """Write one JSON document whose list *name* holds *entries*, which are JSON text already."""
        if self.options.jsonl:
            self.json({name: json.loads(f"[{entries}]")})
        else:
            self.write(f'{{"schema": 1, "{name}": [{entries}]}}\n')

    def when(self, at: str, *, never: str = "never") -> str:
        """Write an RFC 3339 UTC time: how long ago for a person; as it is for a script, and with `--utc`."""
        if not at or not self.for_people or self.options.utc:
            return at or never
        from llmpool.cli.output import ago

        return f"{ago(at, self.pool.clock())} ago"

    def until(self, at: str) -> str:
        """Write an RFC 3339 UTC time to come, as `when` does one that is past."""
        if not at or not self.for_people or self.options.utc:
            return at
        from llmpool.core.times import span
        from llmpool.registry.staleness import epoch

        return f"in {span(epoch(at) - self.pool.clock())}"

    def say(self, text: str, *, dim: bool = False) -> None:
        """Tell a person something on stderr, unless quiet was asked for; *dim* is what may be overlooked."""
        if not self.options.quiet:
            self._line(text, style="dim" if dim else "")

    def wait(self, text: str) -> None:
        """Tell a person at a terminal what takes so long."""
        if self.err_is_terminal:
            self.say(text, dim=True)

    def warn(self, text: str) -> None:
        """Warn on stderr; quiet does not silence what may cost data."""
        self._line(text, word="warning", style="warn")

    def error(self, message: str, lines: tuple[str, ...] = (), hint: str = "") -> None:
        """Tell an error on stderr: message, facts, the way out."""
        told = "\n  ".join([message, *lines, *([hint] if hint else [])])
        self._line(self.unkeyed(told), word="error", style="bad")

    def unkeyed(self, text: str) -> str:
        """Return *text* without the keys on the command line: a slip, which no log has to keep."""
        words = [word for word in self._typed if len(word) > _SHORTEST_KEY]
        if not words:
            return text
        from llmpool.config.problems import keys_in

        for key in keys_in(words):
            text = text.replace(key, "<hidden>")
        return text

    def interrupted(self, _number: int, _frame: object) -> None:
        """Take Ctrl-C: what handles the signal while a command runs."""
        self.line_is_open = True
        raise KeyboardInterrupt

    def end_line(self) -> None:
        """End a line that was interrupted, so that the shell's prompt starts on its own."""
        if self.err_is_terminal:
            self._line("")

    def _line(self, text: str, *, word: str = "", style: str = "") -> None:
        """Write a line to stderr, a *word* in front of it; the style is that of the word, or of all of it."""
        front = f"{word}: " if word else ""
        told = self._broken(front + shown(text))[len(front) :]
        if style and _color(self.options.color, self.err_is_terminal):
            from llmpool.cli.styles import paint

            told = told if word else paint(told, style)
            front = front and paint(front, style)
        try:
            self.err.write(f"{front}{told}\n")
            self.err.flush()
            self.line_is_open = False
        except (OSError, ValueError):
            return  # nobody listens on stderr; there is nowhere left to say so

    def _broken(self, text: str) -> str:
        """Break lines between words, where a terminal is narrower than they are."""
        width = _columns(self.err) if self.err_is_terminal and not self.options.plain else 0
        if not width or max(map(len, text.split("\n"))) * (1 if text.isascii() else 2) <= width:
            return text
        from llmpool.cli.notes import broken

        return broken(text, width)

    def end(self, *, well: bool = False) -> None:
        """Write what is still to be written, and say what the pool noticed on the way.

        Where it went *well* so far, raises what could not be written: whoever ends with 0 has lost nothing.
        """
        owed = self._pool.owed if self._pool is not None else None
        left = owed.settled() if owed else None
        if self._pool is not None and left is not None:
            self._pool.owed = None  # it is told here
            told = [text for text in self._pool.warnings if not text.endswith(left.reasons)]
            self._pool.warnings[:] = told if well else [*told, left.message, *left.lines]
        self.flush_warnings()
        if left is not None and well:
            raise left

    def flush_warnings(self) -> None:
        """Say what the pool noticed on the way."""
        if self._pool is not None:
            for text in self._pool.warnings:
                self.warn(text)
            self._pool.warnings.clear()


def _encoding(stream: TextIO | None) -> str:
    """Name the encoding of a stream that cannot write everything; nothing for UTF-8."""
    encoding = getattr(stream, "encoding", None) or ""
    return "" if encoding.lower() in ("utf-8", "utf8") else encoding


def _stand_in(stream: TextIO | None) -> None:
    """Let a stream that cannot write everything write something legible instead."""
    if stream is not None and _encoding(stream) and hasattr(stream, "reconfigure"):
        from llmpool.cli import standins

        stream.reconfigure(errors=standins.install())


def _columns(stream: TextIO) -> int:
    """Return how many columns the terminal behind a stream has; 0 where that is not known."""
    told = os.environ.get("COLUMNS", "")
    try:
        return int(told) if told.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0


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
    if env.get("FORCE_COLOR", "0") not in _NO or env.get("CLICOLOR_FORCE", "0") not in _NO:
        return True
    return is_terminal and env.get("CLICOLOR", "1") != "0" and env.get("TERM") != "dumb"


_VALUES = ("config", "state", "color")
_FLAGS = {"-q": "quiet"} | {
    f"--{name.replace('_', '-')}": name
    for name in ("quiet", "traceback", "offline", "plain", "jsonl", "utc", "no_pager")
}


def offline_by(env: Mapping[str, str]) -> bool | None:
    """Return what a variable says of `--offline`; None where it says neither yes nor no."""
    word = env.get("LLMPOOL_OFFLINE", "").strip().lower()
    return True if word in _YES else False if word in _NO else None


def take_globals(argv: list[str], env: Mapping[str, str] = os.environ) -> tuple[Globals, list[str]]:
    """Take the global options out of *argv*, wherever they stand before a `--`."""
    found: dict[str, Any] = {"offline": offline_by(env) is not False}
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif word in _FLAGS:
            found[_FLAGS[word]] = True
            rest += ["--json"] if word == "--jsonl" and _has_command(rest) else []
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
    if found.get("jsonl") and "--json" not in rest:  # it stood in front of the command
        end = rest.index("--") if "--" in rest else len(rest)
        rest[end:end] = ["--json"]
    return Globals(**found), rest


def _has_command(rest: list[str]) -> bool:
    return any(not word.startswith("-") for word in rest)


def _by_lines(document: dict[str, Any], entries: str) -> Iterator[str]:
    """Yield a line for each entry of the document's list; of one without such a list, all of it."""
    lists = [name for name, value in document.items() if isinstance(value, list)]
    name = entries or (lists[0] if len(lists) == 1 else "")
    yield from map(json.dumps, document[name] if name else [document])
