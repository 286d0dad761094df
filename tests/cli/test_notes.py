"""Notes on stderr are broken between words on a terminal, and whatever is copied from them is whole."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli.context import Globals, Terminal
from llmpool.cli.notes import broken
from llmpool.core import cells


@pytest.mark.parametrize(
    ("line", "lines"),
    [
        ("x" * 60, ["x" * 60]),
        ("a state file is larger than anybody has ever seen one, and so on", None),
        (
            "  export A_KEY=...    or: llmpool providers keys add openai --label a    get one: https://a.example/k",
            [
                "  export A_KEY=...",
                "    or: llmpool providers keys add openai --label a",
                "    get one: https://a.example/k",
            ],
        ),
        (
            "den: busy; who rests: here: llmpool providers list; and so on (undo: llmpool policy clear d)",
            [
                "den: busy; who rests: here: llmpool providers list; and so",
                "  on (undo: llmpool policy clear d)",
            ],
        ),
        (
            "what is too long for a line: llmpool chat 'why is the sky blue, and who made it so; (say) on'",
            [
                "what is too long for a line:",
                "  llmpool chat 'why is the sky blue, and who made it so; (say) on'",
            ],
        ),
        ('keys = [ { label = "a", env = "A" }, { label = "b", command = ["pass", "show", "b"] } ]', None),
        ("日本語の文章 日本語の文章 日本語の文章 日本語の文章 日本", None),
    ],
    ids=["narrow", "words", "hints", "commands", "a long command", "TOML", "wide"],
)
def test_what_belongs_together_stays_together(line: str, lines: list[str] | None) -> None:
    """Sixty columns: words, the parts of a hint, commands with their words, TOML."""
    if lines is None and "=" in line:
        lines = [line]
    elif lines is None:
        first, *more = broken(line, 60).split("\n")
        assert [each[:2] for each in more] == ["  "] * len(more)
        assert " ".join([first, *(each[2:] for each in more)]) == line
        assert all(cells.width(each) <= 60 for each in (first, *more))
        return
    assert broken(line, 60).split("\n") == lines


@given(st.lists(st.text("ab ;:()'\"llmpool", max_size=90), max_size=4), st.integers(1, 90))
def test_nothing_is_lost_but_blanks(lines: list[str], width: int) -> None:
    """Whatever the text and however narrow the terminal: the same words in the same order."""
    assert broken("\n".join(lines), width).split() == "\n".join(lines).split()


class Screen(io.StringIO):
    """A stream that is a terminal, or says so."""

    def isatty(self) -> bool:
        """Say so."""
        return True


def said(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, **options: bool) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("COLUMNS", "30")
    terminal = Terminal(Globals(color="never", **options))
    terminal.warn("a word and another word, and then some more")
    terminal.error(
        "it is not there", ("one fact that needs more than a line",), "see: llmpool providers list -h"
    )
    return stream.getvalue()


WHOLE = (
    "warning: a word and another word, and then some more\n"
    "error: it is not there\n  one fact that needs more than a line\n  see: llmpool providers list -h\n"
)


def test_a_terminal_gets_lines_that_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The word in front counts, and what goes on stands a little deeper than where it began."""
    assert said(monkeypatch, Screen()) == (
        "warning: a word and another\n  word, and then some more\n"
        "error: it is not there\n  one fact that needs more\n    than a line\n"
        "  see:\n    llmpool providers list -h\n"
    )


def test_a_pipe_gets_lines_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs read notes by the line, and so may people: `--plain`."""
    assert said(monkeypatch, io.StringIO()) == WHOLE
    assert said(monkeypatch, Screen(), plain=True) == WHOLE
