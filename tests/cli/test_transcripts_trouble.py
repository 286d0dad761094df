"""What a person should see, part two: privacy, failures, limits, money and cron."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.cli.scene import ANSWER, Scene, scene
from tests.cli.test_usage import plant
from tests.fakes import faults
from tests.support import Home, model


@pytest.fixture
def den(home: Home) -> Iterator[Scene]:
    """Set the scene with a cloud, a box and a gateway, all of them refreshed."""
    with scene(home) as made:
        made.den.models.append({"name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com"})
        made.work.models.append("our-finetune")
        rated = model("den/qwen3:8b", quality=6)
        home.write_config("local_first = true", *made.tables(), made.at_work(rate_limit={"rpm": 2}), rated)
        assert home.here("refresh").code == 0
        yield made


def test_a_private_prompt_where_nothing_local_may_answer(den: Scene) -> None:
    """LLMPOOL_LOCAL_ONLY keeps it here: who was kept out and by what, and that nothing was sent; 6."""
    den.home.here("policy", "set", "den/qwen3:8b", "--no-routable", "--reason", "noisy at night")
    shown = den.home.here("chat", "Summarise", stdin="salary", env={"LLMPOOL_LOCAL_ONLY": "1"})
    assert (shown.code, shown.out) == (6, "")
    assert "error: nothing local can answer; nothing was sent\n" in shown.err
    lines = " ".join(shown.err.split())
    assert re.search(r"\d deployments excluded by LLMPOOL_LOCAL_ONLY", lines)
    assert "den/qwen3:8b not routable by policy" in lines
    assert not den.openai.chats + den.den.chats + den.work.chats


def test_a_private_prompt_while_the_box_is_down(den: Scene) -> None:
    """Nobody else is asked, however often: the error names the box and what it said."""
    den.close_den()
    den.home.here("refresh", "den")
    for _ in range(2):
        shown = den.home.here("chat", "Summarise", stdin="salary", env={"LLMPOOL_LOCAL_ONLY": "1"})
        assert shown.code == 6
        assert shown.out == ""
        assert "den/qwen3:8b" in shown.err
        assert "connection refused" in shown.err
    assert not den.openai.chats + den.work.chats


def test_a_provider_is_down(den: Scene) -> None:
    """The next one answers, in words; the list tells the state, what is stale, and until when it rests."""
    den.close_den()
    shown = den.seen("chat", "hi")
    assert (shown.code, shown.out) == (0, ANSWER + "\n")
    assert "den.lan:11434: connection refused; rests 1 min; openai/gpt-5-mini is asked next" in shown.err
    assert "openai/gpt-5-mini answered instead of den/qwen3:8b" in shown.err
    den.home.here("refresh", "den")
    listed = den.seen("providers", "list")
    rows = {line.split()[0]: line.split() for line in listed.out.splitlines()}
    assert rows["den"][1:5] == ["local", "down", "2", "stale"]
    assert rows["openai"][1:5] == ["cloud", "ok", "3", "OPENAI_API_KEY"]
    assert re.search(r"den\.lan:11434: connection refused, again in \d+ min", listed.out)


def test_it_is_awake_again(den: Scene) -> None:
    """`providers clear` forgets the rest, and the next prompt goes there."""
    port = den.where["den.lan"]
    den.close_den()
    den.home.here("chat", "hi")
    den.where["den.lan"] = port
    assert den.home.here("route", "--no-stdin", "hi").out == "openai/gpt-5-mini\n"
    assert den.seen("providers", "clear", "den").err == "den: errors and cooldowns forgotten\n"
    assert den.home.here("route", "--no-stdin", "hi").out == "den/qwen3:8b\n"


def test_a_rate_limit_is_waited_for(den: Scene) -> None:
    """While it waits it says for whom, how long, and how to have none of it."""
    den.openai.behave([faults.status(429, headers={"Retry-After-Ms": "2100"})])
    shown = den.seen("chat", "-m", "openai/gpt-5", "hi")
    assert (shown.code, shown.out) == (0, "hello there\n")  # its script is used up
    assert re.search(
        r"^openai/gpt-5: .*again in [23] s \(Ctrl-C, or --max-wait 0\)$", shown.err, re.MULTILINE
    )


def test_a_rate_limit_is_not_waited_for(den: Scene) -> None:
    """With --max-wait 0 it ends with 75: whose limit, when it is free, and both ways on."""
    for _ in range(2):
        den.home.here("chat", "-m", "work/gpt-5", "hi")
    shown = den.seen("chat", "--max-wait", "0", "-m", "work/gpt-5", "hi")
    assert (shown.code, shown.out) == (75, "")
    assert re.search(r"work is at 2 of 2 requests this minute; free in \d\d s\n", shown.err)
    assert re.search(r"wait: --max-wait \d\ds   elsewhere: --fallback", shown.err)
    assert len(den.work.chats) == 2
    machine = den.home.here("chat", "--json", "--max-wait", "0", "-m", "work/gpt-5", "hi")
    assert (machine.error["exit"], machine.error["kind"]) == (75, "busy")
    assert machine.error["retry_at"].endswith("Z")


def test_the_limits_are_listed(den: Scene) -> None:
    """What is left of how much, when it is full again, and who says so."""
    for _ in range(2):
        den.home.here("chat", "-m", "work/gpt-5", "hi")
    listed = den.seen("providers", "limits")
    [line] = [line for line in listed.out.splitlines() if line.startswith("work")]
    assert re.match(r"work +all +requests a minute +0 +2 +in \d\d s +config$", line)


def spent(den: Scene) -> None:
    """Leave a morning's records: one model with prices and a cache, one without a price."""
    gpt = {"deployment": "openai/gpt-5", "input_tokens": 9000, "cache_read_tokens": 5500}
    ours = {"deployment": "work/our-finetune", "input_tokens": 5000, "output_tokens": 1000, "cost": None}
    paid = [gpt | {"ago": 1, "output_tokens": 1400, "cost": "0.02"} for _ in range(20)]
    plant(den.home, *paid, *[ours | {"ago": 1}] * 3)


def test_what_did_i_spend(den: Scene) -> None:
    """The month and today in one line, then who: calls, tokens, cached, cost, share; unknown is not 0."""
    spent(den)
    den.home.here("policy", "budget", "set", "5/day")
    shown = den.seen("usage")
    head, *lines = shown.out.splitlines()
    assert re.match(r"\d{4}-\d\d-01( to \S+)?, local time: \$0\.40, and 3 calls without a price\.", head)
    assert "Today $0.40 of $5.00" in head
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert re.match(r"20 180 ?k 61 % 28 ?k \$0\.40 100 %", rows["openai/gpt-5"])
    assert re.match(r"3 15 ?k 3\.?0+ ?k? unknown", rows["work/our-finetune"])
    assert shown.err == "price it: llmpool usage prices set work/our-finetune --input USD --output USD\n"


def test_a_cap_is_set(den: Scene) -> None:
    """What it covers, since when, what happens at it, and who is refused while it holds."""
    shown = den.seen("policy", "budget", "set", "5/day")
    assert (shown.code, shown.out) == (0, "")
    assert shown.err.startswith(
        "[budgets.daily] $5.00, everything, from 00:00 UTC. At the cap: requests refused"
    )
    assert "--on-exceed local" in shown.err
    assert "note: work/our-finetune has no price, so it is refused while a cap holds" in shown.err
    assert "lift: --unpriced allow" in shown.err


def test_a_cap_is_reached(den: Scene) -> None:
    """Both figures, when it is reset, the way on; 8, and nothing was sent."""
    spent(den)
    den.home.here("policy", "budget", "set", "0.40/day")
    shown = den.seen("chat", "-m", "openai/gpt-5", "hi")
    assert (shown.code, shown.out) == (8, "")
    assert "error: today's budget is spent ($0.40 of $0.40); resets 00:00" in shown.err
    assert "go on: --local-only" in shown.err
    assert not den.openai.chats
    assert den.seen("chat", "--local-only", "hi").code == 0


def program(den: Scene, script: str) -> str:
    """Write a password manager, and return what runs it."""
    path = den.home.dir / "pass"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_a_key_that_a_password_manager_has(den: Scene) -> None:
    """The command is told and not stored anywhere but in the config; its first line is the key."""
    given = f"{program(den, 'echo planted-b-0123456789abcdef')} show work/b"
    shown = den.seen("providers", "keys", "add", "work", "--label", "b", "--command", given)
    assert (shown.code, shown.out) == (0, "")
    assert shown.err.startswith('work: key "b" (planted-...cdef) comes from a program\n')
    assert "llmpool providers verify work --key b" in shown.err
    works = den.seen("providers", "verify", "work", "--key", "b")
    assert works.code == 0
    assert f"first line of: {given}" in " ".join(
        den.seen("providers", "keys", "list", columns=300).out.split()
    )
    assert den.home.files_with("planted-b") == ["pass"]


def test_what_will_fail_in_cron_is_told_beforehand(den: Scene) -> None:
    """`doctor --cron` asks for keys as cron would: the finding has the fact and what mends it; 9."""
    script = (
        '[ -n "$DISPLAY" ] || { echo "gpg: no terminal to ask on" >&2; exit 2; }; echo planted-0123456789abc'
    )
    den.home.env["DISPLAY"] = ":0"
    given = f"{program(den, script)} show work/b"
    assert den.home.here("providers", "keys", "add", "work", "--label", "b", "--command", given).code == 0
    shown = den.home.here("doctor", "--cron", "--json")
    assert shown.code == 9
    [finding] = [each for each in shown.json["findings"] if 'key "b"' in str(each)]
    assert "ended with 2" in finding["message"]
    assert "llmpool providers keys replace work b" in str(finding)


def test_the_line_of_a_crontab(den: Scene) -> None:
    """`refresh --if-stale 5h --jitter 10m --quiet` says nothing when nothing changed."""
    fresh = den.home.here("refresh", "--if-stale", "5h", "--jitter", "10m", "--quiet")
    assert fresh == (0, "", "")
