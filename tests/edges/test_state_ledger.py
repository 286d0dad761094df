"""state.ledger: lines that are no usage record or no decision are counted, never in the way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmpool.state import ledger

AT = "2026-11-21T03:44:00.123Z"
USAGE = {"id": "u1", "at": AT, "deployment": "den/m", "success": True, "input_tokens": 5, "cost": "0.25"}
ATTEMPT = {"deployment": "den/m", "key": "none", "latency_ms": 3, "ok": True}
FAILED = {"deployment": "den/m", "latency_ms": 3, "ok": False, "kind": "server", "message": "m"}
HIT = {"rule": "speed_bonus", "points": 2}
DECISION: dict[str, Any] = {
    "id": "d1",
    "at": AT,
    "selected": "den/m",
    "strategy": "score",
    "mode": "auto",
    "complexity": "simple",
    "intent": "chat",
    "candidates": [{"deployment": "den/m", "score": 5.5, "hits": [HIT]}],
    "candidates_total": 1,
    "rejections": [{"deployment": "sky/m", "reasons": ["no key"]}],
}
OUTCOME = {"success": True, "served_by": "den/m", "attempts": [FAILED, ATTEMPT]}


def plant(state: Path, kind: str, *records: Any) -> None:
    """Write lines as others would."""
    folder = state / kind
    folder.mkdir(exist_ok=True)
    (folder / f"{AT[:10]}.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))


def read(state: Path, kind: str) -> tuple[list[dict[str, Any]], int]:
    reading = ledger.Reading(state, kind)
    return list(reading), reading.bad


@pytest.mark.parametrize("kind", [ledger.USAGE, ledger.DECISIONS])
@pytest.mark.parametrize(
    "change",
    [{"at": None}, {"at": 5}, {"at": "yesterday"}, {"at": "2026-11-21T03:44:00"}, {"at": ""}, {"id": 7}],
    ids=str,
)
def test_a_record_has_a_time_and_an_id(tmp_path: Path, kind: str, change: dict[str, Any]) -> None:
    """A JSON object without a time or an id is a line that could not be read, in every reading."""
    good = USAGE if kind == ledger.USAGE else DECISION
    missing = {name: value for name, value in good.items() if name not in change}
    plant(tmp_path, kind, {"a": 1}, good, missing, good | change, [], "x")
    assert read(tmp_path, kind) == ([good], 5)
    assert ledger.newest(tmp_path, kind, limit=9) == [good]


@pytest.mark.parametrize("value", ["5", -1, 1.5, None, [], True, 1 << 64], ids=str)
def test_a_figure_that_is_none_is_unknown(tmp_path: Path, value: Any) -> None:
    """A count of another type costs the count, not the record of the call."""
    plant(tmp_path, ledger.USAGE, USAGE | {"input_tokens": value, "latency_ms": value})
    (record,), bad = read(tmp_path, ledger.USAGE)
    assert (record, bad) == ({k: v for k, v in USAGE.items() if k != "input_tokens"}, 0)


@pytest.mark.parametrize("cost", ["", "abc", "NaN", "Infinity", "-1", "1E999", 5, [], {}], ids=str)
def test_a_cost_that_is_none_is_unknown(tmp_path: Path, cost: Any) -> None:
    """A cost that is no amount of money is null, as the cost of a call without a price."""
    plant(tmp_path, ledger.USAGE, USAGE | {"cost": cost})
    assert read(tmp_path, ledger.USAGE) == ([USAGE | {"cost": None}], 0)


@pytest.mark.parametrize(
    ("cost", "told"),
    [*((each, each) for each in ("0", "0.25", "0.00000015", "12", None)), ("1.5E-7", "0.00000015")],
)
def test_amounts_stay(tmp_path: Path, cost: str | None, told: str | None) -> None:
    """Every amount the program writes comes back as it was written; an exponent of another's does not."""
    plant(tmp_path, ledger.USAGE, USAGE | {"cost": cost})
    assert read(tmp_path, ledger.USAGE) == ([USAGE | {"cost": told}], 0)


@pytest.mark.parametrize(
    "change",
    [
        *({name: odd} for name in DECISION for odd in (7.5, ["x"], {"x": 1}, [{}], True)),
        {"candidates": [{"deployment": "den/m", "score": "5", "hits": []}]},
        {"candidates": [{"deployment": "den/m", "score": 5}]},
        {"candidates": [{"deployment": "den/m", "score": 5, "hits": [{"rule": "x"}]}]},
        {"rejections": [{"deployment": "den/m", "reasons": "no"}]},
        {"rejections": [{"reasons": []}]},
        {"rejections": [{"deployment": "den/m", "reasons": [], "needed": "5"}]},
        *({name: [7]} for name in ("rejections_total", "difficulty", "notes", "request")),
        {"outcome": None},
        {"outcome": []},
        {"outcome": OUTCOME | {"attempts": None}},
        {"outcome": OUTCOME | {"attempts": [{"ok": True}]}},
        {"outcome": OUTCOME | {"attempts": [FAILED | {"latency_ms": "3"}]}},
        {"outcome": OUTCOME | {"attempts": [FAILED | {"kind": None}]}},
        {"outcome": OUTCOME | {"success": "yes"}},
    ],
    ids=str,
)
def test_a_decision_that_cannot_be_shown(tmp_path: Path, change: dict[str, Any]) -> None:
    """A decision with a field of another type, or without one, is a line that could not be read."""
    plant(tmp_path, ledger.DECISIONS, DECISION | change, DECISION)
    assert read(tmp_path, ledger.DECISIONS) == ([DECISION], 1)
    for name in change.keys() & DECISION.keys():
        plant(tmp_path, ledger.DECISIONS, {k: v for k, v in DECISION.items() if k != name})
        assert read(tmp_path, ledger.DECISIONS) == ([], 1)


def test_decisions_stay_as_they_are(tmp_path: Path) -> None:
    """Whole decisions come back unchanged, with or without an outcome, whatever else they carry."""
    lines = [DECISION, DECISION | {"outcome": OUTCOME}, DECISION | {"selected": None, "colour": "red"}]
    plant(tmp_path, ledger.DECISIONS, *lines)
    assert read(tmp_path, ledger.DECISIONS) == (lines, 0)
    assert ledger.newest(tmp_path, ledger.DECISIONS, limit=3) == lines[::-1]


def test_a_number_that_json_cannot_write_is_unknown(tmp_path: Path) -> None:
    """Whoever prints such a decision prints JSON: no NaN, and no infinity."""
    plant(tmp_path, ledger.DECISIONS, DECISION | {"colour": float("nan"), "more": [float("-inf"), "1e999"]})
    path = next((tmp_path / "decisions").iterdir())
    path.write_text(path.read_text().replace('"1e999"', "1e999"))
    assert read(tmp_path, ledger.DECISIONS) == ([DECISION | {"colour": None, "more": [None, None]}], 0)
