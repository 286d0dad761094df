"""A file of prompts: what its threads share, and what becomes of it when they are stopped."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from llmpool.chat import lessons
from llmpool.state import keys as counts
from tests.cli.test_chat_batch import asked, echo, numbered, write
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, end_of, model, provider, wait_for


def test_what_is_cut_is_recorded(home: Home, server: FakeServer) -> None:
    """A second Ctrl-C breaks off calls under way; each has its usage record, and is asked another time."""
    home.write_config(provider("den", server.url), model("den/m"))
    server.behave(echo)
    server.delay = 60
    child = home.start("chat", "--batch", write(home, numbered(9)), "-o", "answers.jsonl", "--jobs", "3")
    wait_for(lambda: len(server.chats) == 3)
    child.send_signal(signal.SIGINT)
    assert child.stderr is not None
    assert "ending" in child.stderr.readline()
    assert end_of(child, send=signal.SIGINT).code == 130
    records = home.here("usage", "list", "--json").json["records"]
    assert [each["success"] for each in records] == [False] * 3
    assert not list(home.cwd.glob("answers*"))


def test_ctrl_c_does_not_wait_for_a_limit(home: Home, server: FakeServer) -> None:
    """Whoever waits in line for a limit leaves at once, and nothing more is sent."""
    home.write_config(provider("den", server.url, rate_limit={"rpm": 2}), model("den/m"))
    server.behave(echo)
    child = home.start("chat", "--batch", write(home, numbered(9)), "-o", "answers.jsonl", "--jobs", "3")
    wait_for(lambda: len(server.chats) == 2 and _waits(home))
    assert end_of(child, send=signal.SIGINT).code == 130
    assert len(server.chats) == 2


def _waits(home: Home) -> bool:
    log = home.state / "rates" / "den.json"
    return bool(json.loads(log.read_text())["data"]["waiting"])


def test_a_key_from_a_program_is_read_once(home: Home, server: FakeServer, tmp_path: Path) -> None:
    """Eight threads and forty lines: the program runs once; refused, it runs again."""
    count = tmp_path / "count"
    program = tmp_path / "key.sh"
    program.write_text(f"#!/bin/sh\necho x >> {count}\necho sk-right\n")
    program.chmod(0o755)
    keys = [{"label": "a", "command": [str(program)]}]
    home.write_config(provider("den", server.url, keys=keys), model("den/m"))
    server.behave(echo)
    assert home.here("chat", "--batch", write(home, numbered(40)), "--jobs", "8").code == 0
    assert count.read_text() == "x\n"
    server.behave(faults.always(faults.status(401)))
    assert home.here("chat", "--batch", write(home, numbered(2)), "--jobs", "1").code == 5
    assert count.read_text() in ("x\n" * 2, "x\n" * 3)


def test_a_template_holds_for_each_line(home: Home, server: FakeServer) -> None:
    """The prompt of a line is the input of the template; a mistake in it stops the run before it begins."""
    home.write_config(
        provider("den", server.url), model("den/m"), '[templates]\nr = "Review {input} in {lang}"'
    )
    server.behave(echo)
    source = write(home, ['"one"', '"two"'])
    assert home.here("chat", "-t", "r", "--var", "lang=C", "--batch", source).code == 0
    assert sorted(map(asked, server.chats)) == ["Review one in C", "Review two in C"]
    for options in (("-t", "r"), ("-t", "x"), ("--var", "a=b")):
        assert home.here("chat", *options, "--batch", source).code in (2, 3)
    assert home.here("chat", "-i", "--batch", source).code == 2
    assert len(server.chats) == 2


def test_a_dry_run_sends_nothing(home: Home, server: FakeServer) -> None:
    """--dry-run says who would be asked; with --json as one document."""
    home.write_config(provider("den", server.url), model("den/m"))
    source = write(home, numbered(3))
    shown = home.here("chat", "--batch", source, "--dry-run")
    assert shown.out.splitlines() == [
        "3 prompts; nothing is sent",
        "  den/m   3 prompts, about 9 tokens in, free",
    ]
    told = home.here("chat", "--batch", source, "--dry-run", "--json").json
    assert told["deployments"][0]["prompts"] == 3
    assert server.requests == []


def test_the_uses_of_a_key_are_written_together(home: Home, server: FakeServer, monkeypatch: Any) -> None:
    """Eight prompts, one write of how often the key was used; a run of one prompt writes its own."""
    written: list[dict[tuple[str, str], int]] = []
    note = counts.note

    def noted(state: Path, uses: dict[tuple[str, str], int], now: float) -> None:
        written.append(dict(uses))
        note(state, uses, now)

    monkeypatch.setattr(counts, "note", noted)
    monkeypatch.setattr(lessons, "EVERY", 3600.0)
    home.env["KEY_A"] = "sk-none"
    home.write_config(provider("den", server.url, keys=[{"label": "a", "env": "KEY_A"}]), model("den/m"))
    assert home.here("chat", "--batch", write(home, numbered(8))).code == 0
    assert written == [{("den", "a"): 8}]
    assert home.here("chat", "hi").code == 0
    assert written[1:] == [{("den", "a"): 1}]
    assert counts.read(home.state).uses["den"]["a"].times == 9


def test_a_key_is_not_sent_where_its_provider_was_moved_to(home: Home) -> None:
    """A provider that has another address and another key by now is asked there with that one alone."""
    for name in ("one", "two"):
        (home.cwd / name).write_text(f"sk-{name}-0000000001")

    def configure(url: str, name: str) -> None:
        keys = [{"label": "a", "command": ["cat", name]}]
        home.write_config(provider("work", url, location="cloud", keys=keys), model("work/m"))

    lines = "".join(json.dumps({"prompt": f"question {n}"}) + "\n" for n in range(4))
    with FakeServer(["m"]) as old, FakeServer(["m"]) as new:
        old.behave(lambda _number, _request: configure(new.url, "two"))
        configure(old.url, "one")
        assert home.here("chat", "--batch", "-", "--jobs", "1", stdin=lines).code == 0
        assert [chat.headers["authorization"] for chat in old.chats] == ["Bearer sk-one-0000000001"]
        assert [chat.headers["authorization"] for chat in new.chats] == ["Bearer sk-two-0000000001"] * 3


def test_a_line_does_not_lead_out_of_the_house(home: Home, server: FakeServer) -> None:
    """`-m local` holds for every line as `--mode local` does, whatever model a line asks for."""
    sky = provider("sky", server.url, location="cloud")
    quiet = '[profiles.quiet]\nmode = "local"'
    home.write_config(provider("den", server.url), sky, model("den/m"), model("sky/n", quality=10), quiet)
    source = write(home, [{"prompt": "a", "model": "sky/n"}, {"prompt": "b", "model": "auto"}])
    for how in (("-m", "local"), ("--mode", "local"), ("--profile", "quiet")):
        told = home.here("chat", *how, "--batch", source).documents
        assert told[0]["error"]["rejections"] == [{"deployment": "sky/n", "reasons": ["not local"]}]
        assert told[1]["served_by"] == "den/m"


def test_a_model_of_no_name_does_not_lift_the_pin(home: Home, server: FakeServer) -> None:
    """`"model": ""` is a mistake of its line; with `"auto"` a line asks for whoever is best."""
    home.write_config(provider("den", server.url), model("den/m"), model("den/n", quality=10))
    source = write(home, [{"prompt": "a", "model": ""}, {"prompt": "b"}, {"prompt": "c", "model": "auto"}])
    told = home.here("chat", "-m", "den/m", "--batch", source).documents
    assert told[0]["error"]["message"] == '"model" names nothing'
    assert [each["served_by"] for each in told[1:]] == ["den/m", "den/n"]
