"""The fake server keeps its own promises, seen over bare sockets: what the other tests rely on."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.asking import ASKED, CHAT, STREAMED, ask, connect
from tests.fakes.exchange import Exchange
from tests.fakes.server import FakeServer
from tests.support import Home, wait_for


@pytest.mark.parametrize("path", ["/v1/models", "/models", "/v1/models/", "/v1/models?limit=1"])
def test_models_are_listed(path: str) -> None:
    """A listing has a row per model, with the metadata given, under both paths."""
    with FakeServer(["a", {"id": "b", "context_length": 4096}]) as server:
        rows = json.loads(ask(server, None, path).body)["data"]
    assert [each["id"] for each in rows] == ["a", "b"]
    assert rows[1]["context_length"] == 4096


def test_models_may_change_while_it_runs(server: FakeServer) -> None:
    """The next listing shows the models of the moment."""
    server.models = ["other"]
    assert json.loads(ask(server, None, "/v1/models").body)["data"][0]["id"] == "other"


def test_a_plain_chat_is_answered_with_usage(server: FakeServer) -> None:
    """Without `stream` the answer is one document, in the name of the model asked for."""
    answer = json.loads(ask(server, ASKED).body)
    assert answer["choices"][0]["message"]["content"] == "hello there"
    assert (answer["model"], answer["usage"]["total_tokens"]) == ("m", 9)


def test_a_chat_is_streamed_in_events(server: FakeServer) -> None:
    """With `stream` the text comes in pieces, then the finish reason, the usage and the end mark."""
    got = ask(server)
    assert (got.text, got.events[-1]) == ("hello there", "[DONE]")
    assert got.chunks[-2]["choices"][0]["finish_reason"] == "stop"
    assert got.chunks[-1]["usage"]["completion_tokens"] == 2


def test_a_stream_counts_tokens_only_when_asked(server: FakeServer) -> None:
    """As with OpenAI, usage comes in a stream only with `stream_options.include_usage`."""
    got = ask(server, ASKED | {"stream": True})
    assert [event for event in got.chunks if "usage" in event] == []


def test_every_request_is_kept(server: FakeServer) -> None:
    """Method, path, headers in lower case, body and time of each request are there to look at."""
    before = time.time()
    ask(server, ASKED, headers={"X-Team": "search"})
    ask(server, None, "/v1/models")
    first, second = server.requests
    assert (first.method, first.path, first.headers["x-team"]) == ("POST", "/v1/chat/completions", "search")
    assert (first.json, second.method) == (ASKED, "GET")
    assert before <= first.at <= second.at <= time.time()
    assert (server.chats, server.listings) == ([first], [second])


def test_a_connection_may_serve_many_requests(server: FakeServer) -> None:
    """Connections are kept open, streams included, and counted."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    for _ in range(3):
        connection.request("POST", "/v1/chat/completions", json.dumps(STREAMED))
        connection.getresponse().read()
    connection.close()
    assert (len(server.chats), server.connections) == (3, 1)


def test_a_chunked_request_is_read(server: FakeServer) -> None:
    """A request body may come in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    pieces = iter([json.dumps(ASKED).encode()[:9], json.dumps(ASKED).encode()[9:]])
    connection.request("POST", "/v1/chat/completions", pieces, encode_chunked=True)
    assert connection.getresponse().status == 200
    connection.close()
    assert server.chats[0].json == ASKED


def test_a_key_may_be_required() -> None:
    """Without the key, listing and chat are 401, and the refusal does not repeat what was sent."""
    with FakeServer(key="sk-right") as server:
        wrong = {"Authorization": "Bearer sk-wrong"}
        answers = [ask(server, body, path, wrong) for body, path in ((None, "/v1/models"), (ASKED, CHAT))]
        right = ask(server, ASKED, headers={"Authorization": "Bearer sk-right"})
    assert [answer.status for answer in answers] == [401, 401]
    assert b"sk-wrong" not in answers[0].body
    assert right.status == 200


def test_other_paths_are_404_unless_routed() -> None:
    """A path nobody speaks here is a JSON 404; *routes* adds answers and behaviours."""
    routes: dict[str, Any] = {"/api/tags": {"models": []}, "/api/show": faults.status(500)}
    with FakeServer(routes=routes) as server:
        statuses = [ask(server, None, path).status for path in ("/nowhere", "/api/tags", "/api/show")]
    assert statuses == [404, 200, 500]


def test_strict_refuses_unlisted_models() -> None:
    """A strict server answers 404 with OpenAI's code for a model it does not list."""
    with FakeServer(["a"], strict=True) as server:
        refused = ask(server, ASKED)
        assert ask(server, ASKED | {"model": "a"}).status == 200
    assert (refused.status, json.loads(refused.body)["error"]["code"]) == (404, "model_not_found")


def test_a_list_of_behaviours_is_used_up_in_order() -> None:
    """Each chat takes the next behaviour; after the last the server behaves."""
    with FakeServer(behave=[faults.status(503), faults.status(429, {"Retry-After": "7"})]) as server:
        got = [ask(server) for _ in range(3)]
        listed = ask(server, None, "/v1/models")
    assert [each.status for each in got] == [503, 429, 200]
    assert (got[1].headers["retry-after"], listed.status) == ("7", 200)


def test_a_function_sees_number_and_request() -> None:
    """A scripted function decides by the chat's number, from 1, and by what was asked."""

    def behave(number: int, request: Any) -> faults.Behaviour | None:
        return faults.status(400 + number) if request.json["model"] == "m" else None

    with FakeServer(behave=behave) as server:
        got = [ask(server, ASKED | {"model": name}).status for name in ("m", "other", "m")]
    assert got == [401, 200, 403]


def test_listings_have_a_script_of_their_own() -> None:
    """Faults of the listing leave chats alone."""
    with FakeServer(behave_listing=[faults.html(502)]) as server:
        assert (ask(server, None, "/v1/models").status, ask(server).status) == (502, 200)


def test_a_script_can_be_replaced(server: FakeServer) -> None:
    """A test may give the next faults once it has seen the first answers."""
    ask(server)
    server.behave([faults.status(500)])
    server.behave_listing([faults.status(501)])
    assert (ask(server).status, ask(server, None, "/v1/models").status) == (500, 501)


def test_close_ends_what_hangs() -> None:
    """Closing the server ends hanging answers at once and refuses new connections."""
    server = FakeServer(behave=[faults.hang()])
    failed: list[Exception] = []

    def call() -> None:
        try:
            ask(server)
        except (OSError, http.client.HTTPException) as error:
            failed.append(error)

    caller = threading.Thread(target=call)
    caller.start()
    wait_for(lambda: bool(server.chats))
    began = time.monotonic()
    server.close()
    caller.join(60)
    assert failed
    assert time.monotonic() - began < 60
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_close_ends_idle_connections(server: FakeServer) -> None:
    """A client that keeps its connection open sees it end when the server closes."""
    with connect(server) as raw:
        wait_for(lambda: server.connections == 1)
        server.close()
        assert raw.recv(1) == b""


def test_requests_side_by_side_are_counted() -> None:
    """Each request has its thread; *peak* is the most that were answered at once."""
    eight = threading.Barrier(8)

    def together(exchange: Exchange) -> None:
        eight.wait(60)
        faults.ok("all here")(exchange)

    with FakeServer(behave=[together] * 8) as server:
        callers = [threading.Thread(target=ask, args=(server,)) for _ in range(8)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        assert (len(server.chats), server.peak) == (8, 8)


def test_it_prints_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    """Neither answers, nor faults, nor broken requests write to the terminal."""
    with FakeServer(behave=[faults.reset(), faults.cut(), faults.status(500)]) as server:
        for _ in range(4):
            try:
                ask(server)
            except (OSError, http.client.HTTPException):
                continue
        with connect(server) as raw:
            raw.sendall(b"\x16\x03\x01 not http\r\n\r\n")
            raw.recv(100)
    assert capfd.readouterr() == ("", "")


def test_it_runs_by_hand(home: Home) -> None:
    """`python -m tests.fakes.server` prints its URL and serves the models named."""
    command = [sys.executable, "-m", "tests.fakes.server", "--models", "a,b"]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, env=home.env, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            port = int(re.findall(r":(\d+)/v1", child.stdout.readline())[0])
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/v1/models")
            rows = json.loads(connection.getresponse().read())["data"]
            connection.close()
        finally:
            child.kill()
    assert [each["id"] for each in rows] == ["a", "b"]
