"""What made each score of the worked cases: the rules that fired, in the table's order (6.5)."""

from __future__ import annotations

import pytest

from tests.unit.router.fleets import ask, rules
from tests.unit.router.test_score_cases import CASES

OSS, PRIMARY, BACKUP = "gpt-oss:120b", "edge-primary/qwen3:8b", "edge-backup/qwen3:8b"

# number: deployment: the points that the case adds up
BREAKDOWNS: dict[int, dict[str, list[int]]] = {
    1: {"local": [20, 15, 15], "cloud": [20, -45, -200]},
    2: {"cloud": [20, 20, -9], "local": [20, -100]},
    3: {"slow": [20, 15], "fast": [20, 15]},
    4: {"fast": [20, 15, 15], "slow": [20, 15]},
    5: {"fast": [20, 15, -100, 15]},
    8: {PRIMARY: [20, 15, 15, 10]},
    9: {PRIMARY: [20, 15, 15, 10, -300]},
    10: {OSS: [20, 15, 10, 20], "claude-sonnet-4-6": [20, -16, -200]},
    11: {OSS: [20, 15, 10, 20, -500]},
    12: {OSS: [20, 15, 10, 20, -300, -2]},
    14: {PRIMARY: [20, 15, 15, 10, 6, 4], BACKUP: [20, 15, 15, 10, -4, -4]},
    15: {"cloud": [20, 20, -9], "local": [20, 10]},
    16: {"local": [20, 10, 10]},
    17: {"local": [20, 15, 15, 10, 20, 10], "cloud": [20, -45]},
    18: {"cloud": [20, -24], "local": [20, 15, 10, -100]},
    19: {"local": [20, 15, -30]},
    20: {"local": [20, 15, -30, -20]},
    22: {"fast": [20, 15, 25]},
    23: {"cloud": [-45]},
    25: {"local": [20, 10, -100]},
    26: {"local": [20, 15, 15, 10, 10, 15]},
    28: {"mid": [20, 20, -6], "zlocal": [20, 14]},
    29: {"q7": [20, 15, 10], "unk": [20, 15, -30]},
    30: {"fast": [20, 15, 10], "slow": [20, 15, 1, -8]},
    32: {"local": [20, 15, -100], "cloud": [20, -24, -200]},
    33: {"local": [20, 20]},
    34: {"local": [20, 15, 20]},
    35: {"local": [20, 10, 20, 10]},
    37: {"sonnet": [20, 18, -6, 10], "haiku": [20, 14, -3, 10]},
    39: {"haiku": [20, 15, -15, 10]},
    40: {"local": [20, 15, -30, -20, 10]},
}


@pytest.mark.parametrize("number", BREAKDOWNS)
def test_the_points_of_a_worked_case(number: int) -> None:
    """Each rule that the case names has fired with its points, and no other one."""
    fleet, query, how, *_ = CASES[number]
    decision = ask(fleet, query, **how)
    found = {name: list(rules(decision, name).values()) for name in BREAKDOWNS[number]}
    assert found == BREAKDOWNS[number]


@pytest.mark.parametrize("number", CASES)
def test_hits_add_up_to_the_score(number: int) -> None:
    """Nothing moves a score without being told."""
    fleet, query, how, *_ = CASES[number]
    for candidate in ask(fleet, query, **how).candidates:
        assert sum(hit.points for hit in candidate.hits) == candidate.score


def test_all_cases_are_played() -> None:
    """Of 43 cases 6 and 7 are played by tests of their own."""
    assert sorted([*CASES, 6, 7]) == list(range(1, 44))
