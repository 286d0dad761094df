"""Years are added up, listed and pruned a piece at a time: what was read is let go before the next is."""

from __future__ import annotations

import sys
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool.chat import retention
from llmpool.cli.context import Terminal
from llmpool.state import collect, ledger, prune
from llmpool.usage.rollup import Days
from llmpool.usage.span import Span
from llmpool.usage.summary import Groups
from tests.benchmarks._scale_fill import PICO, Size, Truth, fill
from tests.fakes.server import FakeServer
from tests.support import Home, provider

DAYS = 70
SIZE = Size(providers=3, deployments=30, records=40 * DAYS, decisions=DAYS, days=DAYS)
KEPT = '[usage]\nretention = "0d"'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Truth]:
    """Make a home with seventy days of forty records each, and what these were counted to add up to."""
    home = Home(tmp_path_factory.mktemp("days"))
    home.write_config(KEPT, provider("den", "http://127.0.0.1:9/v1"))
    return home, fill(home.state, SIZE, time.time())


def is_exact(home: Home, truth: Truth) -> None:
    """Compare the summaries of all time with what was counted while the records were made."""
    total = home.here("usage", "summary", "--since", "all", "--by", "provider", "--json").json
    months = home.here("usage", "summary", "--since", "all", "--by", "month", "--json").json
    whole, told = truth.total(), total["total"]
    for name in ("requests", "failed", "unpriced", "input_tokens", "output_tokens"):
        assert told[name] == whole[name], name
    assert (told["p50_latency_ms"], told["p95_latency_ms"]) == (truth.percentile(50), truth.percentile(95))
    for groups, wanted in ((total["groups"], truth.providers), (months["groups"], truth.months)):
        found = {each["group"]: (each["requests"], pico(each["cost"])) for each in groups}
        assert found == {name: (counts["requests"], counts["cost"]) for name, counts in wanted.items()}


def pico(dollars: str) -> int:
    """Count money in whole numbers."""
    whole, _, rest = dollars.partition(".")
    return int(whole) * PICO + int(rest.ljust(12, "0")[:12] or 0)


def test_the_summary_is_what_was_counted_while_the_records_were_made(made: tuple[Home, Truth]) -> None:
    is_exact(*made)


class Seen(Groups):
    """Groups that remember which blocks are still there, where cells of a file are what is heavy."""

    def begin(self) -> None:
        super().begin()
        self.cells: list[weakref.ref[Any]] = []
        self.most = 0

    def add(self, days: Days) -> None:
        super().add(days)
        self.most = max(self.most, sum(each() is not None for each in self.cells))
        self.cells += [weakref.ref(day.cells) for day in days.values() if type(day.cells) is not dict]


@pytest.mark.parametrize("finer", [False, True])
def test_no_block_is_held_once_it_is_added(made: tuple[Home, Truth], finer: bool) -> None:
    home, truth = made
    for _ in range(2):  # first out of lines, then out of what was written then
        groups = Seen(("deployment", "tag"))
        collect.collect(home.state, Span(), now=time.time(), finer=finer, into=groups)
        assert groups.summaries()[0].requests == truth.total()["requests"]
        assert len(groups.cells) >= 2
        assert groups.most <= 2


class Open(Groups):
    """Groups that count the descriptors which are open while a block is added."""

    most = 0

    def add(self, days: Days) -> None:
        super().add(days)
        self.most = max(self.most, descriptors())


def descriptors() -> int:
    """Count the open descriptors of this process."""
    return len(list(Path("/dev/fd").iterdir()))


@pytest.mark.skipif(sys.platform == "win32", reason="nothing is mapped there")
def test_days_that_were_added_hold_no_file_open(made: tuple[Home, Truth]) -> None:
    home, _ = made
    collect.collect(home.state, Span(), now=time.time(), finer=True)
    before, groups = descriptors(), Open(("day", "deployment"))
    collect.collect(home.state, Span(), now=time.time(), finer=True, into=groups)
    assert len(groups.summaries()[1]) > DAYS
    assert groups.most <= before + 4  # more than a thousand days would be more than a process may have open


@pytest.mark.parametrize("how", ["--json", "--jsonl", "--plain"])
def test_a_long_list_is_written_while_it_is_read(
    made: tuple[Home, Truth], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    home, truth = made
    count = truth.total()["requests"]
    short = home.here("usage", "list", "--limit", "1000", how)  # this is held until all are there
    read, when = [0], list[int]()
    iterate, write = ledger.Reading.__iter__, Terminal.write

    def counted(reading: ledger.Reading) -> Iterator[dict[str, Any]]:
        for read[0], record in enumerate(iterate(reading), 1):
            yield record

    def noted(terminal: Terminal, text: str) -> None:
        when.append(read[0])
        write(terminal, text)

    monkeypatch.setattr(ledger.Reading, "__iter__", counted)
    monkeypatch.setattr(Terminal, "write", noted)
    found = home.here("usage", "list", "--limit", "0", how)
    assert (when[0] <= 1, read[0]) == (True, count)
    if how == "--json":
        assert found.json | {"records": found.json["records"][:1000]} == short.json
        assert (len(found.json["records"]), list(found.json)) == (count, list(short.json))
    else:
        assert found.out.splitlines()[:1000] == short.out.splitlines()
        assert len(found.out.splitlines()) == count


def test_a_record_that_is_filtered_for_is_all_that_is_parsed(
    made: tuple[Home, Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = made
    wanted = home.here("usage", "list", "--limit", "0", "--json").json["records"]
    wanted = [each for each in wanted if each.get("tag") == "notes" and each["provider"] == "p1"]
    parsed: list[bytes] = []
    parse = ledger._record

    def noted(line: bytes) -> dict[str, Any] | None:
        parsed.append(line)
        return parse(line)

    monkeypatch.setattr(ledger, "_record", noted)
    args = ("usage", "list", "--limit", "0", "--json", "--tag", "notes", "--provider", "p1")
    assert home.here(*args).json["records"] == wanted
    assert all(b'"notes"' in line for line in parsed)
    assert len(wanted) <= len(parsed) < SIZE.records // 5


def test_old_days_go_a_few_at_a_time_and_every_sum_stays(tmp_path: Path) -> None:
    home, now = Home(tmp_path), time.time()
    home.write_config(KEPT, provider("den", "http://127.0.0.1:9/v1"))
    truth = fill(home.state, SIZE._replace(days=12, records=480), now)
    files = sorted((home.state / "usage").glob("*.jsonl"))
    size, day = files[0].stat().st_size, files[-2].stem
    gone = [len(prune.prune(home.state, day, most=most).usage) for most in (1, 3 * size + size // 2, 0)]
    assert (gone[0], 3 <= gone[1] <= 4, sum(gone)) == (2, True, 10)
    assert len(list((home.state / "usage").glob("*.jsonl"))) == 2
    is_exact(home, truth)


def test_a_chat_lets_few_old_days_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, now = Home(tmp_path), time.time()
    fill(home.state, SIZE._replace(days=50, records=500), now)
    today = time.strftime("%Y-%m-%d", time.gmtime(now))
    (home.state / "usage" / f"{today}.jsonl").unlink()
    monkeypatch.setattr(retention, "MOST", 1)
    with FakeServer(["a"]) as server:
        home.write_config('[usage]\nretention = "30d"', provider("den", server.url))
        assert home.here("refresh").code == 0
        for _ in range(3):  # the first record of a day does it, and no other
            assert home.here("chat", "hello", "--no-stdin").code == 0
            assert len(list((home.state / "usage").glob("*.jsonl"))) == 50 - 2


def test_what_is_counted_can_be_wrong(made: tuple[Home, Truth]) -> None:
    home, truth = made
    less = truth._replace(latencies=truth.latencies - Counter({max(truth.latencies): 1}))
    less.latencies[1] += 50 * SIZE.records
    with pytest.raises(AssertionError):
        is_exact(home, less)
