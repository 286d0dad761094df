"""Help: one line for each command, never cut, and the same whether the command is loaded or not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import cache

import pytest

from llmpool import __version__
from llmpool.cli.app import COMMANDS
from llmpool.cli.manpage import Entry, examples, leaves
from llmpool.cli.manual import tree
from llmpool.cli.pagewords import PAGES
from llmpool.cli.tree import summary
from llmpool.errors import Exit
from tests.support import Home, model, provider

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


@pytest.mark.parametrize("entry", list(leaves(top())), ids=lambda entry: " ".join(entry.words))
def test_every_command_tells_its_purpose_and_options(home: Home, entry: Entry) -> None:
    """A sentence first, a word on each option and argument, and no line wider than the terminal."""
    assert (entry.command.help or "").partition("\n\n")[0].endswith(".")
    assert [param.name for param in entry.command.params if not getattr(param, "help", "")] == []
    shown = home.here(*entry.words, "-h", env={"COLUMNS": str(WIDTH)})
    assert (shown.code, shown.err) == (0, "")
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


def test_words_of_other_programs_lead_to_help_and_version(home: Home) -> None:
    """`help`, `help COMMAND` and `version` are what they are elsewhere."""
    assert home.here("help") == home.here("--help")
    assert home.here("help", "models", "list") == home.here("models", "list", "-h")
    assert home.here("version") == home.here("--version", "--offline") == (0, f"llmpool {__version__}\n", "")


def test_llmpool_alone_says_what_to_do_first(home: Home) -> None:
    """By how things stand: nothing there, nothing known, never looked, looked long ago, all well."""
    nothing = home.here()
    assert (nothing.code, nothing.out) == (2, "")
    assert nothing.err.startswith("llmpool: nothing is configured yet (no ~/config.toml)\n\n  llmpool init ")
    home.write_config('[routing]\nmode = "auto"')
    assert "no provider in ~/config.toml" in home.here().err
    home.write_config(provider("den", "http://127.0.0.1:9/v1"))
    assert home.here().err.startswith("llmpool: 1 provider, and no model is known yet\n\n  llmpool refresh ")
    home.state.mkdir()
    (home.state / "model-ids.txt").write_text("den/a\nden/b\nsmall\n")
    assert home.here().err.startswith("llmpool: 1 provider, 2 models; never refreshed\n\n  llmpool refresh ")
    seen = home.state / "inventory.json"
    seen.touch()
    os.utime(seen, (time.time() - 7300, time.time() - 7300))
    well = home.here().err
    assert well.startswith('llmpool: 1 provider, 2 models; refreshed 2 h ago\n\n  llmpool chat "Why')
    assert "llmpool usage" in well
    os.utime(seen, (0, 0))
    assert "\n\n  llmpool refresh " in home.here().err
    assert max(map(len, (nothing.err + well).splitlines())) <= WIDTH
    assert home.here("-q") == (2, "", "")
    assert home.pool() == home.here()


def test_llmpool_alone_loads_no_command_tree(home: Home) -> None:
    """It is the first thing a person sees: neither typer nor a module of a command is loaded."""
    run = "import sys; from llmpool.__main__ import main; main(); print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", run], env=home.env, capture_output=True, text=True, check=True
    )
    assert not {"typer", "llmpool.pool", "llmpool.cli.app"} & set(done.stdout.split())


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("init --yes --no-embedded", 6),
        ("--offline init --yes", 8),
        ("refresh", 6),
        ("models probe", 6),
        ("providers limits", 6),
        ("--offline usage prices update", 8),
    ],
)
def test_a_page_lists_the_codes_that_its_commands_end_with(home: Home, words: str, code: int) -> None:
    """With nothing configured, and with the network forbidden, as with everything else."""
    name = next(word for word in words.split() if word in COMMANDS)
    assert home.here(*words.split()).code == code
    assert code in PAGES[f"llmpool-{name}"].exits


def test_the_pages_of_chat_and_route_list_what_batches_and_missing_keys_end_with(home: Home) -> None:
    """9 where one line of a batch failed, 5 where nobody has a key."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1", key={"env": "NONE"}), model("a/m"))
    assert home.here("route", "-m", "a/m", "x").code == 5
    assert Exit.CREDENTIALS in PAGES["llmpool-route"].exits
    assert {Exit.CREDENTIALS, Exit.PARTLY} <= set(PAGES["llmpool-chat"].exits)
