"""Whatever an answer says and however it is cut into parts: the same is written, and no word is lost."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.cli.markdown import Markdown
from tests.markdown_play import fed, seen

MARKS = (
    *("*", "**", "***", "_", "__", "`", "``", "```", "~~", "~~~", "# ", "- ", "1. ", "> ", ">", "|", "|-|"),
    *(
        "| a | b |\n|---|:-:|\n",
        "[",
        "](",
        ")",
        "[x](http://y.z)",
        "!",
        "\\",
        "\n",
        "\n\n",
        " ",
        "  ",
        "    ",
    ),
    *("---", "\t", "\r\n", "\x1b[31m", "\ud83d", "\ude00", ":", "=", "<"),
)
WORDS = (
    *("word", "snake_case", "https://example.org/a_b", "h", "ht", "中文", "。", "“", "👩‍👩‍👧", "⚠️", "10"),
    *("e\u0301", "lorem ipsum dolor ", "a" * 30, "/usr/bin/x"),
)
ANSWERS = st.lists(st.sampled_from(MARKS + WORDS), max_size=50).map("".join)
WIDTHS = st.sampled_from([10, 20, 40, 80])
_WORD = re.compile(r"[A-Za-z0-9\u4e00-\u9fff]")


def cut(text: str, places: list[int]) -> list[str]:
    edges = sorted({0, len(text), *(place % (len(text) + 1) for place in places)})
    return [text[a:b] for a, b in pairwise(edges)]


@settings(max_examples=150)
@given(ANSWERS, WIDTHS, st.booleans(), st.lists(st.integers(0, 2000), max_size=20))
def test_the_same_is_written_however_an_answer_is_cut(
    text: str, width: int, color: bool, places: list[int]
) -> None:
    whole = fed([text], width, color=color)
    assert fed(text, width, color=color) == whole
    assert fed(cut(text, places), width, color=color) == whole


@settings(max_examples=100)
@given(ANSWERS, WIDTHS, st.booleans())
def test_no_letter_is_lost_and_styles_end(text: str, width: int, color: bool) -> None:
    written = fed([text], width, color=color)
    assert not Counter(_WORD.findall(text)) - Counter(_WORD.findall(seen(written)))
    assert "\x1b" not in seen(written)
    assert written.rfind("\x1b") in {-1, written.rfind("\x1b[0m")}


@settings(max_examples=100)
@given(st.lists(st.text("abcdefgh", min_size=1, max_size=7), max_size=50).map(" ".join), WIDTHS)
def test_prose_without_marks_is_only_broken(text: str, width: int) -> None:
    written = fed(text, width, color=True)
    assert written.split() == text.split()
    assert all(len(line) <= width for line in written.splitlines())


@settings(max_examples=50)
@given(ANSWERS)
def test_what_waits_is_little(text: str) -> None:
    markdown = Markdown(80, color=True)
    for part in text + "\n\nend ":
        markdown.feed(part)
    assert len(markdown.end()) < 40
