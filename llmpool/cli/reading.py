"""Read a plain command line without Typer: known options by their whole names, each value behind its own.

What takes more than that to be sure of is Typer's: abbreviations, words behind `--`, values that look like
options, are empty or are no numbers, variables that set options, whatever is mistyped. `None` says so.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

from llmpool.cli.grammar import App, Argument, Command, Context, Parameter, found, parameters

_LONGEST = 15  # characters of a number that is read here
_TEXT, _WHOLE, _NUMBER, _FLAG, _LIST = range(5)
_KINDS: dict[Any, int] = {str: _TEXT, int: _WHOLE, float: _NUMBER, bool: _FLAG, list[str]: _LIST}
_KINDS |= {str | None: _TEXT, int | None: _WHOLE, float | None: _NUMBER}
_KINDS |= {bool | None: _FLAG, list[str] | None: _LIST}
_SETTINGS = frozenset(("metavar", "help", "autocompletion", "envvar", "min", "max", "show_default", "hidden"))


class _NotPlain(Exception):
    """A line, or a command's declaration, is for Typer."""


class _Name(NamedTuple):
    """What an option's name on the line stands for; *value* is what a flag of this name sets."""

    parameter: Parameter
    kind: int
    value: bool | None


class Reading(NamedTuple):
    """What a line says to do: a command of ours, and the values for it."""

    run: Callable[..., Any]
    values: dict[str, Any]

    def do(self, obj: Any) -> Any:
        """Run the command and return what it does."""
        return self.run(Context(obj, self.values), **self.values)


def read(app: Any, words: Sequence[str], env: Mapping[str, str] = os.environ) -> Reading | None:
    """Read the words behind a command's name; None where Typer has to."""
    try:
        command, rest = _chosen(app, words)
        run: Any = found(command).run
        return Reading(run, _values(parameters(run), rest, env))
    except _NotPlain:
        return None


def load(name: str, words: Sequence[str]) -> Reading | None:
    """Load a command's module and read the words behind its name."""
    return read(import_module(f"llmpool.cli.{name}").app, words)


def _chosen(app: App, words: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """Choose the verb, which is the first one where none is named, as `tree.VerbGroup` does."""
    if not app.text:
        return app.commands[0], words
    if not words or words[0][:1] == "-":
        if words and not {*words}.isdisjoint(_verbs(app)):
            raise _NotPlain  # it may be a verb in the wrong place
        return app.commands[0], words
    for command in app.commands:
        if command.name == words[0]:
            return command, words[1:]
    raise _NotPlain


def _verbs(app: App) -> Iterator[str]:
    yield from (command.name for command in app.commands)
    yield from (name for name, _ in app.groups)


def _values(known: Sequence[Parameter], words: Sequence[str], env: Mapping[str, str]) -> dict[str, Any]:
    options, arguments = dict(_options(known, env)), [p for p in known if isinstance(p.declared, Argument)]
    values = {p.name: _default(p) for p in known if p.declared is not None}
    lists: dict[str, list[str]] = {}
    typed: list[str] = []
    rest = iter(words)
    for word in rest:
        if word[:1] != "-" or word == "-":
            typed.append(word)
            continue
        name, equals, text = word.partition("=") if word[:2] == "--" else (word, "", "")
        given = options.get(name)
        if given is None or (equals and given.value is not None):
            raise _NotPlain
        if given.value is not None:
            values[given.parameter.name] = given.value
            continue
        value = text if equals else _next(rest)
        if not value:
            raise _NotPlain  # few options may be empty
        if given.kind == _LIST:
            lists.setdefault(given.parameter.name, []).append(value)
        else:
            values[given.parameter.name] = _read(given, value)
    return _complete(values | lists, arguments, typed)


def _default(p: Parameter) -> Any:
    return list(p.default) if isinstance(p.default, list) else p.default


def _next(rest: Iterator[str]) -> str:
    value = next(rest, "-?")
    if value[:1] == "-" and value != "-":
        raise _NotPlain
    return value


def _complete(values: dict[str, Any], arguments: list[Parameter], typed: list[str]) -> dict[str, Any]:
    """Give the words to the arguments, in order, and the rest to one of many; what must be there is."""
    if any(_KINDS[p.kind] == _LIST for p in arguments[:-1]):
        raise _NotPlain
    if arguments and _KINDS[arguments[-1].kind] == _LIST:
        *arguments, last = arguments
        values |= {last.name: typed[len(arguments) :]} if typed[len(arguments) :] else {}
        typed = typed[: len(arguments)]
    if len(typed) > len(arguments):
        raise _NotPlain
    values |= {p.name: word for p, word in zip(arguments, typed, strict=False)}
    if ... in values.values():
        raise _NotPlain
    return values


def _options(known: Sequence[Parameter], env: Mapping[str, str]) -> Iterator[tuple[str, _Name]]:
    """Yield every name of an option; what only Typer understands, or a variable sets, is for Typer."""
    for p in known:
        if p.declared is None and p.kind is Context:
            continue
        kind, settings = _KINDS.get(p.kind), getattr(p.declared, "settings", None)
        if kind is None or settings is None or not _SETTINGS.issuperset(settings):
            raise _NotPlain
        words = not isinstance(p.declared, Argument) or kind in (_TEXT, _LIST)
        if env.get(settings.get("envvar", "")) or not words:
            raise _NotPlain
        for name in p.declared.names:
            on, _, off = name.partition("/")
            yield on, _Name(p, kind, True if kind == _FLAG else None)
            if off:
                yield off, _Name(p, kind, False)


def _read(given: _Name, text: str) -> Any:
    """Read a value; a number that is out of its range, or hardly one, is told of by Typer."""
    if given.kind == _TEXT:
        return text
    digits = text.replace(".", "", 1) if given.kind == _NUMBER else text
    if len(text) > _LONGEST or not (digits.isascii() and digits.isdigit()):
        raise _NotPlain
    number = float(text) if given.kind == _NUMBER else int(text)
    least, most = (given.parameter.declared.settings.get(bound) for bound in ("min", "max"))
    if (least is not None and number < least) or (most is not None and number > most):
        raise _NotPlain
    return number
