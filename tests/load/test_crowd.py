"""Many processes at once on one state directory and one config: nothing is lost, torn, doubled or stuck."""

from __future__ import annotations

import os

import pytest

from tests.load import verdict
from tests.load.crowd import Town, gathered
from tests.support import Home

for_long = pytest.mark.skipif("LONG" not in os.environ, reason="LONG is not set")


def held(home: Home, town: Town) -> None:
    """Run it, print its figures, and check that nothing is wrong."""
    crowd, seconds = gathered(home, town)
    print("\n".join(verdict.figures(crowd, seconds)))
    wrong = verdict.wrong(crowd)
    assert not wrong, "\n".join(wrong[:50])


@pytest.mark.slow
def test_every_kind_of_command_holds_beside_every_other(home: Home) -> None:
    """Three members share what there is to do, each in an order of its own."""
    held(home, Town(3, rounds=1, dealt=3))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_32_processes_hold(home: Home) -> None:
    """Thirty-two at a time for ten seconds."""
    held(home, Town(32, seconds=10))


@for_long
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_32_processes_hold_for_a_minute(home: Home) -> None:
    """Thirty-two at a time for a minute: LONG=1 pytest -m slow tests/load."""
    held(home, Town(32, rounds=1, seconds=60, seed=2))
