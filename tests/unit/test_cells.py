"""How wide a text is on a terminal, and how it is cut, filled up and broken there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core import cells

WORDS = st.text(st.characters(categories=["L", "N", "P"]) | st.just(" "), max_size=60)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("gpt-5", 5),
        ("größe", 5),
        ("模型", 4),
        ("ﾃｽﾄ", 3),
        ("e\u0301", 1),
        ("\u0e01\u0e33\u0e49", 2),
        ("👩\u200d💻", 2),
        ("❤\ufe0f", 2),
    ],
)
def test_letters_have_their_width(text: str, columns: int) -> None:
    """One cell, two for CJK and emoji, none for marks and what is joined."""
    assert cells.width(text) == columns


@given(WORDS, st.integers(0, 40))
def test_what_is_cut_fits(text: str, columns: int) -> None:
    """It begins as the text does; what fits is not cut, and it is seen that something is missing."""
    told = cells.cut(text, columns)
    assert cells.width(told) <= columns
    assert told == text or told.endswith("..") or columns < 3
    assert text.startswith(told.removesuffix(".."))


@given(WORDS, st.integers(60, 130))
def test_filled_up_it_has_its_width(text: str, columns: int) -> None:
    """On either side."""
    assert cells.width(cells.left(text, columns + 60)) == columns + 60
    assert cells.right(text, columns + 60).endswith(text)


@given(WORDS, st.integers(2, 40))
def test_broken_nothing_is_lost(text: str, columns: int) -> None:
    """Only blanks are; each line fits, or is one word where words stay whole."""
    lines = cells.wrapped(text, columns)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(cells.width(line) <= columns for line in lines)
    for line in cells.wrapped(text, columns, whole=True):
        assert cells.width(line) <= columns or " " not in line.strip()


def test_where_a_line_was_broken_no_blanks_are_left() -> None:
    """Neither behind it nor in front of the next one."""
    assert cells.wrapped("one   two   three", 8) == ["one", "two", "three"]
    assert cells.wrapped("one   two", 20) == ["one   two"]
