"""A terminal that knows no UTF-8 is shown something legible, and never a question mark."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli import standins


@pytest.mark.parametrize(
    ("text", "encoding", "told"),
    [
        ("31 in · 4 out", "ascii", "31 in - 4 out"),
        ("a \u2013 b … “c” → d", "ascii", 'a - b ... "c" -> d'),
        ("████▌", "ascii", "#####"),
        ("█·", "latin-1", "#·"),
        ("größe", "latin-1", "größe"),
        ("größe", "ascii", "gr<U+00F6><U+00DF>e"),
        ("模型", "latin-1", "<U+6A21><U+578B>"),
        ("\u241b[31m", "ascii", "^[[31m"),
        ("5 €", "ascii", "5 EUR "),
    ],
)
def test_what_is_unknown_has_a_stand_in(text: str, encoding: str, told: str) -> None:
    """Signs become what looks like them, letters their number, since two names must not look the same."""
    assert standins.written(text, encoding) == told


@given(st.text())
def test_everything_can_be_written(text: str) -> None:
    """Whatever it is; and no question mark is there that was none before."""
    assert standins.written(text, "ascii").count("?") == text.count("?")
    assert standins.written(text, "ascii").isascii()


def test_the_bare_locale_draws_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    """LC_ALL goes before LANG; none at all says nothing."""
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LANG", raising=False)
    assert standins.draws()
    monkeypatch.setenv("LANG", "C")
    assert not standins.draws()
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert standins.draws()
