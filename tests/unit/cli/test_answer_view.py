"""The line that ends an answer stays legible in a narrow terminal."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmpool.cli.answer_view import fitted

LINE = "den/qwen3:8b · 7 in, 2 out · free · first token 0.2 s, total 0.2 s"


def terminal(width: int, *, people: bool = True) -> Any:
    """Stand in for a terminal of that width."""
    return SimpleNamespace(width=width, for_people=people)


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (80, [LINE]),
        (66, [LINE]),
        (50, ["den/qwen3:8b · 7 in, 2 out · free", "first token 0.2 s, total 0.2 s"]),
        (20, ["den/qwen3:8b", "7 in, 2 out · free", "first token 0.2 s, total 0.2 s"]),
    ],
)
def test_it_is_broken_between_its_parts(width: int, shown: list[str]) -> None:
    """No part is cut in two, and where all of it fits it is one line."""
    assert fitted(terminal(width), LINE).splitlines() == shown


def test_a_pipe_gets_one_line() -> None:
    """What reads a pipe has no width."""
    assert fitted(terminal(10, people=False), LINE) == LINE
