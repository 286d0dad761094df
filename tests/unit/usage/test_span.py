"""Moments compared as text: whatever digits they were written with."""

from __future__ import annotations

import pytest

from llmpool.usage.span import between

FIRST, LAST = "2026-11-01T00:00:00Z", "2026-11-02T00:00:00Z"


@pytest.mark.parametrize(
    ("at", "inside"),
    [
        ("2026-10-31T23:59:59.999Z", False),
        ("2026-11-01T00:00:00Z", True),
        ("2026-11-01T00:00:00.000Z", True),
        ("2026-11-01T00:00:00.500Z", True),
        ("2026-11-01T23:59:59.999999Z", True),
        ("2026-11-02T00:00:00.000Z", True),
        ("2026-11-02T00:00:00.001Z", False),
        ("2026-11-02T00:00:01Z", False),
    ],
)
def test_a_time_is_between_two_others_to_the_last_digit(at: str, inside: bool) -> None:
    """Both ends are in it; half a second after one is not before it."""
    assert between(FIRST, at, LAST) is inside
