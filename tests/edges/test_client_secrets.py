"""A server that quotes the key it was sent gives nothing away, wherever it quotes it."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from urllib.parse import quote

import pytest

from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Call, Frame
from llmpool.net.blot import Blot
from llmpool.net.client import Client
from llmpool.net.frames import LineFrames, SseFrames
from tests.edges.raw_server import OK, SECRET, SSE, Serve, get, reset_after

KEY = 'sk-pl/anted+0123"456=789'


def stream(client: Client, call: Call) -> list[Frame]:
    """Return the frames of *call*, those before a break too."""
    frames: list[Frame] = []
    with suppress(UpstreamError), client.open_stream(call) as reply:
        frames.extend(reply.frames())
    return frames


JSON = [Frame("json", '{"a": "***", "b": "Bearer ***"}')]
STREAMS = [
    (SSE + b"event: %s\ndata: bad key %s!\n\n", "sse", [Frame("***", "bad key ***!")]),
    (SSE + b"data: a\n\ndata: %s%s", "sse", [Frame("", "a"), Frame("", "******")]),
    (
        OK + b"Content-Type: application/x-ndjson\r\n\r\n%s\n%s",
        "ndjson",
        [Frame("", "***"), Frame("", "***")],
    ),
    (OK + b'Content-Type: application/json\r\n\r\n{"a": "%s", "b": "Bearer %s"}', "sse", JSON),
]


@pytest.mark.parametrize(("data", "framing", "frames"), STREAMS)
def test_no_frame_holds_the_key(
    serve: Serve, client: Client, data: bytes, framing: str, frames: list[Frame]
) -> None:
    """Event streams, JSON lines and answers that come whole are alike in this."""
    secret = SECRET.encode()
    assert stream(client, get(serve(data % (secret, secret)).url, framing=framing)) == frames


def test_half_a_key_before_a_break_is_none(serve: Serve, client: Client) -> None:
    """Where an answer breaks off inside the key, its beginning is not shown either."""
    half = SECRET[:16].encode()
    ended = SSE + b"data: bad %s" % half
    assert stream(client, get(serve(ended).url, framing="sse")) == [Frame("", "bad ***")]
    assert stream(client, get(serve(reset_after(ended)).url, framing="sse")) == []
    cut = b"HTTP/1.1 401 No\r\nContent-Length: 99\r\n\r\nbad key " + half
    assert client.send(get(serve(cut).url)).body == b"bad key ***"


def test_headers_and_packed_bodies_are_read_the_same(serve: Serve, client: Client) -> None:
    """What a header or a packed listing quotes is blotted out too."""
    packed = gzip.compress(f'["{SECRET}"]'.encode())
    head = f"X-Echo: Bearer {SECRET}\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
    answer = client.send(get(serve(OK + head.encode() + packed).url))
    assert (answer.headers["x-echo"], answer.body) == ("Bearer ***", b'["***"]')


@pytest.mark.parametrize("place", ["https://%s.example/", "https://h.example/?key=%s", "//%s@h/"])
def test_a_redirect_does_not_quote_the_key(serve: Serve, client: Client, place: str) -> None:
    """Not even when the key is made the name of a host."""
    head = f"HTTP/1.1 302 Away\r\nLocation: {place % SECRET}\r\nContent-Length: 0\r\n\r\n"
    with pytest.raises(UpstreamError) as raised:
        client.send(get(serve(head.encode()).url))
    assert SECRET not in raised.value.failure.message


SPELLINGS = [
    KEY,
    json.dumps(KEY)[1:-1],
    json.dumps(json.dumps(KEY))[3:-3],
    KEY.replace("/", "\\/"),
    "".join(c if c.isalnum() else f"\\u{ord(c):04X}" for c in KEY),
    quote(KEY, safe=""),
    quote(KEY, safe="").lower(),
]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_an_escaped_key_is_a_key(spelling: str) -> None:
    """JSON, JSON inside JSON and URLs write some characters otherwise."""
    assert Blot([("authorization", f"Bearer {KEY}")]).text(f"bad {spelling}.") == "bad ***."


def test_what_is_secret_is_told_by_the_header() -> None:
    """Values of headers that sound secret are, as a whole and behind `Bearer`; others and short ones not."""
    headers = [("X-Api-Key", "abcdefgh1"), ("X-Team", "search-team"), ("Cookie", "id=12345678 t=87654321")]
    blot = Blot([*headers, ("authorization", "Bearer short"), ("x-key", "lm-studio")])
    text = "abcdefgh1 search-team id=12345678 t=87654321 t=87654321 short lm-studio"
    assert blot.text(text) == "*** search-team *** *** short lm-studio"
    assert Blot([("authorization", "Bearer short-key")]).text("short-key") == "***"


def test_one_key_inside_another_leaves_nothing() -> None:
    """The longer secret goes first."""
    blot = Blot([("x-key", "abcdefgh-1"), ("x-other-key", "abcdefgh-12345")])
    assert blot.text("abcdefgh-12345 abcdefgh-1") == "*** ***"


@pytest.mark.parametrize("cut", range(1, 40))
def test_where_the_bytes_are_cut_does_not_matter(cut: int) -> None:
    """A key that arrives in two reads is the same key."""
    blot = Blot([("authorization", f"Bearer {SECRET}")])
    data = f"data: bad {SECRET}\n\n".encode()
    for frames in (SseFrames(blot), LineFrames(blot)):
        got = [*frames.feed(data[:cut]), *frames.feed(data[cut:]), *frames.end()]
        assert [frame.data.removeprefix("data: ") for frame in got] == ["bad ***"]
