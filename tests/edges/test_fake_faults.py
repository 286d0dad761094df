"""Each scripted fault is what it says, seen over bare sockets: what the failover tests rely on."""

from __future__ import annotations

import gzip
import http.client
import json
import time
import zlib
from collections.abc import Mapping
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.asking import ASKED, CHAT, STREAMED, ask, connect
from tests.fakes.server import FakeServer
from tests.support import wait_for


@pytest.mark.parametrize("body", [ASKED, STREAMED])
def test_reset_and_close_come_before_any_byte(body: Mapping[str, Any]) -> None:
    """`reset` is a TCP reset, `close` an orderly end; neither sends a byte."""
    with FakeServer(behave=[faults.reset(), faults.close()]) as server:
        with pytest.raises(ConnectionResetError):
            ask(server, body)
        with pytest.raises(http.client.RemoteDisconnected):
            ask(server, body)


@pytest.mark.parametrize(
    ("how", "error"),
    [("drop", http.client.IncompleteRead), ("reset", ConnectionResetError)],
)
def test_cut_breaks_a_stream(how: Any, error: type[Exception]) -> None:
    """A stream cut by `drop` or `reset` ends inside its body, and the client can tell."""
    with FakeServer(behave=[faults.cut(2, how)]) as server, pytest.raises(error):
        ask(server)


def test_a_clean_cut_lacks_only_the_end() -> None:
    """A stream cut cleanly is whole for HTTP: the events so far, no finish reason, no end mark."""
    with FakeServer(behave=[faults.cut(2, "clean")]) as server:
        got = ask(server)
    assert (len(got.events), got.text) == (2, "hello")
    assert all(event["choices"][0]["finish_reason"] is None for event in got.chunks)


def test_a_plain_answer_can_be_cut() -> None:
    """Without a stream the body ends short of its length."""
    with FakeServer(behave=[faults.cut()]) as server, pytest.raises(http.client.IncompleteRead):
        ask(server, ASKED)


def test_slow_delays_each_part() -> None:
    """Headers, first event and later events are each late by what was asked."""
    with FakeServer(behave=[faults.slow(headers=0.1, first=0.1, between=0.05)]) as server:
        began = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("POST", CHAT, json.dumps(STREAMED))
        answer = connection.getresponse()
        headers_after = time.monotonic() - began
        answer.readline()
        first_after = time.monotonic() - began
        answer.read()
        all_after = time.monotonic() - began
        connection.close()
    assert headers_after >= 0.1
    assert first_after >= 0.2
    assert all_after >= 0.4  # role, two words, finish, usage: four pauses


def test_hang_says_nothing_and_notes_who_left() -> None:
    """A hanging answer sends no byte; a client that gives up is noted at once."""
    with FakeServer(behave=[faults.hang()]) as server:
        with connect(server, timeout=0.2) as raw:
            raw.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
            with pytest.raises(TimeoutError):
                raw.recv(1)
        wait_for(lambda: server.abandoned == server.chats)


@pytest.mark.parametrize("body", [ASKED, STREAMED])
def test_malformed_is_not_json(body: Mapping[str, Any]) -> None:
    """The stray event, or body, cannot be parsed."""
    with FakeServer(behave=[faults.malformed()]) as server:
        got = ask(server, body)
    assert got.status == 200
    with pytest.raises(ValueError, match="Expecting"):
        json.loads(got.body.decode().removeprefix("data: "))


def test_an_error_may_hide_in_a_good_stream() -> None:
    """After the events asked for comes an error object, in a 200 answer that then ends."""
    with FakeServer(behave=[faults.error_in_stream(after=2, message="too busy")] * 2) as server:
        streamed, plain = ask(server), ask(server, ASKED)
    assert (streamed.status, len(streamed.events)) == (200, 3)
    assert streamed.events[-1]["error"]["message"] == "too busy"
    assert (plain.status, json.loads(plain.body)["error"]["code"]) == (200, 529)


def test_html_and_half_json_are_good_http() -> None:
    """A page and half a document arrive whole, as what they are."""
    with FakeServer(behave=[faults.html(), faults.half_json()]) as server:
        page, half = ask(server), ask(server)
    assert page.headers["content-type"].startswith("text/html")
    assert half.headers["content-type"] == "application/json"
    with pytest.raises(ValueError, match=r"delimiter|Unterminated|Expecting"):
        json.loads(half.body)


@pytest.mark.parametrize("body", [ASKED, STREAMED])
def test_an_endless_line_has_no_end(body: Mapping[str, Any]) -> None:
    """The line is one, and as long as was asked."""
    with (
        FakeServer(behave=[faults.endless_line(1 << 20)]) as server,
        pytest.raises(http.client.IncompleteRead) as error,
    ):
        ask(server, body)
    assert len(error.value.partial) > 1 << 20
    assert b"\n" not in error.value.partial


def test_an_endless_line_stops_when_the_client_leaves() -> None:
    """A client that hangs up ends the flood, and is noted."""
    with FakeServer(behave=[faults.endless_line()]) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("POST", CHAT, json.dumps(STREAMED))
        connection.getresponse().read(1000)
        connection.close()
        wait_for(lambda: len(server.abandoned) == 1)


def test_huge_headers_are_sent() -> None:
    """The header is there, byte for byte, before the body."""
    with FakeServer(behave=[faults.huge_headers()]) as server, connect(server) as raw:
        raw.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
        got = b""
        while b"\r\n\r\n" not in got[-4096:]:
            got += raw.recv(1 << 20)
    assert got.count(b"p" * 1000) == 10_000


def test_a_gzip_bomb_is_small_and_unpacks() -> None:
    """The body is good gzip and hundreds of times smaller than what it holds."""
    with FakeServer(behave=[faults.gzip_bomb(8 << 20)]) as server:
        got = ask(server)
    assert got.headers["content-encoding"] == "gzip"
    assert len(got.body) < 100_000
    assert gzip.decompress(got.body) == b" " * (8 << 20) + b"{}"


def test_a_bomb_of_any_size_is_quickly_made() -> None:
    """The default bomb is quarter of a gibibyte and takes no such memory to send or to look into."""
    with FakeServer(behave=[faults.gzip_bomb()]) as server:
        packed = ask(server).body
    assert len(packed) < 1 << 20
    assert len(zlib.decompressobj(31).decompress(packed, 1 << 21)) == 1 << 21


def test_redirect_points_elsewhere() -> None:
    """A redirect has a status and a location, and nothing else."""
    with FakeServer(behave=[faults.redirect("http://127.0.0.1:1/x")]) as server:
        got = ask(server)
    assert (got.status, got.headers["location"], got.body) == (307, "http://127.0.0.1:1/x", b"")


def test_thinking_comes_before_the_answer() -> None:
    """Thoughts have a field of their own, streamed and not."""
    with FakeServer(behave=[faults.thinking("well now", "42"), faults.thinking("well now", "42")]) as server:
        streamed, plain = ask(server), json.loads(ask(server, ASKED).body)
    thoughts = [c["delta"].get("reasoning_content", "") for e in streamed.chunks for c in e["choices"]]
    assert ("".join(thoughts), streamed.text) == ("well now", "42")
    assert plain["choices"][0]["message"]["reasoning_content"] == "well now"


def test_a_tool_call_is_streamed_in_pieces() -> None:
    """Id and name come first, the arguments in pieces that add up; the finish reason says tool_calls."""
    with FakeServer(behave=[faults.tool_call("add", '{"a": 1}')] * 2) as server:
        streamed, plain = ask(server), json.loads(ask(server, ASKED).body)
    deltas = [d for e in streamed.chunks for c in e["choices"] for d in c["delta"].get("tool_calls", ())]
    assert (deltas[0]["id"], deltas[0]["function"]["name"]) == ("call_1", "add")
    assert "".join(d["function"]["arguments"] for d in deltas) == '{"a": 1}'
    assert plain["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'
    assert plain["choices"][0]["finish_reason"] == "tool_calls"


def test_answers_may_lack_text_end_mark_or_usage() -> None:
    """`empty`, `no_done` and `no_usage` each leave out one thing; `wrong_model` names another."""
    script = [faults.empty(), faults.no_done(), faults.no_usage(), faults.wrong_model("x")]
    with FakeServer(behave=script) as server:
        empty, no_done, no_usage, wrong = (ask(server) for _ in range(4))
    assert (empty.text, empty.events[-1]) == ("", "[DONE]")
    assert (no_done.text, no_done.events[-1] == "[DONE]") == ("hello there", False)
    assert [event for event in no_usage.chunks if "usage" in event] == []
    assert {event["model"] for event in wrong.chunks} == {"x"}
