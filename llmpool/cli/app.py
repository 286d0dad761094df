"""The commands by name, each loaded when it is run, and the one ladder from exceptions to exit codes."""

import errno
import os
import signal
import sys
from typing import Any, NoReturn

from llmpool.cli.context import Globals, Terminal, offline_by, take_globals
from llmpool.errors import Exit, LlmpoolError, StateUnusable

# name: (module, one line of help). Root help and completion of commands load none of the modules.
COMMANDS = {
    "init": ("init", "Find keys and local servers, write a config, spend no tokens."),
    "chat": ("chat", "Ask; the best deployment answers, or the next one that can."),
    "route": ("route", "Show which deployment would answer, and why."),
    "models": ("models", "List, show, pull and load models."),
    "providers": ("providers", "List, add and examine providers."),
    "usage": ("usage", "Show what was used: tokens, costs, decisions."),
    "policy": ("policy", "Show what you decided about providers and models."),
    "refresh": ("refresh", "Ask providers what they have, and save it; spends no tokens."),
    "doctor": ("doctor", "Say what is wrong, each finding with the command that mends it."),
    "config": ("config", "Show, check and change the config."),
    "completion": ("completion", "Print the completion script of a shell."),
}

EPILOG = (
    "Exit codes: 0 ok, 2 usage, 3 unknown name, 4 config, 5 key, 6 nothing eligible, 7 failed, 8 refused, "
    "9 partly done, 10 state, 75 try later.\n\nMore: man llmpool"
)


_WIDE, _BETWEEN = 76, "    "  # a hint of two parts is two lines when it is longer


def run(argv: list[str]) -> int:
    """Run one command line and return its exit code; nothing else in the project maps errors to codes."""
    _prepare_streams()
    terminal, as_json, rest = Terminal(Globals(), argv), not {"--json", "--jsonl"}.isdisjoint(argv), argv
    try:
        signal.signal(signal.SIGTERM, _terminated)
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) == signal.SIG_DFL:  # not under nohup
            signal.signal(signal.SIGHUP, _terminated)  # a window is closed: what was spent is recorded
        signal.signal(signal.SIGINT, terminal.interrupted)
        options, rest = take_globals(argv)
        terminal = Terminal(options, argv)
        signal.signal(signal.SIGINT, terminal.interrupted)
        code = _command(_as_meant(rest), terminal)
        sys.stdout.flush()
        terminal.end(well=not code)
    except LlmpoolError as error:
        return _fail(error, terminal, as_json)
    except KeyboardInterrupt:
        return _interrupted(terminal)
    except SystemExit:  # a signal's, or a pipe's that nobody reads: what was noticed is said all the same
        terminal.end()
        raise
    except Exception as error:  # the last rung: a bug is told in one line, with its trace on request
        kind = _of_typer(error)
        if kind == "TyperException":
            return _usage_error(error, terminal, rest, as_json)
        if kind == "Abort" or isinstance(error, EOFError):
            return _interrupted(terminal)
        if terminal.options.traceback:
            raise
        return _bug(error, terminal, as_json)
    return int(code or 0)


def _of_typer(error: Exception) -> str:
    """Name the kind of an exception of Typer's, which is none where Typer was not needed."""
    names = (each.__name__ for each in type(error).__mro__ if each.__module__ == "typer.exceptions")
    return next(names, "")


def _as_meant(words: list[str]) -> list[str]:
    """Read `help`, `help COMMAND` and `version`, which other programs have, as what they are here."""
    if words[:1] == ["help"]:
        return [*words[1:], "--help"]
    return ["--version"] if words == ["version"] else words


def _command(args: list[str], terminal: Terminal) -> Any:
    if "_LLMPOOL_COMPLETE" in os.environ:
        import typer

        from llmpool.cli import offers, tree

        return offers.answer(typer.main.get_command(tree.root))
    if not args:
        from llmpool.cli import alone

        return alone.greet(terminal)
    if args in (["--version"], ["-V"]):  # and a global option, or it was answered before all this was loaded
        from llmpool import __version__

        return sys.stdout.write(f"llmpool {__version__}\n") and Exit.OK
    from llmpool.state import jsonfile

    jsonfile.on_warning(terminal.warn)
    code = _run(args, terminal)
    if code == Exit.INTERRUPTED:  # typer has made a code of Ctrl-C
        raise KeyboardInterrupt
    return code


def _run(args: list[str], terminal: Terminal) -> Any:
    """Run a plain line at once; whatever else it is, Typer reads it."""
    from llmpool.cli import reading

    known = COMMANDS.get(args[0]) if offline_by(os.environ) is not None else None
    plain = reading.load(known[0], args[1:]) if known else None
    if plain is not None:
        return plain.do(terminal)
    from llmpool.cli import tree

    return tree.run(args, terminal)


def _interrupted(terminal: Terminal) -> int:
    """End after Ctrl-C: the prompt begins below what the terminal has echoed."""
    if terminal.line_is_open:
        terminal.end_line()
    terminal.end()
    return Exit.INTERRUPTED


def _fail(error: LlmpoolError, terminal: Terminal, as_json: bool) -> int:
    """Tell an error: one JSON line, or message, facts and the way out."""
    if terminal.options.traceback:
        import traceback

        sys.stderr.write(terminal.unkeyed(traceback.format_exc()))
    terminal.end()
    if as_json:
        _error_json(error.as_json(), terminal)
        return error.exit_code
    terminal.error(error.message, error.lines, error.hint)
    return error.exit_code


def _usage_error(error: Any, terminal: Terminal, words: list[str], as_json: bool) -> int:
    """Tell a mistyped command line; a bare group shows its help instead."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")
        return Exit.USAGE
    import typer

    from llmpool.cli import tree
    from llmpool.cli.mistyped import slip
    from llmpool.config.problems import without_secrets

    told_of = slip(error, typer.main.get_command(tree.root), words)
    message, hint = (
        without_secrets(text)[0] for text in told_of
    )  # they repeat what was typed, a key for one
    if as_json:
        told = {"exit": 2, "kind": "usage", "message": message, "hint": hint}
        _error_json({"schema": 1, "error": told}, terminal)
    else:
        terminal.error(message, hint=hint if len(hint) < _WIDE else hint.replace(_BETWEEN, "\n  "))
    return Exit.USAGE


def _bug(error: Exception, terminal: Terminal, as_json: bool) -> int:
    """Tell a bug without its trace: messages of unknown errors may hold what nobody should see."""
    message = f"llmpool has a bug: {type(error).__name__}"
    return _fail(LlmpoolError(message, hint="run it again with --traceback and report it"), terminal, as_json)


def _error_json(document: dict[str, Any], terminal: Terminal) -> None:
    import json

    sys.stderr.write(terminal.unkeyed(json.dumps(document)) + "\n")


def _terminated(_signal: int, _frame: Any) -> NoReturn:
    raise SystemExit(int(Exit.TERMINATED))


class _PipeGuard:
    """stdout that ends the run with 141 when nobody reads it any more, and with 10 when it takes nothing.

    *wrong* is why it takes nothing, from then on: some callers look away when a first, empty write fails.
    """

    def __init__(self, stream: Any, wrong: BaseException | None = None) -> None:
        self._stream = stream
        self.wrong = wrong

    def write(self, text: str) -> int:
        """Write as the stream does."""
        if self.wrong is not None and text:
            raise self.wrong
        try:
            return int(self._stream.write(text))
        except OSError as error:
            self._fail(error)

    def flush(self) -> None:
        """Flush as the stream does."""
        try:
            self._stream.flush()
        except OSError as error:
            self._fail(error)

    def _fail(self, error: OSError) -> NoReturn:
        # what is still buffered must not be tried again when the interpreter ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())
        self.wrong = SystemExit(int(Exit.PIPE_CLOSED))
        if error.errno not in (errno.EPIPE, errno.EINVAL):
            self.wrong = StateUnusable(f"the output cannot be written: {error.strerror}")
        raise self.wrong from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _prepare_streams() -> None:
    """Guard stdout, and let no character a terminal cannot show end a run."""
    if "_LLMPOOL_COMPLETE" in os.environ:  # whatever goes wrong, nothing is printed into a prompt
        sys.stderr = None  # the loop below gives it nowhere to go
    closed = StateUnusable(
        "the output cannot be written: stdout is closed", hint="let it go somewhere: > FILE"
    )
    wrong = closed if sys.stdout is None else None
    if sys.stdin is None:  # it is read as one that is empty, and no other file gets its number
        sys.stdin = open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace", newline="\n")  # on Windows too: `-x` writes what came
    sys.stdout = _PipeGuard(sys.stdout, wrong)
