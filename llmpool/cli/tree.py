"""The command tree as Typer has it, loaded lazily: help, completion, errors, and lines that are not plain."""

import re
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from inspect import Parameter as Written
from inspect import Signature
from shlex import join
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand, TyperGroup

from llmpool.cli import complete, grammar
from llmpool.cli.app import COMMANDS, EPILOG
from llmpool.errors import Misuse

LATE = " stands behind an option, and the verb comes first: "


class LazyGroup(TyperGroup):
    """The root group: stubs for help and suggestions, real commands only when one is run."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        for name, (_, text) in COMMANDS.items():
            self.commands[name] = TyperCommand(name, help=text, short_help=text, callback=lambda: None)

    def load(self, name: str) -> Any:
        """Load a command's module and return the real command."""
        module = import_module(f"llmpool.cli.{COMMANDS[name][0]}")
        command = typer.main.get_command(app_of(module.app))
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
            if not ctx.resilient_parsing:
                self._refuse_late_verb(ctx, args)
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)

    def _refuse_late_verb(self, ctx: Any, args: list[str]) -> None:
        """Stop at a verb behind options: the first verb would take it for a name."""
        typed = _typed_for(next(iter(self.commands.values())), ctx, args)
        verbs = [word for word in typed if word in self.commands][:1]
        for verb in verbs[:1]:
            inner = getattr(self.commands[verb], "commands", ())
            verbs += [word for word in typed if word in inner][:1]
            rest = args[::-1]
            for each in verbs:
                rest.remove(each)  # the last: one before it may be an option's value
            ctx.fail(f"{verb}{LATE}{ctx.command_path} {join([*verbs, *rest[::-1]])}")


def _typed_for(command: Any, ctx: Any, args: list[str]) -> list[str]:
    """Return the words of a line that are no options and no values of any, as *command* reads it."""
    apart = type(ctx)(command, parent=ctx, resilient_parsing=True)  # what is wrong is told later
    typed: list[str]
    values, typed, _ = command.make_parser(apart).parse_args(list(args))
    for p in command.params:
        if p.param_type_name == "argument" and (value := values.get(p.name)):
            typed = [*([value] if isinstance(value, str) else value), *typed]
    return typed


def summary(command: Any) -> str:
    """Return the one line a command is listed with: its short help, else its first sentence, never cut."""
    paragraph = " ".join((command.help or "").strip().partition("\n\n")[0].split())
    return str(command.short_help or "") or re.split(r"(?<=[.])\s", paragraph, maxsplit=1)[0]


SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def app_of(app: grammar.App) -> typer.Typer:
    """Return Typer's app of ours, made once."""
    if app.made is None:
        app.made = _made(app)
    made: typer.Typer = app.made
    return made


def _made(app: grammar.App) -> typer.Typer:
    group: dict[str, Any] = {"cls": VerbGroup, "help": app.text} if app.text else {}
    made = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=SETTINGS, **group)
    if app.front is not None:
        run, settings = app.front
        made.callback(**settings)(run)
    for command in map(grammar.found, app.commands):
        made.command(command.name if app.text else None, **command.settings)(_typed(command.run))
    for name, below in app.groups:
        made.add_typer(app_of(below), name=name)
    return made


def _typed(command: Any) -> Callable[..., Any]:
    """Return *command* with a signature that Typer understands."""

    @wraps(command)
    def typed(**values: Any) -> Any:
        _refuse_void(values["ctx"], known)
        return command(**values)

    known = grammar.parameters(command, get_type_hints(command, include_extras=True))
    typed.__signature__ = Signature([_written(p) for p in known])  # type: ignore[attr-defined]
    typed.__annotations__ = {}
    del typed.__wrapped__
    return typed


def _refuse_void(ctx: typer.Context, known: list[grammar.Parameter]) -> None:
    """Raise Misuse for an option that was given nothing, or no number: it must not lift a limit.

    Where no text at all means something, the option has no text for its default either.
    """
    for p in known:
        value, source = ctx.params.get(p.name), ctx.get_parameter_source(p.name)
        if type(p.declared) is not grammar.Option:
            continue
        name = (p.declared.names or (f"--{p.name.replace('_', '-')}",))[-1]
        empty = "" in value if isinstance(value, (list, tuple)) else value == "" == p.default
        if empty and source and source.name == "COMMANDLINE":
            raise Misuse(
                f"{name} is given, and has no value", hint="a variable that is empty? else leave it out"
            )
        if value != value:  # noqa: PLR0124 - so is nan alone, which is within any range
            raise Misuse(f"{name}: {value} is no number", hint=f"all about it: {ctx.command_path} -h")


def _written(p: grammar.Parameter) -> Written:
    kind: Any = p.kind
    if kind is grammar.Context:
        kind = typer.Context
    elif p.declared is not None:
        kind = Annotated[kind, _declared(p.declared)]
    default = Written.empty if p.default is ... else p.default
    return Written(p.name, Written.KEYWORD_ONLY, default=default, annotation=kind)


def _declared(declared: grammar.Option) -> Any:
    """Return what Typer declares a parameter by; what completes it is named as `complete` has it."""
    settings = dict(declared.settings)
    if isinstance(settings.get("autocompletion"), str):
        settings["autocompletion"] = getattr(complete, settings["autocompletion"])
    if isinstance(declared, grammar.Argument):
        return typer.Argument(**settings)
    return typer.Option(*declared.names, **settings)


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


def run(words: list[str], terminal: Any) -> Any:
    """Run a command line as Typer reads it, and return what the command does."""
    return typer.main.get_command(root).main(
        args=words, prog_name="llmpool", standalone_mode=False, obj=terminal
    )
