"""`usage decisions`, `route --last/--id/--replay`: what was decided, what came of it, and today's answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.edges.recorded import line
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, finish, model, provider

PHRASE = "the heron nests behind the blue lighthouse"


@pytest.fixture
def asked(home: Home, server: FakeServer) -> Home:
    """Leave three decisions: an answer, a failover, and one nobody answered."""
    home.write_config(
        provider("den", server.url),
        provider("sky", server.url, location="cloud"),
        model("den/m", quality=5),
        model("sky/m", quality=9, cost_tier=2),
    )
    home.here("chat", "hello")
    server.behave([faults.status(400)])
    home.here("chat", "-m", "sky/m", "--max-wait", "0", "explain it")
    return home


def decisions(home: Home, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = home.here("usage", "decisions", "--json", *options).json["decisions"]
    return found


def test_the_newest_come_first(asked: Home) -> None:
    """Every request leaves one decision with its outcome; filters pick among them."""
    first, second = decisions(asked)
    assert (first["outcome"]["success"], second["outcome"]["success"]) == (False, True)
    assert [d["id"] for d in decisions(asked, "--failed")] == [first["id"]]
    assert [d["id"] for d in decisions(asked, "--served-by", "den")] == [second["id"]]
    assert [d["id"] for d in decisions(asked, "--complexity", "complex", "--reason", "SCRIPTED")] == [
        first["id"]
    ]
    assert decisions(asked, "--provider", "sky", "--strategy", "cost") == []
    assert decisions(asked, "--limit", "1") == [first]
    lines = asked.here("usage", "decisions", "--jsonl", "--limit", "0").documents
    assert lines == [first, second]
    rows = [row.split("\t") for row in asked.here("usage", "decisions").out.splitlines()]
    assert [(row[1], row[-2], row[-1]) for row in rows] == [
        (first["id"], "failed", ""),
        (second["id"], "ok", ""),
    ]


def test_a_decision_with_what_it_came_to(asked: Home) -> None:
    """`--last` and `--id`, the beginning of one included, show attempts, times, cost and the usage record."""
    first, second = decisions(asked)
    shown = asked.here("route", "--id", second["id"][:8], "--json").json
    assert shown["decision"] == second
    assert shown["usage"]["id"] == second["outcome"]["usage_id"]
    assert shown["usage"]["decision_id"] == second["id"]
    text = asked.here("route", "--id", second["id"])
    assert text.err == ""
    assert "den/m answered · 7 in, 2 out · free · first token " in text.out
    assert second["outcome"]["usage_id"] in text.out
    assert "nobody answered" in asked.here("route", "--last").out
    assert asked.here("route", "--id", "d-").code == 3
    assert asked.here("route", "--last", "--id", first["id"]).code == 2
    offered = asked.here(
        env={"_LLMPOOL_COMPLETE": "complete_bash", "COMP_WORDS": "llmpool route --id ", "COMP_CWORD": "3"}
    )
    assert offered.out.split() == [first["id"], second["id"]]


def test_replay_is_todays_answer(asked: Home, server: FakeServer) -> None:
    """`--replay` shows what today's registry would choose and why it differs; nothing is recorded or sent."""
    _, second = decisions(asked)
    same = asked.here("route", "--replay", second["id"], "--json").json
    assert same["differences"]["same"] is True
    assert same["then"] == second
    asked.write_config(
        provider("sky", server.url, location="cloud"),
        model("sky/m", quality=9, cost_tier=1),
        model("sky/new", quality=5, cost_tier=0, speed=9),
    )
    before = (len(server.chats), sorted((asked.state / "decisions").iterdir()))
    told = asked.here("route", "--replay", second["id"], "--json").json
    assert (told["now"]["selected"], told["now"]["complexity"]) == ("sky/new", "moderate")
    difference = told["differences"]
    assert difference["generation"]["now"] > difference["generation"]["then"]
    assert difference["winners"][0]["now"] == {"state": "gone"}
    assert difference["came"] == {"total": 1, "deployments": ["sky/new"]}
    assert difference["went"] == {"total": 1, "deployments": ["den/m"]}
    text = asked.here("route", "--replay", second["id"]).out
    assert "den/m   today: sky/new" in text
    assert "gone since: den/m" in text
    assert (len(server.chats), sorted((asked.state / "decisions").iterdir())) == before
    assert len(decisions(asked)) == 2


def test_a_decision_that_cannot_be_asked_today(asked: Home, server: FakeServer) -> None:
    """A model that is gone, or an owner's bar, is the answer of a replay, not an error of the command."""
    first, _ = decisions(asked)
    asked.write_config(provider("den", server.url), model("den/m"))
    told = asked.here("route", "--replay", "last", "--json")
    assert (told.code, told.json["now"]) == (0, None)
    assert told.json["refused"]["kind"] == "unknown_name"
    assert told.json["differences"]["selected"] == {"then": first["selected"], "now": None}
    assert "today: nobody" in asked.here("route", "--replay", "last").out


def test_a_large_log_is_not_read_whole(home: Home) -> None:
    """Days of other decisions cost nothing to who wants the newest; bad lines are counted as far as read."""
    home.write_config(provider("den", "http://127.0.0.1:9/v1"), model("den/m"))
    folder = home.state / "decisions"
    folder.mkdir(parents=True)
    (folder / "2026-01-01.jsonl").write_bytes(b"\xff broken\n" * 10)
    newest = [line(n, at="2026-01-02T00:00:00.000Z") for n in range(60)]
    text = "".join(json.dumps(each) + "\n" for each in newest)
    (folder / "2026-01-02.jsonl").write_text(text + '{"torn": ')
    shown = home.here("usage", "decisions", "--json", "--limit", "2").json
    assert [each["id"] for each in shown["decisions"]] == ["d-00000059", "d-00000058"]
    assert shown["bad_lines"] == 1
    every = home.here("usage", "decisions", "--limit", "0")
    assert len(every.out.splitlines()) == 60
    assert "11 lines of the decision log could not be read" in every.err


def test_what_would_change_it(home: Home) -> None:
    """The table's last line: margin, and each option with whom it would choose, scores in brackets."""
    home.write_config(
        provider("sky", "http://127.0.0.1:9/v1", location="cloud"),
        provider("den", "http://127.0.0.1:9/v1"),
        model("sky/big", quality=10, speed=6, cost_tier=3, supports_images=True, supports_tools=True),
        model("den/small", quality=5, speed=8, supports_images=False, supports_tools=True),
    )
    shown = finish(home.terminal("route", "--no-stdin", "hello", width=160))
    last = shown.out.strip().splitlines()[-1]
    assert last.startswith("ahead by ")
    assert "--min-quality 6: sky/big (6)." in last
    assert "--needs images: sky/big (6)." in last


def test_no_text_of_a_prompt_is_in_a_decision(home: Home, server: FakeServer) -> None:
    """A phrase in prompt, system prompt, attachment and answer is only in the session that keeps it."""
    home.write_config(provider("den", server.url), model("den/m"))
    (home.cwd / "note.txt").write_text(f"note: {PHRASE}")
    server.behave([faults.ok(f"so {PHRASE}"), faults.ok("yes"), faults.status(500), faults.status(500)])
    home.here("chat", PHRASE, "--system", PHRASE, "-a", "note.txt")
    home.here("chat", "--session", "kept", f"again: {PHRASE}")
    home.here("route", "--record", PHRASE)
    home.here("chat", "--max-wait", "0", PHRASE, stdin=PHRASE)
    assert len(decisions(home)) == 4
    assert {Path(name).parent.name for name in home.files_with("heron nests")} == {"sessions", "cwd"}


def test_a_recorded_decision_is_told_with_what_would_change_it(home: Home) -> None:
    """Its last line says so as that of a live one does; its remarks are told, and where today differs."""
    declared = (provider("den", "http://127.0.0.1:9"), provider("sky", "http://127.0.0.1:9/x"))
    home.write_config(*declared, model("den/m", quality=5), model("sky/m", quality=9, cost_tier=2))
    home.here("route", "--record", "--context-size", "500k", "hello")
    told = home.here("route", "--last").out.splitlines()
    assert told[1] == "note: not known of the candidates: context window"
    assert told[-1].startswith("ahead by ")
    assert "--min-quality 6: sky/m (" in told[-1]
    home.write_config(*declared, model("sky/m", quality=9))
    told = home.here("route", "--last").out.splitlines()
    assert told[-1].split("   ")[-1].startswith("today sky/m; why: llmpool route --replay d-")


def test_what_would_change_it_goes_by_the_tongues_of_providers_too(home: Home) -> None:
    """Of two that carry a name the one that speaks its tongue leads with `latency` too."""
    url = "http://127.0.0.1:9"
    home.write_config(
        *(provider("a", f"{url}/v1"), provider("b", url, format="anthropic")),
        *(model("a/claude-sonnet-4-5"), model("b/claude-sonnet-4-5")),
    )
    asked = ("route", "-m", "claude-sonnet-4-5", "--strategy", "priority", "--record", "x")
    assert home.here(*asked).out == "b/claude-sonnet-4-5\n"
    assert "--strategy latency" not in home.here("route", "--last").out


def test_what_no_decision_can_have_is_no_empty_list(home: Home) -> None:
    """A slip of the finger is said, and so is the empty variable of a script."""
    home.write_config(provider("den", "http://127.0.0.1:9"), model("den/m"))
    for option, value, hint in (
        ("--strategy", "scores", "did you mean score?"),
        ("--complexity", "hard", "one of: simple, moderate, complex"),
    ):
        ran = home.here("usage", "decisions", option, value)
        assert (ran.code, ran.out) == (2, "")
        assert f"{option} '{value}' is not known" in ran.err
        assert hint in ran.err
    for option in ("--id", "--replay", "--batch"):
        ran = home.here("route", option, "")
        assert (ran.code, ran.out) == (2, "")


def test_a_hint_that_moves_nothing_is_said_to(home: Home) -> None:
    """In a pipe too, and in place of the remark that a wish may lose: it is none."""
    home.write_config(provider("den", "http://127.0.0.1:9"), model("den/m"))
    ran = home.here("route", "--hint", "local_only=True", "hello")
    assert (ran.out, ran.err) == (
        "den/m\n",
        'note: hint local_only "True" moves nothing: neither true nor false\n',
    )
    assert "is a wish and may lose" in home.here("route", "--hint", "local_only=true", "hello").err


@pytest.mark.parametrize(
    "words", [("--last", "hi"), ("--id", "x", "--record"), ("--replay", "last", "--local-only")]
)
def test_a_recorded_decision_takes_no_new_wishes(asked: Home, words: tuple[str, ...]) -> None:
    """Beside --last, --id and --replay they were passed over, and somebody else was shown."""
    assert "has no place" in asked.here("route", *words).err
    assert asked.here("route", "--replay", "last", env={"LLMPOOL_LOCAL_ONLY": "1"}).code == 0
