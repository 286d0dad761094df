"""How a batch ends before its time: a budget, a limit, a signal, a second run; and how it goes on."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.cli.test_budgets import KEPT
from tests.cli.test_chat_batch import answers, asked, batch, echo, numbered, write
from tests.edges.spending import costing
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, end_of, finish, model, provider, wait_for


@pytest.fixture
def den(home: Home, server: FakeServer) -> Home:
    """Give a home with one deployment, whose answers repeat what they were asked."""
    home.write_config(provider("den", server.url), model("den/m"))
    server.behave(echo)
    return home


@pytest.fixture
def shop(home: Home, server: FakeServer) -> Home:
    """Give a home with one dear deployment, a dime for a hundred tokens, and a dollar for today."""
    home.write_config(provider("work", server.url, location="cloud"), model("work/m"))
    home.state.mkdir()
    (home.state / "prices.json").write_text(KEPT)
    assert home.here("policy", "budget", "set", "1/day", "--unpriced", "allow").code == 0
    server.behave([costing(100)] * 100)
    return home


def part(home: Home) -> list[dict[str, object]]:
    """Read the journal."""
    return [json.loads(line) for line in (home.cwd / "answers.jsonl.part").read_text().splitlines()]


def test_a_budget_for_ten_sends_ten_and_stops(shop: Home, server: FakeServer) -> None:
    """Of 40 prompts with 8 jobs exactly 10 are sent; the rest is neither refused one by one nor lost."""
    source = write(shop, numbered(40))
    options = ("--jobs", "8", "--max-tokens", "100")
    result = batch(shop, source, *options)
    assert result.code == 8, result
    assert len(server.chats) == 10
    assert [("error" in each) for each in part(shop)] == [False] * 10
    assert "10 answered, $1.00" in result.err
    assert "today's budget is spent ($1.00 of $1.00" in result.err
    assert not (shop.cwd / "answers.jsonl").exists()
    first = sorted(map(asked, server.chats))
    assert shop.here("policy", "budget", "set", "4/day").code == 0
    result = batch(shop, source, *options)
    assert result.code == 0, result
    assert len(server.chats) == 40
    assert len({asked(request) for request in server.chats}) == 40
    assert sorted(map(asked, server.chats[:10])) == first
    assert [each["line"] for each in answers(shop)] == list(range(1, 41))


def test_what_others_have_reserved_is_waited_for(shop: Home, server: FakeServer) -> None:
    """Worst cases that leave nothing for the rest are not what it costs: all are answered in the end."""
    server.behave([costing(10)] * 100)
    result = batch(shop, write(shop, numbered(20)), "--jobs", "8", "--max-tokens", "400")
    assert result.code == 0, result
    assert len(server.chats) == 20
    assert "20 answered, $0.20" in result.err


def test_a_line_that_no_budget_affords_fails_alone(shop: Home, server: FakeServer) -> None:
    """A prompt that costs more than a whole budget does not stand in the way of the others."""
    long = {"prompt": "x", "max_tokens": 2000, "context_size": 0}
    shop.write_config(
        provider("work", server.url, location="cloud"),
        model("work/m"),
        '[budgets.daily]\nlimit = "0.10"\nper = "day"',
    )
    server.behave([costing(1)] * 9)
    result = batch(shop, write(shop, [numbered(1)[0] | {"max_tokens": 9}, long]), "--jobs", "1")
    assert result.code == 9, result
    assert [("error" in each) for each in answers(shop)] == [False, True]


def test_a_line_whose_thoughts_no_budget_affords_fails_alone(shop: Home, server: FakeServer) -> None:
    """What only the call itself reckons with is refused to that line, and the others are answered."""
    one, two, three = numbered(3)
    result = batch(
        shop, write(shop, [one, two | {"think": "high"}, three]), "--jobs", "1", "--max-tokens", "9"
    )
    assert result.code == 9, result
    found = answers(shop)
    assert [("error" in each) for each in found] == [False, True, False]
    assert (found[1]["error"]["exit"], found[1]["error"]["costs_at_least"]) == (8, "28.672")


def test_limits_that_hold_too_long_end_the_run(den: Home, server: FakeServer) -> None:
    """Without patience 12 a minute are sent and the run ends with 75; the next goes on."""
    den.write_config(provider("den", server.url, rate_limit={"rpm": 12}), model("den/m"))
    source = write(den, numbered(15))
    result = batch(den, source, "--jobs", "3")
    assert result.code == 75, result
    assert len(server.chats) == 12
    assert len(part(den)) == 12
    assert "go on: same command" in result.err
    log = den.state / "rates" / "den.json"
    log.unlink()
    assert batch(den, source, "--jobs", "3").code == 0
    assert len({asked(request) for request in server.chats}) == len(server.chats) == 15


def test_limits_are_waited_for(den: Home, server: FakeServer) -> None:
    """With patience the limit of its owner paces a batch, and nothing fails."""
    server.behave(
        lambda n, r: faults.status(429, {"retry-after": "1"}) if n == 2 else echo(n, r)  # once too fast
    )
    source = write(den, numbered(4))
    result = den.here("chat", "--batch", source, "--jobs", "1", "--max-wait", "5m")
    assert result.code == 0, result
    assert len(result.documents) == 4


def test_ctrl_c_ends_it_and_the_same_command_goes_on(den: Home, server: FakeServer) -> None:
    """No more lines are taken, answers under way are kept, and nothing is asked twice."""
    server.delay = 0.2
    source = write(den, numbered(30))
    child = den.start("chat", "--batch", source, "-o", "answers.jsonl", "--jobs", "3")
    wait_for(lambda: len(server.chats) > 6)
    result = end_of(child, send=signal.SIGINT)
    assert result.code == 130, result
    assert "go on: same command" in result.err
    before = len(server.chats)
    assert before < 30
    assert len(part(den)) == before
    server.delay = 0
    assert batch(den, source).code == 0
    assert len({asked(request) for request in server.chats}) == len(server.chats) == 30
    assert [each["line"] for each in answers(den)] == list(range(1, 31))
    assert len(den.here("usage", "list", "--json", "--limit", "99").json["records"]) == 30


def test_a_second_ctrl_c_waits_for_nobody(den: Home, server: FakeServer) -> None:
    """A server that never answers does not hold whoever insists; SIGTERM ends with 143."""
    server.delay = 60
    source = write(den, numbered(30))
    child = den.start("chat", "--batch", source, "-o", "answers.jsonl", "--jobs", "3")
    wait_for(lambda: len(server.chats) == 3)
    child.send_signal(signal.SIGTERM)
    assert child.stderr is not None
    assert "ending" in child.stderr.readline()
    result = end_of(child, send=signal.SIGINT)
    assert result.code == 143
    assert not list(den.cwd.glob("answers*"))


def test_two_runs_do_not_write_one_file(den: Home, server: FakeServer) -> None:
    """The second ends with 75, and the first does not notice."""
    server.delay = 0.5
    source = write(den, numbered(4))
    child = den.start("chat", "--batch", source, "-o", "answers.jsonl", "--jobs", "2")
    wait_for(lambda: bool(server.chats))
    second = batch(den, source)
    assert second.code == 75
    assert "another run is writing answers.jsonl" in second.err
    assert end_of(child).code == 0
    assert len(server.chats) == 4


def test_a_reader_that_leaves_ends_the_run(den: Home, server: FakeServer) -> None:
    """When nobody reads the answers any more, no more are asked for."""
    server.delay = 0.05
    source = write(den, numbered(300))
    child = den.start("chat", "--batch", source, "--jobs", "2")
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    assert child.wait(20) == 141
    assert len(server.chats) < 100


def test_a_terminal_shows_how_far_it_is(den: Home, server: FakeServer) -> None:
    """One line is redrawn: how many of how many, the cost so far, how long it takes."""
    server.delay = 0.3
    result = finish(den.terminal("chat", "--batch", write(den, numbered(5)), "-o", "a.jsonl", "--jobs", "1"))
    assert result.code == 0
    assert "of 5" in result.out
    assert "left" in result.out
    assert result.out.rstrip().splitlines()[-1].split("\x1b[K")[-1].startswith("5 answered, free")


def test_a_state_that_is_lost_ends_the_run(shop: Home, server: FakeServer, tmp_path: Path) -> None:
    """Where budgets cannot be known, nothing is sent, and that is no line's fault."""
    (shop.state / "budgets.json").write_text("rubbish")
    result = batch(shop, write(shop, numbered(5)), "--max-tokens", "100")
    assert result.code == 10
    assert server.chats == []


@pytest.mark.slow
@pytest.mark.timeout(200)
def test_a_limit_of_its_own_paces_a_batch(den: Home, server: FakeServer) -> None:
    """With patience 14 prompts at 12 a minute are all answered, the last after the minute, and none fails."""
    den.write_config(provider("den", server.url, rate_limit={"rpm": 12}), model("den/m"))
    result = den.here("chat", "--batch", write(den, numbered(14)), "--jobs", "8", "--max-wait", "10m")
    assert result.code == 0, result
    assert len(server.chats) == 14
    times = sorted(request.at for request in server.chats)
    assert times[12] - times[0] > 59


def test_what_its_owner_decides_meanwhile_holds(den: Home, server: FakeServer) -> None:
    """A policy set while a batch runs binds the lines that follow; a broken config changes nothing."""
    server.models = ["m", "n"]
    den.write_config(provider("den", server.url), model("den/m", quality=9), model("den/n", quality=5))
    server.delay = 0.05
    source = write(den, numbered(60))
    child = den.start("chat", "--batch", source, "-o", "answers.jsonl", "--jobs", "1")
    wait_for(lambda: len(server.chats) > 3)
    assert den.here("policy", "set", "den/m", "--state", "inactive").code == 0
    wait_for(lambda: server.chats[-1].json["model"] == "n")
    den.config.write_text("rubbish")
    result = end_of(child)
    assert result.code == 0, result
    assert "the config is used as it was before" in result.err
    models = [request.json["model"] for request in server.chats]
    assert len(models) == 60
    assert models == sorted(models)


def test_a_signal_after_the_last_line_ends_nothing(den: Home, server: FakeServer) -> None:
    """Where all lines are taken and answered within the grace of Ctrl-C, the batch is complete."""
    server.delay = 1.0
    source = write(den, numbered(2))
    child = den.start("chat", "--batch", source, "-o", "answers.jsonl", "--jobs", "3")
    wait_for(lambda: len(server.chats) == 2)
    assert end_of(child, send=signal.SIGINT).code == 0
    assert [each["line"] for each in answers(den)] == [1, 2]
