"""Hints that the sources know and no rule of the score looks at (catalog-registry-router 6.1)."""

from __future__ import annotations

import pytest

from llmpool.router.features import HINTS
from tests.unit.router.fleets import A, ask, scores


def test_the_hints_that_move_points_are_these() -> None:
    """Six of the seven of the source; the seventh only opens tools to an agent, which llmpool is not."""
    assert set(HINTS) == {
        *("channel", "quality_floor", "model_preference", "mission", "local_only", "prefer_speed"),
    }


@pytest.mark.parametrize("value", ["enabled", "disabled", ""])
def test_delegation_moves_nothing(value: str) -> None:
    """6.1: it has no effect on scoring in any version of the source."""
    for query in ("hello", "explain why", "turn on the light"):
        given = ask(A, query, hints={"delegation_gating": value})
        assert scores(given) == scores(ask(A, query))
        assert given.selected == ask(A, query).selected
