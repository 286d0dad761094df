"""An answer comes in parts: what is certain is shown at once, and only what may mean two things waits."""

from __future__ import annotations

import pytest

from llmpool.cli.markdown import Markdown
from tests.markdown_play import fed, named, played, seen


def shown(*parts: str, width: int = 80) -> list[str]:
    markdown = Markdown(width, color=True)
    return [named(markdown.feed(part)) for part in parts]


@pytest.mark.parametrize("text", ["The", "Yes", "你", "'Tis", "(a", "<b", "="])
def test_the_first_token_of_an_ordinary_answer_is_shown_at_once(text: str) -> None:
    assert shown(text) == [text]


def test_words_are_shown_letter_by_letter_where_there_is_room() -> None:
    assert shown("W", "o", "r", "ds", " fol", "low") == ["W", "o", "r", "ds", " fol", "low"]


def test_near_the_right_edge_a_word_waits_until_it_is_whole() -> None:
    parts = ("twenty-eight characters here", " yes", ",", " and more", " ")
    assert shown(*parts, width=36) == ["twenty-eight characters", " here", "", " yes,\nand more", ""]


def test_a_mark_waits_for_its_partner() -> None:
    assert shown("a *", "b", "* c", " 2 *", " 3") == ["a", "", " <italic>b<> c", " 2", " * 3"]


def test_the_beginning_of_a_line_waits_for_what_it_is() -> None:
    assert shown("-", " ", "a", "\n`", "``", "sh\n", "l", "s") == [
        *("", "", "• a", "\n", "", "<dim>```sh<>\n", "<code>l", "s")
    ]


def test_a_table_waits_for_its_end() -> None:
    parts = shown("|a|b|\n", "|-|-|\n", "|1|2", "|\n", "x")
    assert [*map(bool, parts)] == [False, False, False, False, True]


def test_a_long_table_waits_for_its_first_rows_only() -> None:
    markdown = Markdown(40, color=False)
    parts = [markdown.feed(f"| {n} | {n} |\n") for n in ("a", "-", *range(70))]
    assert [n for n, part in enumerate(parts) if part] == [*range(61, 72)]
    assert parts[-1] == "69 │ 69\n"


def test_the_end_shows_what_waits_and_turns_styles_off() -> None:
    markdown = Markdown(80, color=True)
    assert markdown.feed("# **a") == "\x1b[0;2m# \x1b[0m"
    assert named(markdown.end()) == "<bold>**a<>"
    assert markdown.end() == ""


def test_after_the_end_a_new_answer_begins() -> None:
    markdown = Markdown(80, color=True)
    assert named(markdown.feed("```\ncode") + markdown.end()) == "<dim>```<>\n<code>code<>"
    assert named(markdown.feed("*a*") + markdown.end()) == "<italic>a<>"


def test_the_column_says_whether_the_line_is_ended() -> None:
    markdown = Markdown(80, color=True)
    columns = []
    for part in ("ab", "c\n", "```\nx", "\n"):
        markdown.feed(part)
        columns.append(markdown.column)
    assert columns == [2, 0, 1, 0]


@pytest.mark.parametrize("color", [True, False])
def test_no_escape_of_an_answer_reaches_the_terminal(color: bool) -> None:
    hostile = "a\x1b]0;title\x07b\x1b[31m **c\x9b2J** \u202e`d\x1b[0m` [e\x1b](http://f\x1b/)\n|\x1b|b|\n|-|-|\n|\x1b[1m|\x00|\n"
    for size in (1, 3, len(hostile)):
        written = seen(played(hostile, color=color, size=size))
        assert not set(written) & {"\x1b", "\x07", "\x9b", "\u202e", "\x00"}
        assert "a␛]0;title␇b␛[31m" in written


@pytest.mark.parametrize(
    ("parts", "written"),
    [
        (["a\ud83d\ude00b"], "a\U0001f600b"),
        (["a\ud83d", "\ude00b"], "a\U0001f600b"),
        (["a\ud83d", "b"], "a\ufffdb"),
        (["a", "\ude00", "b"], "a\ufffdb"),
        (["a\ud83d"], "a\ufffd"),
        (["a\r\nb\r", "\nc"], "a\nb\nc"),
    ],
)
def test_halves_of_characters_and_carriage_returns_do_no_harm(parts: list[str], written: str) -> None:
    assert fed(parts) == written


@pytest.mark.parametrize(
    "text",
    ["`" * 20_000, "*" * 20_000, ">" * 20_000, "#" * 20_000, "[" * 20_000, "- " * 10_000, "~" * 20_000],
    ids=lambda text: text[0],
)
def test_marks_without_end_are_shown_and_do_not_take_for_ever(text: str) -> None:
    written = seen(played(text + "end", 80))
    assert written.replace("\n", "").endswith("end")
    assert written.count(text[0]) >= len(text) // 2 - 1000


def test_a_line_that_would_be_a_row_or_a_fence_but_never_ends_is_text() -> None:
    for mark in ("|", "```"):
        text = mark + "a" * 10_000
        assert seen(played(text)).startswith(mark)
