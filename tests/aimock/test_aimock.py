"""The program against a third party's server: every format that aimock serves, and each of its failures."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.aimock.conftest import Aimock, scope
from tests.support import PLANTED_KEY, Home, model, provider

pytestmark = pytest.mark.slow  # a server in another language, and patience with it

KEY_HEADERS = {
    "openai": "authorization",
    "responses": "authorization",
    "anthropic": "x-api-key",
    "google": "x-goog-api-key",
    "ollama": "authorization",
}
ALL = tuple(KEY_HEADERS)
PATHS = {  # whole, streamed
    "openai": ("/v1/chat/completions", "/v1/chat/completions"),
    "responses": ("/v1/responses", "/v1/responses"),
    "anthropic": ("/v1/messages", "/v1/messages"),
    "google": (
        "/v1beta/models/ok-model:generateContent",
        "/v1beta/models/ok-model:streamGenerateContent?alt=sse",
    ),
    "ollama": ("/api/chat", "/api/chat"),
}
HELLO = "Hello from the aimock server, with enough text for several chunks."
FOUR = "The answer is four, and it was always going to be."
CUT = "This stream is cut off, so the end never arrives at the client."
SLOW = "This stream is slow and the connection is closed after half a second, well before it ends."
LIMITED = "Rate limit reached for requests"
WRONG_KEY = "sk-wrong-0123456789abcdefghijklmnop"
WEATHER = {
    "name": "get_weather",
    "description": "Weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
Named = Callable[..., str]


@pytest.fixture
def named(home: Home, aimock: Aimock) -> Named:
    """Give what writes the table of a provider at the server, with the right key unless told otherwise."""
    home.env |= {"RIGHT": PLANTED_KEY, "WRONG": WRONG_KEY}

    def table(name: str, wire: str = "openai", path: str = "", key: str = "RIGHT", **fields: Any) -> str:
        headers = {"X-Test-Id": scope(home)}
        return provider(name, aimock.root + path, format=wire, key={"env": key}, headers=headers, **fields)

    return table


def told(aimock: Aimock, home: Home) -> list[tuple[str, int]]:
    """Tell which models were asked, and with what status each was answered (0: not at all)."""
    return [(call["body"]["model"], call["response"]["status"]) for call in aimock.asked(home)]


def wait(said: str, name: str) -> float:
    """Return the seconds of the one wait for a model that stderr tells of; jitter may add to the server's."""
    (seconds,) = re.findall(
        rf"^p/{name}: {LIMITED} \(status 429\); again in (\S+) s(?: \(Ctrl-C, or --max-wait 0\))?$",
        said,
        flags=re.MULTILINE,
    )
    return float(seconds)


@pytest.mark.parametrize("wire", ALL)
def test_every_format_answers_streamed_whole_and_with_tools(
    home: Home, aimock: Aimock, named: Named, wire: str, tmp_path: Path
) -> None:
    """One call each, at the vendor's path, with the key where the vendor wants it; thoughts are not text."""
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps([WEATHER]))
    home.write_config(named("p", wire), model("p/ok-model", supports_tools=True), model("p/o3-think"))
    whole = home.pool("chat", "--no-stream", "-m", "p/ok-model", "hello")
    streamed = home.pool("chat", "-m", "p/ok-model", "-s", "Be brief", "hello")
    thought = home.pool("chat", "-m", "p/o3-think", "hello")
    called = home.pool("chat", "-m", "p/ok-model", "--tools", str(tools), "the weather?")
    assert (whole.code, whole.out, whole.err) == (0, f"{HELLO}\n", "")
    assert (streamed.code, streamed.out, streamed.err) == (0, f"{HELLO}\n", "")
    assert (thought.code, thought.out, thought.err) == (0, f"{FOUR}\n", "")
    (call,) = called.documents
    assert (called.code, call["name"], json.loads(call["arguments"])) == (0, "get_weather", {"city": "Paris"})

    calls = aimock.asked(home)
    assert len(calls) == 4
    assert [each["path"] for each in calls[:2]] == list(PATHS[wire])
    keys = set(KEY_HEADERS.values())
    assert {name for each in calls for name in each["headers"] if name in keys} == {KEY_HEADERS[wire]}
    bodies = [each["body"] for each in calls]
    assert [bool(body.get("stream")) for body in bodies] == [False, True, True, True]
    assert [message["role"] for message in bodies[1]["messages"]] == ["system", "user"]
    assert [message["content"] for message in bodies[1]["messages"]] == ["Be brief", "hello"]
    counted = [body.get("stream_options") for body in bodies]
    assert counted == [None, *[{"include_usage": True} if wire == "openai" else None] * 3]
    (tool,) = bodies[3]["tools"]
    assert tool["function"]["name"] == "get_weather"


LISTED = [pytest.param(wire, "", id=wire) for wire in ALL if wire != "google"]


@pytest.mark.parametrize(("wire", "path"), [*LISTED, pytest.param("openai", "/api/v1", id="openrouter")])
def test_refresh_finds_the_models(home: Home, named: Named, wire: str, path: str) -> None:
    """The whole list arrives, no line of it is lost, and the key is in none of the files."""
    home.write_config(named("p", wire, path))
    listed = home.pool("refresh", "--json")
    assert listed.code == 0, listed
    (seen,) = listed.json["providers"]
    assert (seen["ok"], seen["models"], seen["skipped_lines"]) == (True, 14, 0)
    assert {"ok-model", "limited-once"} <= set(listed.json["changes"][0]["added"])
    assert home.files_with(PLANTED_KEY) == []


def test_a_server_without_a_list_fails_the_refresh_alone(home: Home, named: Named) -> None:
    """Google's list is not served by aimock: exit 9 and the reason, while the other provider is listed."""
    home.write_config(named("g", "google"), named("o", "ollama", key="WRONG"), named("p"))
    listed = home.pool("refresh", "--json")
    seen = {each["id"]: (each["models"], each["error_kind"]) for each in listed.json["providers"]}
    assert (listed.code, seen) == (9, {"g": (0, "wrong_format"), "o": (0, "auth"), "p": (14, None)})
    assert not listed.shows(WRONG_KEY)


BAD = {  # model, which is the name of its provider too: what is made of it
    "limited-model": ("rate_limit", 429, LIMITED),
    "too-long-400": ("context_length", 400, "This model's maximum context length is 8192 tokens."),
    "malformed-json": ("wrong_format", None, "the answer is not JSON: {malformed json: <<<chaos>>>"),
    "denied-401": ("auth", 401, "Incorrect API key provided"),
    "broken-500": ("server", 500, "The server had an error"),
    "down-503": ("overloaded", 503, "The engine is overloaded"),
    "dropped-socket": ("broken", None, "closed the connection before answering"),
    "ok-model": ("auth", 401, "Invalid API key"),  # asked with the wrong key
}


@pytest.mark.parametrize("wire", ALL)
def test_one_that_works_answers_behind_all_that_fail(
    home: Home, aimock: Aimock, named: Named, wire: str
) -> None:
    """Each failure is understood in each format and costs one call; the answer is whole, with its count."""
    parts = ['[routing]\nstrategy = "priority"\nmax_retries = 0']
    for place, name in enumerate((*BAD, "o3-think")):
        key = "WRONG" if name == "ok-model" else "RIGHT"
        parts += [named(name, wire, key=key, priority=90 - place), model(f"{name}/{name}")]
    home.write_config(*parts)
    answered = home.pool("chat", "--json", "hello")
    assert answered.code == 0, answered
    shown = answered.json
    *failed, last = shown["attempts"]
    kinds = {each["deployment"].partition("/")[2]: (each["kind"], each["status"]) for each in failed}
    assert list(kinds.items()) == [(name, (kind, status)) for name, (kind, status, _) in BAD.items()]
    messages = [each["message"] for each in failed]
    assert all(said.endswith(end) for said, (_, _, end) in zip(messages, BAD.values(), strict=True)), messages
    assert (last["deployment"], last["ok"]) == ("o3-think/o3-think", True)
    assert (shown["text"], shown["finish"]) == (FOUR, "stop")
    assert (shown["requested"], shown["served_by"]) == ("limited-model/limited-model", "o3-think/o3-think")
    assert shown["reason"] == f"limited-model/limited-model: {LIMITED}"
    if wire == "ollama":  # aimock counts nothing there, and has its own word for thinking
        assert shown["usage"]["estimated"] is True
    else:
        assert shown["thinking"] == "Two and two make four, every time."
        assert (shown["usage"]["input_tokens"], shown["usage"]["output_tokens"]) == (9, 21)
        assert "estimated" not in shown["usage"]
    assert [name for name, _ in told(aimock, home)] == [*list(BAD)[:-1], "o3-think"]
    assert not answered.shows(PLANTED_KEY)
    assert not answered.shows(WRONG_KEY)


@pytest.mark.parametrize("wire", ALL)
def test_a_stream_that_is_cut_is_no_answer(home: Home, aimock: Aimock, named: Named, wire: str) -> None:
    """What was shown stays, nobody is asked again, and the exit code is 7."""
    home.write_config(named("p", wire), model("p/cut-after-6"), named("q"), model("q/ok-model"))
    cut = home.pool("chat", "-m", "p/cut-after-6", "--fallback", "hello")
    assert cut.code == 7, cut
    assert cut.out
    assert cut.out != CUT
    assert CUT.startswith(cut.out)
    assert "p/cut-after-6 broke off" in cut.err
    assert told(aimock, home) == [("cut-after-6", 200)]


@pytest.mark.parametrize("bad", ["cut-after-3", "limited-model"])
def test_another_answers_what_nobody_has_seen_fail(
    home: Home, aimock: Aimock, named: Named, bad: str
) -> None:
    """Before anything was shown the next one is asked at once, in its own format; both is said on stderr."""
    home.write_config(
        "[routing]\nmax_retries = 0",
        named("p", "anthropic"),
        model(f"p/{bad}"),
        named("q", "google"),
        model("q/ok-model"),
    )
    answered = home.pool("chat", "-m", f"p/{bad}", "--fallback", "hello")
    assert (answered.code, answered.out) == (0, f"{HELLO}\n"), answered
    failed, who = answered.err.splitlines()
    assert failed.startswith(f"p/{bad}: ")
    assert failed.endswith("; q/ok-model is asked next")
    assert who.startswith(f"warning: q/ok-model answered, p/{bad} was asked for (")
    assert [name for name, _ in told(aimock, home)] == [bad, "ok-model"]


ALONE = {  # exit code, kind of the error, statuses of the calls, what is said
    "too-long-400": (7, "all_failed", [400], "maximum context length is 8192"),
    "denied-401": (5, "credentials", [401], "Incorrect API key provided"),
    "malformed-json": (7, "all_failed", [200, 200], "the answer is not JSON"),
    "broken-500": (7, "all_failed", [500, 500], "The server had an error"),
    "down-503": (7, "all_failed", [503, 503], "The engine is overloaded"),
    "dropped-socket": (7, "all_failed", [0, 0], "closed the connection before answering"),
}


@pytest.mark.parametrize("bad", ALONE)
def test_a_failure_with_nobody_else_to_ask(home: Home, aimock: Aimock, named: Named, bad: str) -> None:
    """Tried again where that may help, not where it cannot; the exit code says which kind it was."""
    code, kind, statuses, words = ALONE[bad]
    home.write_config("[routing]\nmax_retries = 1", named("p"), model(f"p/{bad}"))
    failed = home.pool("chat", "-m", f"p/{bad}", "--json", "hello")
    assert (failed.code, failed.out) == (code, ""), failed
    assert failed.error["kind"] == kind
    assert len(failed.error["attempts"]) == len(statuses)
    assert words in failed.err
    assert told(aimock, home) == [(bad, status) for status in statuses]


def test_a_limit_beyond_the_patience_ends_with_75_and_the_time(
    home: Home, aimock: Aimock, named: Named
) -> None:
    """With `--max-wait 0` there is one call; when to come back, and what the headers told, is known."""
    home.write_config(named("p"), model("p/limited-model"))
    failed = home.pool("chat", "-m", "p/limited-model", "--max-wait", "0", "--json", "hello")
    assert (failed.code, failed.out, failed.error["kind"]) == (75, "", "busy"), failed
    assert failed.error["retry_at"].endswith("Z")
    assert told(aimock, home) == [("limited-model", 429)]
    limits = home.pool("providers", "limits", "--json").json["limits"]
    windows = [window for line in limits if line["provider"] == "p" for window in line["windows"]]
    assert {(window["what"], window["limit"], window["source"]) for window in windows} == {
        ("requests", 60, "headers"),
        ("tokens", 150_000, "headers"),
    }


def test_a_limit_within_the_patience_is_waited_for(home: Home, aimock: Aimock, named: Named) -> None:
    """The wait is the server's, it is said, and the second try answers, or ends with 75."""
    home.write_config(
        "[routing]\nmax_retries = 1", named("p"), model("p/limited-once"), model("p/limited-model")
    )
    answered = home.pool("chat", "-m", "p/limited-once", "hello")
    assert (answered.code, answered.out) == (0, "Served after one 429.\n"), answered
    assert wait(answered.err, "limited-once") >= 1
    failed = home.pool("chat", "-m", "p/limited-model", "hello")
    assert (failed.code, failed.out) == (75, ""), failed
    assert wait(failed.err, "limited-model") >= 2
    assert told(aimock, home) == [
        ("limited-once", 429),
        ("limited-once", 200),
        ("limited-model", 429),
        ("limited-model", 429),
    ]


def test_a_connection_that_hangs_up_leaves_what_was_shown(home: Home, aimock: Aimock, named: Named) -> None:
    """Half a second of an answer is on stdout, that it broke off is on stderr, and nobody is asked again."""
    home.write_config(named("p"), model("p/hangup-500ms"))
    broken = home.pool("chat", "-m", "p/hangup-500ms", "hello")
    assert broken.code == 7, broken
    assert broken.out
    assert broken.out != SLOW
    assert SLOW.startswith(broken.out)
    assert "p/hangup-500ms broke off" in broken.err
    assert told(aimock, home) == [("hangup-500ms", 200)]


def test_a_slow_first_token_is_a_matter_of_patience(home: Home, aimock: Aimock, named: Named) -> None:
    """It is waited for; where `first_token_timeout` is shorter the call is given up, and not repeated."""
    parts = (named("p"), model("p/slow-first-token"))
    home.write_config(*parts)
    patient = home.pool("chat", "-m", "p/slow-first-token", "hello")
    assert (patient.code, patient.out) == (0, "Slow to start, quick after that.\n"), patient
    home.write_config('[routing]\nfirst_token_timeout = "1s"', *parts)
    hasty = home.pool("chat", "-m", "p/slow-first-token", "hello")
    assert (hasty.code, hasty.out) == (7, ""), hasty
    assert "no answer within 1 s" in hasty.err
    assert [name for name, _ in told(aimock, home)] == ["slow-first-token"] * 2


@pytest.mark.parametrize(
    "path", ["/openai/deployments/ok-model/chat/completions", "/openai/v1", "/api/v1"], ids=str
)
def test_other_vendors_of_the_openai_format_answer_at_their_own_paths(
    home: Home, aimock: Aimock, named: Named, path: str
) -> None:
    """Azure by deployment and by version, and OpenRouter: the path is kept, and ends as the format wants."""
    home.write_config(named("p", "openai", path), model("p/ok-model"))
    answered = home.pool("chat", "-m", "p/ok-model", "hello")
    assert (answered.code, answered.out) == (0, f"{HELLO}\n"), answered
    (call,) = aimock.asked(home)
    assert call["path"] == path.removesuffix("/chat/completions") + "/chat/completions"
