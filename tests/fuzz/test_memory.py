"""Hostile input takes memory in proportion to what came, and what never ends is ended."""

from __future__ import annotations

import gc
import itertools
import os
import random
import tracemalloc
import zlib
from collections.abc import Callable, Iterator

import pytest

from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Call
from llmpool.formats.base import parse_json
from llmpool.net.deadline import Deadline
from llmpool.net.frames import MAX_LINE, LineFrames, SseFrames
from llmpool.net.reply import Sent, StreamReply
from tests.fuzz import plan
from tests.fuzz.promise import peak
from tests.fuzz.state_targets import Response
from tests.fuzz.targets import targets

MIB = 1 << 20
LONG = os.environ.get("LONG") == "1"
BLOCK = b"x" * 65536
FEW = (
    "openai-listing",
    "cloudcode-stream",
    "google-reply",
    "ollama-stream",
    "parse-headers",
    "read-health.json",
)


class Pieces:
    """A body that never ends; *taken* counts how much of it was."""

    def __init__(self, first: bytes, rest: bytes) -> None:
        self.first, self.rest, self.taken = first, rest, 0

    def __iter__(self) -> Iterator[bytes]:
        yield self.first
        for self.taken in itertools.count(1):
            yield self.rest


def reply(pieces: Pieces, *, limit: int = MIB, **headers: str) -> StreamReply:
    """Make an answer with that body."""
    call = Call(method="GET", url="http://127.0.0.1:9", framing="sse", max_bytes=limit)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return StreamReply(call, "host", Sent(Response(named, pieces), Deadline(call.timeouts), (OSError,)))


def refused(act: Callable[[], object]) -> str:
    """Return the words of the failure that *act* ends in."""
    with pytest.raises(UpstreamError) as caught:
        act()
    return caught.value.failure.message


@pytest.mark.parametrize("kind", [SseFrames, LineFrames])
@pytest.mark.parametrize("first", [b"data: ", b"", b"\n\ndata: a\ndata: "])
def test_an_endless_line_is_refused_once_it_is_too_long(kind: type[SseFrames], first: bytes) -> None:
    """Whatever a server never ends, no more than 8 MiB of it are held, a few times over."""
    parser, fed = kind(), 0

    def feed() -> None:
        nonlocal fed
        for block in itertools.chain([first], itertools.repeat(BLOCK)):
            fed += len(block)
            parser.feed(block)

    held = peak(lambda: refused(feed))
    assert MAX_LINE <= fed <= MAX_LINE + 2 * len(BLOCK)
    assert held < 4 * MAX_LINE


def test_a_small_body_that_unpacks_to_a_large_one_is_refused() -> None:
    """Thirty kilobytes of gzip that are thirty megabytes: nobody holds more than the limit of them."""
    packer = zlib.compressobj(9, wbits=31)
    packed = b"".join([*(packer.compress(bytes(MIB)) for _ in range(30)), packer.flush()])
    answer = reply(Pieces(packed, b""), content_encoding="gzip")
    assert peak(lambda: refused(answer.read)) < 4 * MIB


def test_what_comes_behind_the_end_of_a_packed_body_is_not_read() -> None:
    """A server that goes on for ever behind it would fill the memory with what nobody asked for."""
    packer = zlib.compressobj(wbits=31)
    pieces = Pieces(packer.compress(b'{"a": 1}') + packer.flush(), BLOCK)
    with reply(pieces, content_encoding="gzip", content_type="application/json") as answer:
        assert answer.read().body == b'{"a": 1}'
    assert pieces.taken <= 1


def test_brackets_without_end_take_no_more_than_they_are() -> None:
    """A document that is nothing but nesting is refused, and so is one that is deep and whole."""
    for text in ("[" * MIB, "[" * 900 + "]" * 900, '{"a":' * 101 + "1" + "}" * 101):
        assert peak(lambda text=text: refused(lambda: parse_json(text))) < 8 * MIB  # type: ignore[misc]
    assert parse_json("[" * 100 + "]" * 100)


@pytest.mark.slow
@pytest.mark.timeout(1800)  # a bound against what never ends: what is traced takes its time
@pytest.mark.parametrize("name", FEW)
def test_thousands_of_documents_leave_nothing_behind(name: str) -> None:
    """What was held after the first of them is what is held after several times as many."""
    [target] = [each for each in targets() if each.name == name]
    source = random.Random(name)

    def held() -> int:
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        for _ in range(500 if LONG else 40):
            target.run(plan.drawn(source))
        before = held()
        for _ in range(2000 if LONG else 120):
            target.run(plan.drawn(source))
        assert held() - before < MIB // 2
    finally:
        tracemalloc.stop()
