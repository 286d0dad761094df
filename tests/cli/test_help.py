"""Help: one line for each command, never cut, and the same whether the command is loaded or not."""

from __future__ import annotations

from functools import cache

import pytest

from llmpool.cli.app import COMMANDS, summary
from llmpool.cli.manpage import Entry, examples, leaves
from llmpool.cli.manual import tree
from tests.support import Home

WIDTH = 80


@cache
def top() -> Entry:
    """Load the tree once a process."""
    return tree()


def test_the_table_of_commands_says_what_the_commands_say() -> None:
    """The line root help shows without loading a command is the line of the command itself."""
    assert {name: text for name, (_, text) in COMMANDS.items()} == {
        entry.words[0]: summary(entry.command) for entry in top().verbs
    }


@pytest.mark.parametrize("group", ["", *(name for name in COMMANDS)])
def test_nothing_is_cut_at_80_columns(home: Home, group: str) -> None:
    """Help ends no line in an ellipsis and is no wider than the terminal."""
    shown = home.here(*group.split(), "-h", env={"COLUMNS": str(WIDTH)})
    assert (shown.code, shown.err) == (0, "")
    listed = shown.out.partition("Commands:")[2]
    assert "..." not in listed
    assert max(map(len, shown.out.splitlines())) <= WIDTH


def test_root_help_gives_each_command_one_line(home: Home) -> None:
    """The commands are listed one a line, in the order of the table."""
    shown = home.here("-h", env={"COLUMNS": str(WIDTH)}).out.partition("Commands:\n")[2].partition("\n\n")[0]
    assert [line.split(maxsplit=1) for line in shown.splitlines()] == [
        [name, text] for name, (_, text) in COMMANDS.items()
    ]


def test_examples_fit_the_terminal() -> None:
    """Every command ends its help in examples, one a line, that need no rewrapping."""
    for entry in leaves(top()):
        lines = examples(entry)
        assert entry.command.epilog.splitlines() == ["\b", "Examples:", *(f"  {line}" for line in lines)]
        assert max(map(len, lines)) <= WIDTH - 4


def test_examples_are_shown_as_they_are_typed(home: Home) -> None:
    """They reach the screen line by line."""
    shown = home.here("providers", "clear", "-h", env={"COLUMNS": str(WIDTH)}).out
    assert "\n  Examples:\n    llmpool providers clear den\n    llmpool providers clear --all\n" in shown


def test_help_is_the_same_wherever_it_is_asked_for(home: Home) -> None:
    """`-h` and `--help` agree, and a bare group with `-h` shows its verbs."""
    assert home.here("models", "-h").out == home.here("models", "--help").out
    assert "unload" in home.here("models", "-h").out
