"""A log of years costs nobody anything who asks for less: no file of it is opened in vain."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks._scale_fill import Size, fill
from tests.fakes.server import FakeServer
from tests.scale.opened import opened
from tests.support import Home, provider

DAYS = 100
KEPT = '[usage]\nretention = "0d"'


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Make a home with four records and a decision on each of a hundred days, all of it rolled up once."""
    home = Home(tmp_path_factory.mktemp("years"))
    size = Size(providers=3, deployments=9, records=4 * DAYS, decisions=DAYS, days=DAYS)
    fill(home.state, size, time.time())
    home.write_config(KEPT, provider("den", "http://127.0.0.1:9/v1"))
    assert home.here("usage", "summary", "--since", "all").code == 0
    return home


def days_of(names: set[str], folder: str) -> set[str]:
    """Take the days of the files in a folder of lines."""
    return {Path(name).stem for name in names if name.startswith(folder) and name.endswith(".jsonl")}


def this_month() -> str:
    return time.strftime("%Y-%m", time.gmtime())


@pytest.mark.parametrize("args", [(), ("summary", "--by", "day"), ("summary", "--by", "key,tag", "--json")])
def test_usage_of_this_month_opens_only_this_months_files(home: Home, args: tuple[str, ...]) -> None:
    assert home.here("usage", *args).code == 0  # its file is made anew where nobody has looked at it so
    with opened(home.state) as names:
        assert home.here("usage", *args).code == 0
    used = {Path(name).name for name in names if name.startswith("usage/")}
    assert used
    assert {name[:7] for name in used} == {this_month()}


def test_a_summary_of_all_time_opens_no_lines_of_closed_days(home: Home) -> None:
    with opened(home.state) as names:
        assert home.here("usage", "summary", "--since", "all", "--by", "provider,tag").code == 0
    assert len(days_of(names, "usage/")) <= 2
    assert len([name for name in names if name.endswith(".month")]) >= DAYS // 31


def test_the_newest_records_are_found_in_the_newest_files(home: Home) -> None:
    for args in (("usage", "list"), ("usage", "decisions", "--limit", "5"), ("route", "--last")):
        with opened(home.state) as names:
            assert home.here(*args).code == 0
        assert len(days_of(names, "usage/") | days_of(names, "decisions/")) <= 14, args


def test_the_usage_of_an_old_decision_is_looked_for_on_two_days(home: Home) -> None:
    day = sorted(path.stem for path in (home.state / "decisions").glob("*.jsonl"))[10]
    line: dict[str, Any] = json.loads((home.state / "decisions" / f"{day}.jsonl").read_text().splitlines()[0])
    with opened(home.state) as names:
        assert home.here("route", "--id", line["id"]).code == 0
    assert len(days_of(names, "usage/")) <= 2


def test_routing_and_chatting_open_no_file_of_the_log_but_todays(home: Home) -> None:
    today = time.strftime("%Y-%m-%d", time.gmtime())
    with FakeServer(["a"]) as server:
        home.write_config(KEPT, provider("den", server.url))
        assert home.here("refresh").code == 0
        for args, days in ((("route", "hello"), set[str]()), (("chat", "hello", "--no-stdin"), {today})):
            with opened(home.state) as names:
                assert home.here(*args).code == 0
            assert days_of(names, "usage/") == days_of(names, "decisions/") == days, args
            assert not [name for name in names if name.startswith("usage/rollup/")]
