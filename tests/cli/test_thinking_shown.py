"""What a model thinks is shown dim where somebody asked for it and looks, and nowhere else."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, Result, provider
from tests.ttys import terminals

THOUGHT = "let me see"


def on_terminal(home: Home, *options: str) -> Result:
    """Return what a terminal was sent for a question to a model that thinks."""
    with FakeServer(["m"], thinking=THOUGHT, text="hello **you**") as server:
        home.write_config(provider("den", server.url))
        assert home.here("refresh").code == 0
        with terminals():
            return home.here("chat", *options, "hi")


def test_a_thought_that_was_asked_for_is_dim_and_apart_from_the_answer(home: Home) -> None:
    """It ends its line, and the answer behind it is set as any other."""
    told = on_terminal(home, "--think", "high")
    thought, _, rest = told.err.partition("\n")
    assert thought.replace("\x1b[0m\x1b[2m", "") == f"\x1b[2m{THOUGHT}\x1b[0m"
    assert told.out == "hello \x1b[0;1myou\x1b[0m\n"
    assert rest.startswith("\x1b[2mden/m")


@pytest.mark.parametrize(
    "options", [(), ("--think", "off"), ("--think", "high", "-x"), ("-q", "--think", "high")]
)
def test_elsewhere_a_terminal_shows_the_answer_alone(home: Home, options: tuple[str, ...]) -> None:
    """Unasked, switched off, beside code that somebody wants, or with quiet."""
    assert not on_terminal(home, *options).shows(THOUGHT)


def test_a_pipe_gets_no_thought(home: Home) -> None:
    """Neither stream has it; the document of `--json` does."""
    with FakeServer(["m"], thinking=THOUGHT) as server:
        home.write_config(provider("den", server.url))
        assert home.here("refresh").code == 0
        result = home.here("chat", "--think", "high", "hi")
        document = home.here("chat", "--think", "high", "--json", "hi").json
    assert (result.out, result.err) == ("hello there\n", "")
    assert document["thinking"] == THOUGHT
