"""Whatever was used here arrives on another machine: export, import and export again lose nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.config.paths import Paths
from llmpool.core.text import one_line
from llmpool.pool import Pool, open_pool
from llmpool.setup.usage_export import export
from llmpool.setup.usage_import import take_in
from llmpool.state import jsonl, ledger
from llmpool.usage import fields
from llmpool.usage.span import Span

if TYPE_CHECKING:
    import pytest

NOW = 1_795_233_600.0  # 2026-11-21 04:00:00 UTC
ALWAYS = Span()
TEXT = st.text(max_size=20).map(one_line)
COST = st.none() | st.sampled_from(["0", "0.1", "1.5E-7", "12", "0.0000001", "123456789012345.5"])
COUNT = st.integers(0, fields.MOST - 1)
MOMENT = st.builds(
    "2026-11-{:02}T{:02}:{:02}:59{}Z".format,
    st.integers(18, 20),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["", ".0", ".123", ".999999999"]),
)
NAMES = {
    "id": st.from_regex(r"\Ausage_[0-9a-f]{16}\Z"),
    "at": MOMENT,
    "provider": st.sampled_from(["den", "sky", "Work_1"]),
    "model": st.sampled_from(["m", "a/b:c", "qwen3:8b", "\u6a21\u578b", "=1+1"]),
    "success": st.booleans(),
    "cost": COST,
}
KINDS = {
    fields.is_text: TEXT,
    fields.is_count: COUNT,
    fields.is_flag: st.booleans(),
    fields.is_amount: COST,
}
RECORDS = st.fixed_dictionaries(
    NAMES,
    optional={
        name: KINDS[fits]
        for name, fits in fields.FIELDS.items()
        if name not in NAMES and name != "deployment"
    },
).map(lambda record: record | {"deployment": f"{record['provider']}/{record['model']}"})


def machine(directory: Path) -> Pool:
    paths = Paths(directory / "config.toml", directory / "state", directory / "secrets.json")
    return open_pool(paths, env={}, clock=lambda: NOW)


def kept(pool: Pool) -> list[dict[str, Any]]:
    return list(ledger.Reading(pool.paths.state, ledger.USAGE))


@settings(max_examples=25)
@given(st.lists(RECORDS, max_size=8, unique_by=lambda record: record["id"]))
def test_usage_moves_without_loss(
    tmp_path_factory: pytest.TempPathFactory, records: list[dict[str, Any]]
) -> None:
    """Every record comes back field by field, in the same order, once however often it is sent."""
    directory = tmp_path_factory.mktemp("machines")
    here, there = machine(directory / "here"), machine(directory / "there")
    for record in sorted(records, key=lambda record: record["at"].rstrip("Z")):
        ledger.append(here.paths.state, ledger.USAGE, record)
    file = directory / "usage.jsonl"
    with file.open("w") as out:
        done = export(here, "jsonl", ALWAYS, out.write)
    assert (done.records, done.bad) == (len(records), 0)
    for taken in (len(records), 0):
        came = take_in(there, str(file), "", lambda _text: None)
        assert (came.taken, came.there, came.broken) == (taken, len(records) - taken, 0)
    assert kept(there) == kept(here)
    again: list[str] = []
    export(there, "jsonl", ALWAYS, again.append)
    assert "".join(again) == file.read_text()


@settings(max_examples=25)
@given(
    st.lists(
        st.recursive(
            st.none() | st.text() | st.integers() | st.floats() | st.booleans(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=5,
        )
        | st.dictionaries(
            st.sampled_from([*fields.FIELDS, "provider_id", "model_id", "timestamp"]),
            st.none() | st.text() | st.integers() | st.floats(),
        )
    )
)
def test_nothing_foreign_gets_in(tmp_path_factory: pytest.TempPathFactory, lines: list[Any]) -> None:
    """Whatever a file holds, each line is taken, was there, or is broken; what got in is read back whole."""
    directory = tmp_path_factory.mktemp("machine")
    pool, file = machine(directory), directory / "x.jsonl"
    good = {"id": "u1", "at": "2026-11-20T00:00:00Z", "provider": "a", "model": "b", "success": True}
    file.write_text("".join(json.dumps(line) + "\n" for line in [good, *lines]))
    done = take_in(pool, str(file), "", lambda _text: None)
    assert done.taken + done.there + done.broken == len(lines) + 1
    reading = ledger.Reading(pool.paths.state, ledger.USAGE)
    assert len(list(reading)) == done.taken
    assert reading.bad == 0
    assert all(jsonl.read(path).bad == 0 for path in (pool.paths.state / "usage").glob("*.jsonl"))
