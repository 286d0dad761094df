"""Foreign text on a terminal (DESIGN ruling 26): nothing that acts, only what is read."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.text import cell, clean, few, one_line, shown

FLAG = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
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


UNSEEN = (  # printable, and yet not to be seen
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0"
    + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
)
PLAIN = st.text(st.characters(categories=["L", "N", "P", "S", "M"], exclude_characters=UNSEEN))


@given(PLAIN)
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
        ("so\u00adft\u180e \ufff9hid\ufffb\u034fden\U000e0101", "soft hidden"),
        ("say \U000e0068\U000e0069!", "say !"),
        ("\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f\U000e0068", FLAG),
        ("\U0001f3f4\U000e0068\U000e0069", "\U0001f3f4"),
        ("a\u2028b\u2029c", "a\nb\nc"),
        ("blank\u3164\u2800\u115f.", "blank  ."),
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


@given(st.text(st.characters(codec=None, exclude_categories=())))
def test_what_is_shown_is_seen(text: str) -> None:
    """In a name, an error or a reason nothing is invisible, and nothing acts; ASCII is as it was."""
    told = shown(text)
    assert all(c.isprintable() or c in "\n\t" for c in told)
    assert not set(told) & set(UNSEEN)
    assert not set(cell(text)) & set("\n\t")
    assert not (text.isascii() and text.isprintable() and "<U+" not in text) or told == text


@given(*[st.text(st.characters(exclude_categories=["Cc", "Cs"]))] * 2)
def test_two_names_never_look_the_same(one: str, other: str) -> None:
    """What is different is shown differently, as far as it is no control, which no id has."""
    assert (shown(one) == shown(other)) == (one == other)


@given(st.lists(st.sampled_from(["<", "U", "+", "2", ">", "\u200b", "<U+200B>", "e"])).map("".join))
def test_a_name_cannot_pass_for_an_escape(text: str) -> None:
    """What looks like one in the name itself is told apart, so that the name can be read back."""
    assert re.sub("<U\\+([0-9A-F]+)>", lambda found: chr(int(found[1], 16)), shown(text)) == text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("gpt-5\u200b", "gpt-5<U+200B>"),
        ("\u202eliame", "<U+202E>liame"),
        ("<U+200B>", "<U+003C>U+200B>"),
        ("gr\u00f6\u00dfe \u5bb6", "gr\u00f6\u00dfe \u5bb6"),
        ("cafe\u0301", "cafe<U+0301>"),
        ("\u212b", "<U+212B>"),
        ("a\u00a0b", "a<U+00A0>b"),
        ("two\r\nlines\x1b[0m", "two\nlines\u241b[0m"),
        ("\ud800", "<U+D800>"),
    ],
)
def test_what_hides_is_written_by_its_number(text: str, told: str) -> None:
    """As `less` writes it; controls are pictures, and accents that compose are letters of their own."""
    assert shown(text) == told
    assert cell(text) == told.replace("\n", " ")
