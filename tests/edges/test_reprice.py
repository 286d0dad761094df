"""`usage reprice`: recorded costs at today's prices, as a view, or written with the first cost beside."""

from __future__ import annotations

import json
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.pool import Pool
from llmpool.setup import reprice
from llmpool.state import jsonl, ledger, price_book, prices
from llmpool.usage.span import Span

pytestmark = pytest.mark.usefixtures("old_book")
NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
SPAN = Span("2026-09-01T00:00:00", "2026-09-30T00:00:00")
BOOK: dict[str, Any] = {
    "schema": 1,
    "version": "v7",
    "vendors": {
        "openai": {"models": [["gpt-4o", {"input": "2.5", "output": "10", "cache_read": "1.25"}]]},
        "deepseek": {
            "models": [
                ["deepseek-chat", {"input": "0.28", "output": "0.42"}],
                [
                    "dated",
                    [{"input": "4", "output": "8"}, {"input": "2", "output": "4", "from": "2026-09-10"}],
                ],
                ["each", {"input": "1", "output": "1", "per_request": "0.01"}],
            ]
        },
    },
}


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Open a pool with two providers and a price book of its own."""
    (tmp_path / "config.toml").write_text("[providers.openai]\n[providers.deepseek]\n")
    price_book.keep(tmp_path / "state", price_book.Stored("", "2026-09-20T00:00:00Z", "", BOOK))
    return again(tmp_path)


def again(directory: Path) -> Pool:
    paths = find_paths({}, str(directory / "config.toml"), str(directory / "state"))
    return Pool(paths, {}, lambda: NOW)


def used(number: int, ref: str, sent: int, got: int, cost: str | None, **more: Any) -> dict[str, Any]:
    provider, _, name = ref.partition("/")
    line = {
        "id": f"u{number}",
        "at": f"2026-09-{number:02}T10:00:00.000Z",
        "provider": provider,
        "model": name,
    }
    return line | {
        "deployment": ref,
        "success": True,
        "input_tokens": sent,
        "output_tokens": got,
        "request_count": 1,
        "cost": cost,
        **more,
    }


def plant(pool: Pool, *lines: dict[str, Any]) -> Path:
    """Write records where they belong, and return their directory."""
    folder = pool.paths.state / ledger.USAGE
    for line in lines:
        jsonl.append(folder / f"{line['at'][:10]}.jsonl", line)
    return folder


def kept(pool: Pool) -> dict[str, dict[str, Any]]:
    return {line["id"]: line for line in ledger.Reading(pool.paths.state, ledger.USAGE)}


def test_example_21_is_a_view_that_changes_nothing(pool: Pool) -> None:
    """Stored 1.0 and 2.0, now 0.0075 and 0.385: old 3.0, new 0.3925, the files as they were."""
    folder = plant(
        pool,
        used(1, "openai/gpt-4o", 1000, 500, "1.0"),
        used(2, "deepseek/deepseek-chat", 1_000_000, 250_000, "2.0"),
    )
    before = {path: path.read_bytes() for path in folder.iterdir()}
    report = reprice.view(pool, SPAN)
    assert (report.total.records, report.total.changed) == (2, 2)
    assert (report.total.old, report.total.new) == (Decimal("3.0"), Decimal("0.3925"))
    assert report.as_json()["difference"] == "-2.6075"
    assert [each["deployment"] for each in report.as_json()["models"]] == [
        "deepseek/deepseek-chat",
        "openai/gpt-4o",
    ]
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_applied_each_record_keeps_its_first_cost(pool: Pool, tmp_path: Path) -> None:
    """The old figure and its source stay beside the new ones, whatever follows; twice applied is once."""
    plant(
        pool,
        used(1, "openai/gpt-4o", 1000, 500, "1.0", price_source="custom", price_dated="2026-01-01", tag="x"),
    )
    assert reprice.apply(pool, SPAN) == 1
    (line,) = kept(pool).values()
    wanted = {"cost": "0.0075", "price_source": "book", "price_dated": "v7"}
    first = {"cost_original": "1.0", "price_source_original": "custom", "tag": "x"}
    assert {name: line[name] for name in wanted | first} == wanted | first
    assert reprice.apply(pool, SPAN) == 0
    entry = {"input": "5", "output": "0", "set_at": "2026-09-21T00:00:00Z"}
    prices.update(tmp_path / "state", lambda own: own._replace(custom={"gpt-4o": entry}))
    assert reprice.apply(again(tmp_path), SPAN) == 1
    (line,) = kept(pool).values()
    assert (line["cost"], line["price_source"], line["cost_original"]) == ("0.005", "custom", "1.0")


def test_an_unknown_cost_becomes_known_and_says_that_it_was_not(pool: Pool) -> None:
    """What was recorded without a price has one now: its first cost is null."""
    plant(pool, used(1, "openai/gpt-4o", 1000, 500, None), used(2, "openai/zzz", 9, 9, None))
    report = reprice.view(pool, SPAN)
    total = report.total
    assert (total.unpriced, total.unknown, total.changed, total.new) == (2, 1, 1, Decimal("0.0075"))
    assert report.as_json()["models"][1] | {"records": 1} == {
        **dict.fromkeys(("old", "new", "difference")),
        "deployment": "openai/zzz",
        "records": 1,
        "changed": 0,
        "unpriced": 1,
        "unknown": 1,
        "kept": 0,
    }
    assert reprice.apply(pool, SPAN) == 1
    lines = kept(pool)
    assert (lines["u1"]["cost"], lines["u1"]["cost_original"]) == ("0.0075", None)
    assert "price_source_original" not in lines["u1"]
    assert (lines["u2"]["cost"], "cost_original" in lines["u2"]) == (None, False)


def test_what_cannot_be_priced_now_keeps_what_it_cost(pool: Pool) -> None:
    """A cost that came with an import, and no price for that model: it counts on both sides."""
    plant(pool, used(1, "old/zzz", 1000, 500, "0.7"))
    total = reprice.view(pool, SPAN).total
    assert (total.old, total.new, total.kept, total.changed) == (Decimal("0.7"), Decimal("0.7"), 1, 0)
    assert reprice.apply(pool, SPAN) == 0


def test_the_price_is_that_of_the_day_of_the_request(pool: Pool) -> None:
    """A price that holds from the tenth prices nothing of the ninth."""
    plant(
        pool,
        used(9, "deepseek/dated", 1_000_000, 0, "4"),
        used(10, "deepseek/dated", 1_000_000, 0, "4"),
    )
    assert reprice.apply(pool, SPAN) == 1
    assert [line["cost"] for line in kept(pool).values()] == ["4", "2"]


def test_local_was_free_and_stays_so(pool: Pool) -> None:
    """A machine that is configured no more cost nothing then, whatever its model is called."""
    plant(pool, used(1, "den/gpt-4o", 1000, 500, "0", price_source="local"))
    assert reprice.view(pool, SPAN).total.changed == 0


def test_failed_requests_are_priced_by_what_was_streamed(pool: Pool) -> None:
    """Broken off: its tokens; nothing came: free; not counted: unknown."""
    nothing = used(3, "openai/gpt-4o", 0, 0, None, success=False)
    del nothing["input_tokens"], nothing["output_tokens"]
    silent = used(4, "openai/gpt-4o", 0, 0, None)
    del silent["input_tokens"], silent["output_tokens"]
    refused = nothing | {"id": "u5", "deployment": "deepseek/each"}
    broken = used(2, "openai/gpt-4o", 1000, 100, None, success=False)
    plant(pool, broken, nothing, silent, refused, used(6, "deepseek/each", 0, 0, None, request_count=3))
    reprice.apply(pool, SPAN)
    found = {name: line["cost"] for name, line in kept(pool).items()}
    assert found == {"u2": "0.0035", "u3": "0", "u4": None, "u5": "0", "u6": "0.03"}


def test_only_the_span_is_touched_and_bad_lines_stay(pool: Pool) -> None:
    """Records outside, lines that are none, and foreign figures are left byte for byte."""
    folder = plant(pool, *(used(n, "openai/gpt-4o", 1000, 500, "1") for n in (1, 2, 3)))
    day = folder / "2026-09-02.jsonl"
    odd = [
        b"{torn\n",
        b'{"id": "x", "at": "yesterday", "cost": "1"}\n',
        json.dumps(used(2, "openai/gpt-4o", -5, 500, "1") | {"output_tokens": "many"}).encode() + b"\n",
    ]
    day.write_bytes(day.read_bytes() + b"".join(odd))
    assert reprice.apply(pool, Span("2026-09-02T00:00:00", "2026-09-02T23:00:00")) == 1
    assert next(iter(kept(pool).values()))["cost"] == "1"
    lines = day.read_bytes().splitlines(keepends=True)
    assert lines[1:] == odd
    assert json.loads(lines[0])["cost"] == "0.0075"


def test_nothing_that_is_appended_meanwhile_is_lost(pool: Pool) -> None:
    """Appends wait for the rewrite of a day, which waits for them: every line is there once."""
    plant(pool, *(used(5, "openai/gpt-4o", 1000, 500, "1") | {"id": f"a{n}"} for n in range(50)))
    many = [used(5, "openai/gpt-4o", 1000, 500, "1") | {"id": f"b{n}"} for n in range(50)]
    writer = threading.Thread(target=lambda: plant(pool, *many))
    writer.start()
    for _ in range(5):
        reprice.apply(pool, SPAN)
    writer.join()
    reprice.apply(pool, SPAN)
    lines = kept(pool)
    assert len(lines) == 100
    assert {line["cost"] for line in lines.values()} == {"0.0075"}
    assert {line["cost_original"] for line in lines.values()} == {"1"}


def test_what_a_plan_paid_costs_nothing_afterwards_unless_the_owner_says_so(
    pool: Pool, tmp_path: Path
) -> None:
    """Its provider may be gone from the config: list prices are none of a plan."""
    plant(pool, used(1, "seat/gpt-4o", 1000, 500, "0", price_source="plan"))
    assert reprice.view(pool, SPAN).total.changed == 0
    entry = {"input": "5", "output": "0", "set_at": "2026-09-21T00:00:00Z"}
    prices.update(tmp_path / "state", lambda own: own._replace(custom={"seat/gpt-4o": entry}))
    total = reprice.view(again(tmp_path), SPAN).total
    assert (total.changed, total.new) == (1, Decimal("0.005"))


def test_a_span_has_its_first_moment_and_not_its_end(pool: Pool) -> None:
    """Half a second into the first day is in it, half a second into the day after is not."""
    for number, at in enumerate(("2026-09-01T00:00:00.500Z", "2026-09-30T00:00:00.500Z")):
        plant(pool, used(number, "openai/gpt-4o", 1000, 500, "1.0") | {"at": at})
    assert reprice.view(pool, SPAN).total.records == 1
    assert reprice.apply(pool, SPAN) == 1
    assert [line["cost"] for line in kept(pool).values()] == ["0.0075", "1.0"]


def test_the_table_is_not_gone_through_for_each_record(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten million records over ten thousand deployments: who is local is looked up once."""
    plant(pool, *(used(n, "openai/gpt-4o", 1000, 10, None) for n in range(1, 9)))
    monkeypatch.setattr(reprice.costs, "_is_local", lambda *_: pytest.fail("looked up for one record"))
    assert reprice.view(pool, SPAN).total.records == 8
    assert reprice.apply(pool, SPAN) == 8
