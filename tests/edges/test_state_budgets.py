"""budgets.json: shared by all processes, seeded by the ledger, never forgotten."""

from __future__ import annotations

import json
import os
import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmpool.core.config import Budget
from llmpool.core.times import rfc3339
from llmpool.errors import StateUnusable
from llmpool.state import budgets, ledger, unread
from llmpool.state.budgets import Keeping
from llmpool.usage.budgets import Granted, Short, Wish

NOW = 1_795_000_000.0  # 18 November 2026, 11:06 UTC
DAILY = Budget(name="daily", limit="1", per="day")
MONTHLY = Budget(name="monthly", limit="9", per="month")


class Clock:
    """A clock that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Give a clock."""
    return Clock()


@pytest.fixture
def keeping(tmp_path: Path, clock: Clock) -> Keeping:
    """Give a state directory with a config that has two budgets."""
    config = tmp_path / "config.toml"
    config.write_text("[budgets.daily]\n")
    return Keeping(tmp_path / "state", config, (DAILY, MONTHLY), clock)


def wish(cents: int) -> Wish:
    """Wish for a call of so many cents."""
    return Wish("work/m", "a", "", Decimal(cents) / 100, Decimal(0), 1, 1)


def take(keeping: Keeping, cents: int) -> Granted:
    """Reserve a call that is granted."""
    got = budgets.reserve(keeping, wish(cents))
    assert isinstance(got, Granted)
    return got


def ran(keeping: Keeping, at: float, cost: str | None) -> None:
    """Write a usage record as a call leaves it."""
    line: dict[str, Any] = {"id": "u", "at": rfc3339(at), "deployment": "work/m", "key": "a", "cost": cost}
    ledger.append(keeping.state, ledger.USAGE, line)


def figures(keeping: Keeping) -> list[tuple[str, str]]:
    """Tell what is spent and reserved of each budget."""
    return [(str(each.spent), str(each.reserved)) for each in budgets.standings(keeping)]


def test_what_is_reserved_is_replaced_by_what_it_cost(keeping: Keeping) -> None:
    """Both budgets over a call know, and what was never sent leaves nothing."""
    first, second = take(keeping, 60), take(keeping, 40)
    assert figures(keeping) == [("0", "1.0"), ("0", "1.0")]
    assert isinstance(budgets.reserve(keeping, wish(1)), Short)
    budgets.settle(keeping, first.lease, Decimal("0.25"))
    budgets.settle(keeping, second.lease, Decimal(0))
    assert figures(keeping) == [("0.25", "0"), ("0.25", "0")]


def test_processes_together_keep_to_the_limit(keeping: Keeping) -> None:
    """Of forty who reserve at once as many are let in as can be paid."""
    with ThreadPoolExecutor(8) as threads:
        got = list(threads.map(lambda _: budgets.reserve(keeping, wish(10)), range(40)))
    assert sum(isinstance(each, Granted) for each in got) == 10
    assert figures(keeping)[0] == ("0", "1.0")


def test_a_killed_process_holds_nothing_for_longer_than_ten_minutes(keeping: Keeping, clock: Clock) -> None:
    """Its lease ends, for those who look and those who reserve; a clock set back keeps it no longer."""
    take(keeping, 100)
    clock.now += 599
    assert isinstance(budgets.reserve(keeping, wish(1)), Short)
    clock.now -= 7200
    assert figures(keeping)[0] == ("0", "1")
    assert isinstance(budgets.reserve(keeping, wish(1)), Short)
    clock.now += 600
    assert figures(keeping)[0] == ("0", "0")
    take(keeping, 100)


def test_what_was_spent_before_a_budget_was_set_counts(keeping: Keeping) -> None:
    """The ledger is read once for the present periods; calls of unknown cost count nothing."""
    for days, cost in ((0, "0.30"), (0, None), (1, "0.50"), (20, "4")):
        ran(keeping, NOW - days * 86400, cost)
    assert figures(keeping) == [("0.30", "0"), ("0.80", "0")]
    shutil.rmtree(keeping.state / "usage")
    assert figures(keeping) == [("0.3", "0"), ("0.8", "0")]  # the count is kept


def test_a_period_begins_at_local_midnight(
    keeping: Keeping, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was spent in the last hour of the UTC day before is of today in Berlin; a total counts it all."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        midnight = NOW - NOW % 86400 - 3600
        for at, cost in ((midnight - 1, "0.1"), (midnight, "0.2"), (midnight - 400 * 86400, "0.4")):
            ran(keeping, at, cost)
        whole = Budget(name="whole", limit="9", per="total")
        assert figures(keeping._replace(budgets=(DAILY, whole))) == [("0.2", "0"), ("0.7", "0")]
    finally:
        monkeypatch.undo()
        time.tzset()


def test_a_day_later_the_count_is_another(keeping: Keeping, clock: Clock) -> None:
    """A new day begins with nothing spent; the month goes on, and so does the past day, should it return."""
    budgets.settle(keeping, take(keeping, 50).lease, Decimal("0.5"))
    ran(keeping, NOW, "0.5")
    clock.now += 86400
    assert figures(keeping) == [("0", "0"), ("0.5", "0")]
    budgets.settle(keeping, take(keeping, 20).lease, Decimal("0.2"))
    ran(keeping, clock.now, "0.2")
    clock.now -= 86400  # set back by a day: what was spent since counts all the same
    assert figures(keeping) == [("0.7", "0"), ("0.7", "0")]


def test_what_ran_while_a_budget_was_gone_counts_when_it_is_back(keeping: Keeping) -> None:
    """Whoever edits the config has the ledger read again; what only the count knew is not lost by that."""
    budgets.settle(keeping, take(keeping, 50).lease, Decimal("0.5"))  # failed: no record has its cost
    ran(keeping, NOW, "0.1")
    keeping.config.write_text("# taken out\n")
    assert budgets.standings(keeping._replace(budgets=())) == []
    ran(keeping, NOW, "0.3")
    keeping.config.write_text("[budgets.daily] # again\n")
    assert figures(keeping) == [("0.5", "0"), ("0.5", "0")]
    ran(keeping, NOW, "0.3")
    keeping.config.write_text("[budgets.daily] # and again\n")
    assert figures(keeping)[0] == ("0.7", "0")


@pytest.mark.parametrize(
    "data",
    [
        "{}",
        '{"config":[1,2],"counts":{"day *":[1.0,"-1"]},"leases":[]}',
        '{"config":[1,2],"counts":{"day *":[1.0,"NaN"]},"leases":[]}',
        '{"config":[1,2],"counts":{"day *":[1.0,1]},"leases":[]}',
        '{"config":[1,2],"counts":{},"leases":[["x",1.0,"work/m","a","","1",2]]}',
        '{"config":[1,2],"counts":{},"leases":[["x",-1.0,"work/m","a","","1"]]}',
        '{"config":[1,2],"counts":{},"leases":{}}',
    ],
)
def test_a_corrupt_file_is_refused_and_never_forgotten(keeping: Keeping, data: str) -> None:
    """Looking and reserving end with 10 until its owner has settled it; it is set aside untouched."""
    keeping.state.mkdir()
    path = keeping.state / "budgets.json"
    content = f'{{"version":1,"written_at":"2026-11-18T11:06:40Z","data":{data}}}'
    path.write_text(content)
    for act in (lambda: budgets.standings(keeping), lambda: budgets.reserve(keeping, wish(1))):
        with pytest.raises(StateUnusable) as error:
            act()
        assert error.value.exit_code == 10
    (aside,) = keeping.state.glob("budgets.json.corrupt-*")
    assert aside.read_text() == content
    aside.unlink()
    assert isinstance(budgets.reserve(keeping, wish(1)), Granted)


def test_the_file_holds_amounts_as_texts(keeping: Keeping) -> None:
    """No amount is ever a float, and none has an exponent."""
    keeping.config.unlink()
    budgets.settle(keeping, take(keeping, 50).lease, Decimal("1E-7"))
    take(keeping, 25)
    data = json.loads((keeping.state / "budgets.json").read_text())["data"]
    assert data["counts"]["day *"][1] == "0.0000001"
    assert data["leases"][0][1:] == [NOW, "work/m", "a", "", "0.25"]


def test_who_has_to_wait_for_the_ledger_is_told_once(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said before much is read; what was added up is not read again, whoever edits the config."""
    told: list[str] = []
    keeping = keeping._replace(tell=told.append, budgets=(MONTHLY,))
    ran(keeping, NOW - 86400, "0.5")
    monkeypatch.setattr(unread, "MUCH", 1)
    figures(keeping)
    assert told == ["reading 84 B of usage, which is added up once"]
    keeping.config.write_text("[budgets.daily] # again\n")
    assert figures(keeping) == [("0.5", "0")]
    assert len(told) == 1
    for path in keeping.state.glob("usage/rollup/*"):
        os.utime(path, (NOW, 1))  # or the next line may be of the same tick of the clock of the file system
    ran(keeping, NOW - 86400, "0.25")
    keeping.config.write_text("[budgets.daily] # and again\n")
    assert figures(keeping) == [("0.75", "0")]
    assert told[1:] == ["reading 85 B of usage, which is added up once"]


@pytest.mark.parametrize(
    ("cost", "kept"),
    [("123456789012345678901.5", "123456789012345678901.5"), ("0.0000000000004", "0"), ("7.50", "7.5")],
)
def test_an_amount_of_any_size_is_kept(keeping: Keeping, cost: str, kept: str) -> None:
    """More digits than Decimal reckons with by itself are no reason to lose a charge and its lease."""
    budgets.settle(keeping, take(keeping, 1).lease, Decimal(cost))
    assert budgets.read(keeping.state).counts["day *"].spent == Decimal(kept)
    assert f'"{kept}"' in (keeping.state / "budgets.json").read_text()
