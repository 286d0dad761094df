"""Tables on a terminal: what is too wide breaks, is left out or has its own line, but nothing is ever cut."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli import layout
from llmpool.core import cells

LONG = "openrouter/nvidia/llama-3.3-nemotron-super-49b-v1.5-instruct:free"
HEADINGS = ["", ">calls", ">cost", "~~", "why"]
ROWS = [["openai/gpt-5-mini", "264", "$121.02", "#####", "asked for by name"]]


def table(width: int, headings: Sequence[str] = HEADINGS, rows: Sequence[Sequence[str]] = ROWS) -> list[str]:
    return list(layout.lines(headings, rows, width, lambda text, _style: text))


def test_where_there_is_room_all_of_it_is_shown() -> None:
    """Headings in capitals, legible without colour, and one line a row."""
    assert table(100) == [
        "                   CALLS     COST         WHY",
        "openai/gpt-5-mini    264  $121.02  #####  asked for by name",
    ]


def test_what_is_spare_goes_first_and_words_are_folded() -> None:
    """Bars are left out, words go on in the next line."""
    assert table(47) == [
        "                   CALLS     COST  WHY",
        "openai/gpt-5-mini    264  $121.02  asked for by",
        "                                   name",
    ]


def test_the_least_important_column_goes_first() -> None:
    """More marks go earlier; of the same, what stands further right."""
    headings = ["id", "~~~where", "~one", "~two", ">n"]
    rows = [["a", "cloud", "xxxx", "yyyy", "7"]]
    seen = [table(width, headings, rows)[0].split() for width in (30, 20, 14, 8)]
    assert seen == [
        ["ID", "WHERE", "ONE", "TWO", "N"],
        ["ID", "ONE", "TWO", "N"],
        ["ID", "ONE", "N"],
        ["ID", "N"],
    ]


def test_a_spare_column_with_nothing_in_it_is_left_out() -> None:
    """However wide the terminal is."""
    assert table(80, ["id", "~note", "n"], [["a", "", "1"]])[0].split() == ["ID", "N"]


def test_a_long_id_has_a_line_of_its_own() -> None:
    """An id that is cut cannot be copied; what follows stands under its headings."""
    assert table(50, ["model", ">window"], [[LONG, "32k"], ["den/a", "8k"]]) == [
        f"MODEL{' ' * 39}WINDOW",
        LONG,
        f"{' ' * 47}32k",
        f"den/a{' ' * 43}8k",
    ]


def test_a_remark_without_room_is_below_and_said_once() -> None:
    """It goes behind the columns where it fits; for the next row with the same it is pointed at."""
    rows = [[name, "no", "OPENAI_API_KEY is not set"] for name in ("openai/a", "openai/b")]
    assert table(30, ["id", "ok", ""], [*rows, ["c", "yes", "short"]]) == [
        "ID        OK",
        "openai/a  no",
        "  OPENAI_API_KEY is not set",
        "openai/b  no   as above",
        "c         yes  short",
    ]


@pytest.mark.parametrize("width", [1, 10, 20])
def test_where_nothing_fits_each_row_is_a_list(width: int) -> None:
    """Id first, then each value with its heading: legible on any width, and no figure is cut."""
    told = table(width)
    assert told[0] == "openai/gpt-5-mini"
    if width == 20:
        assert told[1:] == ["  calls: 264", "  cost: $121.02", "  why: asked for by", "  name"]


def test_a_list_is_headed_by_the_id_wherever_its_column_is() -> None:
    """A mark in front of it stays there."""
    assert table(12, ["", ">score", "=deployment", "why"], [[">", "39", "den/qwen3:14b", "base +20"]])[0] == (
        "> den/qwen3:14b"
    )


@given(
    st.integers(1, 120),
    st.lists(
        st.lists(st.text(st.characters(categories=["L", "N", "P"]), max_size=40), min_size=4, max_size=4)
    ),
)
def test_nothing_but_an_id_or_a_figure_is_wider_than_the_terminal(width: int, rows: list[list[str]]) -> None:
    """Whatever is in it, in whatever script; ids and figures are whole."""
    told = table(width, ["id", ">n", "what", ""], rows)
    whole = {cell for row in rows for cell in row}
    for line in told:
        known = any(cell and cell in line for cell in whole)
        assert cells.width(line) <= max(width, 7) or known, line
    for row in rows:
        for cell in row[:2]:
            assert any(cell in line for line in told)


def test_columns_of_wide_letters_are_aligned() -> None:
    """A letter of two cells counts for two, an accent for none."""
    told = table(40, ["id", ">n"], [["家/模型", "1"], ["a/e\u0301", "22"]])
    assert told == ["ID        N", "家/模型   1", "a/e\u0301      22"]


def test_the_colour_of_a_state_is_that_of_its_word() -> None:
    """A column marked so; an id in it is none."""
    painted = list(
        layout.lines(["id", "!state"], [["ok", "ok"], ["b", "down, 2 min"]], 40, lambda t, s: f"<{s}:{t}>")
    )
    assert painted == ["<head:ID  STATE>", "ok  <good:ok>", "b   <bad:down, 2 min>"]
