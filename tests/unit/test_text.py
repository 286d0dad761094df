"""Foreign text on a terminal (DESIGN ruling 26): nothing that acts, only what is read."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.text import clean, few, one_line

OVERRIDES = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u061c\u200e\u200f"
INVISIBLE = "\u200b\u2060\u2061\u2062\u2063\u2064\ufeff"


def acts(character: str) -> bool:
    """Say whether a terminal would do something at *character* other than show it."""
    if character in "\n\t":
        return False
    controls = unicodedata.category(character) == "Cc"
    return controls or unicodedata.bidirectional(character) in OVERRIDES or character in MARKS + INVISIBLE


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_nothing_that_acts_survives(text: str) -> None:
    """No control, escape, bidi mark or override, or zero-width space comes through, in any mixture."""
    assert not any(map(acts, clean(text)))


@pytest.mark.parametrize("block", range(0, 0x3000, 0x1000))
def test_nothing_that_acts_survives_where_they_live(block: int) -> None:
    """Every code point of the blocks that hold controls, one by one."""
    assert not any(acts(c) for code in range(block, block + 0x1000) for c in clean(chr(code)))


@given(st.text())
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    """What is harmless stays as it is."""
    assert clean(clean(text)) == clean(text)


@given(st.text(st.characters(categories=["L", "N", "P", "S", "M"])))
def test_plain_text_is_untouched(text: str) -> None:
    """Letters, marks, figures and signs of every script are printed as they came."""
    assert clean(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain",
        "two\nlines\tand a tab",
        "naïve café 日本語 العربية עברית",
        "👩\u200d💻 and 🏳️\u200d🌈",
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
        "a b",
    ],
)
def test_joiners_that_scripts_and_emoji_need_are_kept(text: str) -> None:
    """Zero-width joiner and non-joiner, flags and variation selectors stay whole."""
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\r\nb", "a\nb"),
        ("safe\rfake", "safefake"),
        ("\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        ("\x1b]0;title\x07", "␛]0;title␇"),
        ("a\x00b\x7f", "a␀b␡"),
        ("\x9b31m", "31m"),
        ("back\b\b", "back␈␈"),
        ("user\u202ecod.exe", "usercod.exe"),
        ("\u2066x\u2069", "x"),
        ("in\u200bvis\u2060ible\ufeff", "invisible"),
    ],
)
def test_what_acts_is_shown_or_dropped(text: str, shown: str) -> None:
    """Controls become their pictures; carriage returns, C1, bidi and invisible characters are gone."""
    assert clean(text) == shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" a\nb\r\nc\td ", "a b c d"),
        ("a\rb\u2028c\u00a0d", "a b c d"),
        ("\x1b[31ma \u202e b", "\u241b[31ma b"),
        ("\u5bb6 \U0001f468\u200d\U0001f469", "\u5bb6 \U0001f468\u200d\U0001f469"),
        (" \n ", ""),
    ],
)
def test_a_reason_is_one_line(text: str, expected: str) -> None:
    """Line ends and blanks of all kinds are one space; what acts on a terminal is shown or gone."""
    assert one_line(text) == expected


@given(st.text())
def test_one_line_stays_as_it_is(text: str) -> None:
    """Folded twice is folded once, and there is neither a line end nor a tab in it."""
    once = one_line(text)
    assert one_line(once) == once
    assert len(once.splitlines()) < 2
    assert "\t" not in once


def test_the_first_of_many_are_named_and_the_rest_counted() -> None:
    """All of a few, the first of more; of none nothing is said."""
    assert few([], 2) == ""
    assert few(["a", "b"], 2) == "a, b"
    assert few(["a", "b", "c", "d"], 2, " then ") == "a then b and 2 more"
