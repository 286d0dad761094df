"""`llmpool models probe`: what it asks first, what it prints, and how it ends."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Mapping

from llmpool.state import inventory
from tests.fakes import faults
from tests.fakes.answers import error
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, closed_port, end_of, finish, model, provider, wait_for

GONE = faults.status(404, body=error("model not configured"))


def pool_of(home: Home, server: FakeServer, answers: Mapping[str, Behaviour], count: int = 3) -> None:
    """Configure one provider with so many models, which answer as *answers* say, by name."""

    def play(_number: int, request: Request) -> Behaviour | None:
        return answers.get(request.json["model"])

    server.behave(play)
    home.write_config(provider("work", server.url), *(model(f"work/m{n}") for n in range(count)))


def test_each_model_gets_its_verdict(home: Home, server: FakeServer) -> None:
    """The document tells who answers, who is not there, and what could not be told."""
    pool_of(home, server, {"m1": GONE, "m2": faults.status(429)})
    result = home.here("models", "probe", "--json")
    assert result.code == 0
    shown = result.json
    assert (shown["schema"], shown["unasked"], shown["skipped"]) == (1, [], [])
    assert [(m["id"], m["available"], m["status"], m["error"]) for m in shown["models"]] == [
        ("work/m0", True, 200, None),
        ("work/m1", False, 404, "model not configured"),
        ("work/m2", None, 429, "scripted 429"),
    ]
    assert set(shown["models"][0]) == {
        "id", "provider", "model", "available", "status", "error", "latency_ms", "at", "capabilities",
    }  # fmt: skip
    assert shown["models"][0]["capabilities"] == {"tools": None, "json": None, "images": None}


def test_a_pipe_gets_lines(home: Home, server: FakeServer) -> None:
    """One line a model, tab-separated; the sum is said on stderr, and so is who was left out."""
    pool_of(home, server, {"m1": GONE})
    home.write_config(home.config.read_text(), model("work/text-embedding-3-small"))
    result = home.here("models", "probe", "work")
    lines = [line.split("\t") for line in result.out.splitlines()]
    assert [(line[0], line[1], line[3]) for line in lines] == [
        ("work/m0", "yes", ""),
        ("work/m1", "no", "404: model not configured"),
        ("work/m2", "yes", ""),
    ]
    assert "2 of 3 models answered, 1 not there" in result.err
    assert "skipped work/text-embedding-3-small: not a chat model" in result.err


def test_capabilities_are_tried_on_demand(home: Home, server: FakeServer) -> None:
    """Three more calls a model, and a column for each."""
    pool_of(home, server, {}, count=1)
    result = home.here("models", "probe", "--capabilities")
    assert result.out.split("\t")[:5] == ["work/m0", "yes", "?", "?", "?"]
    assert len(server.chats) == 4
    can = home.here("models", "probe", "--capabilities", "--json").json["models"][0]["capabilities"]
    assert can == {"tools": None, "json": None, "images": None}


def test_many_calls_are_asked_about(home: Home, server: FakeServer) -> None:
    """Above 20 calls somebody has to say yes; off a terminal that is --yes, and nothing is sent before."""
    pool_of(home, server, {}, count=21)
    result = home.here("models", "probe")
    assert result.code == 2
    assert "make 21 calls, which spend tokens (work 21 models)?" in result.err
    assert "--yes" in result.err
    assert home.here("models", "probe", "--capabilities", "-m", "work/m1*").code == 2
    assert server.chats == []
    assert home.here("models", "probe", "-m", "work/m1*").code == 0
    assert len(server.chats) == 11
    assert home.here("models", "probe", "--yes", "--jobs", "0").code == 0
    assert len(server.chats) == 32
    person = home.terminal("models", "probe")
    person.expect_exact("(work 21 models)? [y/N]")
    person.sendline("n")
    assert finish(person).code == 2
    assert len(server.chats) == 32


def test_a_person_sees_how_far_it_is(home: Home, server: FakeServer) -> None:
    """On a terminal a bar, then a table."""
    pool_of(home, server, {"m1": GONE})
    shown = finish(home.terminal("models", "probe", "--jobs", "1"))
    assert shown.code == 0
    assert re.search(r"\] +1 of 3 +1 s +work/m", shown.out)
    assert "ANSWERS" in shown.out
    assert "404: model not configured" in shown.out


def test_how_it_ends(home: Home, server: FakeServer) -> None:
    """9 when some could not be asked; 5, 6 or 7 when that was all; 3 for a name nobody has, 8 offline."""
    server.key = "right"
    with FakeServer() as open_to_all:
        home.write_config(
            provider("closed", server.url, key={"env": "SECRET"}),
            provider("away", f"http://127.0.0.1:{closed_port()}/v1"),
            provider("open", open_to_all.url),
            provider("bare", open_to_all.url),
            *(model(f"{name}/m") for name in ("closed", "away", "open")),
        )
        env = {"SECRET": PLANTED_KEY}
        partly = home.here("models", "probe", "--json", env=env)
        assert partly.code == 9
        assert [m["id"] for m in partly.json["models"]] == ["open/m"]
        assert [(u["provider"], u["kind"], u["models"]) for u in partly.json["unasked"]] == [
            ("away", "connect", 1),
            ("closed", "auth", 1),
        ]
        for arguments, code, kind in (
            (("closed",), 5, "credentials"),
            (("bare",), 6, "nothing_eligible"),
            (("away",), 7, "all_failed"),
            (("away", "closed"), 7, "all_failed"),
            (("nobody",), 3, "unknown_name"),
            (("-m", "nothing"), 3, "unknown_name"),
            (("--offline",), 8, "refused"),
            (("--timeout", "soon"), 2, "usage"),
        ):
            ended = home.here("models", "probe", *arguments, "--json", env=env)
            assert (ended.code, ended.error["kind"], ended.out) == (code, kind, ""), arguments
        assert home.here("models", "probe", "closed").code == 5
    assert home.files_with(PLANTED_KEY) == []
    home.write_config("local_first = true")
    assert home.here("models", "probe").code == 6


def test_ctrl_c_leaves_at_once(home: Home, server: FakeServer) -> None:
    """An interrupt ends it with 130, whoever hangs, and says how much of it is kept."""
    answered = {"m0", "m1", "m2"}
    server.behave(lambda _n, request: None if request.json["model"] in answered else faults.hang())
    home.write_config(provider("work", server.url), *(model(f"work/m{n}") for n in range(12)))
    child = home.start("models", "probe", stdin=subprocess.DEVNULL)
    wait_for(lambda: len(server.chats) == 8, seconds=20)
    ended = end_of(child, send=signal.SIGINT)
    assert ended.code == 130
    kept = inventory.read(home.state).providers["work"].probes
    assert f"interrupted; {len(kept)} of 12 verdicts kept" in ended.err
    assert {probed.model for probed in kept} <= answered
    assert len(server.chats) == 8
    lines = home.here("usage", "list", "--json").json["records"]
    assert sorted((line["model"], line["tag"], line["success"]) for line in lines) == [
        ("m0", "probe", True),
        ("m1", "probe", True),
        ("m2", "probe", True),
    ]


def test_what_it_spends_shows_in_usage(home: Home, server: FakeServer) -> None:
    """Every question that was answered, with an error too, is in `usage`, under the tag `probe`."""
    pool_of(home, server, {"m1": GONE})
    assert home.here("models", "probe", "--capabilities").code == 0
    shown = home.here("usage", "--by", "tag", "--json").json
    groups = [(g["group"], g["requests"], g["successful"], g["failed"]) for g in shown["groups"]]
    assert groups == [("probe", 9, 8, 1)]
    assert shown["bad_lines"] == 0
    assert home.here("usage", "list").code == 0
    failed = home.here("usage", "list", "--failed", "--json").json["records"]
    assert [(line["deployment"], line["error"]) for line in failed] == [("work/m1", "model_not_found")]


def test_what_a_server_says_stays_harmless(home: Home, server: FakeServer) -> None:
    """Escapes in an error reach neither the terminal nor a table, and a key in it is blotted."""
    hostile = faults.status(400, body=error(f"no \x1b[31m{PLANTED_KEY}\x07\n2nd line"))
    server.behave(lambda _number, _request: hostile)
    home.write_config(provider("work", server.url, key={"env": "SECRET"}), model("work/m"))
    result = home.here("models", "probe", env={"SECRET": PLANTED_KEY})
    assert len(result.out.splitlines()) == 1
    assert "\x1b" not in result.out
    assert not result.shows(PLANTED_KEY)
    assert home.files_with(PLANTED_KEY) == []
