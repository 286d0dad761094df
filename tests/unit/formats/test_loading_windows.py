"""The golden numbers of catalog-registry-router 5.2, 5.4 and 5.5, and G6."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.formats.loading_windows import can_expand, counted, first_target, next_target

SIZES = st.integers(0, 300_000)


@pytest.mark.parametrize(
    ("loaded", "maximum", "size", "can"),
    [
        (4096, 131072, 4096, False),
        (4096, 131072, 4097, True),
        (4096, 131072, 131072, True),
        (4096, 131072, 131073, False),
        (0, 32768, 100, True),
        (0, 32768, 32769, False),
        (0, 32768, 0, False),
        (4096, 0, 8192, False),
        (8192, 8192, 8193, False),
    ],
)
def test_what_can_expand(loaded: int, maximum: int, size: int, can: bool) -> None:
    """5.2, the verified numbers: strictly more than is loaded, at most the maximum; G6 is the second row."""
    assert can_expand("lmstudio", loaded, maximum, size) is can


def test_who_can_expand() -> None:
    """5.2 names LM Studio alone; Ollama takes the window with each request, so it can too. Others cannot."""
    able = [can_expand(name, 4096, 131072, 8192) for name in ("lmstudio", "ollama", "openai", "embedded", "")]
    assert able == [True, True, False, False, False]


@pytest.mark.parametrize(
    ("needed", "answer", "maximum", "declared", "target"),
    [
        (7000, 1024, 131072, 0, 11096),
        (7000, 1024, 8192, 0, 8192),
        (7000, 1024, 0, 0, 11096),
        (7000, 8000, 131072, 0, 15000),
        (7000, 1024, 131072, 32768, 32768),
        (7000, 1024, 16384, 32768, 16384),
    ],
)
def test_what_is_prepared(needed: int, answer: int, maximum: int, declared: int, target: int) -> None:
    """5.4.1: what is needed and 4096, or a longer answer, capped at the maximum; the owner's window wins."""
    assert first_target(needed, answer, maximum, declared) == target


@pytest.mark.parametrize(
    ("needed", "loaded", "maximum", "target"),
    [
        (12769, 12732, 262144, 25464),
        (100000, 12732, 262144, 104096),
        (100000, 200000, 262144, 262144),
        (12769, 0, 262144, 16865),
        (20000, 24000, 131072, 48000),
        (20000, 48000, 131072, 96000),
    ],
)
def test_how_a_window_grows(needed: int, loaded: int, maximum: int, target: int) -> None:
    """5.5, golden: twice what is loaded or what is needed and 4096, whichever is more, capped."""
    assert next_target(needed, loaded, maximum) == target


@given(SIZES, SIZES, SIZES)
def test_no_window_is_more_than_there_is(needed: int, loaded: int, maximum: int) -> None:
    """Whatever is needed, a target never exceeds a known maximum."""
    for target in (first_target(needed, 1024, maximum), next_target(needed, loaded, maximum)):
        assert target <= maximum or maximum == 0


def test_the_servers_own_count_is_read() -> None:
    """LM Studio says how many tokens it found; other errors say nothing of it."""
    words = "The number of tokens to keep ... (n_keep: 12769>= n_ctx: 12732). Try to load the model"
    assert counted(words) == 12769
    assert counted("out of memory") == 0
