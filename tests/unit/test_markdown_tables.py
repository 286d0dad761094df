"""Tables of an answer stand in columns and never break the width of the terminal."""

from __future__ import annotations

from llmpool.core.cells import width
from tests.markdown_play import named, played, seen

PRICES = """\
| Model | Note | Price |
|:------|:----:|------:|
| `a_b` | **new** | 1.25 |
| 中文 | x | 12.50 |
"""


def test_columns_are_aligned_by_what_is_seen() -> None:
    assert seen(played(PRICES)) == (
        "Model │ Note │ Price\n──────┼──────┼──────\na_b   │ new  │  1.25\n中文  │  x   │ 12.50\n"
    )


def test_headings_are_bold_and_lines_dim() -> None:
    assert named(played("|a|b|\n|-|-|\n|*c*|d|")) == (
        "<bold>a<> <dim>│<> <bold>b<>\n<dim>──┼──<>\n<italic>c<> <dim>│<> d\n"
    )


def test_without_colour_the_marks_of_cells_stay() -> None:
    assert played(PRICES, color=False).splitlines()[2] == "`a_b` │ **new** │  1.25"


def test_long_cells_are_broken_at_words_and_rows_are_parted() -> None:
    text = "|Name|What|\n|-|-|\n|a|one two three four|\n|b|five<br>six|\n"
    assert seen(played(text, 18)) == (
        "Name │ What\n─────┼────────────\na    │ one two\n     │ three four\n"
        "─────┼────────────\nb    │ five\n     │ six\n"
    )


def test_a_word_that_does_not_fit_its_column_is_broken() -> None:
    written = seen(played("|a|b|\n|-|-|\n|" + "x" * 50 + "|" + "中" * 30 + "|\n", 20))
    assert max(map(width, written.splitlines())) <= 20
    assert (written.count("x"), written.count("中")) == (50, 30)


def test_a_table_of_many_columns_is_shown_row_by_row() -> None:
    text = "|Aa|Bb|Cc|Dd|\n|-|-|-|-|\n|one|two|three|four and five|\n|six|||nine|\n"
    assert seen(played(text, 16)) == (
        "Aa: one\nBb: two\nCc: three\nDd: four and\n  five\n\nAa: six\nDd: nine\n"
    )


def test_a_row_with_too_many_cells_loses_none() -> None:
    assert seen(played("|a|b|\n|-|-|\n|1|2|3|\n|4|\n")) == "a │ b\n──┼──────\n1 │ 2 | 3\n4 │\n"


def test_a_bar_in_a_cell_is_escaped_or_in_code() -> None:
    assert seen(played("|a|b|\n|-|-|\n|`x|y`|z|\n")) == "a   │ b\n────┼──\nx|y │ z\n"
    assert seen(played("|a|\n|-|\n|x \\| y|\n")) == "a\n─────\nx | y\n"


def test_a_line_that_begins_with_a_bar_is_no_table_alone() -> None:
    assert played("|x| < 3 and |y| < 4\nso") == "|x| < 3 and |y| < 4\nso"
    assert played("|a|b|") == "|a|b|"
    assert played("|a|b|\n|c|d|\n") == "|a|b|\n|c|d|\n"


def test_a_table_in_a_quote_or_an_item_keeps_its_margin() -> None:
    assert seen(played("> |a|b|\n> |-|-|\n> |1|2|\n\nx")) == "│ a │ b\n│ ──┼──\n│ 1 │ 2\n\nx"
    assert seen(played("- i\n\n  |a|b|\n  |-|-|\n  |1|2|\nx")) == "• i\n\n  a │ b\n  ──┼──\n  1 │ 2\nx"


def test_wide_marks_and_joined_pictures_are_measured_as_they_are_shown() -> None:
    assert [width(text) for text in ("ab", "中文", "é", "✅", "⚠️", "👩‍👩‍👧", "👍🏽", "e\u0301", "🇩🇪")] == [
        *(2, 4, 1, 2, 2, 2, 2, 1, 2)
    ]


def test_headings_that_are_long_are_not_said_whole_for_every_row() -> None:
    text = "|" + "a" * 1000 + "|b|c|d|\n|-|-|-|-|\n" + "|x\n" * 100
    written = seen(played(text, 16))
    assert (written.count("x"), written.count("b:")) == (100, 1)
    assert len(written) < 10_000
