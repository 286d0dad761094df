"""core.echo: what a server repeats of a prompt is left out of what is kept."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.echo import LEAST, unechoed

PROMPT = "the heron nests behind\nthe blue lighthouse"


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("Invalid prompt: the heron nests behind the blue lighthouse.", "Invalid prompt: [...]."),
        ('cannot parse "heron nests beh" and "blue lighthouse"', 'cannot parse "[...]" and "[...]"'),
        ("the  heron   nests  behind", "[...]"),
        ("model not found: heron-7b", "model not found: heron-7b"),
        ("", ""),
    ],
)
def test_what_is_repeated_is_left_out(message: str, kept: str) -> None:
    """A run of the prompt becomes a gap, whatever its blanks; what is no run of it stays as it was."""
    assert unechoed(message, [PROMPT]) == kept


def test_a_short_text_counts_as_a_whole() -> None:
    """A password that is all there is to a prompt is left out; a word or two of any language are not."""
    assert unechoed("bad input 'hunter2', hunter2", ["hunter2"]) == "bad input '[...]', [...]"
    assert unechoed("this model is busy", ["hi", "is"]) == "this model is busy"


@given(st.text("ab c\n", max_size=40), st.text("ab c", max_size=20), st.text("xyz", max_size=9))
def test_no_run_of_a_prompt_is_left(prompt: str, part: str, own: str) -> None:
    """Whatever is repeated, no twelve characters of the prompt in a row remain."""
    kept = unechoed(f"{own}{part}{prompt}{own}", [prompt])
    said = " ".join(prompt.split())
    assert not any(said[n : n + LEAST] in kept for n in range(len(said) - LEAST + 1))
