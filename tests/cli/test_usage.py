"""`llmpool usage`: what was used, from real records."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import time
from typing import Any

import pytest

from llmpool.cli import usage_flow
from llmpool.state import ledger, unread
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, finish, model, provider
from tests.ttys import terminals

DAY = 86400


def filled(home: Home, server: FakeServer) -> None:
    """Leave two good requests and a failed one, at a local and a cloud deployment."""
    home.write_config(
        provider("den", server.url),
        provider("sky", server.url, location="cloud"),
        model("den/m"),
        model("sky/m"),
    )
    home.here("chat", "-m", "den/m", "--tag", "work", "hi")
    home.here("chat", "-m", "sky/m", "hi")
    server.behave([faults.status(400)])
    home.here("chat", "-m", "sky/m", "--max-wait", "0", "hi")


def plant(home: Home, *records: dict[str, Any]) -> None:
    """Write usage records as chat would, each at `ago` seconds before now."""
    folder = home.state / "usage"
    folder.mkdir(parents=True, exist_ok=True)
    for number, given in enumerate(records):
        fields = dict(given)
        at = time.strftime("%Y-%m-%dT%H:%M:%S.500Z", time.gmtime(time.time() - fields.pop("ago", 0)))
        ref = fields.get("deployment", "sky/m")
        line = {"id": f"usage_{number}", "at": at, "deployment": ref, "success": True, "latency_ms": 900}
        line |= dict(zip(("provider", "model"), ref.split("/", 1), strict=True)) | fields
        with (folder / f"{at[:10]}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def test_the_summary_adds_up(home: Home, server: FakeServer) -> None:
    """Tokens, successes and calls without a price are totals of the records; unknown is never 0."""
    filled(home, server)
    shown = home.here("usage", "--json").json
    total = shown["total"]
    assert (total["requests"], total["successful"], total["failed"]) == (3, 2, 1)
    assert (total["input_tokens"], total["output_tokens"]) == (14, 4)
    assert total["unpriced"] == 2
    groups = {g["group"]: g for g in shown["groups"]}
    assert (groups["den/m"]["cost"], groups["den/m"]["unpriced"]) == ("0", 0)
    assert (groups["sky/m"]["cost"], groups["sky/m"]["unpriced"]) == (None, 2)
    assert shown["today"]["requests"] == 3
    text = home.here("usage").out
    assert "2 calls without a price" in text
    assert "unknown" in text


def test_groupings(home: Home, server: FakeServer) -> None:
    """--by takes one or several groupings; one that is not known is a usage error that names them."""
    filled(home, server)
    names = {g["group"] for g in home.here("usage", "--by", "tag", "--json").json["groups"]}
    assert names == {"work", "none"}
    both = home.here("usage", "--by", "day,provider", "--json").json["groups"]
    assert {g["keys"]["provider"] for g in both} == {g["group"].split()[1] for g in both} == {"den", "sky"}
    wrong = home.here("usage", "--by", "moon")
    assert wrong.code == 2
    assert "day,week,month,provider,model,deployment,key,tag,session" in wrong.err


def test_lists_filter(home: Home, server: FakeServer) -> None:
    """Records come the newest first, limited to whom one asks for; a bad line is counted, not fatal."""
    filled(home, server)

    def listed(*words: str) -> list[str]:
        return [r["deployment"] for r in home.here("usage", "list", "--json", *words).json["records"]]

    assert listed() == ["sky/m", "sky/m", "den/m"]
    assert listed("--failed") == ["sky/m"]
    assert (
        listed("--deployment", "den/m") == listed("--provider", "den") == listed("--tag", "work") == ["den/m"]
    )
    assert listed("--model", "m", "--limit", "1") == ["sky/m"]
    assert listed("--key", "spare") == listed("--session", "x") == listed("--until", "2001-01-01") == []
    assert listed("--tag", "none") == ["sky/m", "sky/m"]  # as a summary has it
    assert home.here("usage", "--tag", "none", "--json").json["total"]["requests"] == 2
    assert listed("--key", "none", "--session", "none") == listed()
    path = next((home.state / "usage").glob("*.jsonl"))
    with path.open("a") as file:
        file.write('{"torn": \n')
    assert home.here("usage", "list", "--json").json["bad_lines"] == 1
    assert home.here("usage", "--json").json["bad_lines"] == 1
    assert "could not be read" in home.here("usage").err
    home.here("chat", "-m", "den/m", "hi")
    assert json.loads(path.read_text().splitlines()[-1])["success"] is True


def test_the_routers_statistics(home: Home, server: FakeServer) -> None:
    """On request the document has what the router counts (catalog-registry-router 6.8)."""
    filled(home, server)
    path = next((home.state / "usage").glob("*.jsonl"))
    records = [json.loads(line) for line in path.read_text().splitlines()]
    lines = [json.dumps(record | {"complexity": "simple"}) + "\n" for record in records]
    path.write_text("".join(lines))
    stats = home.here("usage", "summary", "--by", "deployment", "--json").json["stats"]
    assert (stats["total_requests"], stats["success_count"], stats["failure_count"]) == (3, 2, 1)
    assert stats["complexity_counts"] == {"simple": 3}
    assert (stats["deployment_counts"], stats["provider_counts"]) == (
        {"den/m": 1, "sky/m": 2},
        {"den": 1, "sky": 2},
    )
    assert stats["deployment_stats"]["sky/m"]["failures"] == 1
    assert stats["experience"]["den/m"]["successes"] == 1
    assert "stats" not in home.here("usage", "--json").json


def test_nothing_used_is_no_error(home: Home) -> None:
    """An empty log is an empty summary, whatever form it is asked for in."""
    assert home.here("usage", "--json").json["total"]["requests"] == 0
    for words in (("usage",), ("usage", "--plot"), ("usage", "--csv"), ("usage", "list"), ("usage", "prune")):
        assert home.here(*words).code == 0
    assert home.here("usage", "decisions", "--json").json["decisions"] == []


def test_a_period_that_is_none(home: Home) -> None:
    """1.7 with its advice: an unknown period is a usage error, not a week."""
    for word in ("fortnight", "2026-13-01", "2026-11-31", "current"):
        wrong = home.here("usage", "--since", word)
        assert (wrong.code, f"{word!r} is no time" in wrong.err) == (2, True)


def test_what_a_person_sees(home: Home) -> None:
    """The headline has the cost, today and times; a pipe gets no bars, a terminal does, within 80 columns."""
    home.write_config(
        provider("sky", "http://127.0.0.1:9/v1", location="cloud"),
        model("sky/m", quality=10),
        '[budgets.daily]\nlimit = "5.00"\nper = "day"\n',
    )
    plant(
        home,
        {"cost": "1.50", "input_tokens": 1000, "cache_read_tokens": 610, "output_tokens": 30, "ttft_ms": 300},
        {"cost": "0.50", "deployment": "sky/other", "input_tokens": 9, "output_tokens": 3, "attempts": 2},
        {"cost": None, "deployment": "sky/new", "success": False},
    )
    piped = home.here("usage").out
    assert "$2.00, and 1 call without a price." in piped
    assert "3 calls, 1 failed, 33 % failed over, 50 tokens/s" in piped
    assert "first token: avg 300 ms, min 300 ms, max 300 ms, p50 300 ms" in piped
    assert "Today" in piped
    assert "of $5.00" in piped
    assert "sky/m\t1\t1000\t61 %\t30\t$1.50\t75 %\t0.9 s\t100 %" in piped
    assert "sky/new\t1\t-\t\t-\tunknown\t\t0.9 s\t0 %" in piped
    seen = finish(home.terminal("usage", width=80, env={"NO_COLOR": "1"})).out
    assert "█" in seen
    assert "llmpool usage prices set sky/new" in seen
    assert max(map(len, seen.splitlines())) <= 110
    assert all(len(line) <= 80 for line in seen.splitlines() if line.startswith("sky/"))
    plain = finish(
        home.terminal("usage", "--plot", width=80, env={"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"})
    )
    assert plain.out.isascii()
    assert "##########" in plain.out


def test_what_the_best_model_would_have_cost(home: Home) -> None:
    """The same tokens at the best-rated deployment that costs something, which is named."""
    home.write_config(
        provider("sky", "http://127.0.0.1:9/v1", location="cloud"),
        model("sky/best", quality=10),
        model("sky/m", quality=5),
        model("sky/unpriced", quality=10),
        '[providers.seat]\npreset = "github-copilot"',
        model("seat/gift", quality=10),  # paid by a plan
    )
    for ref, price in (("sky/best", ("10", "30")), ("sky/m", ("1", "2"))):
        done = home.here("usage", "prices", "set", ref, "--input", price[0], "--output", price[1])
        assert done.code == 0, done
    plant(
        home,
        {"cost": "0.5", "input_tokens": 400_000, "output_tokens": 10_000},
        {"cost": "0.1", "deployment": "den/x", "input_tokens": 100_000, "output_tokens": 0},
    )
    shown = home.here("usage", "--json").json
    assert shown["best"] == {"deployment": "sky/best", "quality": 10}
    assert float(shown["total"]["best_cost"]) == 5.3
    assert [float(group["best_cost"]) for group in shown["groups"]] == [4.3, 1.0]
    assert "had sky/best (quality 10) answered it all: $5.30" in home.here("usage").out


def test_csv_is_a_table(home: Home) -> None:
    """--csv has a row a group, with the groupings as columns; a tag that looks like a formula is none."""
    plant(home, {"cost": "0.1", "tag": "=1+1"}, {"cost": None, "tag": 'a,"b"'})
    rows = list(csv.DictReader(io.StringIO(home.here("usage", "--by", "model,tag", "--csv").out)))
    assert [(row["model"], row["tag"], row["cost"]) for row in rows] == [
        ("m", "'=1+1", "0.1"),
        ("m", 'a,"b"', ""),
    ]
    assert rows[0]["p95_latency_ms"] == "900"


def test_a_broken_config_does_not_hide_what_was_spent(home: Home) -> None:
    """Figures of the past need no config: what it would add is left out."""
    home.write_config("[providers.sky]\nurl = 5\n")
    plant(home, {"cost": "0.25"})
    shown = home.here("usage", "--json")
    assert (shown.code, shown.json["total"]["cost"], shown.json["best"]) == (0, "0.25", None)


def test_pruning_asks_first(home: Home) -> None:
    """It says what would go, asks, and keeps the sums; off a terminal it wants --yes."""
    plant(home, {"cost": "1", "ago": 40 * DAY}, {"cost": "2", "ago": 20 * DAY}, {"cost": "4"})
    shown = home.here("usage", "prune", "--dry-run", "--json").json
    assert (len(shown["days"]), shown["usage_files"], shown["dry_run"]) == (1, 1, True)
    asked = home.here("usage", "prune")
    assert asked.code == 2
    assert "1 file of usage" in asked.err
    assert len(list((home.state / "usage").glob("*.jsonl"))) == 3
    assert home.here("usage", "prune", "--yes").code == 0
    assert len(list((home.state / "usage").glob("*.jsonl"))) == 2
    assert home.here("usage", "prune", "--keep", "10d", "--yes").code == 0
    assert len(home.here("usage", "list", "--json").json["records"]) == 1
    assert home.here("usage", "--since", "all", "--json").json["total"]["cost"] == "7"
    assert home.here("usage", "prune", "--before", "x").code == 2
    assert home.here("usage", "prune", "--keep", "0").err.strip() == "everything is kept"


def test_old_days_go_by_themselves(home: Home, server: FakeServer) -> None:
    """The first request of a day prunes by [usage] retention; 0d keeps everything."""
    home.write_config(provider("den", server.url), model("den/m"), '[usage]\nretention = "0d"\n')
    plant(home, {"cost": "1", "ago": 40 * DAY}, {"cost": "2", "ago": 20 * DAY})
    days = home.state / "usage"
    assert home.here("chat", "-m", "den/m", "hi").code == 0
    assert len(list(days.glob("*.jsonl"))) == 3
    home.write_config(provider("den", server.url), model("den/m"))
    assert home.here("chat", "-m", "den/m", "hi").code == 0  # not the first of the day
    assert len(list(days.glob("*.jsonl"))) == 3
    max(days.glob("*.jsonl")).unlink()
    assert home.here("chat", "-m", "den/m", "hi").code == 0
    assert len(list(days.glob("*.jsonl"))) == 2
    assert home.here("usage", "--since", "all", "--json").json["total"]["cost"] == "3"


def test_a_group_with_calls_of_unknown_price_never_looks_free(home: Home) -> None:
    """What is known of its cost, and a question mark for the rest."""
    plant(home, {"cost": "0", "deployment": "den/m"}, {"cost": None}, {"cost": "1.5", "tag": "x"})
    lines = home.here("usage", "--by", "tag").out.splitlines()
    assert [line.split("\t")[5] for line in lines if "\t" in line] == ["$1.50", "$0.00 + ?"]
    assert "$1.50 + ?" in home.here("usage", "--plot").out


def test_a_failed_call_is_not_shown_as_free(home: Home, server: FakeServer) -> None:
    """Nothing came of it, which says nothing about the price: a dash, until a call has had an answer."""
    home.write_config(provider("den", server.url, location="cloud"), model("den/m"))
    assert home.here("usage", "prices", "set", "den/m", "--input", "0", "--output", "0").code == 0
    server.behave(faults.always(faults.status(500)))
    assert home.here("chat", "--max-wait", "0", "hi").code == 7
    assert [line.split("\t")[5] for line in home.here("usage", "list").out.splitlines()] == ["-"]
    assert [line.split("\t")[5] for line in home.here("usage").out.splitlines() if "\t" in line] == ["-"]
    server.behave(())
    assert home.here("chat", "-m", "den/m", "hi").code == 0
    assert [line.split("\t")[5] for line in home.here("usage", "list").out.splitlines()] == ["free", "-"]
    assert [line.split("\t")[5] for line in home.here("usage").out.splitlines() if "\t" in line] == ["free"]


@pytest.mark.parametrize("time", ["5", "99999999999d", "9" * 5000 + "d"])
def test_a_number_without_a_unit_prunes_nothing(home: Home, time: str) -> None:
    """`--keep 5` could mean five of anything, so nothing is removed; an end before the beginning is told."""
    home.write_config(provider("a", "http://127.0.0.1:9"))
    kept = home.here("usage", "prune", "--keep", time, "--yes")
    assert (kept.code, "90d" in kept.err) == (2, True)
    assert home.here("usage", "prune", "--keep", "0", "--yes").code == 0
    assert home.here("usage", "--since", "2026-02-01", "--until", "2026-01-01").code == 2


@pytest.mark.parametrize("line", ["route hi", "usage", "usage --since all --by session"])
def test_nobody_waits_for_the_log_in_silence(home: Home, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """A person is told what is read first, for a budget or for a summary; a pipe and --quiet are not."""
    monkeypatch.setattr(unread, "MUCH", 1)
    budget = '[budgets.all]\nlimit = "9"\nper = "total"'
    home.write_config(budget, provider("sky", "http://127.0.0.1:9/v1"), model("sky/m"))
    plant(home, {"cost": "0.1"})
    told = re.compile(r"reading \d+ B of usage")
    assert not told.search(home.here(*line.split()).err)
    for path in home.state.glob("usage/rollup/*.day"):
        os.utime(path, (1, 1))  # or the next line may be of the same tick of the clock of the file system
    plant(home, {"cost": "0.1"})
    (home.state / "budgets.json").unlink()
    with terminals():
        assert told.search(home.here(*line.split()).err)
        assert not told.search(home.here("-q", "usage", "--by", "session").err)


def test_pruning_says_how_far_it_is(home: Home) -> None:
    """On a terminal, where it is not over at once."""
    home.env |= {"TERM": "xterm-256color"}
    plant(home, {"ago": 40 * DAY}, {"ago": 41 * DAY})
    with terminals():
        shown = home.here("usage", "prune", "--keep", "10d", "--yes")
    assert "0 of 2 days" in shown.err


@pytest.mark.parametrize("line", ["usage list --tag nobody", "usage decisions --reason x", "route --id d-0"])
def test_who_looks_far_back_is_told(home: Home, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """On a terminal, once much was read in vain; whoever finds what was asked for among the newest is not."""
    plant(home, {"tag": "a"}, {"ago": 40 * DAY}, {"ago": 41 * DAY})
    (home.state / "decisions").mkdir()
    for path in (home.state / "usage").iterdir():
        (home.state / "decisions" / path.name).write_text("{}\n")
    monkeypatch.setattr(ledger, "MUCH", 1)
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 40 * DAY))
    told = f"looking through {'usage' if 'list' in line else 'decisions'} of {day} and before"
    assert told not in home.here(*line.split()).err
    with terminals():
        assert home.here(*line.split()).err.count(told) == 1
        assert "looking through" not in home.here("usage", "list", "--tag", "a", "--limit", "1").err


def test_a_list_too_long_for_a_table_is_written_as_it_is_found(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person who wants all there is waits for no last line, and no memory is filled with them."""
    plant(home, *({"cost": "0.1"} for _ in range(3)))
    monkeypatch.setattr(usage_flow, "LAID_OUT", 2)
    with terminals():
        shown = home.here("usage", "list", "--limit", "0")
        assert [line.count("\t") for line in shown.out.splitlines()] == [7, 7, 7]
        assert "DEPLOYMENT" in home.here("usage", "list", "--limit", "2").out
        assert len(home.here("usage", "list", "--limit", "0", "--json").json["records"]) == 3
