"""A line that is redrawn on a terminal, and gone at the end."""

from __future__ import annotations

import io
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from llmpool.cli.progress import Progress, barred
from llmpool.core import cells


class _Screen(io.StringIO):
    encoding = "utf-8"


def drawn(monkeypatch: pytest.MonkeyPatch, columns: int = 80, **what: Any) -> str:
    """Draw one bar on a terminal, or on what *what* says."""
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", what.pop("term", "xterm"))
    options = SimpleNamespace(quiet=what.pop("quiet", False))
    err = _Screen()
    terminal: Any = SimpleNamespace(
        err_is_terminal=what.pop("is_terminal", True),
        options=options,
        err=err,
        writable=lambda text, _err: text,
    )
    with Progress(terminal) as progress:
        progress.bar(3, 12, **what)
        progress.bar(4, 12, **what)  # at once: it is not redrawn
    return err.getvalue()


def test_a_bar_says_how_far_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count, unit, time and what it is at; it is taken away at the end."""
    assert drawn(monkeypatch, unit="days", text="den/a") == (
        "\r\x1b[K  [#####...............]  3 of 12 days  1 s  den/a\r\x1b[K"
    )


@pytest.mark.parametrize("what", [{"is_terminal": False}, {"quiet": True}, {"term": "dumb"}])
def test_nobody_looks(monkeypatch: pytest.MonkeyPatch, what: dict[str, Any]) -> None:
    """In a pipe, with `--quiet`, and where a line cannot be redrawn: not a byte."""
    assert drawn(monkeypatch, **what) == ""


@pytest.mark.parametrize("columns", [8, 20, 40, 60, 79])
def test_it_never_wraps(monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """What wraps could not be taken away; wide letters count for two, and escapes are none of ours."""
    line = drawn(monkeypatch, columns, text="家" * 40 + "\x1b[2J").split("\r\x1b[K")[1]
    assert cells.width(line) < columns
    assert "\x1b" not in line


def test_where_there_is_little_room_figures_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """No bar below 60 columns, a short one below 80."""
    widths = {}
    for columns in (59, 60, 80):
        monkeypatch.setenv("COLUMNS", str(columns))
        widths[columns] = len(barred(1, 2))
    assert widths == {59: 0, 60: 12, 80: 22}


def test_a_terminal_that_goes_away_ends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch or a pull goes on behind a window that was closed, and ends as well as it would have."""
    monkeypatch.setenv("TERM", "xterm")
    other, place = os.pipe()
    os.close(other)

    class Gone(_Screen):
        def write(self, _text: str) -> int:
            raise OSError(5, "Input/output error")

        def fileno(self) -> int:
            return place

    terminal: Any = SimpleNamespace(
        err_is_terminal=True,
        options=SimpleNamespace(quiet=False),
        err=Gone(),
        writable=lambda text, _err: text,
    )
    with Progress(terminal) as progress:
        progress.line("half of it")
    assert not progress.shown
    assert os.fstat(place).st_rdev == Path(os.devnull).stat().st_rdev  # what is buffered goes nowhere
    os.close(place)
