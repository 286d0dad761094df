"""Markdown on a terminal: marks become styles where they are marks, and stay where they are not."""

from __future__ import annotations

import pytest

from tests.markdown_play import named, played, seen

SPANS = {
    "**bold**, *italic*, ~~gone~~": "<bold>bold<>, <italic>italic<>, <strike>gone<>",
    "__two words__ and _one_": "<bold>two words<> and <italic>one<>",
    "***both***": "<bold+italic>both<>",
    "**bold *and italic* in it**": "<bold>bold <bold+italic>and italic<bold> in it<>",
    "*italic **and bold***": "<italic>italic <bold+italic>and bold<>",
    "`code`, ``with ` in it``": "<code>code<>, <code>with ` in it<>",
    "**`a*b`**": "<bold+code>a*b<>",
    "**B**ig **O**h": "<bold>B<>ig <bold>O<>h",
    "[words](https://a.example/b_c)": "<underline>words<dim> (https://a.example/b_c)<>",
    "[https://a.example](https://a.example)": "<underline>https://a.example<>",
    '[t](http://a.example/x_(y) "title")': "<underline>t<dim> (http://a.example/x_(y))<>",
    "[me@a.example](mailto:me@a.example)": "<underline>me@a.example<>",
    "![a cat](https://a.example/c.png)": "<italic>a cat<dim> (https://a.example/c.png)<>",
    r"\*stars\* and a\_b": "*stars* and a_b",
    "这是**重要**的": "这是<bold>重要<>的",
    "**“引用”**的": "<bold>“引用”<>的",
    "**a\nb** c": "<bold>a<>\n<bold>b<> c",
}


@pytest.mark.parametrize("text", SPANS)
def test_marks_become_styles(text: str) -> None:
    assert named(played(text)) == SPANS[text]


@pytest.mark.parametrize(
    "text",
    [
        "snake_case_names and __init__ and _x_1",
        "2*3*4, 2 * 3 * 4, x**2 + y**2, f(x)**2 + g(x)**2",
        "f(*args, **kwargs), x**2",
        "int *p, *q; (*p)->x and (*q)->x",
        "$x_1$ and $$a_{i} * b_{j}$$ and \\(a_b\\) and \\[ c \\\\ d \\]",
        "an unclosed ** at the end of the text, **",
        "unclosed **bold, *italic, `code and ~~gone",
        "~5 minutes, ~/bin, a ~ b",
        "array[0] and [1] and [x] (y) and [a](not an address) and [b](",
        "https://a.example/_b_/*c*/d",
        "<details> and a < b && c > d",
        "*.py, *.txt and *",
        "C:\\Users\\new",
    ],
)
def test_what_is_no_mark_stays_as_it_was_written(text: str) -> None:
    assert played(text, 200) == text


def test_a_mark_whose_partner_is_far_away_is_text() -> None:
    text = f"**{'word ' * 60}word**"
    assert played(text, 1000) == text


def test_a_mark_has_no_partner_in_the_next_paragraph() -> None:
    assert played("a **b\n\nc** d") == "a **b\n\nc** d"


BLOCKS = {
    "# One\n## Two ##": "<dim># <bold>One<>\n<dim>## <bold>Two ##<>",
    "#no heading\n#!/bin/sh": "#no heading\n#!/bin/sh",
    "- a\n  * b\n+ c\n-d": "• a\n  • b\n• c\n-d",
    "1. a\n2) b\n10 c": "1. a\n2) b\n10 c",
    "- [x] done\n- [ ] open": "• [x] done\n• [ ] open",
    "> a\n> > b\n>=c": "<dim>│ <>a\n<dim>│ │ <>b\n>=c",
    "> a\n>\n> b": "<dim>│ <>a\n<dim>│<>\n<dim>│ <>b",
    "a\n\n***\n\nb": f"a\n\n<dim>{'─' * 40}<>\n\nb",
    "one  \ntwo\nthree": "one\ntwo\nthree",
    "```python\nx = '*a*'\n\n```\nb": "<dim>```python<>\n<code>x = '*a*'<>\n\n<dim>```<>\nb",
    "~~~\n```\n~~~": "<dim>~~~<>\n<code>```<>\n<dim>~~~<>",
    "````\n```\n````": "<dim>````<>\n<code>```<>\n<dim>````<>",
    "- ```sh\n  ls *\n  ```\n- b": "• <dim>```sh<>\n<code>  ls *<>\n<dim>  ```<>\n• b",
    "> ```\n> a*b*\n> ```\nc": "<dim>│ <dim>```<>\n<dim>│ <code>a*b*<>\n<dim>│ <dim>```<>\nc",
    "a\n\n    b *c*\n\nd": "a\n\n<code>    b *c*<>\n\nd",
    "```\nnever closed": "<dim>```<>\n<code>never closed<>",
    "```inline``` and text": "<code>inline<> and text",
    "\n\na\n\n\nb\n": "a\n\n\nb\n",
}


@pytest.mark.parametrize("text", BLOCKS)
def test_lines_are_shown_as_what_they_are(text: str) -> None:
    assert named(played(text, 40)).replace("<><", "<") == BLOCKS[text]


def test_without_colour_the_marks_stay() -> None:
    text = (
        "# H\n\n**b** *i* ~~s~~ `c` [t](https://a.example) \\*\n\n- a\n* b\n\n> q\n\n---\n\n```sh\nls\n```\n"
    )
    assert played(text, color=False) == text


def test_a_terminal_that_draws_no_lines_gets_what_can_be_typed() -> None:
    written = seen(played("- a\n\n> q\n\n---\n\n|a|b|\n|-|-|\n|1|2|\n", 10, unicode=False))
    assert written == "- a\n\n> q\n\n----------\n\na | b\n--+--\n1 | 2\n"


def test_lines_break_at_words_under_the_text_of_their_item() -> None:
    text = "- one two three four five\n  1. six seven eight nine ten\n\n> eleven twelve thirteen"
    assert seen(played(text, 18)) == (
        "• one two three\n  four five\n  1. six seven\n     eight nine\n     ten\n\n"
        "│ eleven twelve\n│ thirteen"
    )


def test_code_is_never_broken() -> None:
    line = "x = " + "word " * 40 + "end"
    assert seen(played(f"```\n{line}\n```", 40)).splitlines()[1] == line


def test_an_address_begins_a_line_of_its_own_rather_than_be_broken() -> None:
    address = "https://a.example/" + "b" * 50
    assert seen(played(f"look at {address} now", 40)) == f"look at\n{address} now"


def test_wide_characters_take_two_columns() -> None:
    assert seen(played("中文没有空格、也要断行。", 10)) == "中文没有空\n格、也要断\n行。"


def test_a_sign_that_cannot_begin_a_line_takes_its_neighbour_along() -> None:
    assert seen(played("中文没有空、也", 10)) == "中文没有\n空、也"


def test_a_style_does_not_colour_the_margin() -> None:
    assert named(played("> **aaaa bbbb cccc**", 12)) == ("<dim>│ <><bold>aaaa bbbb<>\n<dim>│ <><bold>cccc<>")
