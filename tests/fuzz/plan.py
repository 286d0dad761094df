"""A plan of mutation: a few steps of three small numbers, so that it shrinks to what matters.

Hypothesis draws plans in the tests, plain `random` in the long run (forty times as many in a second); each is
carried out alike on a valid document.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import NamedTuple

from hypothesis import strategies as st

MOST_STEPS = 4
_RANGE = 1 << 16


class Step(NamedTuple):
    """One mutation: which kind, at which place, with which value; each is taken modulo what there is."""

    kind: int
    place: int
    value: int


class Plan(NamedTuple):
    """Which of the seeds to begin with, and what to do to it."""

    seed: int
    steps: tuple[Step, ...]


_NUMBERS = st.integers(0, _RANGE - 1)
STEPS = st.lists(st.builds(Step, _NUMBERS, _NUMBERS, _NUMBERS), max_size=MOST_STEPS).map(tuple)
PLANS = st.builds(Plan, _NUMBERS, STEPS)


def drawn(source: random.Random) -> Plan:
    """Draw a plan at random."""
    number = source.randrange
    steps = (Step(number(_RANGE), number(_RANGE), number(_RANGE)) for _ in range(1 + number(MOST_STEPS)))
    return Plan(number(_RANGE), tuple(steps))


def smallest(plan: Plan, fails: Callable[[Plan], bool]) -> Plan:
    """Leave out every step that a failure does without."""
    for number in reversed(range(len(plan.steps))):
        shorter = plan._replace(steps=plan.steps[:number] + plan.steps[number + 1 :])
        if fails(shorter):
            plan = shorter
    return plan
