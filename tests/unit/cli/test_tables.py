"""Tables on a terminal: what is too wide breaks, is folded or left out, but no figure is ever cut."""

from __future__ import annotations

from typing import Any, cast

import pytest

from llmpool.cli import tables

HEADINGS = ["", ">calls", ">cost", "~", "why"]
ROWS = [["openai/gpt-5-mini", "264", "$121.02", "#####", "asked for by name"]]


class _Terminal:
    is_terminal = True
    use_color = False


def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], width: int) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    tables.show(cast("Any", _Terminal()), HEADINGS, ROWS)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_where_there_is_room_all_of_it_is_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Headings, and one line a row."""
    assert shown(monkeypatch, capsys, 100) == [
        "                   calls     cost         why",
        "openai/gpt-5-mini    264  $121.02  #####  asked for by name",
    ]


def test_what_is_spare_goes_first_and_words_are_folded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bars are left out, words go on in the next line."""
    assert shown(monkeypatch, capsys, 45) == [
        "                   calls     cost  why",
        "openai/gpt-5-mini    264  $121.02  asked for",
        "                                   by name",
    ]


@pytest.mark.parametrize("width", [1, 10, 20, 30])
def test_a_figure_is_never_cut(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """$121.02 must not read $121 or $1; the terminal breaks the line instead."""
    lines = shown(monkeypatch, capsys, width)
    assert "openai/gpt-5-mini    264  $121.02" in lines[1]
