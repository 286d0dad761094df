"""A terminal that changes its width in the middle of an answer has the rest of it fit."""

from __future__ import annotations

from llmpool.cli.markdown import Markdown
from tests.markdown_play import seen

WORDS = "one two three four five six seven eight nine ten "


def lines_after(width: int, then: int, text: str) -> list[str]:
    """Return what is shown of *text* behind a first line, written while the terminal was *width* wide."""
    markdown = Markdown(width, color=True)
    markdown.feed("first\n\n")
    markdown.resize(then)
    return seen(markdown.feed(text) + markdown.end()).splitlines()


def test_what_comes_next_is_broken_where_the_terminal_ends_now() -> None:
    """Narrower or wider: a line is as long as fits, and what was written stays."""
    assert max(map(len, lines_after(80, 30, WORDS * 4))) <= 30
    assert 60 < max(map(len, lines_after(30, 80, WORDS * 4))) <= 80


def test_margins_and_tables_follow() -> None:
    """A rule, a quote and a table that begin later are as wide as the terminal is by then."""
    rule = lines_after(80, 30, "---\n\ntext\n")
    assert len(rule[0]) == 30
    assert max(map(len, lines_after(80, 30, f"> {WORDS * 3}\n"))) <= 30
    table = lines_after(80, 30, f"| a | b |\n|---|---|\n| x | {WORDS} |\n\n")
    assert max(map(len, table)) <= 30


def test_a_line_under_way_goes_on_in_the_narrower_terminal() -> None:
    """The terminal has broken what was written by then; from there on lines end at words again."""
    markdown = Markdown(80, color=True)
    begun = seen(markdown.feed(WORDS))
    markdown.resize(20)
    rest = seen(markdown.feed(WORDS * 2) + markdown.end())
    after = rest.splitlines()[1:]
    assert begun.startswith("one two")
    assert after
    assert max(map(len, after)) <= 20
