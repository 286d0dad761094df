"""Texts of several lines, as they are typed where a line ends with Enter."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from llmpool.cli.line_editor import GOES_ON, whole


def typing(*lines: str) -> tuple[Callable[[str], str], list[str]]:
    """Return what reads *lines* one by one, and the prompts that it was asked with."""
    prompts: list[str] = []
    rest = iter(lines)

    def read(prompt: str) -> str:
        prompts.append(prompt)
        line = next(rest, None)
        if line is None:
            raise EOFError
        return line

    return read, prompts


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (["one"], "one"),
        ([""], ""),
        (["one\\", "two\\", "three"], "one\ntwo\nthree"),
        (["C:\\\\"], "C:\\\\"),
        (["a \\", ""], "a \n"),
        (['"""', "one", "", "  two", '"""'], "one\n\n  two"),
        (['"""one', 'two"""'], "one\ntwo"),
        (['"""one"""'], "one"),
        (['  """', "one\\", '"""  '], "one\\"),
        (["pasted\nlines"], "pasted\nlines"),
        (['say """ there'], 'say """ there'),
    ],
)
def test_one_input_of_several_lines(lines: list[str], text: str) -> None:
    """Between three quotes, or with a backslash at the end; the prompt says that it goes on."""
    read, prompts = typing(*lines)
    assert whole(read, "> ") == text
    assert prompts == ["> ", *[GOES_ON] * (len(lines) - 1)]


@pytest.mark.parametrize("lines", [["one\\"], ['"""one', "two"]])
def test_an_end_in_the_middle_sends_nothing(lines: list[str]) -> None:
    """Ctrl-D behind half a text is no way to send it."""
    read, _ = typing(*lines)
    with pytest.raises(EOFError):
        whole(read, "> ")
