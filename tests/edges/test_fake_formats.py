"""The fake server speaks eight formats as their vendors do, seen over bare sockets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.asking import SPOKEN, ask, lists, speak
from tests.fakes.server import SPEAKERS, FakeServer

ALL = tuple(SPOKEN)
ENVELOPES = {
    "openai": {"error": {"message": "scripted 429", "type": "server_error", "param": None, "code": 429}},
    "anthropic": {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "scripted 429"},
        "request_id": "req_fake",
    },
    "google": {"error": {"code": 429, "message": "scripted 429", "status": "RESOURCE_EXHAUSTED"}},
    "ollama": {"error": "scripted 429"},
}
KEYS = {"anthropic": {"x-api-key": "sk-right"}, "google": {"x-goog-api-key": "sk-right"}}


def test_all_formats_are_spoken() -> None:
    """There is a speaker, and a way to ask it, for each of the eight formats."""
    assert sorted(SPEAKERS) == sorted(ALL)
    assert len(ALL) == 8


@pytest.mark.parametrize("name", ALL)
def test_requests_are_kept_with_their_format(name: str) -> None:
    """Chats and listings of any format are collected, and know which one they came in."""
    with FakeServer(speaks=[name]) as server:
        assert speak(server, name).status == lists(server, name).status == 200
        speak(server, name, stream=True)
        ask(server, None, "/nowhere")
        assert [chat.format for chat in server.chats] == [name, name]
        assert [listing.format for listing in server.listings] == [name]
        assert server.requests[-1].format == ""


@pytest.mark.parametrize("name", ALL)
def test_a_stream_comes_in_pieces_with_the_words_of_its_format(name: str) -> None:
    """Text is cut before each word, streamed; whole it is one; each stream has the type it should."""
    with FakeServer(speaks=[name]) as server:
        streamed, whole = speak(server, name, stream=True), speak(server, name)
    kind = "application/x-ndjson" if name == "ollama" else "text/event-stream"
    assert streamed.headers["content-type"] == kind
    assert (streamed.body.count(b'"hello"'), streamed.body.count(b'" there"')) == (1, 1)
    assert (whole.headers["content-type"], whole.body.count(b'"hello there"')) == ("application/json", 1)


@pytest.mark.parametrize("name", ALL)
def test_an_error_has_the_envelope_of_its_format(name: str) -> None:
    """A scripted status carries the error object that a server of this kind would send, listings too."""
    script = [faults.status(429, {"Retry-After": "7"})]
    with FakeServer(speaks=[name], behave=script, behave_listing=script) as server:
        got, listed = speak(server, name), lists(server, name)
    alike = {"cloudcode": "google"}.get(name, name)
    assert got.json == listed.json == ENVELOPES.get(alike, ENVELOPES["openai"])
    assert (got.status, got.headers["retry-after"]) == (429, "7")


@pytest.mark.parametrize("name", ALL)
def test_a_key_is_looked_for_where_the_vendor_does(name: str) -> None:
    """Each format has its own header for the key, and refuses in its own words."""
    right = KEYS.get(name, {"Authorization": "Bearer sk-right"})
    wrong = {header: value.replace("right", "wrong") for header, value in right.items()}
    with FakeServer(speaks=[name], key="sk-right") as server:
        assert speak(server, name, key=right).status == lists(server, name, key=right).status == 200
        refused = speak(server, name, key=wrong)
        assert refused.status == (400 if name == "google" else 401)
        assert b"sk-wrong" not in refused.body
        assert speak(server, name).status == (403 if name == "google" else 401)


def test_anthropic_takes_a_bearer_as_well() -> None:
    """Newer clients of Anthropic send a bearer, and that is a key too."""
    with FakeServer(speaks=["anthropic"], key="sk-right") as server:
        assert speak(server, "anthropic", key={"Authorization": "Bearer sk-right"}).status == 200


def test_a_key_in_the_url_is_none() -> None:
    """Google's `?key=` is not accepted here: a key in a URL ends in a log."""
    with FakeServer(speaks=["google"], key="sk-right") as server:
        assert lists(server, "google", "?key=sk-right").status == 403


def test_what_is_not_spoken_is_not_there() -> None:
    """An unknown path is answered as a server of the first kind would: JSON, a page, plain words, a 200."""
    found = {}
    for name in ALL:
        with FakeServer(speaks=[name]) as server:
            got = ask(server, None, "/nowhere")
        found[name] = (got.status, got.headers["content-type"].partition(";")[0])
    page, plain, odd = (404, "text/html"), (404, "text/plain"), (200, "application/json")
    special = {"google": page, "cloudcode": page, "ollama": plain, "lmstudio": odd}
    assert found == {name: special.get(name, (404, "application/json")) for name in ALL}
    with FakeServer(speaks=["anthropic"], html_404=True) as server:
        assert ask(server, None, "/nowhere").headers["content-type"].startswith("text/html")


def test_formats_side_by_side_share_paths_by_their_headers() -> None:
    """Where two formats share a path the first answers, unless the headers name the other."""
    with FakeServer(speaks=["openai", "anthropic", "ollama"]) as server:
        assert lists(server, "openai").json["object"] == "list"
        assert lists(server, "anthropic").json["has_more"] is False
        assert lists(server, "ollama").json["models"][0]["name"] == "m"
        assert [request.format for request in server.listings] == ["openai", "anthropic", "ollama"]


def test_pages_are_as_the_formats_have_them() -> None:
    """With *page* a listing has so many rows and says where the next are; vendors' own sizes bind too."""
    names = [f"m{n}" for n in range(60)]
    with FakeServer(names, speaks=["anthropic", "google"]) as server:
        assert len(lists(server, "anthropic").json["data"]) == 20
        assert len(lists(server, "google").json["models"]) == 50
        server.page = 2
        first = lists(server, "anthropic", "?limit=1000").json
        assert (first["has_more"], first["first_id"], first["last_id"]) == (True, "m0", "m1")
        second = lists(server, "anthropic", "?limit=1000&after_id=m1").json
        assert [row["id"] for row in second["data"]] == ["m2", "m3"]
        token = lists(server, "google", "?pageSize=1000").json["nextPageToken"]
        rows = lists(server, "google", f"?pageToken={token}").json["models"]
        assert [row["name"] for row in rows] == ["models/m2", "models/m3"]
        last = lists(server, "google", "?pageToken=58").json
        assert (len(last["models"]), "nextPageToken" in last) == (2, False)
    with FakeServer(["a", "b", "c"], page=2) as server:
        assert lists(server, "openai").json["last_id"] == "b"
        rest = lists(server, "openai", "?after=b").json
        assert ([row["id"] for row in rest["data"]], "has_more" in rest) == (["c"], False)


def test_rows_keep_what_a_test_says_of_a_model() -> None:
    """A model given as a mapping keeps its extras in every listing; what is no model goes out as it is."""
    models: list[Any] = [{"id": "a", "size": 5}, None, 7]
    for name, where in (
        ("openai", "data"),
        ("anthropic", "data"),
        ("google", "models"),
        ("ollama", "models"),
    ):
        with FakeServer(models, speaks=[name]) as server:
            rows = lists(server, name).json[where]
        assert (rows[0]["size"], rows[1:]) == (5, [None, 7])


def test_ollama_tells_more_of_each_model() -> None:
    """`/api/show` has the context and abilities, `/api/ps` what is loaded, both as the test gives them."""
    loaded = {"id": "b", "show": {"capabilities": ["embedding"]}, "ps": {"context_length": 4096}}
    with FakeServer(["a", loaded], speaks=["ollama"]) as server:
        assert ask(server, {"model": "a"}, "/api/show").json["model_info"]["fake.context_length"] == 8192
        assert ask(server, {"model": "b"}, "/api/show").json["capabilities"] == ["embedding"]
        assert ask(server, {"model": "c"}, "/api/show").json == {"error": "model 'c' not found"}
        shown = ask(server, None, "/api/ps").json["models"]
        assert [(row["name"], row["context_length"]) for row in shown] == [("b", 4096)]
        assert ask(server, None, "/").body == b"Ollama is running"
        assert ask(server, None, "/api/version").json == {"version": "0.9.7"}
        assert (len(server.requests), server.listings, server.chats) == (6, [], [])


def test_an_older_lmstudio_has_no_v1() -> None:
    """Before 0.4 only v0 answers, and v1 is an unexpected endpoint, with status 200."""
    with FakeServer(speaks=["lmstudio"], lmstudio_v1=False) as server:
        assert ask(server, None, "/api/v1/models").json == {
            "error": "Unexpected endpoint or method. (GET /api/v1/models)"
        }
        assert ask(server, None, "/api/v0/models").json["data"][0]["id"] == "m"
        assert len(server.listings) == 1


def test_lmstudio_has_a_chat_of_its_own() -> None:
    """`/api/v1/chat` streams named events and ends with the whole result."""
    with FakeServer(speaks=["lmstudio"], thinking="hm") as server:
        asked = {"model": "m", "input": "hi"}
        whole = ask(server, asked, "/api/v1/chat").json
        streamed = ask(server, asked | {"stream": True}, "/api/v1/chat").body.decode()
    assert [item["type"] for item in whole["output"]] == ["reasoning", "message"]
    assert whole["stats"]["input_tokens"] == 7
    names = [line[7:] for line in streamed.splitlines() if line.startswith("event: ")]
    assert (names[0], names[-1]) == ("chat.start", "chat.end")
    assert names.count("message.delta") == 2


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("anthropic", {"model": "m", "messages": [{"role": "user", "content": "hi"}]}),
        ("anthropic", {"model": "m", "max_tokens": 9, "messages": [{"role": "system", "content": "hi"}]}),
        (
            "anthropic",
            {"max_tokens": 9, "messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        ),
        ("google", {"contents": [{"role": "assistant", "parts": [{"text": "hi"}]}]}),
        ("google", {"contents": [{"role": "user", "parts": []}]}),
        ("google", {"messages": []}),
        ("cloudcode", {"contents": []}),
        ("responses", {"model": "m", "messages": []}),
        ("ollama", {"model": "m", "messages": [{"role": "user", "content": [{"type": "text"}]}]}),
    ],
)
def test_what_a_vendor_refuses_is_refused(name: str, wrong: dict[str, Any]) -> None:
    """A request in another format's words, or with empty text where that is an error, is a 400."""
    with FakeServer(speaks=[name]) as server:
        assert ask(server, wrong, SPOKEN[name].chat, SPOKEN[name].headers).status == 400


def test_anthropic_wants_its_version() -> None:
    """Without the version header neither the listing nor a chat is answered."""
    spoken = SPOKEN["anthropic"]
    with FakeServer(speaks=["anthropic"]) as server:
        assert (
            ask(server, spoken.asked, spoken.chat).status == ask(server, None, spoken.listing).status == 400
        )


@pytest.mark.parametrize("name", ALL)
def test_unlisted_models_are_refused_in_the_words_of_the_format(name: str) -> None:
    """A strict server knows its models, in whatever field the format names them."""
    with FakeServer(["other"], speaks=[name], strict=True) as server:
        refused = speak(server, name)
        assert refused.status == (400 if name == "responses" else 404)
        server.models = ["m"]
        assert speak(server, name).status == 200


@pytest.mark.parametrize("name", ALL)
def test_tools_are_called_when_there_are_any(name: str) -> None:
    """With *tool_call* a request that has tools is answered with one, any other with the text."""
    tools = {"tools": [{"name": "add"}]}
    spoken = SPOKEN[name]
    nested = {"request": spoken.asked["request"] | tools} if name == "cloudcode" else tools
    with FakeServer(speaks=[name], tool_call={"name": "add", "arguments": {"a": 1}}) as server:
        called = ask(server, spoken.asked | nested, spoken.chat, spoken.headers).body
        assert (b'"add"' in called, b"hello" in called) == (True, False)
        assert b"hello" in speak(server, name).body


def test_a_parameter_can_be_refused_until_it_is_left_out() -> None:
    """`refusing` answers 400, naming the parameter, for as long as a request has it."""
    with FakeServer(behave=faults.refusing("temperature")) as server:
        asked = SPOKEN["openai"].asked
        refused = ask(server, asked | {"temperature": 1})
        assert (refused.status, refused.json["error"]["param"]) == (400, "temperature")
        assert ask(server, asked).status == 200


def test_responses_only_names_both_endpoints() -> None:
    """A server that has moved on says so with a 400 about the legacy protocol."""
    with FakeServer(behave=[faults.responses_only()]) as server:
        refused = speak(server, "openai")
    assert refused.status == 400
    assert "Unsupported legacy protocol" in refused.json["error"]["message"]


@pytest.mark.parametrize("name", ALL)
def test_charsets_may_be_wrong_and_listings_huge(name: str) -> None:
    """The body is what it is, in an encoding that its header denies; a listing has as many rows as asked."""
    script = [faults.wrong_charset(), faults.huge_listing(5000)]
    with FakeServer(speaks=[name], behave=[faults.wrong_charset("latin-1")], behave_listing=script) as server:
        listed, huge, said = (
            lists(server, name),
            lists(server, name, "?limit=1000&pageSize=1000"),
            speak(server, name),
        )
    assert json.loads(listed.body.decode("utf-16")) is not None
    assert listed.headers["content-type"] == said.headers["content-type"] == "application/json; charset=utf-8"
    assert "grüß dich".encode("latin-1") in said.body
    assert huge.body.count(b'"model-') >= 1000


def test_headers_go_out_with_every_answer_or_with_one() -> None:
    """*headers* are the server's, `with_headers` adds some to one answer, good or bad."""
    script = [faults.with_headers({"x-ratelimit-remaining-requests": "0"}, faults.status(429))]
    with FakeServer(headers={"x-team": "search"}, behave=script) as server:
        first, second = speak(server, "openai"), speak(server, "openai")
    assert (first.status, first.headers["x-team"], first.headers["x-ratelimit-remaining-requests"]) == (
        429,
        "search",
        "0",
    )
    assert (second.headers["x-team"], "x-ratelimit-remaining-requests" in second.headers) == ("search", False)
