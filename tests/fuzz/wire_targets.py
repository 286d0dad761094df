"""What servers answer: listings, answers, streams and errors of every wire format, and how frames are cut."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from functools import cache, partial
from itertools import islice
from typing import Any

from llmpool.core.chat import Delta
from llmpool.core.inventory import ProviderInventory
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Frame
from llmpool.core.wire import Target as Place
from llmpool.formats import FORMATS, wire_format, written_calls
from llmpool.formats.base import Listing
from llmpool.formats.litellm_listing import litellm_listing
from llmpool.net.frames import LineFrames, SseFrames, is_half
from llmpool.router import cooldown
from llmpool.state import health, inventory
from tests.fuzz import bytewise, kept_answers
from tests.fuzz.promise import Target, fit, kept, refused_or_read, sound, sound_failure
from tests.unit.formats.test_listing_litellm import LINES

NOW = 1_800_000_000.0
MOST_CALLS = 1100
PLACE = Place(provider="p", url="http://127.0.0.1:9/v1", key="k", project="proj")


CALLED = ("fetch", "fetch_all", "f")
CALLS = [
    b'{"name": "fetch", "arguments": {"url": "https://x", "deep": {"a": [1, "}"]}}}',
    b'I will.\n<tool_call>\n{"name": "f", "arguments": "{\\"a\\": 1}"}\n</tool_call>',
    b'fetch_all {"a": 1}\nf{"b": "\\u00e9"}',
    b'```json\n[{"type": "function", "id": "1", "function": {"name": "f", "parameters": {}}}]\n```',
    b"[TOOL_CALLS] fetch{}",
]


def driven(flow: Generator[Call, Answer, Any], answers: Iterable[Answer]) -> Any:
    """Carry a flow through with these answers, the last for all that is asked beyond them."""
    given = list(answers)
    try:
        call = next(flow)
        for number in range(MOST_CALLS):
            assert isinstance(call, Call)
            call = flow.send(given[min(number, len(given) - 1)])
    except StopIteration as ended:
        return ended.value
    raise AssertionError(f"more than {MOST_CALLS} calls")


def answer(body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    """Make an answer."""
    return Answer(status=status, headers=headers or {}, body=body)


def sound_listing(found: Listing) -> None:
    """Hold that a listing is kept in the inventory and comes back as it was."""
    for model in found.models:
        sound(model)
    fit(found.base)
    entry = ProviderInventory(
        provider="p", attempted_at="2026-11-21T03:44:00Z", models=found.models, skipped=found.skipped
    )
    data = inventory._written({"p": entry})
    again = inventory._inventory(json.loads(kept(data))).providers["p"]
    assert [each.name for each in again.models] == [each.name for each in found.models]
    for model, other in zip(found.models, again.models, strict=True):
        changed = {n for n, v in model.as_dict().items() if v != getattr(other, n)}
        assert changed <= {"size", "context_window", "max_context", "loaded_context", "max_output"}, changed


def sound_deltas(deltas: Iterable[Delta]) -> None:
    """Hold that an answer is made of what a terminal, a session and a usage record can take."""
    for delta in deltas:
        for text in (delta.text, delta.thinking, delta.served_model):
            assert isinstance(text, str)
            text.encode()
        for tool in delta.tools:
            assert isinstance(tool.position, int), tool
            for text in (tool.id, tool.name, tool.arguments):
                assert isinstance(text, str), tool
                text.encode()
        assert delta.finish in ("", "stop", "length", "tools", "content"), delta.finish
        if delta.usage is not None:
            sound_usage(delta.usage)
        if delta.failure is not None:
            sound_failure(delta.failure)
        kept(list(delta.carry))


def sound_usage(usage: TokenUsage) -> None:
    """Hold that token counts are counts."""
    for name, value in usage.as_dict().items():
        if name != "estimated":
            assert value is None or (type(value) is int and 0 <= value < 1 << 63), (name, value)


def sound_cooling(failure: Failure) -> None:
    """Hold that the rest a failure leads to can be kept and read back."""
    rests = health.Health(None)
    rests.cool("provider:p", lambda old: cooldown.cool_provider(old, failure, NOW))
    rests.cool("deployment:p/m", lambda old: cooldown.cool_deployment(old, failure, NOW))
    rests.cool("key:p/a", lambda old: cooldown.cool_key(old, failure, NOW))
    assert health.Health(json.loads(kept(rests.as_data()))).cooldowns == rests.cooldowns


def read_listing(wire: str, body: bytes) -> None:
    """Read a listing; what may be asked for beside it is answered alike, or not at all."""
    for others in (answer(body), answer(b"{}", 404)):
        with refused_or_read():
            sound_listing(driven(wire_format(wire).list_models(PLACE), [answer(body), others]))


def read_litellm(body: bytes) -> None:
    """Read what a LiteLLM proxy tells of itself."""
    with refused_or_read():
        sound_listing(driven(litellm_listing(PLACE), [answer(body)]))


def read_calls(content: bytes) -> None:
    """Look for calls that a model wrote as text: the same in any pieces, and what is none of them is kept."""
    text = content.decode("utf-8", "replace")
    calls, rest = _calls(text, len(text) or 1)
    for call in calls:
        assert call.name in CALLED, call
        assert isinstance(json.loads(call.arguments), dict), call
        call.arguments.encode()
    assert calls or rest == text
    assert _calls(text, 1 + len(content) % 13) == (calls, rest)


def _calls(text: str, size: int) -> tuple[list[written_calls.WrittenCall], str]:
    watch = written_calls.Watch(CALLED)
    said = "".join(watch.feed(text[at : at + size]) for at in range(0, len(text), size))
    calls, rest = watch.end()
    return calls, said + rest


def read_reply(wire: str, body: bytes) -> None:
    """Read an answer in one piece."""
    with refused_or_read():
        sound_deltas(wire_format(wire).read_reply(answer(body)))


def read_usage(wire: str, body: bytes) -> None:
    """Read the counts alone."""
    from llmpool.formats.base import parse_body

    with refused_or_read():
        sound_usage(wire_format(wire).read_usage(parse_body(answer(body))))


def read_error(wire: str, body: bytes) -> None:
    """Read an error under every status that is told apart."""
    fmt = wire_format(wire)
    for status in (400, 401, 402, 403, 404, 408, 413, 429, 500, 503, 529, 200, 302, 999):
        failure = fmt.read_error(answer(body, status))
        sound_failure(failure)
        sound_cooling(failure)
        if len(body) > 4000:
            return


def frames_of(kind: type[SseFrames] | type[LineFrames], body: bytes, size: int) -> Iterable[Frame]:
    """Cut a body into frames, fed in chunks of *size* bytes."""
    parser = kind()
    for start in range(0, len(body), size):
        yield from parser.feed(body[start : start + size])
    for frame in parser.end():
        if is_half(frame):
            raise UpstreamError(Failure(kind="broken", message="half an event"))
        yield frame


def framing(wire: str) -> type[SseFrames] | type[LineFrames]:
    """Say how the streams of a format are cut."""
    return LineFrames if wire == "ollama" else SseFrames


def read_stream(wire: str, body: bytes) -> None:
    """Read a stream whole and in pieces: what it says does not hang on where it was cut."""
    kind = framing(wire)
    said = []
    for size in (len(body) or 1, 1 + len(body) % 13):
        text: list[str] = []
        with refused_or_read():
            deltas = wire_format(wire).read_stream(frames_of(kind, body, size))
            for delta in deltas:
                sound_deltas([delta])
                text += delta.text, delta.thinking
        said.append("".join(text))
    assert said[0] == said[1], said


def cut_alike(kind: type[SseFrames] | type[LineFrames], body: bytes) -> None:
    """Cut the same bytes in pieces of several sizes: the frames are the same."""
    found = []
    for size in (len(body) or 1, 1, 2, 7, 64):
        with refused_or_read():
            found.append([tuple(frame) for frame in _all(kind, body, size)])
    assert all(each == found[0] for each in found), body


def _all(kind: type[SseFrames] | type[LineFrames], body: bytes, size: int) -> list[Frame]:
    parser = kind()
    fed = [frame for at in range(0, len(body), size) for frame in parser.feed(body[at : at + size])]
    return [*fed, *parser.end()]


@cache
def listings(wire: str) -> list[bytes]:
    """Return what a listing is mutated from: every document of the format."""
    return kept_answers.documents(wire)


@cache
def errors(wire: str) -> list[bytes]:
    """Return the bodies of errors, those of all formats: gateways pass on what they got."""
    mine = [body for _, body in kept_answers.refusals(wire)]
    return mine + [body for other in FORMATS for _, body in islice(kept_answers.refusals(other), 6)]


_lines = bytewise.json_lines


def _targets() -> Iterable[Target]:
    for wire in FORMATS:
        streamed = _lines if framing(wire) is LineFrames else bytewise.events
        answers = partial(kept_answers.documents, wire)
        yield Target(f"{wire}-listing", answers, bytewise.json_document, partial(read_listing, wire))
        yield Target(f"{wire}-reply", answers, bytewise.json_document, partial(read_reply, wire))
        yield Target(f"{wire}-usage", answers, bytewise.json_document, partial(read_usage, wire))
        yield Target(
            f"{wire}-error", partial(errors, wire), bytewise.json_document, partial(read_error, wire)
        )
        yield Target(
            f"{wire}-stream", partial(kept_answers.streams, wire), streamed, partial(read_stream, wire)
        )
    info = [json.dumps(LINES).encode(), json.dumps({"data": {"gpt": LINES["data"][0]}}).encode()]
    yield Target("litellm-listing", lambda: info, bytewise.json_document, read_litellm)
    yield Target("parse-calls", lambda: CALLS, bytewise.mutated, read_calls)
    sse = partial(kept_answers.short_streams, "anthropic")
    yield Target("frames-sse", sse, bytewise.text_lines, partial(cut_alike, SseFrames))
    yield Target(
        "frames-ndjson",
        partial(kept_answers.short_streams, "ollama"),
        bytewise.text_lines,
        partial(cut_alike, LineFrames),
    )


TARGETS = list(_targets())
