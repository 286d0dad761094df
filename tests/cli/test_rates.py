"""Rate limits as their user sees them: kept by all processes together, waited for in turn, told in words."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.at_once import at_once
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.packaging.test_imports import loaded
from tests.support import Home, end_of, model, provider, wait_for

MINUTE = 60.0


def log(home: Home, name: str = "work") -> dict[str, Any]:
    """Read what is shared of a provider's limits; empty before anything was."""
    path: Path = home.state / "rates" / f"{name}.json"
    return json.loads(path.read_text())["data"] if path.exists() else {"sent": [], "waiting": []}


def sent(home: Home) -> list[int]:
    """Return the tokens of each request that counts as sent within the last minute."""
    columns = log(home)["sent"]
    return columns[1] if columns else []


def together(home: Home, count: int, *args: str) -> list[subprocess.Popen[str]]:
    """Start so many chats at once."""
    return [home.start("chat", "--json", *args, f"question {n}") for n in range(count)]


@pytest.mark.slow
def test_twenty_processes_keep_the_limit(home: Home, server: FakeServer) -> None:
    """Of 20 chats at once against 12 a minute, 12 are answered and 8 end with 75 and when to come again."""
    home.write_config(provider("work", server.url, rate_limit={"rpm": 12}), model("work/m"))
    assert home.here("models", "list").code == 0
    began = time.time()
    ended = at_once(home, *(("chat", "--json", "--max-wait", "0", f"question {n}") for n in range(20)))
    assert sorted(result.code for result in ended) == [0] * 12 + [75] * 8
    assert len(server.chats) == 12
    for result in ended:
        if result.code == 75:
            assert result.error["kind"] == "busy"
            assert "12 of 12 requests this minute; free in" in result.error["message"]
            at = datetime.fromisoformat(result.error["retry_at"]).timestamp()
            assert began + 55 < at < time.time() + 62
    assert len(sent(home)) == 12
    assert log(home)["waiting"] == []


def test_a_wait_is_announced_and_ctrl_c_gives_the_place_back(home: Home, server: FakeServer) -> None:
    """Who waits says so once; interrupted it ends with 130, and nobody stands in line any more."""
    home.write_config(provider("work", server.url, rate_limit={"rpm": 1}), model("work/m"))
    assert home.here("chat", "one").code == 0
    child = home.start("chat", "--max-wait", "2m", "two")
    assert child.stderr is not None
    said = next(text for text in child.stderr if "; waiting" in text)
    assert said.startswith("work: 1 of 1 requests this minute; waiting ")
    assert len(log(home)["waiting"]) == 1
    ended = end_of(child, send=signal.SIGINT)
    assert ended.code == 130
    assert "waiting" not in ended.err
    assert log(home)["waiting"] == []
    assert len(server.chats) == 1


def test_a_killed_process_holds_nothing(home: Home, server: FakeServer) -> None:
    """After kill -9 in line the next one is given the place."""
    home.write_config(provider("work", server.url, rate_limit={"rpm": 1}), model("work/m"))
    assert home.here("chat", "one").code == 0
    first = home.start("chat", "--max-wait", "5m", "two")
    wait_for(lambda: bool(log(home)["waiting"]))
    place = log(home)["waiting"][0][0]
    first.kill()
    first.wait(10)
    second = home.start("chat", "--max-wait", "5m", "three")
    wait_for(lambda: any(entry[0] == place for entry in log(home)["waiting"]) and _is_new(home, first))
    assert len(log(home)["waiting"]) == 1
    end_of(second, send=signal.SIGTERM)


def _is_new(home: Home, gone: subprocess.Popen[str]) -> bool:
    return all(str(gone.pid) != entry[-1].split()[1] for entry in log(home)["waiting"])


def test_places_in_line_are_given_in_order(home: Home, server: FakeServer) -> None:
    """Who comes first is sent first: the places of those who wait are a minute apart, in order of arrival."""
    home.write_config(provider("work", server.url, rate_limit={"rpm": 1}), model("work/m"))
    assert home.here("chat", "one").code == 0
    children = []
    for count in (1, 2, 3):
        children.append(home.start("chat", "--max-wait", "5m", "two"))
        wait_for(lambda count=count: len(log(home)["waiting"]) == count)
    line = sorted(log(home)["waiting"], key=lambda entry: entry[0])
    owners = [int(entry[-1].split()[1]) for entry in line]
    assert owners == [child.pid for child in children]
    assert [round(b[0] - a[0]) for a, b in pairwise(line)] == [61, 61]
    for child in children:
        end_of(child, send=signal.SIGTERM)


def test_the_next_candidate_is_asked_at_once(home: Home, server: FakeServer) -> None:
    """With another candidate ready nobody waits for a limit: it answers, and the reason is told."""
    home.write_config(
        provider("work", server.url, rate_limit={"rpm": 1}),
        provider("den", server.url),
        model("work/m", quality=9),
        model("den/m", quality=5),
    )  # fmt: skip
    first = home.here("chat", "--json", "one").json
    assert first["served_by"] == "work/m"
    second = home.here("chat", "--json", "two").json
    assert second["served_by"] == "den/m"


def test_limits_of_a_model_and_of_its_provider_both_hold(home: Home, server: FakeServer) -> None:
    """A model's own limit stops it alone; the provider's stops all of its models."""
    home.write_config(
        provider("work", server.url, rate_limit={"rpm": 2}),
        model("work/a", rate_limit={"rpm": 1}),
        model("work/b"),
    )

    def ask(name: str) -> tuple[int, str]:
        result = home.here("chat", "--max-wait", "0", "-m", name, "hi")
        return result.code, result.err

    assert ask("work/a")[0] == 0
    code, err = ask("work/a")
    assert code == 75
    assert "work/a: 1 of 1 requests this minute" in err
    assert ask("work/b")[0] == 0
    code, err = ask("work/b")
    assert code == 75
    assert "work is at 2 of 2 requests this minute" in err


def test_tokens_are_corrected_by_what_the_server_counts(home: Home, server: FakeServer) -> None:
    """A prompt that can never pass is told with figures; an answer counts with what it really had."""
    home.write_config(provider("work", server.url, rate_limit={"tpm": 2000}), model("work/m"))
    huge = home.here("chat", "--max-wait", "0", "-m", "work/m", stdin="word " * 4000)
    assert huge.code == 8  # a quota forbids it, on any day
    assert "about 5 000 tokens are more than its limit of 2 000 a minute (rate_limit of work)" in huge.err
    assert server.chats == []
    assert home.here("chat", "--max-wait", "0", "hi").code == 0
    assert sum(sent(home)) < 100
    assert home.here("chat", "--max-wait", "0", "--max-tokens", "1500", "hi").code == 0


def test_an_answer_that_broke_off_counts_as_more_than_its_beginning(home: Home) -> None:
    """What was counted when an answer began is no count of it: what was reckoned with stays."""
    with FakeServer(["m"], speaks=["anthropic"], behave=[faults.cut(40, text="word " * 400)]) as claude:
        home.write_config(
            provider("work", claude.root, format="anthropic", rate_limit={"tpm": 2000}), model("work/m")
        )
        assert home.here("chat", "--max-wait", "0", "--max-tokens", "1500", "hi").code == 7
    assert sum(sent(home)) >= 1500


def test_a_vendors_headers_hold_the_next_request_up(home: Home) -> None:
    """Where a header says that nothing is left, the next process waits or goes elsewhere; no limit is set."""
    headers = {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "40s",
    }
    with FakeServer(["m", "n"], headers=headers) as spent:
        home.write_config(provider("work", spent.url), model("work/m"), model("work/n"))
        assert home.here("chat", "-m", "work/m", "one").code == 0
        held = home.here("chat", "--json", "--max-wait", "0", "-m", "work/m", "two")
        assert held.code == 75
        assert "0 requests left by its own word; free in" in held.error["message"]
        assert home.here("chat", "-m", "work/n", "three").code == 0
        assert len(spent.chats) == 2


def test_route_and_limits_tell_who_is_full(home: Home, server: FakeServer) -> None:
    """What is used up is a reason not to be chosen, with its end; `providers limits` has the figures."""
    home.write_config(
        provider("work", server.url, rate_limit={"rpm": 1, "rpd": 9}),
        provider("den", server.url),
        model("work/m", quality=9),
        model("den/m", quality=5),
    )  # fmt: skip
    assert home.here("chat", "-m", "work/m", "one").code == 0
    decision = home.here("route", "--json", "hi").json["decision"]
    assert decision["selected"] == "den/m"
    (rejection,) = decision["rejections"]
    assert rejection["deployment"] == "work/m"
    assert rejection["reasons"][0].startswith("1 of 1 requests this minute, free in ")
    (line,) = (line for line in home.here("providers", "limits", "--json").json["limits"] if line["windows"])
    assert [(w["per"], w["limit"], w["remaining"]) for w in line["windows"]] == [
        ("minute", 1, 0),
        ("day", 9, 8),
    ]
    assert all(window["resets_at"] for window in line["windows"])


@pytest.mark.slow
def test_keys_take_turns_across_processes(home: Home, server: FakeServer) -> None:
    """Six chats at once with three keys in turn: each key is used twice, and its uses are counted."""
    env = {name: f"sk-of-{name}" for name in "ABC"}
    refs = [{"label": name.lower(), "env": name} for name in env]
    home.write_config(provider("work", server.url, keys=refs, key_rotation="round_robin"), model("work/m"))
    assert [result.code for result in at_once(home, *[("chat", "hi")] * 6, env=env)] == [0] * 6
    used = [request.headers["authorization"] for request in server.chats]
    assert sorted(used) == sorted(f"Bearer {key}" for key in env.values() for _ in range(2))
    uses = json.loads((home.state / "keys.json").read_text())["data"]["uses"]["work"]
    assert {label: use["times"] for label, use in uses.items()} == {"a": 2, "b": 2, "c": 2}
    assert all(not home.files_with(key) for key in env.values())


def test_a_refused_key_is_passed_over_by_the_next_process(home: Home) -> None:
    """A key that was refused rests: the next run begins with another one."""
    with FakeServer(key="sk-good") as strict:
        env = {"A": "sk-bad", "B": "sk-good"}
        refs = [{"label": name.lower(), "env": name} for name in env]
        home.write_config(provider("work", strict.url, keys=refs), model("work/m"))
        assert home.here("chat", "one", env=env).code == 0
        assert len(strict.chats) == 2
        assert home.here("chat", "two", env=env).code == 0
        assert [request.headers["authorization"] for request in strict.chats[2:]] == ["Bearer sk-good"]


def test_without_limits_nothing_is_kept(home: Home, server: FakeServer) -> None:
    """A provider without limits, whose headers tell of none, has no log, and nothing is loaded for one."""
    home.write_config(provider("work", server.url), model("work/m"))
    names = loaded(home, "chat", "hi")
    assert (
        not {"llmpool.chat.gate", "llmpool.state.rates", "llmpool.usage.rates", "llmpool.state.keys"} & names
    )
    assert not (home.state / "rates").exists()


def test_a_corrupt_log_is_set_aside(home: Home, server: FakeServer) -> None:
    """What is no log costs a warning, not the answer."""
    home.write_config(provider("work", server.url, rate_limit={"rpm": 1}), model("work/m"))
    (home.state / "rates").mkdir(parents=True)
    (home.state / "rates" / "work.json").write_text("{")
    result = home.here("chat", "hi")
    assert result.code == 0
    assert "corrupt" in result.err
    assert len(list((home.state / "rates").glob("work.json.corrupt-*"))) == 1


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_server_never_sees_more_than_the_limit_in_any_minute(home: Home, server: FakeServer) -> None:
    """Thirty chats that wait at ten a minute: all are answered, and the server counts no more."""
    home.write_config(provider("work", server.url, rate_limit={"rpm": 10}), model("work/m"))
    ended = [end_of(child, timeout=280) for child in together(home, 30, "--max-wait", "4m")]
    assert [result.code for result in ended] == [0] * 30
    times = sorted(request.at for request in server.chats)
    assert len(times) == 30
    assert all(later - earlier >= MINUTE for earlier, later in zip(times, times[10:], strict=False))
    assert datetime.fromtimestamp(times[-1], UTC).timestamp() - times[0] < 3 * 61


def test_the_time_a_server_names_goes_before_its_counters(home: Home) -> None:
    """A 429 whose counters are full again in minutes, but which says to come in a second, is asked then."""
    limited = {
        "retry-after": "1",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "3m0s",
    }
    with FakeServer(["m"]) as busy:
        busy.behave([faults.status(429, limited)])
        home.write_config(provider("work", busy.url), model("work/m"))
        answered = home.here("chat", "-m", "work/m", "hi")
        assert answered.code == 0, answered.err
        assert len(busy.chats) == 2
