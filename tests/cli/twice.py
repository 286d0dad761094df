"""A line read twice, at once and by Typer, for commands that only keep what they are given."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from random import Random
from typing import Any
from unittest import mock

import typer
from typer.exceptions import TyperException

from llmpool.cli import grammar, reading, tree
from llmpool.cli.app import COMMANDS
from llmpool.cli.grammar import Argument, Option, Parameter

_FIGURES = "7 0 10 11 007 -1 +5 1_000 0x10 1e3 1E3 nan inf -inf 0.5 1.0 .5 5. . 1.5.2 1,5"
NUMBERS = (
    *_FIGURES.split(),
    *(" 5", "5 ", "5\n", "\u0661", "²", "\uff15", "9" * 15, "9" * 40, "0" * 14 + "1"),
)
WORDS = (
    *("", " ", "-", "--", "-5", "-h", "--help", "-hh", "a=b", "=", "=x", "a b", "\u200b", "\udc80", "\u202e"),
    *(
        "list",
        "auto",
        "--json",
        "--json=yes",
        "x\n",
        "\t",
        "@file",
        "~",
        "*",
        "\\",
        "'\"",
        "é",
        "\0",
        "x" * 999,
    ),
)
PLAIN = ("x", "den/a", "7", "a=b", "a b", "0.5", "é")
_FLAG = (bool, bool | None)
_NUMBER = (int, float, int | None, float | None)


class Twice:
    """The verbs of a command as both read them; *verbs* are its own, by the words that name them."""

    def __init__(self, name: str) -> None:
        self.verbs: dict[tuple[str, ...], list[Parameter]] = {}
        self._kept: list[Any] = []
        self.app = self._mirrored(import_module(f"llmpool.cli.{COMMANDS[name][0]}").app, ())
        self._typer = typer.main.get_command(tree.app_of(self.app))

    def _mirrored(self, app: grammar.App, path: tuple[str, ...]) -> grammar.App:
        mirror = grammar.App(app.text)
        mirror.front = app.front
        for command in app.commands:
            run: Any = grammar.found(command).run
            here = (*path, command.name) if app.text else path
            self.verbs[here] = grammar.parameters(run)
            mirror.command(command.name, **command.settings)(self._keeper(here))
        for name, below in app.groups:
            mirror.add_group(self._mirrored(below, (*path, name)), name=name)
        return mirror

    def _keeper(self, path: tuple[str, ...]) -> Any:
        def keep(ctx: Any, **values: Any) -> int:
            told = {name: (type(value), value) for name, value in values.items()}
            self._kept.append((path, told, list(ctx.args)))
            return len(self._kept)

        keep.parameters = self.verbs[path]  # type: ignore[attr-defined]
        return keep

    def differs(self, words: Sequence[str], env: Mapping[str, str]) -> Any:
        """Return what both make of the words, where they are read at once and Typer reads them otherwise."""
        read = self.at_once(words, env)
        if read is None or read == (told := self.by_typer(words, env)):
            return None
        return words, env, read, told

    def at_once(self, words: Sequence[str], env: Mapping[str, str]) -> Any:
        """Read the words without Typer; None where they are left to it."""
        read = reading.read(self.app, words, env)
        return read and self._done(lambda: read.do(None))

    def by_typer(self, words: Sequence[str], env: Mapping[str, str]) -> Any:
        """Let Typer read the words; "refused" where it does not take them."""
        with mock.patch.dict(os.environ, env, clear=True):
            try:
                return self._done(
                    lambda: self._typer.main(args=list(words), prog_name="x", standalone_mode=False)
                )
            except TyperException:
                return "refused"

    def _done(self, run: Any) -> Any:
        self._kept.clear()
        return self._kept[0] if run() == 1 and self._kept else "nothing was run"


def each_option(twice: Twice) -> Iterator[list[str]]:
    """Write every option of every verb: alone, twice, and with every value behind it and at it."""
    for path, known in twice.verbs.items():
        must = ["a" for p in known if isinstance(p.declared, Argument) and p.default is ...]
        yield from ([*path], [*path, *must])
        for option in _options(known):
            values = NUMBERS if option.kind in _NUMBER else ("x", "-", "")
            for name in _names(option):
                yield [*path, *must, name]
                yield [*path, name, "x", *must, name, "y", "b"]
                yield from ([*path, *must, name, value] for value in values)
                yield from ([*path, f"{name}={value}", *must] for value in values)


def line(twice: Twice, dice: Random) -> tuple[list[str], dict[str, str]]:
    """Make a line for a verb, most of it right, and now and then a variable that sets an option."""
    path, known = dice.choice(sorted(twice.verbs.items()))
    options = _options(known)
    aimed = [
        *options,
        *(p for p in options for _ in range(3) if p.kind in _NUMBER),
    ]  # they are few, and bounded
    pieces = [_piece(dice.choice(aimed), dice) for _ in range(dice.randrange(4)) if aimed]
    pieces += [[_word(dice)] for p in known if isinstance(p.declared, Argument) and p.default is ...]
    pieces += [[_word(dice)] for _ in range(max(0, dice.randrange(6) - 3))]
    dice.shuffle(pieces)
    verb = dice.choice([path, path, path, path, path[:-1], (*path, "-h")])
    named = [p.declared.settings["envvar"] for p in options if "envvar" in p.declared.settings]
    env = {dice.choice(named): _settable(_word(dice))} if named and dice.random() < 0.1 else {}
    return [*verb, *(word for piece in pieces for word in piece)], env


def _options(known: list[Parameter]) -> list[Parameter]:
    return [p for p in known if isinstance(p.declared, Option) and not isinstance(p.declared, Argument)]


def _names(option: Parameter) -> list[str]:
    declared = option.declared.names or ("--" + option.name.replace("_", "-"),)
    return [each for name in declared for each in name.split("/")]


def _piece(option: Parameter, dice: Random) -> list[str]:
    """Write one option in the ways it may be written, and in some that it may not."""
    name = dice.choice(_names(option))
    if dice.random() < 0.05:
        name = name[:-1]
    if option.kind in _FLAG:
        return dice.choice([[name]] * 9 + [[f"{name}={_word(dice)}"]])
    value = dice.choice(NUMBERS) if option.kind in _NUMBER and dice.random() < 0.6 else _word(dice)
    return dice.choice([[name, value]] * 5 + [[f"{name}={value}"]] * 3 + [[name + value], [name]])


def _word(dice: Random) -> str:
    odd = "".join(chr(dice.choice([dice.randrange(0xD7FF), dice.randrange(33, 127)])) for _ in range(3))
    return dice.choice([dice.choice(PLAIN)] * 4 + [dice.choice(WORDS), dice.choice(NUMBERS), odd])


def _settable(value: str) -> str:
    return value.replace("\0", "").replace("\udc80", "")
