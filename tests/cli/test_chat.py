"""`llmpool chat` against a server that behaves and one that does not."""

from __future__ import annotations

import json

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, closed_port, model, provider

pytestmark = pytest.mark.usefixtures("impatient")


def lines(home: Home, kind: str) -> list[dict]:
    """Return all records of the usage or decision log."""
    return [json.loads(text) for path in sorted((home.state / kind).glob("*.jsonl")) for text in path.open()]


def pool_of(home: Home, *servers: FakeServer, **extra: object) -> None:
    """Configure the servers as providers a, b, c... and refresh."""
    home.write_config(*(provider(chr(97 + n), server.url, **extra) for n, server in enumerate(servers)))
    assert home.here("refresh").code == 0


def test_a_piped_answer_is_the_text_alone(home: Home, server: FakeServer) -> None:
    """In a pipe stdout is the answer and nothing else; stderr stays silent."""
    pool_of(home, server)
    result = home.pool("chat", "hi")
    assert (result.code, result.out, result.err) == (0, "hello there\n", "")


def test_prompt_and_stdin_are_joined(home: Home, server: FakeServer) -> None:
    """A prompt is PROMPT, an empty line, then what is piped in; -s is the system prompt."""
    pool_of(home, server)
    assert home.here("chat", "-s", "Be brief", "Summarise", stdin="a long text\n").code == 0
    assert server.chats[-1].json["messages"] == [
        {"role": "system", "content": "Be brief"},
        {"role": "user", "content": "Summarise\n\na long text\n"},
    ]


def test_no_stdin_leaves_the_pipe_alone(home: Home, server: FakeServer) -> None:
    """--no-stdin asks the prompt alone whatever stdin is."""
    pool_of(home, server)
    assert home.here("chat", "--no-stdin", "hi", stdin="not this").code == 0
    assert server.chats[-1].json["messages"] == [{"role": "user", "content": "hi"}]


def test_options_reach_the_request(home: Home, server: FakeServer) -> None:
    """Limits and temperature are sent as given; usage is asked for on streams."""
    pool_of(home, server)
    assert home.here("chat", "--max-tokens", "7", "--temperature", "0.5", "hi").code == 0
    sent = server.chats[-1].json
    assert (sent["max_tokens"], sent["temperature"], sent["stream"]) == (7, 0.5, True)
    assert sent["stream_options"] == {"include_usage": True}


def test_json_has_the_whole_story(home: Home, server: FakeServer) -> None:
    """--json is one document with text, usage, cost, attempts and the ids of both records."""
    pool_of(home, server)
    shown = home.here("chat", "--json", "hi").json
    assert shown["text"] == "hello there"
    assert shown["served_by"] == shown["requested"] == "a/m"
    assert shown["usage"]["input_tokens"] == 7
    assert shown["cost"] == "0"
    assert [attempt["ok"] for attempt in shown["attempts"]] == [True]
    usage, decision = lines(home, "usage")[0], lines(home, "decisions")[0]
    assert (shown["usage_id"], shown["decision_id"]) == (usage["id"], decision["id"])
    assert decision["outcome"]["served_by"] == "a/m"


@pytest.mark.parametrize("option", [(), ("--no-stream",)])
def test_streamed_or_not_the_record_is_the_same(
    home: Home, server: FakeServer, option: tuple[str, ...]
) -> None:
    """Both ways of asking give the same text and leave the same usage."""
    pool_of(home, server)
    assert home.here("chat", *option, "hi").out == "hello there\n"
    usage = lines(home, "usage")
    assert [(u["success"], u["input_tokens"], u["output_tokens"], u["deployment"]) for u in usage] == [
        (True, 7, 2, "a/m")
    ]


@pytest.mark.parametrize(
    "fault",
    [
        faults.status(503),
        faults.status(429, headers={"Retry-After": "9"}),
        faults.status(401),
        faults.reset(),
        faults.close(),
        faults.html(),
        faults.half_json(),
        faults.empty(),
        faults.malformed(after=0),
        faults.cut(0),
        faults.error_in_stream(after=0),
        faults.huge_headers(),
        faults.gzip_bomb(),
        faults.redirect("http://example.invalid/"),
    ],
    ids=[
        "503",
        "429",
        "401",
        "reset",
        "close",
        "html",
        "half-json",
        "empty",
        "malformed",
        "cut",
        "error-in-stream",
        "huge-headers",
        "gzip-bomb",
        "redirect",
    ],
)
def test_any_failure_before_the_first_token_goes_to_the_next(home: Home, fault: object) -> None:
    """Whatever a provider does before it says anything, the next one answers, and both facts are recorded."""
    with FakeServer(models=("m1",), behave=[fault] * 9) as bad, FakeServer(models=("m2",)) as good:
        pool_of(home, bad, good)
        result = home.here("chat", "--prefer", "a", "--max-wait", "0", "hi")
        assert (result.code, result.out) == (0, "hello there\n")
        assert "a/m1" in result.err
        assert "b/m2 answered instead of a/m1" in result.err
        usage = lines(home, "usage")[0]
        assert (usage["deployment"], usage["selected"], usage["attempts"]) == ("b/m2", "a/m1", 2)


def test_a_dead_server_is_passed_over(home: Home, server: FakeServer) -> None:
    """A provider that refuses connections costs a line, and the next request knows it is unreachable."""
    home.write_config(
        provider("dead", f"http://127.0.0.1:{closed_port()}/v1"),
        model("dead/x", quality=9, speed=9),
        provider("live", server.url),
    )
    assert home.here("refresh").code == 9
    assert home.here("chat", "--prefer", "dead", "hi").out == "hello there\n"
    decision = home.here("route", "--json", "hi").json["decision"]
    rules = {hit["rule"] for c in decision["candidates"] if c["deployment"] == "dead/x" for hit in c["hits"]}
    assert "resource_unreachable" in rules


def test_all_failing_lists_every_attempt(home: Home) -> None:
    """When nobody answers the exit code is 7, every attempt is listed, and a usage line says so."""
    with FakeServer(behave=lambda _n, _request: faults.status(500)) as one:
        pool_of(home, one)
        result = home.here("chat", "--json", "--max-wait", "0", "hi")
        assert (result.code, result.out) == (7, "")
        assert result.error["kind"] == "all_failed"
        assert result.error["attempts"][0]["status"] == 500
        assert [record["success"] for record in lines(home, "usage")] == [False]


def test_a_refused_key_ends_with_5(home: Home) -> None:
    """When every attempt fails for the key's sake the exit code is 5, and no key is shown."""
    with FakeServer(key="sk-right") as one:
        home.write_config(provider("a", one.url, key={"env": "A_KEY"}), model("a/m"))
        result = home.here("chat", "hi", env={"A_KEY": "sk-planted-wrong-key"})
        assert result.code == 5
        assert "planted" not in result.out + result.err


def test_a_missing_key_ends_with_5_and_names_the_variable(home: Home, server: FakeServer) -> None:
    """When a missing key is all that stands in the way the exit code is 5, and the variable is named."""
    home.write_config(provider("a", server.url, key={"env": "A_KEY"}), model("a/m"))
    result = home.here("chat", "hi")
    assert result.code == 5
    assert "A_KEY is not set" in result.err
    home.write_config("[providers.openai]")
    assert home.here("chat", "-m", "openai/gpt-5", "hi").code == 5
    assert home.here("route", "--json", "-m", "openai/gpt-5", "hi").code == 6


def test_a_broken_answer_stays_and_ends_with_7(home: Home) -> None:
    """After the first shown character there is no failover: what came stays, the code is 7."""
    with FakeServer(behave=[faults.cut(2)]) as bad, FakeServer(models=("other",)) as good:
        pool_of(home, bad, good)
        result = home.here("chat", "--prefer", "a", "hi")
        assert result.code == 7
        assert result.out.startswith("hello")
        assert "broke off" in result.err
        assert not good.chats


@pytest.mark.parametrize("options", [("--on-break", "restart"), ("--no-stream",), ("--json",)])
def test_a_broken_answer_nobody_saw_is_asked_elsewhere(home: Home, options: tuple[str, ...]) -> None:
    """With --on-break restart, or when nothing was shown yet, another provider answers."""
    with FakeServer(behave=lambda _n, _request: faults.cut(2)) as bad, FakeServer(models=("other",)) as good:
        pool_of(home, bad, good)
        result = home.here("chat", "--prefer", "a", *options, "hi")
        assert result.code == 0
        assert len(good.chats) == 1
        assert "hello there" in result.out


def test_a_pin_answers_or_ends(home: Home) -> None:
    """-m provider/model never lets another answer, unless --fallback says so."""
    with (
        FakeServer(models=("m1",), behave=lambda _n, _request: faults.status(503)) as bad,
        FakeServer() as good,
    ):
        pool_of(home, bad, good)
        assert home.here("chat", "-m", "a/m1", "--max-wait", "0", "hi").code == 7
        assert not good.chats
        assert home.here("chat", "-m", "a/m1", "--fallback", "--max-wait", "0", "hi").out == "hello there\n"


def test_no_fallback_tries_the_winner_only(home: Home) -> None:
    """--no-fallback asks one deployment and nobody else."""
    with (
        FakeServer(models=("m1",), behave=lambda _n, _request: faults.status(503)) as bad,
        FakeServer() as good,
    ):
        pool_of(home, bad, good)
        assert home.here("chat", "--prefer", "a", "--no-fallback", "--max-wait", "0", "hi").code == 7
        assert not good.chats


def test_one_name_at_two_providers_is_routed_among_them(home: Home) -> None:
    """A model name that several deployments carry routes among those, and fails over between them."""
    with FakeServer(behave=lambda _n, _request: faults.status(503)) as bad, FakeServer() as good:
        pool_of(home, bad, good)
        result = home.here("chat", "-m", "m", "hi")
        assert (result.code, result.out) == (0, "hello there\n")


def test_local_only_sends_nothing_to_the_cloud(home: Home) -> None:
    """With --local-only and every local deployment failing no cloud server sees a byte."""
    with (
        FakeServer(behave=lambda _n, _request: faults.status(500)) as near,
        FakeServer(models=("far",)) as far,
    ):
        home.write_config(
            'default_model = "far/far"\nrecovery_model = "far/far"\n[routing]\nfallbacks = ["far/far"]\n',
            provider("near", near.url),
            provider("far", far.url, location="cloud"),
        )
        assert home.here("refresh").code == 0
        seen = len(far.requests)
        assert home.here("chat", "--local-only", "--max-wait", "0", "secret").code == 7
        assert home.here("chat", "secret", "--max-wait", "0", env={"LLMPOOL_LOCAL_ONLY": "1"}).code == 7
        assert len(far.requests) == seen


def test_offline_refuses_before_anything_is_sent(home: Home, server: FakeServer) -> None:
    """--offline refuses the network everywhere, with 8."""
    pool_of(home, server)
    seen = len(server.requests)
    assert home.here("chat", "--offline", "hi").code == 8
    assert home.here("refresh", "--offline").code in (8, 9)
    assert home.here("chat", "hi", env={"LLMPOOL_OFFLINE": "1"}).code == 8
    assert len(server.requests) == seen


def test_dry_run_is_the_run_up_to_the_call(home: Home, server: FakeServer) -> None:
    """--dry-run decides as the run does and sends and records nothing."""
    pool_of(home, server)
    shown = home.here("chat", "--dry-run", "--json", "hi").json
    assert shown["plan"] == ["a/m"]
    assert not server.chats
    assert not (home.state / "usage").exists()


def test_sessions_are_kept_only_where_asked(home: Home, server: FakeServer) -> None:
    """Piped runs keep nothing; --session keeps and continues a conversation; --no-log keeps nothing."""
    pool_of(home, server)
    home.here("chat", "one")
    assert home.here("chat", "--list", "--json").json["sessions"] == []
    home.here("chat", "--session", "trip", "first")
    home.here("chat", "--session", "trip", "second")
    spoken = [message["content"] for message in server.chats[-1].json["messages"]]
    assert spoken == ["first", "hello there", "second"]
    home.here("chat", "--session", "trip", "--no-log", "third")
    turns = home.here("chat", "--show", "trip", "--json").json["turns"]
    assert [turn["text"] for turn in turns] == ["first", "hello there", "second", "hello there"]
    assert home.here("chat", "--delete", "trip").code == 0
    assert home.here("chat", "--show", "trip").code == 3
    assert home.here("chat", "--session", "../escape", "x").code == 2


def test_no_prompt_is_kept_in_the_logs(home: Home, server: FakeServer) -> None:
    """Usage and decisions hold features, never the text of a prompt or an answer."""
    pool_of(home, server)
    home.here("chat", "the password is swordfish")
    assert not home.files_with("swordfish")


def test_hostile_text_does_not_reach_stdout(home: Home) -> None:
    """Escape sequences, bidi overrides and control characters in an answer are made harmless."""
    with FakeServer(text="\x1b]0;title\x07 ok \u202egnp \x9b31m") as one:
        pool_of(home, one)
        out = home.here("chat", "hi").out
        assert "ok" in out
        assert not set(out) & {"\x1b", "\x07", "\u202e", "\x9b"}


def test_a_server_that_counts_nothing_is_estimated(home: Home) -> None:
    """Without usage from the server the counts are estimates and say so."""
    with FakeServer(behave=[faults.no_usage()]) as one:
        pool_of(home, one)
        usage = home.here("chat", "--json", "hi").json["usage"]
        assert usage["estimated"] is True
        assert usage["output_tokens"] > 0


def test_another_model_than_asked_is_said(home: Home) -> None:
    """When the server says a quite different model answered, a line on stderr says so, even with -q."""
    with FakeServer(models=("asked-8b",), behave=[faults.wrong_model()]) as one:
        pool_of(home, one)
        assert "asked for asked-8b" in home.here("chat", "-q", "hi").err


def test_a_full_terminal_run(home: Home, server: FakeServer) -> None:
    """On a terminal the answer comes with one last line: who, tokens, cost, times; -c goes on with it."""
    pool_of(home, server)
    child = home.terminal("chat", "hi")
    child.expect("hello there")
    child.expect("a/m · 7 in, 2 out · free")
    child.expect_exact("total")
    child.wait()
    child = home.terminal("chat", "-c", "again")
    child.expect("total")
    child.wait()
    assert [m["content"] for m in server.chats[-1].json["messages"]] == ["hi", "hello there", "again"]
