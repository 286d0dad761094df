"""What a line of a batch does where a budget stands in its way: wait, go on alone, or end the batch."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from llmpool.chat.batch_ask import LEASES_END, LOOK, Asker, Stopped
from llmpool.errors import Refused


def pause(*budgets: tuple[str, str, str], least: str = "0.26", waited: float = 0.0) -> float:
    """Ask how long to wait, for budgets of a limit, of which so much is spent and so much reserved."""
    stands = [{"limit": each[0], "spent": each[1], "reserved": each[2]} for each in budgets]
    error = Refused("no", details={"budgets": stands, "costs_at_least": least})
    batch: Any = SimpleNamespace(_hear=lambda _: None)
    line: Any = SimpleNamespace(chooses=False)
    return Asker._affordable(batch, error, line, waited)


def test_what_is_reserved_or_was_given_back_meanwhile_is_waited_for() -> None:
    """A refusal may be of a moment that is over when its figures are read."""
    assert pause(("1", "0.04", "0.96")) == LOOK
    assert pause(("1", "0.04", "0")) == LOOK
    assert pause(("1", "0.9", "0.1"), ("1", "0.04", "0.9")) == LOOK


@pytest.mark.parametrize(
    ("budgets", "waited"),
    [
        ([("1", "0.9", "0.1")], 0),
        ([("1", "0.9", "0"), ("5", "0", "0")], 0),
        ([("1", "0", "0")], 2 * LEASES_END),
    ],
)
def test_what_is_spent_is_not_waited_for(budgets: list[tuple[str, str, str]], waited: float) -> None:
    """Nobody gives that back, and nothing is reserved for longer than a lease."""
    with pytest.raises(Stopped):
        pause(*budgets, waited=waited)


def test_a_line_that_no_budget_affords_fails_alone() -> None:
    """Others may cost less."""
    with pytest.raises(Refused):
        pause(("0.1", "0", "0"))
