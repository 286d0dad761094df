"""A plain command line is read without Typer, and means what it means to Typer."""

from __future__ import annotations

import os
from functools import cache
from random import Random
from typing import Any
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.cli import grammar, reading
from llmpool.cli.app import COMMANDS
from llmpool.cli.context import take_globals
from llmpool.cli.grammar import Argument, Context, Option
from tests.cli.twice import Twice, each_option, line
from tests.support import Home, model, provider

for_long = pytest.mark.skipif("LONG" not in os.environ, reason="LONG is not set")


@cache
def _twice() -> dict[str, Twice]:
    return {name: Twice(name) for name in COMMANDS}


def _differing(seeds: range) -> list[Any]:
    """Return the lines that are not read as Typer reads them, of one made of each seed."""
    verbs = [name for name, twice in _twice().items() for _ in twice.verbs]
    found = []
    for seed in seeds:
        dice = Random(seed)
        twice = _twice()[dice.choice(verbs)]
        found.append(twice.differs(*line(twice, dice)))
    return [each for each in found if each]


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_read_at_once_is_what_typer_reads(command: str) -> None:
    """Every option of every verb, alone, twice, with a value behind it or at it: the values are Typer's."""
    twice = _twice()[command]
    assert not [found for words in each_option(twice) if (found := twice.differs(words, {}))]


@settings(max_examples=8)
@given(begin=st.integers(0, 1 << 32))
def test_any_line_is_read_as_typer_reads_it(begin: int) -> None:
    """Whatever the line of whatever verb, the values are Typer's, or the line is left to Typer."""
    assert not _differing(range(begin, begin + 20))


@for_long
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_any_of_very_many_lines_is_read_as_typer_reads_it() -> None:
    """Two hundred thousand of them: LONG=1 pytest -m slow tests/cli/test_plain_lines.py."""
    assert not _differing(range(200_000))


def test_the_everyday_lines_are_read_at_once() -> None:
    """The lines that scripts run a thousand times want no Typer."""
    for typed in (
        "route hello --json",
        "route --needs tools --min-quality 7 --hint a=b --hint=c=d hello",
        "route --quality 0.5 --no-fallback -m den/a --all",
        "models",
        "models list --json",
        "models --json",
        "models list den --query q --routable --min-quality 3",
        "models show den/a --json",
        "models ps",
        "usage --json",
        "usage summary --since 7d --by day,model",
        "providers list --json",
        "policy show --json",
        "refresh --if-stale 5h --jobs 4",
        "chat hi",
        "chat -m den/a --json --max-tokens 10 --temperature 0.2 -a - hi",
    ):
        name, *words = typed.split()
        assert reading.load(COMMANDS[name][0], words) is not None, typed


@pytest.mark.parametrize(
    "typed",
    [
        "route -h",
        "route --help",
        "route --needz tools",
        "route a b",
        "route -- --json",
        "route --model",
        "route --model -x",
        "route -mden/a",
        "route --json=yes",
        "route --tool-count -1",
        "route --tool-count ten",
        "route --min-quality 11",
        "route --quality 1.5",
        "models lst",
        "models -h",
        "models show",
        "models show a b",
    ],
)
def test_what_is_not_plain_is_left_to_typer(typed: str) -> None:
    """Help, slips and whatever may be meant in two ways is told of by the one that knows all of it."""
    name, *words = typed.split()
    assert reading.load(COMMANDS[name][0], words) is None


def test_a_variable_that_sets_an_option_is_read_by_typer() -> None:
    """What it is read as, and where it is said to come from, is settled in one place."""
    app = grammar.App()

    @app.command()
    def ask(ctx: Context, group: str = "", local: bool = False) -> None: ...

    ask.parameters = [  # type: ignore[attr-defined]
        grammar.Parameter("group", str, "", Option("--group", envvar="LLMPOOL_GROUP"))
    ]
    assert reading.read(app, [], {"LLMPOOL_GROUP": ""}) is not None
    assert reading.read(app, [], {"LLMPOOL_GROUP": "g"}) is None


def test_a_variable_for_all_commands_that_is_no_yes_and_no_no_is_refused(home: Home) -> None:
    """A plain line is refused as any other; spaces around a word are no part of it."""
    odd = home.here("models", "list", env={"LLMPOOL_OFFLINE": "maybe"})
    assert (odd.code, odd.out) == (2, "")
    assert "LLMPOOL_OFFLINE" in odd.err
    assert home.here("models", "list", env={"LLMPOOL_OFFLINE": " No "}).code == 0
    assert not take_globals([], {"LLMPOOL_OFFLINE": " No "})[0].offline


def test_an_argument_of_many_words_in_front_of_another_is_left_to_typer() -> None:
    """Which of the words are whose, Typer settles."""
    app = grammar.App()

    @app.command()
    def ask(ctx: Context) -> None: ...

    words = (grammar.Parameter(name, kind, ..., Argument()) for name, kind in (("a", list[str]), ("b", str)))
    ask.parameters = list(words)  # type: ignore[attr-defined]
    assert reading.read(app, ["1", "2"], {}) is None


@pytest.mark.parametrize("kind", [dict, int, list[int], "str"], ids=str)
def test_an_argument_of_an_unknown_kind_is_left_to_typer(kind: Any) -> None:
    """Only text is read as an argument; Typer knows the others."""
    app = grammar.App()

    @app.command()
    def ask() -> None: ...

    ask.parameters = [grammar.Parameter("it", kind, ..., Argument(metavar="IT"))]  # type: ignore[attr-defined]
    assert reading.read(app, ["7"], {}) is None


def test_both_ways_end_alike(home: Home) -> None:
    """The same request, once plain and once not, has the same answer."""
    home.write_config(provider("den", "http://127.0.0.1:9/v1"), model("den/a", context_window=8192))
    plain = home.here("route", "--model", "den/a", "hello")
    with mock.patch.object(reading, "load", return_value=None):
        by_typer = home.here("route", "--model", "den/a", "hello")
    assert plain == by_typer == (0, "den/a\n", "")
    assert home.here("route", "-mden/a", "hello") == plain
