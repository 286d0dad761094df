"""Roff out of plain text: nothing a person typed becomes an order, and long command lines stay runnable."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli import roff

WORDS = st.lists(
    st.sampled_from(["llmpool", "chat", "'a b'", '"$(x y)"', "--needs", "tools", "|", "jq", ".x"])
)


@pytest.mark.parametrize(
    ("plain", "written"),
    [
        ("a-b", r"a\-b"),
        (r"\fB", r"\efB"),
        ("it's `x`~^", r"it\(aqs \(gax\(ga\(ti\(ha"),
        ("größe", r"gr\[u00F6]\[u00DF]e"),
    ],
)
def test_text_is_no_order(plain: str, written: str) -> None:
    """Characters that roff reads are escaped."""
    assert roff.text(plain) == written


def test_a_dot_does_not_open_an_order() -> None:
    """A line that begins with a dot is text all the same."""
    assert roff.prose(".env is read") == r"\&.env is read"
    assert roff.verbatim([".so /etc/passwd"])[2] == r"\&.so /etc/passwd"


def test_what_is_in_backquotes_is_bold() -> None:
    """A sentence names what is typed."""
    assert roff.prose("run `a-b` now") == r"run \fBa\-b\fR now"


@given(WORDS)
def test_a_folded_command_line_is_the_same_command(words: list[str]) -> None:
    """Broken lines fit, and a shell that joins them has the words it had."""
    line = " ".join(words)
    parts = roff.folded(line)
    assert all(len(part) <= roff.WIDEST + 2 for part in parts)
    joined = "\n".join(parts).replace("\\\n", "")
    assert shlex.split(joined, comments=False) == shlex.split(line, comments=False)


def test_a_line_that_fits_is_left_alone() -> None:
    """No more is broken than has to be."""
    line = "x" * roff.WIDEST
    assert roff.folded(line) == [line]
    assert roff.folded(f"llmpool {'y' * 40} {'z' * 40}") == [f"llmpool {'y' * 40} \\", f"    {'z' * 40}"]
