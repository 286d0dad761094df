"""The format openai reads answers: recorded ones whole, cut and re-chunked, and any junk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import Delta
from llmpool.core.outcome import FAILURE_KINDS, Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Frame
from tests.unit.formats.reading import Reader, text
from tests.unit.formats.recordings import framed, recorded

READER = Reader("openai")
OPENAI = READER.wire
read, failure = READER.read, READER.failure
STREAMS = ["llama/chat-stream", "aimock/chat-stream", "aimock/chat-reasoning-stream"]


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, **more: Any) -> Frame:
    """Make a piece of a stream."""
    choices = [{"index": 0, "delta": delta or {}, "finish_reason": finish}]
    return Frame("", json.dumps({"choices": choices} | more))


def whole(message: dict[str, Any], finish: str = "stop", **more: Any) -> Answer:
    """Make an answer that is not streamed."""
    payload = {"choices": [{"message": message, "finish_reason": finish}]} | more
    return Answer(status=200, headers={}, body=json.dumps(payload).encode())


def test_a_recorded_stream_is_read() -> None:
    """Text as it came, then the finish, the usage and the model that answered."""
    *pieces, last = read(framed(recorded("llama/chat-stream").body))
    assert text(pieces) == " those day now window should number bright what to be or used"
    usage = TokenUsage(input=25, output=12, cache_read=24)
    assert Delta(finish="length", usage=usage, served_model="tiny-chat") == last


def test_thinking_comes_apart_from_the_text() -> None:
    """What the model thinks is not what it says."""
    deltas = read(framed(recorded("aimock/chat-reasoning-stream").body))
    assert "".join(d.thinking for d in deltas) == "Two and two make four."
    assert text(deltas) == "The answer is four."
    assert (deltas[-1].finish, deltas[-1].usage and deltas[-1].usage.output) == ("stop", 5)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_the_same_however_its_bytes_are_cut(name: str) -> None:
    """Chunks of any size carry the same deltas."""
    body = recorded(name).body
    expected = read(framed(body))
    for size in (1, 2, 3, 7, 64, 1000):
        assert expected == read(framed(body, size))


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_anywhere_before_its_finish_is_broken(name: str) -> None:
    """Half an answer is never taken for one; behind the finish only the usage can be missing."""
    frames = framed(recorded(name).body)
    finished = next(i for i, f in enumerate(frames) if '"finish_reason":"' in f.data)
    for cut in range(finished + 1):
        assert failure(frames[:cut]).kind == "broken"
    for cut in range(finished + 1, len(frames)):
        assert text(read(frames)) == text(read(frames[:cut]))


def test_a_stream_cut_inside_an_event_is_not_an_answer() -> None:
    """Every byte of the text part of a stream is needed."""
    body = recorded("aimock/chat-stream").body
    for cut in range(0, body.index(b'"finish_reason":"'), 7):
        assert failure(framed(body[:cut])).kind in {"broken", "wrong_format"}


@pytest.mark.parametrize("name", ["aimock/chat-stream-truncated", "llama/chat-reasoning-stream"])
def test_recorded_breaks_are_breaks(name: str) -> None:
    """A connection that ended early is told as such, after what had come was handed on."""
    shown: list[Delta] = []
    with pytest.raises(UpstreamError):
        shown.extend(OPENAI.read_stream(framed(recorded(name).body)))
    assert shown


def test_tool_calls_are_put_together_from_their_pieces() -> None:
    """Name and id come once, the arguments piece by piece; the recording ends inside the second call."""
    shown: list[Delta] = []
    with pytest.raises(UpstreamError):
        shown.extend(OPENAI.read_stream(framed(recorded("llama/chat-tool-required-stream").body)))
    tools = [tool for delta in shown for tool in delta.tools]
    assert tools[0].name == "get_weather"
    assert {tools[0].id} == {tool.id for tool in tools if tool.position == 0}
    arguments = "".join(tool.arguments for tool in tools if tool.position == 0)
    assert {"city"} == set(json.loads(arguments))


def test_a_delta_leaves_before_the_next_frame_is_read() -> None:
    """Nothing is held back."""
    seen: list[str] = []

    def frames() -> Iterator[Frame]:
        for word in ("a", "b"):
            seen.append(word)
            yield chunk({"content": word})

    deltas = OPENAI.read_stream(frames())
    assert next(deltas).text == "a"
    assert seen == ["a"]


def test_a_break_behind_the_finish_leaves_the_answer_whole() -> None:
    """A server that drops the connection after its last word has said everything."""

    def frames() -> Iterator[Frame]:
        yield chunk({"content": "a"}, "stop")
        raise UpstreamError(Failure(kind="broken", message="dropped"))

    assert list(OPENAI.read_stream(frames()))[-1].finish == "stop"


WORDS = [
    ([chunk({"content": "a"}), Frame("", "[DONE]")], "stop"),
    ([chunk({"content": "a"}, "max_tokens")], "length"),
    ([chunk({"content": "a"}, "MAX_TOKENS")], "length"),
    ([chunk({"content": "a"}, "model_context_window_exceeded")], "length"),
    ([chunk({"content": "a"}, "sensitive")], "content"),
    ([chunk({"content": "a"}, "eos")], "stop"),
    ([chunk({"tool_calls": [{"function": {"name": "f"}}]}), Frame("", "[DONE]")], "tools"),
    ([chunk({"tool_calls": [{"function": {"name": "f"}}]}, "stop")], "tools"),
    ([chunk({"tool_calls": [{"function": {"name": "f"}}]}, "length")], "length"),
    ([chunk({"content": "a"}, "content_filter")], "content"),
    ([chunk({"reasoning": "hm"}, "length")], "length"),
    ([chunk({"refusal": "no"}, "stop")], "stop"),
    ([chunk({"content": [{"type": "text", "text": "a"}, "b", 3]}, "stop")], "stop"),
    ([Frame("", ""), Frame("", '{"choices": null}'), chunk({"content": "a"}, "stop")], "stop"),
    ([Frame("", ' \n{"choices":[{"delta":{"content":"a"},"finish_reason":"stop"}]} \n')], "stop"),
]


@pytest.mark.parametrize(("frames", "finish"), WORDS)
def test_every_dialect_of_a_good_end_is_one(frames: list[Frame], finish: str) -> None:
    """Vendors differ in their words and their shapes, answers do not."""
    assert finish == read(frames)[-1].finish


FAILED = [
    ([], "broken", "broke off"),
    ([chunk({"content": "a"})], "broken", "broke off"),
    ([chunk({}, "stop")], "empty", "is empty"),
    ([Frame("", "[DONE]")], "empty", "is empty"),
    ([chunk({"reasoning_content": "hm"}, "stop")], "empty", "only thinking"),
    ([chunk({}, "content_filter")], "content", "withheld"),
    ([chunk({"content": "a"}, "error")], "server", "error"),
    ([chunk({"content": "a"}, "network_error")], "server", "error"),
    ([chunk({"content": "a"}, "abort")], "server", "gave the answer up"),
    ([chunk({"content": "a"}, "insufficient_system_resource")], "overloaded", "capacity"),
    ([Frame("", "nope")], "wrong_format", "not JSON: nope"),
    ([Frame("", "[" * 5000)], "wrong_format", "not JSON"),
    ([Frame("", "3")], "wrong_format", "not a JSON object"),
    ([Frame("", '{"choices": "x"}')], "wrong_format", "choices"),
    ([Frame("", '{"choices": [1]}')], "wrong_format", "choices"),
    ([Frame("", '{"error": "boom"}')], "server", "boom"),
    ([Frame("", '{"error": {"message": "slow down", "code": 429}}')], "rate_limit", "slow down"),
    ([Frame("", '{"error": {"message": "x", "type": "overloaded_error"}}')], "overloaded", "x"),
    ([Frame("", '{"object": "error", "message": "x", "code": 400}')], "bad_request", "x"),
    ([Frame("error", '{"message": "The model `x` does not exist"}')], "model_not_found", "exist"),
    ([Frame("json", '{"error": "Unexpected endpoint or method."}')], "wrong_format", "endpoint"),
    ([Frame("json", "{malformed")], "wrong_format", "not JSON"),
    ([Frame("json", "{}")], "wrong_format", "choices"),
]


@pytest.mark.parametrize(("frames", "kind", "words"), FAILED)
def test_what_is_no_answer_is_a_failure_of_its_kind(frames: list[Frame], kind: str, words: str) -> None:
    """No broken, empty or foreign answer passes for a good one."""
    said = failure(frames)
    assert kind == said.kind
    assert words in said.message


def test_an_answer_in_one_piece_is_read_from_a_stream_too() -> None:
    """Servers that do not stream answer all the same."""
    body = recorded("llama/chat-length-limit").body.decode()
    deltas = read([Frame("json", body)])
    assert (text(deltas), deltas[-1].finish) == (" those will did", "length")


@pytest.mark.parametrize("name", ["llama/chat", "llama/chat-reasoning", "llama/chat-json-schema"])
def test_whole_answers_are_read(name: str) -> None:
    """A recorded answer in one piece has text, usage and a finish."""
    answer = recorded(name)
    deltas = list(OPENAI.read_reply(answer))
    payload = json.loads(answer.body)
    assert payload["choices"][0]["message"]["content"] == text(deltas)
    assert OPENAI.read_usage(payload) == deltas[-1].usage
    assert deltas[-1].finish


@pytest.mark.parametrize("name", ["llama/chat-tool-required", "aimock/chat-tool"])
def test_whole_tool_calls_are_read(name: str) -> None:
    """A tool call in one piece has its id, its name and its arguments."""
    first, last = OPENAI.read_reply(recorded(name))
    (tool,) = first.tools
    assert ("get_weather", {"city"}) == (tool.name, set(json.loads(tool.arguments)))
    assert tool.id
    assert last.finish == "tools"


def test_a_reply_that_is_not_good_raises_its_failure() -> None:
    """Errors, pages and torn JSON are failures, whatever their status."""
    for answer, kind in [
        (recorded("aimock/chat-429"), "rate_limit"),
        (recorded("aimock/chat-malformed"), "wrong_format"),
        (Answer(status=200, headers={}, body=b"<html>"), "wrong_format"),
        (whole({"content": ""}), "empty"),
    ]:
        with pytest.raises(UpstreamError) as raised:
            list(OPENAI.read_reply(answer))
        assert kind == raised.value.failure.kind


def test_tool_calls_without_numbers_or_ids_are_told_apart() -> None:
    """Some servers number none of their calls, some call every one 0; their names and ids must do."""

    def call(name: str, arguments: object = "", **more: Any) -> dict[str, Any]:
        return {"function": {"name": name, "arguments": arguments}} | more

    def tools(*pieces: dict[str, Any]) -> dict[int, tuple[str, str, str]]:
        made: dict[int, tuple[str, str, str]] = {}
        frames = [chunk({"tool_calls": [piece]}) for piece in pieces] + [chunk({}, "tool_calls")]
        for tool in (tool for delta in read(frames) for tool in delta.tools):
            _, name, arguments = made.get(tool.position, ("", "", ""))
            made[tool.position] = (tool.id, name + tool.name, arguments + tool.arguments)
        return made

    zeros = tools(call("f", "1", index=0, id="a"), call("g", "2", index=0, id="b"), call("", "3", index=0))
    assert zeros == {0: ("a", "f", "1"), 1: ("b", "g", "23")}
    unnumbered = tools(call("f", {"x": 1}), call("g"), call("", "y"))
    assert unnumbered == {0: ("call_0", "f", '{"x": 1}'), 1: ("call_1", "g", "y")}
    nameless = tools(*(call("f", text, index=0) for text in ('{"x":1}', '{"x":2}')))
    assert nameless == {0: ("call_0", "f", '{"x":1}'), 1: ("call_1", "f", '{"x":2}')}
    repeated = tools(*(call("f", text, index=0) for text in ('{"x":', "{}", "}")))
    assert [arguments for _, _, arguments in repeated.values()] == ['{"x":{}}']


def test_halves_of_surrogate_pairs_never_come_out() -> None:
    """What comes out can be written as UTF-8."""
    (delta, _) = read(
        [Frame("", '{"choices":[{"delta":{"content":"a\\ud83d \\ud83c\\udf88"},"finish_reason":"stop"}]}')]
    )
    assert delta.text == "a\ufffd 🎈"


USAGES = [
    ({"prompt_tokens": 3, "completion_tokens": 0}, TokenUsage(input=3, output=0)),
    ({"prompt_tokens": "3", "completion_tokens": True}, TokenUsage()),
    ({"prompt_tokens": -1, "prompt_tokens_details": None}, TokenUsage()),
    ({"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}, TokenUsage(input=9, cache_read=4)),
    (
        {
            "prompt_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 7},
        },
        TokenUsage(input=9, cache_read=5, cache_write=2, reasoning=7),
    ),
]


@pytest.mark.parametrize(("usage", "expected"), USAGES)
def test_usage_is_read_where_it_is_a_count(usage: dict[str, Any], expected: TokenUsage) -> None:
    """Only whole numbers are counts; what is missing stays unknown, never 0."""
    assert expected == OPENAI.read_usage({"usage": usage})
    assert TokenUsage() == OPENAI.read_usage(None)


FIELDS = (
    "choices delta message content reasoning tool_calls function name arguments index id usage error model "
    "finish_reason prompt_tokens prompt_tokens_details type code text object refusal"
)
NAMES = st.sampled_from(FIELDS.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=25,
)


@given(
    st.lists(st.tuples(st.sampled_from(["", "", "error", "json"]), JSON | st.text(max_size=9)), max_size=4)
)
def test_no_junk_raises_anything_but_an_upstream_error(pieces: list[tuple[str, Any]]) -> None:
    """Wrong types in every place are told, never stumbled over; what comes out has the right types."""
    frames = [Frame(event, junk if isinstance(junk, str) else json.dumps(junk)) for event, junk in pieces]
    ended = "cancelled"
    choices = [{"delta": junk, "finish_reason": junk} for _, junk in pieces]
    try:
        for delta in OPENAI.read_stream([*frames, Frame("", json.dumps({"choices": choices}))]):
            assert isinstance(delta.text + delta.thinking + delta.finish + delta.served_model, str)
            assert all(
                isinstance(t.position, int) and isinstance(t.id + t.name + t.arguments, str)
                for t in delta.tools
            )
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS
