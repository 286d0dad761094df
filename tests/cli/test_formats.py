"""All eight wire formats through the program: what a person types, against a server of each kind."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.formats import FORMATS
from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, model, provider

ALL = tuple(FORMATS)
PAGED = ("openai", "responses", "anthropic", "google")
FOUND_OUT = ("openai", "anthropic", "google", "ollama", "lmstudio")  # the others are for one vendor each
KEY = {"MY_KEY": PLANTED_KEY}


def configure(home: Home, server: FakeServer, name: str | None, *more: str, **fields: Any) -> None:
    """Configure *server* as provider `p` of this format, at its root, with a key from the environment."""
    home.write_config(provider("p", server.root, format=name, key={"env": "MY_KEY"}, **fields), *more)
    home.env.update(KEY)


def recorded(home: Home) -> dict[str, Any]:
    """Return the one usage record of this home."""
    (file,) = (home.state / "usage").glob("*.jsonl")
    return json.loads(file.read_text())


def texts(parts: Any) -> str:
    """Join the texts of a message's parts, thoughts that are sent back not among them."""
    return parts if isinstance(parts, str) else "".join(part.get("text", "") for part in parts)


def heard(request: Request) -> tuple[str, list[tuple[str, str]]]:
    """Return what a chat said in its own format: the system prompt, and the turns."""
    body = request.json.get("request", request.json)
    if "contents" in body:
        turns = [(turn["role"], texts(turn["parts"])) for turn in body["contents"]]
        system = texts(body["systemInstruction"]["parts"])
    elif "input" in body:
        turns = [(item["role"], texts(item["content"])) for item in body["input"]]
        system = body["instructions"]
    else:
        turns = [(turn["role"], texts(turn["content"])) for turn in body["messages"]]
        system = texts(body["system"]) if "system" in body else turns.pop(0)[1]
    return system, [(role.replace("model", "assistant"), text) for role, text in turns]


@pytest.mark.parametrize("name", ALL)
def test_a_conversation_works_in_every_format(home: Home, name: str) -> None:
    """Models are found over all pages, a system prompt and the history arrive, streamed or not it answers.

    Thoughts are shown apart from the text, tokens are counted, and the key is in no output and in no URL.
    """
    with FakeServer(["m", "m2", "m3"], speaks=[name], page=2, key=PLANTED_KEY, thinking="hm, now") as server:
        configure(home, server, name)
        listed = home.here("refresh", "--json")
        spoken = home.here("chat", "-m", "p/m2", "-s", "Be brief", "--session", "trip", "hello")
        again = home.here("chat", "-m", "p/m2", "--session", "trip", "--json", "and then")
        whole = home.here("chat", "-m", "p/m3", "--no-stream", "hi")
        assert (listed.code, listed.json["providers"][0]["models"]) == (0, 3)
        assert len(server.listings) == (2 if name in PAGED else 1)
        assert (spoken.code, spoken.out, spoken.err) == (0, "hello there\n", "")
        assert heard(server.chats[0]) == ("Be brief", [("user", "hello")])
        assert heard(server.chats[1]) == (
            "Be brief",
            [("user", "hello"), ("assistant", "hello there"), ("user", "and then")],
        )
        assert (whole.code, whole.out) == (0, "hello there\n")
        assert {chat.format for chat in server.chats} == {name}
        assert not [each.path for each in server.requests if PLANTED_KEY in each.path]
    shown = again.json
    assert (shown["text"], shown["thinking"], shown["finish"]) == ("hello there", "hm, now", "stop")
    assert (shown["usage"]["input_tokens"], shown["usage"]["output_tokens"]) == (7, 2)
    assert (shown["requested"], shown["served_by"]) == ("p/m2", "p/m2")
    assert not any(result.shows(PLANTED_KEY) for result in (listed, spoken, again, whole))
    assert home.files_with(PLANTED_KEY) == []


FAILURES = {
    "429": (faults.status(429, {"Retry-After": "90"}), (), 75, ("rate_limit",)),
    "cut stream": (faults.cut(2), (), 7, ("broken",)),
    "error in the stream": (faults.error_in_stream(2), (), 7, ("overloaded", "server")),
    "error in a 200": (faults.error_in_stream(), ("--no-stream",), 7, ("overloaded", "server")),
}


@pytest.mark.parametrize("failure", FAILURES)
@pytest.mark.parametrize("name", ALL)
def test_failures_end_alike_in_every_format(home: Home, name: str, failure: str) -> None:
    """A wait asked for ends with 75, an answer that breaks off or holds an error with 7; what came stays."""
    fault, options, code, kinds = FAILURES[failure]
    with FakeServer(speaks=[name], behave=faults.always(fault)) as server:
        configure(home, server, name, model("p/m"))
        result = home.here("chat", "-m", "p/m", "--max-wait", "0", *options, "hi")
        assert result.code == code, result
        assert result.out == ("hello" if "stream" in failure else "")
        assert "Traceback" not in result.err
        assert {chat.format for chat in server.chats} == {name}
    assert recorded(home)["error"] in kinds
    assert not result.shows(PLANTED_KEY)


@pytest.mark.parametrize("name", ALL)
def test_a_refused_key_ends_with_5_in_every_format(home: Home, name: str) -> None:
    """However a vendor refuses a key, the exit code is 5, for a chat and as JSON; the key is not shown."""
    with FakeServer(speaks=[name], key="sk-another-one-altogether") as server:
        configure(home, server, name, model("p/m"))
        result = home.here("chat", "-m", "p/m", "--json", "hi")
    assert (result.code, result.out, result.error["exit"]) == (5, "", 5)
    assert not result.shows(PLANTED_KEY)


@pytest.mark.parametrize("name", FOUND_OUT)
def test_a_format_nobody_named_is_found_out(home: Home, name: str) -> None:
    """A URL and a key are enough: refresh finds the language, chat speaks it, and no prompt goes astray."""
    with FakeServer(["m", "m2"], speaks=[name], key=PLANTED_KEY) as server:
        configure(home, server, None)
        listed = home.here("refresh", "--json")
        assert (listed.code, listed.json["providers"][0]["models"]) == (0, 2), listed
        result = home.here("chat", "-m", "p/m", "hi")
        assert (result.code, result.out) == (0, "hello there\n"), result
        assert [chat.format for chat in server.chats] == [name]


def test_a_server_of_two_formats_is_asked_in_the_one_named(home: Home) -> None:
    """The owner's format is the one used, whatever else the server speaks."""
    with FakeServer(speaks=["openai", "anthropic", "ollama"]) as server:
        configure(home, server, "anthropic", model("p/m"))
        assert home.here("chat", "-m", "p/m", "hi").out == "hello there\n"
        assert [chat.format for chat in server.chats] == ["anthropic"]


def test_a_server_that_has_moved_on_is_followed(home: Home) -> None:
    """Where chat completions are refused for the responses API, that is used, at once and from then on."""

    def behave(_number: int, request: Request) -> faults.Behaviour | None:
        return faults.responses_only() if request.format == "openai" else None

    with FakeServer(speaks=["openai", "responses"], behave=behave) as server:
        configure(home, server, None, model("p/m"))
        results = [home.here("chat", "-m", "p/m", "hi") for _ in range(2)]
        assert [(result.code, result.out) for result in results] == [(0, "hello there\n")] * 2
        assert [chat.format for chat in server.chats] == ["openai", "responses", "responses"]


@pytest.mark.parametrize("name", ["openai", "anthropic", "google", "ollama"])
def test_a_refused_parameter_is_left_out_and_remembered(home: Home, name: str) -> None:
    """The call is repeated without what the server named, which is said; the next run leaves it out too."""
    with FakeServer(speaks=[name], behave=faults.refusing("temperature")) as server:
        configure(home, server, name, model("p/m"))
        warm = ("chat", "-m", "p/m", "--temperature", "0.5", "hi")
        results = [home.here(*warm) for _ in range(2)]
        assert [(result.code, result.out) for result in results] == [(0, "hello there\n")] * 2
        assert "does not take temperature" in results[0].err
        assert [b"temperature" in chat.body for chat in server.chats] == [True, False, False]


def test_a_server_that_counts_no_tokens_in_streams_is_asked_without(home: Home) -> None:
    """`stream_options` refused is left out without a word: nobody asked for it by name."""
    with FakeServer(behave=faults.refusing("stream_options")) as server:
        configure(home, server, "openai", model("p/m"))
        result = home.here("chat", "-m", "p/m", "hi")
        assert (result.code, result.out, result.err) == (0, "hello there\n", "")
        assert [b"stream_options" in chat.body for chat in server.chats] == [True, False]
