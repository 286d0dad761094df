"""`policy simulate`: what another policy, config or strategy would have come to."""

from __future__ import annotations

import json

import pytest

from tests.edges.recorded import FLEET, line, outcome
from tests.support import Home, finish


@pytest.fixture
def recorded(home: Home) -> Home:
    """Give a home in which three decisions were made an hour ago, whatever the time is."""
    import time

    home.write_config("# mine", FLEET)
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() - 3600))
    lines = [
        line(1, at=at, outcome=outcome()),
        line(2, at=at),
        line(3, "sky/mid", at=at, complexity="complex", outcome=outcome("sky/mid")),
    ]
    folder = home.state / "decisions"
    folder.mkdir(parents=True)
    text = "".join(json.dumps(each) + "\n" for each in lines)
    (folder / f"{at[:10]}.jsonl").write_text(text)
    return home


def test_a_policy_from_a_file(recorded: Home) -> None:
    """A file as `policy export` prints it, or stdin; the document has all the figures."""
    policies = {"schema": 1, "policies": [{"target": "den", "state": "inactive", "reason": "moved"}]}
    told = recorded.here("policy", "simulate", "--policy", "-", "--json", stdin=json.dumps(policies)).json
    assert (told["schema"], told["decisions"], told["changed"]) == (1, 3, 2)
    assert told["moves"] == [{"from": "den/small", "to": "sky/mid", "decisions": 2}]
    assert told["tried"] == {"policies": 1, "keys": {}}
    assert set(told) >= {"since", "until", "skipped", "not_eligible", "cost", "latency_ms", "quality"}
    assert recorded.here("policy", "--json").json["policies"] == []


def test_a_config_and_a_strategy(recorded: Home) -> None:
    """Keys as `config set` takes them; a strategy; the text says how many change, and from what to what."""
    before = recorded.config.read_bytes()
    shown = recorded.here("policy", "simulate", "--set", "routing.mode=cloud")
    assert (shown.code, shown.err) == (0, "")
    first, move, cost, _, quality, expected = shown.out.splitlines()
    assert first.endswith("; 2 would be made otherwise (67 %)")
    assert move == "2\tden/small\tsky/mid"
    assert cost.endswith("2 without a price; 1 without counted tokens")
    assert quality == "quality\t5.7\t7.0\t+1.3\tover 3 decisions"
    assert expected.endswith("\tover 3 decisions; difficulty of 3 taken from the complexity")
    strategy = recorded.here("policy", "simulate", "--strategy", "cost", "--since", "1d", "--json").json
    assert strategy["tried"]["keys"] == {"routing.strategy": "cost"}
    assert strategy["moves"] == [{"from": "sky/mid", "to": "den/small", "decisions": 1}]
    nothing = recorded.here(
        "policy", "simulate", "--strategy", "cost", "--until", "2001-01-01", "--json"
    ).json
    assert nothing["decisions"] == 0
    assert recorded.config.read_bytes() == before
    assert not (recorded.state / "routing.json").exists()


def test_several_strategies_in_one_table(recorded: Home) -> None:
    """Named together or one by one: today's first, then how many each makes otherwise."""
    shown = recorded.here("policy", "simulate", "--strategy", "score,value", "--strategy", "cost")
    first, *rows = [line.split("\t") for line in shown.out.splitlines()]
    assert first[0].startswith("3 decisions since ")
    assert [row[:2] for row in rows] == [["score", "today"], ["value", "3"], ["cost", "1"]]
    assert {len(row) for row in rows} == {7}
    assert "note: cost over 0; latency over 0; 2 without a price; 1 without counted tokens" in shown.err
    told = recorded.here("policy", "simulate", "--strategy", "score,value,cost", "--json").json
    assert told["tried"] == {"policies": None, "keys": {}, "strategies": ["score", "value", "cost"]}
    assert [each["strategy"] for each in told["strategies"]] == ["score", "value", "cost"]
    assert (told["today"]["strategy"], told["strategies"][0]["changed"]) == ("score", 0)


def test_a_target_may_be_tried_with_them(recorded: Home) -> None:
    """`--set` goes with every strategy; today's own row then stands for today without it."""
    aims = ("--set", "routing.quality_target=0.3")
    shown = recorded.here("policy", "simulate", "--strategy", "value,score", *aims)
    rows = [line.split("\t")[:2] for line in shown.out.splitlines()[1:]]
    assert rows == [["score", "today"], ["value", "1"], ["score", "0"]]


def test_decisions_that_would_find_nobody(recorded: Home) -> None:
    """They are counted and the reason is said."""
    shown = recorded.here(
        "policy", "simulate", "--set", "routing.mode=local", "--set", "providers.den.enabled=false"
    )
    assert "3 decisions would find nobody:" in shown.out
    assert shown.code == 0


def test_what_cannot_be_tried(recorded: Home) -> None:
    """A setting with a mistake ends with 2 or 3, as `config set` would, and says the way out."""
    for words, code in (
        ((), 2),
        (("--set", "routing.mode=elsewhere"), 2),
        (("--set", "routing.mode"), 2),
        (("--set", "routing.moed=local"), 3),
        (("--strategy", "best"), 2),
        (("--strategy", "cost,best"), 2),
        (("--policy", "no/such/file"), 2),
        (("--strategy", "cost", "--since", "soon"), 2),
    ):
        assert recorded.here("policy", "simulate", *words).code == code, words


def test_on_a_terminal(recorded: Home) -> None:
    """A person gets tables with headings."""
    shown = finish(recorded.terminal("policy", "simulate", "--set", "routing.mode=cloud"))
    assert shown.code == 0
    assert "decisions" in shown.out
    assert "DIFFERENCE" in shown.out
