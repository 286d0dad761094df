"""Streams on the wire: frames as they come, framing as the server says, and breaks where they happen."""

from __future__ import annotations

import socket

import pytest

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Call, Frame
from llmpool.net.client import Client
from tests.edges.raw_server import SSE, Serve, body, get, reset_after, slowly


def stream(client: Client, call: Call) -> tuple[list[Frame], Failure | None]:
    """Return the frames *call* gave and what ended them."""
    frames: list[Frame] = []
    try:
        with client.open_stream(call) as reply:
            frames.extend(reply.frames())
    except UpstreamError as error:
        return frames, error.failure
    return frames, None


FRAMED = [
    (SSE + b"data: a\n\ndata: b", "sse", [Frame("", "a"), Frame("", "b")]),
    (SSE + b"data: a\n\n", "json", [Frame("", "a")]),
    (body(b'{"a": 1}'), "sse", [Frame("json", '{"a": 1}')]),
    (body(b' {"a": 1}', b"text/plain"), "sse", [Frame("json", ' {"a": 1}')]),
    (body(b"data: a\n\n", b"text/plain"), "sse", [Frame("", "a")]),
    (body(b"1\n2\n", b"application/x-ndjson"), "sse", [Frame("", "1"), Frame("", "2")]),
    (body(b"1\n2", b"application/json; charset=utf-8"), "ndjson", [Frame("", "1"), Frame("", "2")]),
    (body(b"", b"text/event-stream"), "sse", []),
    (body(b"", b""), "sse", []),
]


@pytest.mark.parametrize(("data", "framing", "frames"), FRAMED)
def test_frames_are_cut_as_the_server_says(
    serve: Serve, client: Client, data: bytes, framing: str, frames: list[Frame]
) -> None:
    """The content type decides, then the first byte, then what was asked for."""
    assert stream(client, get(serve(data).url, framing=framing)) == (frames, None)


def test_a_reset_is_told_from_an_end(serve: Serve, client: Client) -> None:
    """Whole events that had come before a reset are handed on, half of one is not, then the failure."""
    frames, said = stream(client, get(serve(reset_after(SSE + b"data: a\n\ndata: b")).url, framing="sse"))
    assert frames == [Frame("", "a")]
    assert said is not None
    assert (said.kind, "reset in the middle" in said.message) == ("broken", True)


@pytest.mark.parametrize(("framing", "mark"), [("sse", b"data: "), ("ndjson", b"")])
def test_half_an_object_at_the_end_is_a_break(
    serve: Serve, client: Client, framing: str, mark: bytes
) -> None:
    """A connection that ends where it closes does not tell that more was to come; half an object does."""
    kind = b"text/event-stream" if framing == "sse" else b"application/x-ndjson"
    head, begun = (b"HTTP/1.0 200 OK\r\nContent-Type: " + kind + b"\r\n\r\n"), mark + b'{"a": 1}\n\n' + mark
    frames, said = stream(client, get(serve(head + begun + b'{"b": "c').url, framing=framing))
    assert said is not None
    assert (frames, said.kind) == ([Frame("", '{"a": 1}')], "broken")
    whole = stream(client, get(serve(head + begun + b'{"b": 2}').url, framing=framing))
    assert whole == ([Frame("", '{"a": 1}'), Frame("", '{"b": 2}')], None)


def test_html_is_told_from_an_answer(serve: Serve, client: Client) -> None:
    """A page, named or not, is not a stream."""
    for page in (body(b"<html>", b"text/html"), body(b"\n<!doctype html>", b"text/plain")):
        frames, said = stream(client, get(serve(page).url, framing="sse"))
        assert said is not None
        assert (frames, said.kind) == ([], "wrong_format")
        assert "answered HTML instead of an event stream" in said.message


def test_an_endless_line_is_given_up(serve: Serve, client: Client) -> None:
    """A line without an end does not fill the memory."""

    def play(connection: socket.socket) -> None:
        connection.sendall(SSE + b"data: ")
        for _ in range(400):
            connection.sendall(b"x" * 65536)

    _, said = stream(client, get(serve(play).url, framing="sse"))
    assert said is not None
    assert (said.kind, "line over 8 MiB" in said.message) == ("wrong_format", True)


def test_frames_come_as_they_are_sent_and_closing_hangs_up(serve: Serve, client: Client) -> None:
    """A frame is there before the next is sent, and who stops reading is gone at once."""
    server = serve(slowly(SSE + b"data: first\n\n", b"data: more\n\n"))
    with client.open_stream(get(server.url, framing="sse")) as reply:
        assert next(reply.frames()) == Frame("", "first")
    assert server.gone.wait(60)
