"""How commands are declared: plain values, which `reading` reads at once and `tree` makes Typer's tree of.

Typer is loaded for help, errors, completion and every line that is not plain; it takes longer than most runs.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


class Option:
    """An option as it is declared in an annotation: its names, and Typer's settings for it."""

    __slots__ = ("names", "settings")

    def __init__(self, *names: str, **settings: Any) -> None:
        self.names = names
        self.settings = settings


class Argument(Option):
    """An argument as it is declared in an annotation; it has no names."""

    __slots__ = ()


class Context:
    """What a command is given of its line: the terminal, and the values that were typed.

    It is Typer's own context where that has read the line.
    """

    def __init__(self, obj: Any, params: dict[str, Any]) -> None:
        self.obj = obj
        self.params = params
        self.args: list[str] = []  # words beyond the arguments, where a command takes them


class Parameter(NamedTuple):
    """One parameter of a command; *declared* is its Option or Argument, None of the context."""

    name: str
    kind: Any
    default: Any
    declared: Any


class Command(NamedTuple):
    """A command of an app: what is run, or the module that declares it, and Typer's settings for it."""

    name: str
    run: Callable[..., Any] | str
    settings: dict[str, Any]


class App:
    """The command or the verbs of a module; with *text* it is a group, whose first verb runs unnamed."""

    def __init__(self, text: str = "") -> None:
        self.text = text
        self.commands: list[Command] = []
        self.groups: list[tuple[str, App]] = []
        self.front: tuple[Callable[..., Any], dict[str, Any]] | None = None
        self.made: Any = None  # Typer's app of it; see `tree`

    def command(self, name: str = "", **settings: Any) -> Callable[[CommandT], CommandT]:
        """Return the decorator that adds a command, by default under the function's name."""

        def added(run: CommandT) -> CommandT:
            self.commands.append(Command(name or run.__name__, run, settings))
            return run

        return added

    def elsewhere(self, module: str, *names: str) -> None:
        """Add commands that the app of another module declares; it is loaded when one of them is needed."""
        self.commands += [Command(name, module, {}) for name in names]

    def callback(self, **settings: Any) -> Callable[[CommandT], CommandT]:
        """Return the decorator of what stands in front of every verb, for its help."""

        def added(run: CommandT) -> CommandT:
            self.front = (run, settings)
            return run

        return added

    def add_group(self, app: "App", *, name: str) -> None:
        """Add a group of verbs below this one."""
        self.groups.append((name, app))


def verbs(text: str) -> App:
    """Make the app of a group of verbs."""
    return App(text)


def single() -> App:
    """Make the app of a command without verbs."""
    return App()


def found(command: Command) -> Command:
    """Return a command as its own module declares it."""
    if not isinstance(command.run, str):
        return command
    app: App = import_module(f"llmpool.cli.{command.run}").app
    return next(each for each in app.commands if each.name == command.name)


def examples(*lines: str) -> str:
    """Write the epilog of a command: its examples, one a line, which the help does not rewrap."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def parameters(command: Callable[..., Any], hints: Mapping[str, Any] | None = None) -> list[Parameter]:
    """Return the parameters of a command, in order; without `inspect`, which takes longer than a run.

    *hints* are its annotations where they are not what stands in the function.
    """
    given: list[Parameter] | None = getattr(command, "parameters", None)
    if given is not None:
        return given
    code = command.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    defaults = dict(command.__kwdefaults__ or {})
    values = command.__defaults__ or ()
    defaults |= dict(zip(names[code.co_argcount - len(values) : code.co_argcount], values, strict=True))
    hints = command.__annotations__ if hints is None else hints
    return [_parameter(name, hints.get(name), defaults.get(name, ...)) for name in names]


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    declared = getattr(hint, "__metadata__", (None,))[0]
    return Parameter(name, hint.__origin__ if declared is not None else hint, default, declared)
