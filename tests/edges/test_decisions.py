"""setup.decisions: recorded decisions are found, filtered and asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import AmbiguousName, Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.setup.decisions import Listing, Wanted, find, replayed, used
from llmpool.state import ledger
from tests.edges.recorded import FLEET, SINCE, UNTIL, line, outcome, plant, pool_in

FAILED = {
    "success": False,
    "served_by": "sky/mid",
    "attempts": [
        {"deployment": "den/small", "key": "none", "latency_ms": 9, "ok": False, "kind": "timeout",
         "message": "No answer in 3 s"},
        {"deployment": "sky/mid", "key": "none", "latency_ms": 9, "ok": False, "kind": "server",
         "message": "m"},
    ],
}  # fmt: skip
LINES = (
    line(1, outcome=outcome()),
    line(2, "sky/big", complexity="complex", outcome=outcome("sky/mid")),
    line(3, "sky/mid", strategy="cost", outcome=FAILED),
    line(4, None, rejections=[{"deployment": "den/small", "reasons": ["not cloud"]}], rejections_total=1),
    line(5, "sky/big", at="2027-01-02T00:00:00.000Z", notes=["called as it stands"]),
)


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    made = pool_in(tmp_path)
    plant(made, *LINES)
    return made


def listed(pool: Pool, **wanted: Any) -> list[int]:
    """Return the numbers of the decisions that are wanted, in their order."""
    found = Listing(pool, Wanted(**({"since": SINCE, "until": UNTIL} | wanted)))
    return [int(each["id"][2:]) for each in found]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        ({}, [4, 3, 2, 1, 5]),
        ({"since": "2027-01-15T00:00:00Z"}, [4, 3, 2, 1]),
        ({"until": "2027-01-03T00:00:00Z"}, [5]),
        ({"since": "2027-01-02T00:00:00Z", "until": "2027-01-02T00:00:00Z"}, [5]),  # at 00:00:00.000
        ({"until": "2027-01-01T23:59:59Z"}, []),
        ({"provider": "den"}, [1]),
        ({"provider": "sky"}, [3, 2, 5]),
        ({"deployment": "sky/mid"}, [3, 2]),
        ({"model": "big"}, [2, 5]),
        ({"served_by": "sky/mid"}, [3, 2]),
        ({"served_by": "den"}, [1]),
        ({"strategy": "cost"}, [3]),
        ({"complexity": "complex"}, [2]),
        ({"failed": True}, [3]),
        ({"reason": "no ANSWER"}, [3]),
        ({"reason": "timeout"}, [3]),
        ({"reason": "not cloud"}, [4]),
        ({"reason": "as it stands"}, [5]),
        ({"provider": "sky", "failed": True, "strategy": "score"}, []),
    ],
    ids=str,
)
def test_filters(pool: Pool, wanted: dict[str, Any], numbers: list[int]) -> None:
    """The newest come first; each filter is about who was chosen or answered, how, and why."""
    assert listed(pool, **wanted) == numbers


def test_who_stops_early_reads_no_more(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest decision is had without a look at the days before, however many there are."""
    read: list[str] = []
    real = ledger.backwards.lines
    monkeypatch.setattr(ledger.backwards, "lines", lambda path: (read.append(path.name), real(path))[1])
    assert next(iter(Listing(pool, Wanted(since=SINCE, until=UNTIL))))["id"] == "d-00000004"
    assert read == ["2027-01-15.jsonl"]


def test_lines_that_are_none_are_counted(pool: Pool) -> None:
    """A torn line and a foreign one are no decisions, and are counted as far as one has read."""
    with (pool.paths.state / "decisions" / "2027-01-15.jsonl").open("a") as file:
        file.write('{"a": 1}\n{"torn\n')
    listing = Listing(pool, Wanted(since=SINCE, until=UNTIL))
    assert (len(list(listing)), listing.bad) == (5, 2)


def test_an_id_or_its_beginning(pool: Pool) -> None:
    """A decision is found by its id, whole or its own beginning, with or without prefix, and by `last`."""
    plant(pool, line(70_000_001), line(70_000_002), line(7_000_000))
    assert find(pool, "d-00000001")["id"] == "d-00000001"
    assert find(pool, "00000003")["id"] == "d-00000003"
    assert find(pool, "d-07")["id"] == "d-07000000"
    assert find(pool, "")["id"] == find(pool, "last")["id"] == "d-07000000"
    with pytest.raises(AmbiguousName) as several:
        find(pool, "d-7000")
    assert several.value.details["candidates"] == ["d-70000002", "d-70000001"]
    with pytest.raises(UnknownName, match="d-nosuch"):
        find(pool, "d-nosuch")


def test_nothing_recorded_yet(tmp_path: Path) -> None:
    """The newest of none is an unknown name that says how one comes about."""
    with pytest.raises(UnknownName, match="no decision is recorded yet"):
        find(pool_in(tmp_path), "last")


def test_what_a_decision_came_to(pool: Pool) -> None:
    """Its usage record is found by the id in its outcome, also when the answer ended a day later."""
    record = {"id": "usage_1", "at": "2027-01-16T00:00:01.000Z", "deployment": "den/small", "cost": "0.25"}
    plant(pool, record | {"id": "usage_2"}, record, kind=ledger.USAGE)
    assert used(pool, LINES[0]) == record
    assert used(pool, LINES[3]) is None
    assert used(pool, LINES[0] | {"outcome": outcome() | {"usage_id": "usage_9"}}) is None


def test_replay_is_of_today(pool: Pool, tmp_path: Path) -> None:
    """The recorded features are routed over today's registry; nothing is recorded by that."""
    before = sorted((p.name, p.stat().st_mtime_ns) for p in (pool.paths.state / "decisions").iterdir())
    found = replayed(pool, line(1, "sky/big"))
    assert found.now is not None
    assert (found.now.selected, found.now.id, found.now.intent) == ("den/small", "d-00000001", "general")
    assert found.differences["selected"] == {"then": "sky/big", "now": "den/small"}
    needs = replayed(pool, line(1, asks={"min_quality": 9, "mode": "cloud"}))
    assert needs.now is not None
    assert needs.now.selected == "sky/big"
    after = sorted((p.name, p.stat().st_mtime_ns) for p in (pool.paths.state / "decisions").iterdir())
    assert after == before


def test_what_was_left_to_the_config_is_left_to_todays(pool: Pool, tmp_path: Path) -> None:
    """A mode or strategy that nobody asked for is today's; one that was asked for stays."""
    local = pool_in(tmp_path, FLEET + '\n[routing]\nmode = "cloud"\nstrategy = "priority"\n')
    words = {"mode": "local", "strategy": "score"}
    left, asked = (replayed(local, each).now for each in (line(1), line(1, asks=words)))
    assert left is not None
    assert asked is not None
    assert (left.mode, left.strategy, left.selected[:4]) == ("cloud", "priority", "sky/")
    assert (asked.mode, asked.strategy, asked.selected) == ("local", "score", "den/small")


@pytest.mark.parametrize(
    ("asks", "message"),
    [({"model": "nosuch"}, 'no model "nosuch" is known'), ({"group": "gone"}, 'no group "gone"')],
    ids=str,
)
def test_names_that_are_gone(pool: Pool, asks: dict[str, Any], message: str) -> None:
    """A model or a group that nobody has any more is the answer: today nobody would be chosen."""
    found = replayed(pool, line(1, asks=asks))
    assert found.now is None
    assert found.refused is not None
    assert found.refused.message == message
    assert found.differences["selected"] == {"then": "den/small", "now": None}


def test_wishes_about_what_is_gone_mean_nothing(pool: Pool) -> None:
    """Exclusions and preferences of what is no longer there stand in nobody's way; patterns stay."""
    found = replayed(pool, line(1, asks={"exclude": ["gone/x", "sky/b*"], "prefer": "gone"}))
    assert found.now is not None
    assert [c.deployment for c in found.now.candidates] == ["den/small", "sky/mid"]


def test_a_line_without_features_cannot_be_replayed(pool: Pool) -> None:
    """It is said which decision it is, and why."""
    with pytest.raises(Misuse, match="d-00000001 cannot be replayed: its features are not recorded"):
        replayed(pool, line(1) | {"request": None})
