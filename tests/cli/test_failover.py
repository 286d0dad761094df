"""Failover as its user sees it: what is said, what is shown, what the next run knows."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from llmpool.cli.styles import unpainted
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, end_of, finish, model, provider, wait_for

pytestmark = pytest.mark.usefixtures("impatient")

DOWN = faults.status(503)


@pytest.fixture
def bad() -> Iterator[FakeServer]:
    """Give a server that a test scripts to fail."""
    with FakeServer(models=("x",)) as running:
        yield running


@pytest.fixture
def good() -> Iterator[FakeServer]:
    """Give a server that answers."""
    with FakeServer(models=("y",), text="a whole answer") as running:
        yield running


def pool_of(home: Home, bad: FakeServer, good: FakeServer, *top: str) -> None:
    """Configure both, the failing one first."""
    home.write_config(
        *(top or ('[routing]\nstrategy = "priority"',)),
        provider("bad", bad.url, priority=90),
        provider("good", good.url, priority=10),
        model("bad/x"),
        model("good/y"),
    )


def records(home: Home, kind: str) -> list[dict[str, Any]]:
    """Return all records of the usage or decision log."""
    return [json.loads(text) for path in sorted((home.state / kind).glob("*.jsonl")) for text in path.open()]


def test_a_failure_is_told_step_by_step_and_known_to_the_next_run(
    home: Home, bad: FakeServer, good: FakeServer
) -> None:
    """Retries, the rest, who is next and who answered are said; the next run asks the good one at once."""
    bad.behave(faults.always(DOWN))
    pool_of(home, bad, good)
    first = home.here("chat", "--stats", "hi")
    assert (first.code, first.out) == (0, "a whole answer\n")
    said = first.err.splitlines()
    assert said[0].startswith("bad/x: scripted 503; again in 0.")
    assert said[2:4] == [
        "bad/x: scripted 503; rests 1 min; good/y is asked next",
        "warning: good/y answered instead of bad/x (bad/x: scripted 503)",
    ]
    assert said[-1].startswith("bad[api_error,")
    assert said[-1].endswith("ms]->good | good[success:y]")
    second = home.here("chat", "hi")
    assert (second.out, second.err, len(bad.chats)) == ("a whole answer\n", "", 3)


def test_who_rests_is_listed_until_it_is_cleared(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """`providers list` has the deployments that rest, with the time left; `clear` has them asked again."""
    bad.behave(faults.always(DOWN))
    pool_of(home, bad, good)
    home.here("chat", "hi")
    rows = {row["id"]: row for row in home.here("providers", "list", "--json").json["providers"]}
    resting = rows["bad"]["resting"]
    assert [(r["scope"], r["name"], r["reason"]) for r in resting] == [("deployment", "x", "overloaded")]
    assert rows["good"]["resting"] == []
    assert "\tx rests " in home.here("providers", "list").out
    reasons = home.here("route", "--json", "hi").json["decision"]["rejections"]
    assert reasons[0]["reasons"][0].startswith("rests after overload, again at ")
    assert home.here("providers", "clear", "bad").code == 0
    assert home.here("route", "hi").out == "bad/x\n"


@pytest.mark.parametrize("nonsense", [faults.html(200), faults.half_json()], ids=["page", "half"])
def test_the_only_one_that_works_may_talk_nonsense_once(
    home: Home, bad: FakeServer, good: FakeServer, nonsense: Any
) -> None:
    """A proxy's page or half an answer, while the other is down: the prompt is answered all the same."""
    bad.behave(faults.always(DOWN))
    good.behave([nonsense])
    pool_of(home, bad, good)
    result = home.here("chat", "--json", "hi")
    assert (result.code, len(bad.chats), len(good.chats)) == (0, 3, 2), result
    assert result.json["served_by"] == "good/y"
    good.behave([nonsense] * 2)
    assert (home.here("chat", "hi").code, len(good.chats)) == (7, 4)


def test_json_says_it_in_the_document_and_on_stderr(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """Ruling 20: requested, served_by and reason, one line on stderr even with -q, attempts with next."""
    bad.behave([faults.cut(2)] * 3)
    pool_of(home, bad, good)
    result = home.here("chat", "-q", "--json", "hi")
    shown = result.json
    assert (shown["text"], shown["requested"], shown["served_by"]) == ("a whole answer", "bad/x", "good/y")
    assert shown["reason"].startswith("bad/x: ")
    assert result.err == f"warning: good/y answered instead of bad/x ({shown['reason']})\n"
    tried = [(a["deployment"], a["ok"], a.get("reason"), a.get("next")) for a in shown["attempts"]]
    assert tried == [
        ("bad/x", False, "api_error", None),
        ("bad/x", False, "api_error", None),
        ("bad/x", False, "api_error", "good/y"),
        ("good/y", True, None, None),
    ]


def test_a_schema_is_shown_whole_so_failover_goes_on(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """Ruling 9: with --schema nothing is shown before it is whole."""
    bad.behave([faults.cut(2)] * 3)
    good.text = '{"whole": true}'
    pool_of(home, bad, good)
    home.write_config(
        '[routing]\nstrategy = "priority"\nmax_retries = 0',
        provider("bad", bad.url, priority=90),
        provider("good", good.url, priority=10),
        model("bad/x"),
        model("good/y"),
    )
    (home.cwd / "s.json").write_text('{"type": "object"}')
    result = home.here("chat", "--schema", "s.json", "hi")
    assert (result.code, result.out) == (0, '{"whole": true}\n')


@pytest.mark.parametrize("quiet", [(), ("-q",)])
def test_a_break_in_a_pipe_adds_nothing(
    home: Home, bad: FakeServer, good: FakeServer, quiet: tuple[str, ...]
) -> None:
    """What came stays as it came; the seam is on stderr, the code is 7, and nobody else was asked."""
    bad.behave([faults.cut(2)])
    pool_of(home, bad, good)
    result = home.here("chat", *quiet, "hi")
    assert (result.code, result.out, len(good.chats)) == (7, "hello", 0)
    assert result.err.startswith("error: bad/x broke off: ")
    assert "what is above is all there is" in result.err


def test_a_break_on_a_terminal_ends_its_line(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """The error begins on a line of its own."""
    bad.behave([faults.cut(2)])
    pool_of(home, bad, good)
    shown = finish(home.terminal("chat", "hi"))
    assert shown.code == 7
    assert unpainted(shown.out).startswith("hello\nerror: bad/x broke off: ")


def test_a_restart_marks_the_seam_whatever_is_silenced(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """--on-break restart: both answers are there, the seam between them is said even with -q."""
    bad.behave([faults.cut(2)])
    pool_of(home, bad, good)
    result = home.here("chat", "-q", "--on-break", "restart", "hi")
    assert (result.code, result.out) == (0, "hello\na whole answer\n")
    assert "bad/x broke off: " in result.err
    assert "; good/y starts over" in result.err


def test_what_broke_off_before_is_recorded_as_well(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """Its tokens were paid for: the one line of the request has them, and its cost is of both."""
    bad.behave([faults.cut(2)])
    home.write_config(
        '[routing]\nstrategy = "priority"\nmax_retries = 0',
        provider("bad", bad.url, priority=90, location="cloud"),
        provider("good", good.url, priority=10),
        model("bad/x"),
        model("good/y"),
    )
    assert home.here("usage", "prices", "set", "bad/x", "--input", "1", "--output", "2").code == 0
    assert home.here("chat", "--on-break", "restart", "hi").code == 0
    (record,) = records(home, "usage")
    assert (record["deployment"], record["success"], record["request_count"]) == ("good/y", True, 1)
    assert (record["lost_tokens"], record["lost_cost"], record["cost"]) == (3, "0.000005", "0.000005")
    again = home.here("usage", "reprice", "--json").json
    assert (again["old"], again["new"], again["changed"]) == ("0.000005", "0.000005", 0)


def test_a_wait_can_be_interrupted(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """Ctrl-C in the middle of a wait ends at once with 130; the request is recorded."""
    bad.behave(faults.always(faults.status(429, {"Retry-After": "15"})))
    pool_of(home, bad, good)
    child = home.start("chat", "-m", "bad/x", "hi")
    wait_for(lambda: bad.chats)
    assert child.stderr is not None
    assert "(Ctrl-C, or --max-wait 0)" in child.stderr.readline()
    assert end_of(child, send=signal.SIGINT).code == 130
    assert records(home, "usage")[0]["interrupted"] is True


def test_the_last_resort_while_all_rest_is_said(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """Ruling 10: when all rest the soonest free is tried, and once more at the end; -q keeps the warning."""
    bad.behave([DOWN] * 3)
    pool_of(home, bad, good)
    assert home.here("chat", "-m", "bad/x", "--max-wait", "0", "hi").code == 7
    result = home.here("chat", "-q", "-m", "bad/x", "hi")
    assert result.code == 7
    assert result.err.startswith(
        "warning: nobody else may answer; bad/x is tried all the same (rests after overload"
    )
    assert len(bad.chats) == 3
    bad.behave([])
    again = home.here("chat", "-q", "--json", "-m", "bad/x", "hi")
    assert again.json["reason"].startswith("nobody else may answer; bad/x is tried all the same")


def test_turns_are_taken_by_those_who_call(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """Round robin: each chat moves the turn, looking does not."""
    pool_of(home, bad, good, '[routing]\nstrategy = "round_robin"')
    looked = [home.here("route", "hi").out.strip() for _ in range(2)]
    assert looked[0] == looked[1]
    home.here("chat", "--dry-run", "hi")
    served = [home.here("chat", "--json", "hi").json["served_by"] for _ in range(4)]
    assert served == [looked[0], *(ref for ref in ("bad/x", "good/y") if ref != looked[0])] * 2


def test_who_steps_in_for_a_name_is_said(home: Home, good: FakeServer) -> None:
    """Ruling 20: a pin that may not be asked, with --fallback: who answered, and why not the pinned one."""
    home.write_config("[providers.openai]\n", provider("good", good.url), model("good/y"))
    result = home.here("chat", "-q", "-m", "openai/gpt-5-mini", "--fallback", "hi")
    assert (result.code, result.out) == (0, "a whole answer\n")
    assert result.err.startswith(
        "warning: good/y answered, openai/gpt-5-mini was asked for (openai/gpt-5-mini:"
    )


def test_the_wait_that_is_told_is_long_enough(home: Home, bad: FakeServer, good: FakeServer) -> None:
    """Whoever names ten minutes is not told to be worth one; the other failure is another matter."""
    bad.behave(faults.always(faults.status(404)))
    good.behave(faults.always(faults.status(429, {"retry-after": "600"})))
    pool_of(home, bad, good)
    failed = home.here("chat", "--json", "hi")
    assert (failed.code, failed.error["hint"]) == (7, "wait: --max-wait 10m")
