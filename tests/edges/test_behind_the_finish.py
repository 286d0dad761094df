"""Answers that name their finish and do not end: the wait behind it is a few seconds, and nothing is lost."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterable
from typing import Any

import pytest

from llmpool.core.chat import Delta
from llmpool.core.wire import Followed, Frame, Frames, Timeouts
from llmpool.formats import wire_format
from llmpool.net.client import Client
from llmpool.net.deadline import ENDED, Deadline
from tests.edges.raw_server import SSE, Play, Serve, get

USAGE = {"prompt_tokens": 3, "completion_tokens": 1}
OPENAI = [
    {"choices": [{"delta": {"content": "hi"}}]},
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": USAGE},
]
ANTHROPIC = [
    {"type": "message_start", "message": {"usage": {"input_tokens": 3}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}},
]
GOOGLE = [
    {
        "candidates": [{"content": {"parts": [{"text": "hi"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 1},
    }
]
SAID = {"openai": OPENAI, "copilot": OPENAI, "lmstudio": OPENAI, "anthropic": ANTHROPIC, "google": GOOGLE}


def event(payload: Any) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def and_stays(head: bytes, *pieces: bytes) -> Play:
    """Send all of it, and neither end nor hang up."""

    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        for piece in pieces:
            connection.sendall(piece)
        connection.recv(1)

    return play


@pytest.fixture
def bounds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Let the wait behind a finish be a hundredth of what it is, and list how long it was to be."""
    asked: list[float] = []
    end_within = Deadline.end_within

    def sooner(self: Deadline, seconds: float, *, anew: bool) -> None:
        asked.append(seconds)
        end_within(self, seconds / 100, anew=anew)

    monkeypatch.setattr(Deadline, "end_within", sooner)
    return asked


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("comments", [False, True])
def test_an_answer_is_over_a_while_behind_its_finish(
    serve: Serve, client: Client, bounds: list[float], name: str, comments: bool
) -> None:
    """No end mark and no end of the connection: the answer is whole, usage and all, comments or not."""
    url = serve(and_stays(SSE, *map(event, SAID[name]), b": still here\n\n" * comments)).url
    call = get(url, framing="sse", timeouts=Timeouts(read=3600))
    with client.open_stream(call) as reply:
        deltas = list(wire_format(name).read_stream(reply.frames()))
    assert "".join(delta.text for delta in deltas) == "hi"
    assert deltas[-1].finish == "stop"
    assert deltas[-1].usage is not None
    assert (deltas[-1].usage.input, deltas[-1].usage.output) == (3, 1)
    assert set(bounds) == {10.0 if name == "google" else 3.0}


def test_usage_that_never_comes_is_not_waited_for(serve: Serve, client: Client, bounds: list[float]) -> None:
    """Half a frame behind the finish is no reason to distrust the answer either."""
    url = serve(and_stays(SSE, *map(event, OPENAI[:2]), b'data: {"choi')).url
    with client.open_stream(get(url, framing="sse", timeouts=Timeouts(read=3600))) as reply:
        *_, last = wire_format("openai").read_stream(reply.frames())
    assert (last.finish, last.usage, bounds) == ("stop", None, [3.0])


def test_a_chunked_answer_is_over_as_well(serve: Serve, client: Client, bounds: list[float]) -> None:
    """A body whose last chunk is missing is not told from one that has ended."""
    head = SSE.replace(b"Connection: close", b"Transfer-Encoding: chunked")
    pieces = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in map(event, OPENAI)]
    url = serve(and_stays(head, *pieces)).url
    with client.open_stream(get(url, framing="sse", timeouts=Timeouts(read=3600))) as reply:
        *_, last = wire_format("openai").read_stream(reply.frames())
    assert (last.finish, last.usage is not None) == ("stop", True)
    assert bounds


class Told(list[bool]):
    """What a format says of the end: for each frame behind the finish whether it was anew."""

    def __call__(self, _seconds: float, *, anew: bool) -> None:
        self.append(anew)


def read(name: str, frames: Iterable[Frame]) -> tuple[list[Delta], list[bool]]:
    """Read the frames as if they came from a server, and return what was said of their end."""
    told = Told()
    return list(wire_format(name).read_stream(Frames(iter(frames), told))), told


def frame(payload: Any) -> Frame:
    return Frame("", json.dumps(payload))


def test_text_behind_a_finish_gives_the_server_its_time_again() -> None:
    """Some servers name a finish in each piece; what only keeps the connection alive does not count."""
    piece = {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}
    plain = {"choices": [{"delta": {"content": "b"}}]}
    alive: dict[str, Any] = {"choices": []}
    deltas, told = read("openai", [frame(piece), frame(plain), frame(plain), frame(plain), frame(alive)])
    assert "".join(delta.text for delta in deltas) == "abbb"
    assert told == [True, True, True, True, False]


def test_what_has_come_already_is_read_without_a_clock() -> None:
    """No timer is started for a frame that is there: nearly all ends come in one piece."""
    frames = [frame(OPENAI[0]), Followed("", json.dumps(OPENAI[1])), Followed("", json.dumps(OPENAI[2]))]
    assert read("openai", [*frames, Frame("", "[DONE]")])[1] == []


def test_before_the_finish_nothing_is_hurried() -> None:
    """An answer may pause where it likes for as long as `read_timeout` allows."""
    assert read("openai", [frame(OPENAI[0]), frame(OPENAI[1]), Frame("", "[DONE]")])[1] == [False]
    assert read("anthropic", [*map(frame, ANTHROPIC), frame({"type": "message_stop"})])[1] == [False]


def test_the_end_comes_nearer_and_not_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What keeps alive does not move the end; what is anew does."""
    begun: list[tuple[str, float]] = []
    monkeypatch.setattr(Deadline, "_start", lambda _self, limit, seconds: begun.append((limit, seconds)))
    deadline = Deadline(Timeouts())
    for seconds, anew in ((3.0, False), (3.0, False), (1.0, False), (2.0, False), (9.0, True), (9.5, False)):
        deadline.end_within(seconds, anew=anew)
    assert begun == [(ENDED, 3.0), (ENDED, 1.0), (ENDED, 9.0)]
