"""Shells: what people copy, evaluate or complete is theirs, though a provider chose the names in it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from typing import Any

import pytest
import typer.main

from llmpool.cli import tree
from llmpool.core.word import word
from tests.cli.test_planted_key import commands
from tests.fakes.server import FakeServer
from tests.support import Home, finish, provider

ORDERS = ("x$(touch pwned)", "y;touch pwned", "z`touch pwned`", "q' q\"", "sp ace", "a|touch pwned",
          "w&touch x&",
          "-rf", "~", "*", "$HOME", "{a,b}", "a>pwned", "!!", "#no", "\\", "a\\'b",
          "\\'; touch pwned; echo '", "'")  # fmt: skip
ODD = ORDERS[0]
SHELLS = [("sh", "-c"), ("bash", "-c"), ("zsh", "-c"), ("fish", "-c")]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: shell[0])
def test_a_word_is_one_word_for_every_shell(home: Home, shell: tuple[str, str]) -> None:
    """Whatever a name has in it, the shell hands it on as it is, and does nothing else."""
    if shutil.which(shell[0]) is None:
        pytest.skip(f"no {shell[0]} here")
    line = "printf '%s\\n' " + " ".join(word(f"sky/{each}") for each in ORDERS)
    done = subprocess.run(
        [*shell, line], capture_output=True, text=True, cwd=home.cwd, timeout=20, check=False
    )
    assert done.stdout.splitlines() == [f"sky/{each}" for each in ORDERS], done.stderr
    assert list(home.cwd.iterdir()) == []
    assert word("openai/gpt-5:latest") == "openai/gpt-5:latest"


LINES = (
    ("chat", "--no-stdin", "-m", f"sky/{ODD}", "hi"),
    ("route", "--no-stdin", "-m", f"sky/{ODD}", "hi"),
    ("route", "--no-stdin", "--needs", "images", "hi"),
    ("usage", "prices", "show", f"sky/{ODD}"),
    ("models", "load", f"den/{ODD}", "--context", "2m"),
    ("models", "load", f"den/{ODD}", "--keep-alive", "0s"),
    ("models", "remove", f"den/{ODD}", "-y"),
    ("models", "pull", f"den/{ODD}"),
    ("models", "pull", f"den/{ODD}", "--from", "x"),
    ("models", "set", f"sky/{ODD}", "--alias", "m"),
    ("models", "set", f"sky/{ODD}", "--unset", "quality"),
    ("models", "set", "sky/m", "--alias", "taken"),
    ("policy", "set", f"sky/{ODD}", "--state", "inactive", "--reason", "r"),
    ("chat", "--no-stdin", "-m", f"sky/{ODD}", "hi"),
    ("policy", "clear", f"sky/{ODD}", "-y"),
    ("usage", "prices", "set", f"sky/{ODD}"),
    ("doctor", "--offline"),
)
COMMAND = re.compile(r"llmpool (?:[a-z]+ )+.*")


def test_a_command_that_is_told_can_be_copied(home: Home) -> None:
    """A hostile name of a model in a hint is quoted: pasted into a shell it is that name, and no order."""
    with FakeServer(["m", *ORDERS[:4]]) as sky, FakeServer(["a:1", ODD], speaks=("ollama",)) as den:
        home.write_config(
            provider("sky", sky.url, location="cloud"),
            provider("den", den.root, preset="ollama", format=None),
            '[budgets.daily]\nlimit = "5.00"\nper = "day"\n[[models]]\nid = "den/a:1"',
        )
        home.here("refresh")
        home.here("models", "set", f"sky/{ODD}", "--alias", "taken")
        told = [
            line
            for words in LINES
            for ran in [home.here(*words)]
            for line in (ran.err + ran.out).splitlines()
        ]
        assert any("pwned" in line for line in told)
        bare = [
            line
            for line in told
            for found in COMMAND.findall(line)
            if ODD in found and word_of(found) is None
        ]
        assert bare == []


def word_of(command: str) -> str | None:
    """Return the word of a command line with the hostile name, when a shell finds it to be one word."""
    try:
        words = shlex.split(command, comments=False)
    except ValueError:
        return None
    quoted = [each for each in words if each.strip(",;").endswith(f"/{ODD}")]
    return quoted[0] if quoted and "'" in command.partition(ODD)[0][-40:] else None


def test_a_terminal_is_told_commands_that_can_be_copied(home: Home) -> None:
    """Likewise what only a terminal is told: the price that is missing of what was called."""
    with FakeServer([ODD]) as sky:
        home.write_config(provider("sky", sky.url, location="cloud"))
        home.here("refresh")
        home.here("chat", "--no-stdin", "-m", f"sky/{ODD}", "hi")
        told = finish(home.terminal("usage", width=200)).out
    assert f"llmpool usage prices set 'sky/{ODD}' --input USD" in told


@pytest.mark.parametrize("shell", SHELLS[:2], ids=lambda shell: shell[0])
def test_what_is_evaluated_by_a_shell_does_nothing_but_set_variables(
    home: Home, shell: tuple[str, str]
) -> None:
    """`eval "$(llmpool providers env ...)"`, with a model, an address and a key that are orders."""
    with FakeServer([ODD]) as sky:
        home.write_config(provider("sky", sky.url, location="cloud", key={"env": "K"}))
        home.env["K"] = "sk-$(touch pwned)`touch pwned`'\";touch pwned"
        home.here("refresh")
        printed = home.here(
            "providers", "env", "sky", "-m", ODD, "--for", "aider", "--shell", "bash", "--reveal"
        )
    assert printed.code == 0, printed
    line = f'{printed.out}\nprintf \'%s\' "$OPENAI_API_KEY" "$AIDER_MODEL"'
    done = subprocess.run(
        [*shell, line], capture_output=True, text=True, cwd=home.cwd, timeout=20, check=False
    )
    assert done.stdout == f"{home.env['K']}openai/{ODD}"
    assert list(home.cwd.iterdir()) == []


def test_a_chosen_name_may_be_handed_on(home: Home) -> None:
    """`llmpool chat -m "$(llmpool route ...)"`: in a pipe the id stands alone, on one line."""
    with FakeServer([ODD]) as sky:
        home.write_config(provider("sky", sky.url))
        home.here("refresh")
        chosen = home.here("route", "--no-stdin", "hi")
    assert chosen.out == f"sky/{ODD}\n"


NAMED = re.compile(r"--(.*-)?(key|token|secret|password|passphrase)")


def test_no_key_is_ever_an_argument() -> None:
    """No option of any command takes a key as its value: `ps` and the history of a shell would have it."""
    root, found = typer.main.get_command(tree.root), set()
    for name in commands():
        group: Any = root
        for each in name.split():
            group = group.load(each) if isinstance(group, tree.LazyGroup) else group.commands[each]
        options = (param for param in group.params if not getattr(param, "is_flag", False))
        found |= {(opt, param.metavar) for param in options for opt in param.opts if NAMED.fullmatch(opt)}
    assert found == {("--key", "LABEL"), ("--state-key", "FILE")}
