"""Bars and charts in the terminal: true to their figures, within the width, in ASCII if need be."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli.plot import bar, chart, gauge


@pytest.mark.parametrize(
    ("value", "drawn", "in_ascii"),
    [
        (8, "████████", "########"),
        (4, "████", "####"),
        (1, "█", "#"),
        (0, "", ""),
        (Decimal("0.01"), "▏", "#"),
        (Decimal("4.5"), "████▌", "####"),
        (-1, "", ""),
    ],
)
def test_bars(value: Decimal | int, drawn: str, in_ascii: str) -> None:
    """A bar is as long as its value, to an eighth of a cell; anything above nothing is seen."""
    assert bar(value, 8, 8) == drawn
    assert bar(value, 8, 8, ascii_only=True) == in_ascii


@given(
    st.lists(
        st.tuples(st.text("ab-", max_size=12), st.integers(0, 10**9), st.text("$0.", max_size=9)), max_size=9
    ),
    st.integers(40, 200),
    st.booleans(),
)
def test_charts_keep_to_the_width(rows: list[tuple[str, int, str]], width: int, plain: bool) -> None:
    """Each row is one line within the width; the longest bar belongs to the largest value."""
    lines = chart(rows, width, ascii_only=plain)
    assert len(lines) == len(rows)
    assert all(len(line) <= width for line in lines)
    assert not plain or all(line.isascii() for line in lines)


def test_a_chart() -> None:
    """Name, figure, bar; nothing at all for nothing."""
    assert chart([("2026-11-20", 2, "$2.00"), ("2026-11-21", 1, "$1.00"), ("2026-11-22", 0, "free")], 30) == [
        "2026-11-20  $2.00  ███████████",
        "2026-11-21  $1.00  █████▌",
        "2026-11-22   free",
    ]
    assert chart([], 80) == []


def test_a_gauge_has_all_of_its_cells() -> None:
    """What is there and what is not yet, whatever the total; more than all fills it."""
    assert gauge(0, 0, 4) == "...."
    assert gauge(3, 4, 10) == "#######..."
    assert gauge(Decimal("0.5"), 1, 8, "█·") == "████····"
    assert gauge(Decimal(7), 1, 4) == "####"
