"""When a prompt is said to have been cut: the server's count against what was sent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.chat.guard import warning

CERTAIN, LIKELY = "cut the prompt", "probably cut"


@pytest.mark.parametrize(
    ("sent", "counted", "window", "several", "said"),
    [
        (7500, 6500, 6500, False, CERTAIN),  # the count fills the window
        (7500, 6499, 6500, True, CERTAIN),
        (9200, 2051, 4096, True, LIKELY),  # more than the window was sent, less than half was counted
        (20000, 4000, 0, False, LIKELY),  # nobody knows the window, a fifth was counted
        (20000, 4090, 131072, False, LIKELY),  # the window has shrunk since it was last seen
        (20000, 50, 131072, True, ""),  # earlier turns may be remembered, and not counted
        (7500, 6500, 32768, False, ""),
        (4000, 900, 0, False, ""),  # no default window is smaller
        (9200, 5000, 8192, False, ""),  # more than half: the estimate may be wrong
        (5000, 3000, 4096, False, ""),
        (4000, 4096, 4096, False, ""),
    ],
)
def test_what_is_said_of_a_count(sent: int, counted: int, window: int, several: bool, said: str) -> None:
    """Proof is told as proof, likelihood as that, and a wrong estimate not at all."""
    text = warning("den/m", sent, counted, window, several=several)
    assert (said in text) if said else not text
    if said:
        assert "llmpool models load den/m --context " in text


def test_the_advice_is_a_window_that_would_do() -> None:
    """It names the deployment, the window, and one with room for the prompt and an answer."""
    assert warning("den/m", 9200, 2051, 4096, several=False) == (
        "den/m counted 2,051 tokens of about 9,200: the prompt was probably cut to its window of 4,096; "
        "a larger window: llmpool models load den/m --context 16384"
    )
    fixed = warning("vl/m", 9200, 2051, 4096, grows=False)
    assert fixed.endswith("; its window is set where its server is started")


@given(st.integers(0, 4096), st.integers(1, 5000), st.integers(0, 200_000))
def test_a_short_prompt_that_fits_is_never_said_to_be_cut(sent: int, counted: int, window: int) -> None:
    """What every default window takes, and what fits the known one, is no matter for a warning."""
    if window == 0 or sent <= window:
        assert not warning("den/m", sent, counted, window, several=False)
