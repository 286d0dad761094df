"""Every answer kept in these folders, in every format: whole, byte by byte, and cut at every event.

The folder names the format. What SOURCE.md calls documented rather than recorded is played just the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from llmpool.core.chat import Delta
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Frame
from llmpool.formats import FORMATS, wire_format
from llmpool.net.frames import LineFrames, SseFrames, is_half

HERE = Path(__file__).parent
ASKED = re.compile(rb"> POST \S*(chat/completions|/responses|/messages|enerateContent\S*|/api/chat)\n")
SSE, NDJSON, JSON = ("text/event-stream", ".sse"), ("application/x-ndjson", ".ndjson"), ".json"
# What was recorded as it broke, or is no answer for another reason: what each of them ends with.
NO_ANSWERS = {
    "openai/aimock/chat-stream-truncated.txt": "broken",
    "openai/aimock/chat-malformed.txt": "wrong_format",
    "openai/llama/chat-reasoning-stream.txt": "broken",
    "openai/llama/chat-tool-required-stream.txt": "broken",
    "responses/llama/reasoning-stream.txt": "broken",
    "google/pydantic-ai/safety.txt": "content",
    "google/vercel-ai/stream-prompt-blocked.txt": "content",
    "ollama/documented/chat-error-midstream.ndjson": "server",
    "ollama/documented/chat-load-only.json": "empty",
    "ollama/documented/chat-unload.json": "empty",
}


class Kept(NamedTuple):
    """An answer to a question of this format, and how its body is framed."""

    name: str
    format: str
    kind: str
    body: bytes


class Read(NamedTuple):
    """What an answer came to: all it said, how it ended, and why it failed if it did."""

    text: str
    thinking: str
    calls: tuple[tuple[int, str], ...]
    finish: str
    failure: Failure | None


def kept(path: Path, wire: str) -> Kept | None:
    """Read an exchange, or a bare body whose ending says how it is framed; None when it is no chat."""
    name, raw = str(path.relative_to(HERE)), path.read_bytes()
    if path.suffix != ".txt":
        chat = path.name.startswith(("chat", "v0-chat")) and ".404." not in path.name
        return Kept(name, wire, path.suffix, raw) if chat else None
    asked, _, answered = raw.partition(b"\n< ")
    head, _, body = answered.partition(b"\n\n")
    if not ASKED.match(asked + b"\n") or not head.startswith(b"200"):
        return None
    named = re.search(r"content-type: ([^;\n]*)", head.decode().lower())
    kind = named[1] if named else ""
    return Kept(name, wire, JSON if kind == "application/json" else kind, body.partition(b"\n(connection")[0])


def played(each: Kept, size: int = 0) -> Iterator[Frame]:
    """Cut a body into frames, fed in chunks of *size* bytes, or whole."""
    parser = LineFrames() if each.kind in NDJSON else SseFrames()
    step = size or len(each.body)
    for start in range(0, len(each.body), step):
        yield from parser.feed(each.body[start : start + step])
    for frame in parser.end():
        if is_half(frame):
            raise UpstreamError(Failure(kind="broken", message="half an event"))
        yield frame


def before_it_broke(each: Kept, size: int = 0) -> list[Frame]:
    """Return the frames of a body, but for half a one at its end."""
    found = list[Frame]()
    with suppress(UpstreamError):
        found.extend(played(each, size))
    return found


def read(wire: str, given: Iterable[Frame] | Answer) -> Read:
    """Read frames, or an answer in one piece, to whatever they end with."""
    reader, deltas, failure = wire_format(wire), list[Delta](), None
    try:
        source = reader.read_reply(given) if isinstance(given, Answer) else reader.read_stream(given)
        deltas.extend(source)
    except UpstreamError as error:
        failure = error.failure
    calls: dict[int, str] = {}
    for tool in (tool for delta in deltas for tool in delta.tools):
        calls[tool.position] = calls.get(tool.position, "") + tool.name + tool.arguments
    return Read(
        text="".join(delta.text for delta in deltas),
        thinking="".join(delta.thinking for delta in deltas),
        calls=tuple(calls.items()),
        finish=deltas[-1].finish if deltas else "",
        failure=failure,
    )


FOUND = [
    kept(path, wire) for wire in FORMATS for path in sorted((HERE / wire).rglob("*.*")) if path.is_file()
]
ANSWERS = [each for each in FOUND if each is not None]
STREAMS = [each for each in ANSWERS if each.kind != JSON]
WHOLE = [each for each in ANSWERS if each.kind == JSON]
every_stream = pytest.mark.parametrize("each", STREAMS, ids=lambda each: each.name)


def test_no_format_is_without_a_stream_and_an_answer_in_one_piece() -> None:
    """A new format brings both along; nothing named above has gone."""
    assert {each.format for each in STREAMS} == {each.format for each in WHOLE} == set(FORMATS)
    assert {each.kind for each in STREAMS} == {SSE[0], SSE[1], NDJSON[0], NDJSON[1]}
    assert {each.name for each in ANSWERS} >= NO_ANSWERS.keys()


@pytest.mark.parametrize("each", WHOLE, ids=lambda each: each.name)
def test_an_answer_in_one_piece_is_one_however_it_comes(each: Kept) -> None:
    """As a reply, and as the one frame of a stream that was none."""
    got = read(each.format, Answer(status=200, headers={}, body=each.body))
    assert (got.failure.kind if got.failure else "") == NO_ANSWERS.get(each.name, "")
    assert got.failure or got.finish == "length" or got.text or got.calls
    assert read(each.format, [Frame("json", each.body.decode())]) == got


@every_stream
def test_a_stream_is_the_same_cut_at_every_byte(each: Kept) -> None:
    """Bytes come as they come, half characters included; the frames are what they were."""
    got = read(each.format, played(each))
    assert (got.failure.kind if got.failure else "") == NO_ANSWERS.get(each.name, "")
    assert got.failure or ((got.text or got.calls) and got.finish)
    for size in (1, 7):
        assert before_it_broke(each, size) == before_it_broke(each)


@every_stream
def test_a_stream_cut_at_any_event_is_a_failure_or_the_whole_answer(each: Kept) -> None:
    """What was said until then is the beginning of what is said in the end; half an answer is none."""
    frames, whole = before_it_broke(each), read(each.format, played(each))
    outcomes = [read(each.format, frames[:cut]) for cut in range(len(frames))]
    for got in outcomes:
        assert whole.text.startswith(got.text)
        assert whole.thinking.startswith(got.thinking)
        if got.failure is None:
            assert got == whole
    kinds = [got.failure.kind for got in outcomes if got.failure]
    assert set(kinds) <= {"broken", NO_ANSWERS.get(each.name, "broken")}
    assert kinds
