"""Frames: event streams and JSON lines, however the bytes are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Frame
from llmpool.net.frames import MAX_LINE, LineFrames, SseFrames

CASES = {
    "data: a\n\ndata: b\n\n": [("", "a"), ("", "b")],
    "data:a\n\n": [("", "a")],
    "data:  a\n\n": [("", " a")],
    "data: a\r\n\r\ndata: b\r\n\r\n": [("", "a"), ("", "b")],
    "data: a\r\rdata: b\r\r": [("", "a"), ("", "b")],
    "data: a\ndata: b\n\n": [("", "a\nb")],
    "data: a\r\ndata: b\r\n\n": [("", "a\nb")],
    "data\n\n": [("", "")],
    "data:\n\n": [("", "")],
    "event: e\ndata: a\n\ndata: b\n\n": [("e", "a"), ("", "b")],
    "event:e\n\ndata: b\n\n": [("", "b")],
    ": comment\n\nid: 1\nretry: 5\ndata: a\n\n": [("", "a")],
    "\ufeffdata: a\n\n": [("", "a")],
    "data: a\n\n\n\n\ndata: b\n\n": [("", "a"), ("", "b")],
    "data: grüße 🎈\n\n": [("", "grüße 🎈")],
    "data: a\u2028b\x0bc\n\n": [("", "a\u2028b\x0bc")],
    "database: x\n data: y\n\n": [],
    "data: pending": [("", "pending")],
    "data: pending\n": [("", "pending")],
    "event: only": [],
    "": [],
}


def _sse(data: bytes, size: int) -> list[Frame]:
    parser, frames = SseFrames(), []
    for start in range(0, len(data), size):
        frames += parser.feed(data[start : start + size])
    return frames + parser.end()


@pytest.mark.parametrize(("text", "expected"), CASES.items())
def test_the_rules_of_event_streams_hold_for_every_chunk_size(
    text: str, expected: list[tuple[str, str]]
) -> None:
    """The same bytes make the same events, whether they come at once or one by one."""
    data = text.encode()
    assert expected == [tuple(f) for f in _sse(data, len(data) or 1)]
    for size in range(1, len(data)):
        assert expected == [tuple(f) for f in _sse(data, size)]


def test_an_event_is_out_as_soon_as_its_blank_line_is_in() -> None:
    """Nothing waits for the next chunk, a blank line of lone CRs included."""
    parser = SseFrames()
    assert parser.feed(b"data: a\n") == []
    assert [Frame("", "a")] == parser.feed(b"\n")
    assert [Frame("", "b")] == parser.feed(b"data: b\r\r")
    assert parser.feed(b"\n") == []


def test_bytes_that_are_not_utf_8_are_replaced() -> None:
    """A broken character spoils itself, nothing else."""
    assert [Frame("", "a\ufffdb")] == _sse(b"data: a\xffb\n\n", 3)


@given(st.binary(max_size=300), st.integers(1, 20))
def test_junk_makes_the_same_frames_however_it_is_cut(junk: bytes, size: int) -> None:
    """No bytes break the parser, and no cut changes what it makes of them."""
    assert _sse(junk, size) == _sse(junk, 1000)


@given(st.lists(st.text(alphabet="ab:\r\n dat", max_size=12), max_size=8), st.integers(1, 9))
def test_texts_full_of_line_ends_are_cut_alike(lines: list[str], size: int) -> None:
    """The three line ends mix freely."""
    data = "data: ".join(lines).encode()
    assert _sse(data, size) == _sse(data, 1000)


@pytest.mark.parametrize("prefix", [b"data: ", b": comment "])
def test_an_endless_line_is_given_up(prefix: bytes) -> None:
    """A line over 8 MiB is refused long before memory is."""
    with pytest.raises(UpstreamError, match="over 8 MiB") as raised:
        _sse(prefix + b"x" * (MAX_LINE + 65536), 65536)
    assert raised.value.failure.kind == "wrong_format"


def test_an_endless_event_is_given_up() -> None:
    """Many lines of one event count together."""
    line = b"data: " + b"x" * 1000 + b"\n"
    with pytest.raises(UpstreamError, match="over 8 MiB"):
        _sse(line * (MAX_LINE // 1000), 65536)


def test_json_lines_are_frames() -> None:
    """Each line is one frame, blank ones are none, and the last needs no line end."""
    for size in (1, 4, 100):
        parser, frames = LineFrames(), []
        data = b'{"a":1}\r\n\n{"b":"\xe2\x80\xa8"}\n{"c":3}'
        for start in range(0, len(data), size):
            frames += parser.feed(data[start : start + size])
        frames += parser.end()
        assert [f.data for f in frames] == ['{"a":1}', '{"b":"\u2028"}', '{"c":3}']
    with pytest.raises(UpstreamError, match="over 8 MiB"):
        LineFrames().feed(b"x" * (MAX_LINE + 1))
