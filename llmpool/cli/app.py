"""The command tree, loaded lazily, and the one ladder from exceptions to exit codes."""

import errno
import os
import re
import signal
import sys
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup
from typer.exceptions import TyperException

from llmpool.cli.context import Globals, Terminal, take_globals
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


class LazyGroup(TyperGroup):
    """The root group: stubs for help and suggestions, real commands only when one is run."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for name, (_, text) in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=text, short_help=text, callback=lambda: None)

    def load(self, name: str) -> Any:
        """Load a command's module and return the real command."""
        module = import_module(f"llmpool.cli.{COMMANDS[name][0]}")
        command = typer.main.get_command(module.app)
        command.name = name
        self.commands[name] = command
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Resolve as ever, suggestions included, then swap the stub for the real command."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, self.load(name) if name in COMMANDS else command, rest


class VerbGroup(TyperGroup):
    """A group whose first verb runs when none is named: `models` is `models list`."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for command in self.commands.values():
            command.short_help = summary(command)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first verb in front of options that come without one."""
        bare = not args and not ctx.resilient_parsing  # a shell that completes `models` asks for its verbs
        if bare or (args and args[0].startswith("-") and args[0] not in ("-h", "--help")):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


def summary(command: Any) -> str:
    """Return the one line a command is listed with: its short help, else its first sentence, never cut."""
    paragraph = " ".join((command.help or "").strip().partition("\n\n")[0].split())
    return str(command.short_help or "") or re.split(r"(?<=[.])\s", paragraph, maxsplit=1)[0]


def examples(*lines: str) -> str:
    """Write the epilog of a command: its examples, one a line, which the help does not rewrap."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def verbs(text: str) -> typer.Typer:
    """Make the app of a group of verbs."""
    return typer.Typer(
        cls=VerbGroup, help=text, add_completion=False, rich_markup_mode=None, context_settings=SETTINGS
    )


def single() -> typer.Typer:
    """Make the app of a command without verbs."""
    return typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=SETTINGS)


root = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings=SETTINGS,
    epilog=EPILOG,
)


@root.callback()
def llmpool(
    config: str = typer.Option(
        "", metavar="FILE", help="Config file, instead of the default.", envvar="LLMPOOL_CONFIG"
    ),
    state: str = typer.Option("", metavar="DIR", help="State directory.", envvar="LLMPOOL_STATE_DIR"),
    color: str = typer.Option("auto", metavar="WHEN", help="Colour: auto, always or never."),
    quiet: bool = typer.Option(False, "-q", "--quiet", help="Only answers, warnings and errors."),
    traceback: bool = typer.Option(False, "--traceback", help="Show where an error was raised."),
    offline: bool = typer.Option(
        False, "--offline", help="Refuse every use of the network.", envvar="LLMPOOL_OFFLINE"
    ),
    plain: bool = typer.Option(
        False, "--plain", help="On a terminal, too: tabs, no headings, no colour, exact times."
    ),
    jsonl: bool = typer.Option(False, "--jsonl", help="JSON, an entry of the list on each line."),
    utc: bool = typer.Option(False, "--utc", help="Exact times in UTC, not how long ago."),
    no_pager: bool = typer.Option(False, "--no-pager", help="Show long lists without a pager."),
    version: bool = typer.Option(False, "-V", "--version", help="Show the version."),
) -> None:
    """One pool out of your scattered LLM endpoints. These options are accepted anywhere on the line."""
    _ = config, state, color, quiet, traceback, offline, plain, jsonl, utc, no_pager, version


def run(argv: list[str]) -> int:
    """Run one command line and return its exit code; nothing else in the project maps errors to codes."""
    _prepare_streams()
    terminal, as_json, rest = Terminal(Globals(), argv), not {"--json", "--jsonl"}.isdisjoint(argv), argv
    try:
        signal.signal(signal.SIGTERM, _terminated)
        signal.signal(signal.SIGINT, terminal.interrupted)
        options, rest = take_globals(argv)
        terminal = Terminal(options, argv)
        signal.signal(signal.SIGINT, terminal.interrupted)
        code = _command(_as_meant(rest), terminal)
        terminal.flush_warnings()
        sys.stdout.flush()
    except LlmpoolError as error:
        return _fail(error, terminal, as_json)
    except TyperException as error:
        return _usage_error(error, terminal, rest, as_json)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted(terminal)
    except SystemExit:  # a signal's, or a pipe's that nobody reads: what was noticed is said all the same
        terminal.flush_warnings()
        raise
    except Exception as error:  # the last rung: a bug is told in one line, with its trace on request
        if terminal.options.traceback:
            raise
        return _bug(error, terminal, as_json)
    return int(code or 0)


def _as_meant(words: list[str]) -> list[str]:
    """Read `help`, `help COMMAND` and `version`, which other programs have, as what they are here."""
    if words[:1] == ["help"]:
        return [*words[1:], "--help"]
    return ["--version"] if words == ["version"] else words


def _command(args: list[str], terminal: Terminal) -> Any:
    command = typer.main.get_command(root)
    if not args and "_LLMPOOL_COMPLETE" not in os.environ:
        from llmpool.cli import alone

        return alone.greet(terminal)
    if args in (["--version"], ["-V"]):  # and a global option, or it was answered before all this was loaded
        from llmpool import __version__

        return sys.stdout.write(f"llmpool {__version__}\n") and Exit.OK
    if "_LLMPOOL_COMPLETE" in os.environ:
        from llmpool.cli import offers

        return offers.answer(command)
    from llmpool.state import jsonfile

    jsonfile.on_warning(terminal.warn)
    code = command.main(args=args, prog_name="llmpool", standalone_mode=False, obj=terminal)
    if code == Exit.INTERRUPTED:  # typer has made a code of Ctrl-C
        raise KeyboardInterrupt
    return code


def _interrupted(terminal: Terminal) -> int:
    """End after Ctrl-C: the prompt begins below what the terminal has echoed."""
    if terminal.line_is_open:
        terminal.end_line()
    terminal.flush_warnings()
    return Exit.INTERRUPTED


def _fail(error: LlmpoolError, terminal: Terminal, as_json: bool) -> int:
    """Tell an error: one JSON line, or message, facts and the way out."""
    if terminal.options.traceback:
        import traceback

        sys.stderr.write(terminal.unkeyed(traceback.format_exc()))
    terminal.flush_warnings()
    if as_json:
        _error_json(error.as_json(), terminal)
        return error.exit_code
    terminal.error(error.message, error.lines, error.hint)
    return error.exit_code


def _usage_error(error: TyperException, terminal: Terminal, words: list[str], as_json: bool) -> int:
    """Tell a mistyped command line; a bare group shows its help instead."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{error.format_message()}\n")
        return Exit.USAGE
    from llmpool.cli.mistyped import slip
    from llmpool.config.problems import without_secrets

    told_of = slip(error, typer.main.get_command(root), words)
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
    """stdout that ends the run with 141 when nobody reads it any more."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write as the stream does."""
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
        if error.errno not in (errno.EPIPE, errno.EINVAL):
            raise StateUnusable(f"the output cannot be written: {error.strerror}") from None
        raise SystemExit(int(Exit.PIPE_CLOSED)) from None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _prepare_streams() -> None:
    """Guard stdout, and let no character a terminal cannot show end a run."""
    if "_LLMPOOL_COMPLETE" in os.environ:  # whatever goes wrong, nothing is printed into a prompt
        sys.stderr = None  # the loop below gives it nowhere to go
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    sys.stdout = _PipeGuard(sys.stdout)
