"""The format anthropic reads streams: recorded ones whole, cut and re-chunked, and what is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Frame
from llmpool.net.frames import SseFrames
from tests.contract.anthropic.recordings import recorded
from tests.unit.formats.reading import Reader, text
from tests.unit.formats.recordings import framed

READER = Reader("anthropic")
ANTHROPIC = READER.wire
read, failure = READER.read, READER.failure
STREAMS = [
    "claude/text-stream",
    "claude/thinking-stream",
    "claude/redacted-stream",
    "claude/unasked-thinking-stream",
    "claude/tool-search-stream",
    "llama/messages-stream",
    "llama/messages-reasoning-stream",
    "llama/messages-tool-any-stream",
    "aimock/messages-stream",
]


def thinking(deltas: list[Delta]) -> str:
    return "".join(delta.thinking for delta in deltas)


def tools(deltas: list[Delta]) -> list[ToolDelta]:
    return [tool for delta in deltas for tool in delta.tools]


def event(kind: str, **fields: Any) -> Frame:
    """Make an event that says its type in its data alone."""
    return Frame("", json.dumps({"type": kind} | fields))


def start(index: int, kind: str, **fields: Any) -> Frame:
    return event("content_block_start", index=index, content_block={"type": kind} | fields)


def piece(index: int, kind: str, **fields: Any) -> Frame:
    return event("content_block_delta", index=index, delta={"type": kind} | fields)


def stop(index: int) -> Frame:
    return event("content_block_stop", index=index)


def said(words: str) -> list[Frame]:
    return [start(0, "text", text=""), piece(0, "text_delta", text=words), stop(0)]


def ended(reason: str | None = "end_turn", **usage: Any) -> list[Frame]:
    return [event("message_delta", delta={"stop_reason": reason}, usage=usage), event("message_stop")]


def test_a_recorded_stream_is_read() -> None:
    """Text, finish, usage and the model that answered."""
    usage = TokenUsage(input=20, output=5, cache_read=0, cache_write=0, cache_write_1h=0)
    last = Delta(finish="stop", usage=usage, served_model="claude-sonnet-4-5-20250929")
    assert read(framed(recorded("claude/text-stream").body)) == [Delta(text="2"), last]


def test_recorded_thinking_is_shown_apart_and_carried_whole() -> None:
    """What comes back with the next turn is the block as the server would have sent it in one piece."""
    deltas = read(framed(recorded("claude/thinking-stream").body))
    assert text(deltas).startswith("Here are the basic steps for")
    (kept,) = [kept for delta in deltas for kept in delta.carry]
    assert set(kept) == {"format", "model", "text", "calls", "block"}
    assert (kept["format"], kept["model"]) == ("anthropic", "claude-sonnet-4-20250514")
    assert (kept["text"], kept["calls"]) == (0, 0)
    assert kept["block"]["type"] == "thinking"
    assert kept["block"]["thinking"] == thinking(deltas) != ""
    assert len(kept["block"]["signature"]) > 100
    last = max(i for i, delta in enumerate(deltas) if delta.thinking)
    assert [bool(delta.carry) for delta in deltas[last : last + 2]] == [False, True]


def test_thinking_nobody_may_read_is_carried_too() -> None:
    """Redacted blocks have nothing to show, yet belong to the turn."""
    deltas = read(framed(recorded("claude/redacted-stream").body))
    kept = [kept["block"] for delta in deltas for kept in delta.carry]
    assert [block["type"] for block in kept] == ["redacted_thinking"] * 2
    assert all(set(block) == {"type", "data"} and block["data"] for block in kept)
    assert (thinking(deltas), text(deltas)[:25]) == ("", "I notice that you've sent")


def test_unasked_thinking_and_server_tools_pass_by() -> None:
    """Sonnet 5 thinks without showing it; what the server does by itself is no tool call of ours."""
    deltas = read(framed(recorded("claude/unasked-thinking-stream").body))
    assert (thinking(deltas), tools(deltas)) == ("", [])
    assert [kept["block"]["thinking"] for delta in deltas for kept in delta.carry] == [""]
    usage = deltas[-1].usage or TokenUsage()
    assert (usage.input, usage.output, usage.reasoning) == (2411, 145, 47)


def test_a_call_is_counted_among_calls_only() -> None:
    """Text, server tools and their results take no place among the calls."""
    deltas = read(framed(recorded("claude/tool-search-stream").body))
    calls = tools(deltas)
    assert {tool.position for tool in calls} == {0}
    assert [tool.name for tool in calls if tool.name] == ["get_exchange_rate"]
    assert json.loads("".join(tool.arguments for tool in calls)) == {
        "from_currency": "USD",
        "to_currency": "EUR",
    }
    assert deltas[-1].finish == "tools"
    assert text(deltas).endswith("USD to EUR exchange rate for you.")


def test_llama_cpp_ends_its_blocks_only_at_the_end() -> None:
    """Two calls side by side, and thinking whose signature is empty: there is nothing to send back."""
    calls = tools(read(framed(recorded("llama/messages-tool-any-stream").body)))
    for position in (0, 1):
        own = [tool for tool in calls if tool.position == position]
        assert (own[0].name, len({tool.id for tool in own})) == ("get_weather", 1)
        assert set(json.loads("".join(tool.arguments for tool in own))) == {"city"}
    deltas = read(framed(recorded("llama/messages-reasoning-stream").body))
    assert thinking(deltas) == " same never up in garden their been"
    assert not any(delta.carry for delta in deltas)
    assert (deltas[-1].finish, deltas[-1].usage and deltas[-1].usage.input) == ("length", 27)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_the_same_however_its_bytes_are_cut(name: str) -> None:
    """Chunks of any size carry the same deltas, down to one byte each."""
    body = recorded(name).body
    expected = read(framed(body))
    for size in (1, 2, 3, 7, 64, 1000):
        assert expected == read(framed(body, size))


def test_a_cut_at_any_single_byte_changes_nothing() -> None:
    """Two chunks, cut at every place there is; without the second, it is no answer before the finish."""
    body = recorded("claude/text-stream").body
    expected = read(framed(body))
    for cut in range(len(body)):
        parser = SseFrames()
        assert expected == read([*parser.feed(body[:cut]), *parser.feed(body[cut:]), *parser.end()])
    for cut in range(body.index(b'"message_delta"')):
        assert failure(framed(body[:cut])).kind in {"broken", "wrong_format"}


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_anywhere_before_its_finish_is_broken(name: str) -> None:
    """Half an answer is never taken for one; behind the finish nothing is missing."""
    frames = framed(recorded(name).body)
    finished = next(i for i, f in enumerate(frames) if '"message_delta"' in f.data)
    for cut in range(finished + 1):
        assert failure(frames[:cut]).kind == "broken"
    for cut in range(finished + 1, len(frames)):
        assert read(frames) == read(frames[:cut])


def test_events_of_g8_become_the_deltas_of_g8() -> None:
    """Worked example G8; the empty text shows nothing, a piece of an unknown block neither."""
    frames = [
        event("message_start", message={"usage": {"input_tokens": 42}}),
        start(0, "text", text=""),
        piece(0, "text_delta", text="Let me "),
        piece(0, "text_delta", text=""),
        event("ping"),
        start(1, "tool_use", id="tc1", name="exec", input={}),
        piece(1, "input_json_delta", partial_json='{"cmd":'),
        piece(1, "input_json_delta", partial_json='"ls"}'),
        piece(99, "input_json_delta", partial_json="x"),
        event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 55}),
        event("message_stop"),
        piece(0, "text_delta", text="after the end"),
    ]
    assert read(frames) == [
        Delta(text="Let me "),
        Delta(tools=(ToolDelta(0, "tc1", "exec", ""),)),
        Delta(tools=(ToolDelta(0, "tc1", "", '{"cmd":'),)),
        Delta(tools=(ToolDelta(0, "tc1", "", '"ls"}'),)),
        Delta(finish="tools", usage=TokenUsage(input=42, output=55)),
    ]


def test_an_error_in_a_stream_is_told_with_its_type() -> None:
    """G8: an overload after the first piece, in the server's words."""
    error = event("error", error={"type": "overloaded_error", "message": "Overloaded"})
    shown: list[Delta] = []
    with pytest.raises(UpstreamError) as raised:
        shown.extend(ANTHROPIC.read_stream([*said("Let me ")[:2], error]))
    assert text(shown) == "Let me "
    assert raised.value.failure.kind == "overloaded"
    assert raised.value.failure.message == "overloaded_error: Overloaded"


def test_events_are_told_by_their_name_where_their_data_is_silent() -> None:
    """The JSON's own type counts first."""
    frames = [
        Frame("content_block_delta", '{"index":0,"delta":{"type":"text_delta","text":"a"}}'),
        Frame("ping", '{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"b"}}'),
        Frame("message_delta", '{"delta":{"stop_reason":"end_turn"}}'),
    ]
    assert text(read(frames)) == "ab"


def test_a_delta_leaves_before_the_next_frame_is_read() -> None:
    """Nothing is held back."""
    seen: list[str] = []

    def frames() -> Iterator[Frame]:
        for word in ("a", "b"):
            seen.append(word)
            yield piece(0, "text_delta", text=word)

    assert next(ANTHROPIC.read_stream(frames())).text == "a"
    assert seen == ["a"]


@pytest.mark.parametrize("kind", ["broken", "timeout"])
def test_a_break_behind_the_finish_leaves_the_answer_whole(kind: str) -> None:
    """A server that drops the connection after its last word has said everything."""

    def frames() -> Iterator[Frame]:
        yield from [*said("a"), *ended(output_tokens=1)[:1]]
        raise UpstreamError(Failure(kind=kind, message="dropped"))

    assert list(ANTHROPIC.read_stream(frames()))[-1] == Delta(finish="stop", usage=TokenUsage(output=1))


def test_arguments_that_never_came_in_pieces_come_at_the_end_of_their_block() -> None:
    """A call without arguments has an empty object; some servers send them all at the start."""
    made = read([start(0, "tool_use", name="f"), stop(0), *ended("tool_use")])
    assert tools(made) == [ToolDelta(0, "call_0", "f", ""), ToolDelta(0, "call_0", "", "{}")]
    made = read([start(0, "tool_use", id="a", name="f", input={"x": "é"}), *ended("tool_use")])
    assert "".join(tool.arguments for tool in tools(made)) == '{"x": "é"}'


def test_the_place_of_thinking_among_text_and_calls_is_kept() -> None:
    """Blocks that come between others go back between them."""

    def thought(index: int) -> list[Frame]:
        signature = piece(index, "signature_delta", signature="s")
        return [start(index, "thinking"), piece(index, "thinking_delta", text="hm"), signature, stop(index)]

    frames = [*thought(0), start(1, "text", text="ab"), *thought(2), start(3, "tool_use", id="a", name="f")]
    deltas = read([*frames, stop(3), *thought(4), *ended("tool_use")])
    assert [(k["text"], k["calls"]) for d in deltas for k in d.carry] == [(0, 0), (2, 0), (2, 1)]
    assert thinking(deltas) == "hmhmhm"


FINISHES = [
    ("end_turn", "stop"),
    ("stop_sequence", "stop"),
    ("pause_turn", "stop"),
    ("max_tokens", "length"),
    ("model_context_window_exceeded", "length"),
    ("tool_use", "tools"),
    ("refusal", "content"),
    ("something_new", "stop"),
    (None, "stop"),
]


@pytest.mark.parametrize(("reason", "finish"), FINISHES)
def test_every_reason_to_stop_is_one_of_ours(reason: str | None, finish: str) -> None:
    """With text a refusal is an answer that ended so; an end mark without a reason is an end too."""
    assert read([*said("a"), *ended(reason)])[-1].finish == finish
    if reason is None:
        assert read([start(0, "tool_use", name="f"), *ended(None)])[-1].finish == "tools"


def test_counts_grow_and_a_nought_never_replaces_one() -> None:
    """The last count of a stream holds; servers that repeat known counts as 0 do not erase them."""
    usage = {"input_tokens": 42, "cache_read_input_tokens": 7, "output_tokens": 1}
    begun = event("message_start", message={"usage": usage})
    made = read([begun, *said("a"), *ended(input_tokens=0, output_tokens=9, cache_read_input_tokens=None)])
    assert made[-1].usage == TokenUsage(input=49, output=9, cache_read=7)


WITHHELD = {"stop_reason": "refusal", "stop_details": {"type": "refusal", "explanation": "too\x1b[31m risky"}}
THOUGHT = [start(0, "thinking", thinking=""), piece(0, "thinking_delta", thinking="hm"), stop(0)]
FAILED = [
    ([], "broken", "broke off"),
    (said("a"), "broken", "broke off"),
    (ended(), "empty", "is empty"),
    ([*THOUGHT, *ended()], "empty", "only thinking"),
    (ended("refusal"), "content", "withheld"),
    ([event("message_delta", delta=WITHHELD)], "content", "what it says: too [31m risky"),
    ([Frame("", "nope")], "wrong_format", "not JSON: nope"),
    ([*said("a"), Frame("ping", "{torn")], "wrong_format", "not JSON"),
    ([Frame("", "3")], "wrong_format", "not a JSON object"),
    ([Frame("error", "upstream timed out")], "timeout", "upstream timed out"),
    ([Frame("error", '{"error": {"type": "rate_limit_error", "message": "slow"}}')], "rate_limit", "slow"),
    ([event("error", error={"type": "invalid_request_error", "message": "x"})], "bad_request", "x"),
    (
        [event("error", error={"type": "not_found_error", "message": "model: x"})],
        "model_not_found",
        "model: x",
    ),
    ([event("error", error={"type": "permission_error", "message": "x"})], "auth", "permission_error: x"),
    ([event("error", error={"type": "api_error", "message": "Internal"})], "server", "api_error: Internal"),
    ([event("error", error={"type": "timeout_error", "message": ""})], "timeout", '"timeout_error"'),
    ([event("error")], "server", '{"type": "error"}'),
    ([Frame("json", "{malformed")], "wrong_format", "not JSON"),
    ([Frame("json", "{}")], "wrong_format", "content"),
    ([Frame("json", '{"error": "no such model"}')], "model_not_found", "no such model"),
]


@pytest.mark.parametrize(("frames", "kind", "words"), FAILED)
def test_what_is_no_answer_is_a_failure_of_its_kind(frames: list[Frame], kind: str, words: str) -> None:
    """No broken, empty or foreign answer passes for a good one."""
    told = failure(frames)
    assert told.kind == kind
    assert words in told.message


def test_thinking_that_used_up_the_limit_is_an_answer() -> None:
    """Cut by its length it is all there is; so is what the model thought without showing it."""
    assert read([*THOUGHT, *ended("max_tokens")])[-1].finish == "length"
    hidden = start(0, "thinking", thinking="", signature="")
    assert read([hidden, stop(0), *ended("max_tokens")])[-1].finish == "length"


def test_a_gateway_that_ends_as_openai_does_is_understood() -> None:
    """`[DONE]` and empty data mean nothing here."""
    frames = [*said("a"), Frame("", ""), *ended()[:1], Frame("", "[DONE]")]
    assert read(frames)[-1].finish == "stop"
