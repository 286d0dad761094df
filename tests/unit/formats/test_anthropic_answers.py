"""The format anthropic reads answers in one piece, their tokens, their errors, and whatever junk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.core.chat import ChatRequest, Delta, Message, ToolDelta
from llmpool.core.outcome import FAILURE_KINDS, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Frame, Target
from llmpool.formats import wire_format
from tests.contract.anthropic.recordings import exchange, recorded, usages

ANTHROPIC = wire_format("anthropic")


def whole(*content: Any, **more: Any) -> Answer:
    """Make an answer that is not streamed."""
    payload = {"type": "message", "content": list(content), "stop_reason": "end_turn"} | more
    return answer(payload)


def answer(payload: object, status: int = 200, **headers: str) -> Answer:
    body = json.dumps(payload).encode()
    return Answer(status=status, headers={k.replace("_", "-"): v for k, v in headers.items()}, body=body)


def read(given: Answer) -> list[Delta]:
    return list(ANTHROPIC.read_reply(given))


def text(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def calls(deltas: list[Delta]) -> list[tuple[str, str, str]]:
    """Put the calls of *deltas* together: id, name, arguments."""
    made: dict[int, tuple[str, str, str]] = {}
    for tool in (tool for delta in deltas for tool in delta.tools):
        _, name, arguments = made.get(tool.position, ("", "", ""))
        made[tool.position] = (tool.id, name + tool.name, arguments + tool.arguments)
    return list(made.values())


def test_blocks_of_g7_become_one_answer() -> None:
    """Worked example G7: text, a call with its arguments as JSON text, the finish and the counts."""
    tool = {"type": "tool_use", "id": "tc1", "name": "exec", "input": {"cmd": "ls"}}
    spoken = {"type": "text", "text": "Let me use a tool."}
    usage = {"input_tokens": 100, "output_tokens": 50}
    deltas = read(whole(spoken, tool, stop_reason="tool_use", usage=usage, model="m"))
    assert text(deltas) == "Let me use a tool."
    assert calls(deltas) == [("tc1", "exec", '{"cmd": "ls"}')]
    assert deltas[-1] == Delta(finish="tools", usage=TokenUsage(input=100, output=50), served_model="m")


def test_the_finishes_of_g7() -> None:
    """As G7 has them, but for a refusal: it says `content` where the source took it for a normal end."""
    for reason, finish in [("end_turn", "stop"), ("max_tokens", "length"), ("refusal", "content")]:
        assert read(whole({"type": "text", "text": "a"}, stop_reason=reason))[-1].finish == finish
    deltas = read(whole({"type": "tool_use", "id": "a", "name": "f"}, stop_reason="tool_use"))
    assert calls(deltas) == [("a", "f", "{}")]


RECORDED = [
    ("llama/messages", "length"),
    ("aimock/messages", "stop"),
    ("claude/redacted", "stop"),
    ("claude/opus-4-6-adaptive", "stop"),
    ("claude/opus-4-7-adaptive", "stop"),
    ("claude/schema", "stop"),
    ("claude/stop-sequence", "stop"),
    ("claude/temperature", "stop"),
    ("claude/image-url", "stop"),
    ("claude/parallel-tools", "tools"),
    ("claude/opus-4-6-effort", "tools"),
    ("llama/messages-tool-any", "tools"),
    ("llama/messages-reasoning", "length"),
]


@pytest.mark.parametrize(("name", "finish"), RECORDED)
def test_recorded_answers_are_read_whole(name: str, finish: str) -> None:
    """All that a recorded answer says and calls comes out, in its order, with counts and model."""
    given = recorded(name)
    payload = json.loads(given.body)
    deltas = read(given)
    blocks = payload["content"]
    assert "".join(block.get("text", "") for block in blocks) == text(deltas)
    assert "".join(block.get("thinking", "") for block in blocks) == "".join(d.thinking for d in deltas)
    used = [(b["id"], b["name"], b["input"]) for b in blocks if b["type"] == "tool_use"]
    assert used == [(identity, name, json.loads(arguments)) for identity, name, arguments in calls(deltas)]
    signed = [b for b in blocks if b.get("signature") or b["type"] == "redacted_thinking"]
    assert signed == [kept["block"] for delta in deltas for kept in delta.carry]
    last = deltas[-1]
    assert (last.finish, last.served_model) == (finish, payload["model"])
    assert ANTHROPIC.read_usage(payload) == last.usage


@pytest.mark.parametrize("name", ["claude/thinking-tool", "claude/parallel-tools"])
def test_a_turn_that_was_read_goes_back_as_it_was_recorded(name: str) -> None:
    """What was thought, said and called stands in the next request as another client sent it."""
    deltas = read(recorded(name))
    made = [{"id": identity, "name": name, "arguments": given} for identity, name, given in calls(deltas)]
    carry = tuple(kept for delta in deltas for kept in delta.carry)
    turn = Message(role="assistant", text=text(deltas), tool_calls=tuple(made), carry=carry)
    followed = exchange(f"{name}-result").request
    request = ChatRequest(messages=(turn,))
    call = ANTHROPIC.chat_call(Target(provider="p", url="https://h"), followed["model"], request)
    (sent,) = json.loads(call.body or b"")["messages"]
    assert sent == followed["messages"][1]


def test_content_that_is_plain_text_is_read() -> None:
    """A server that does not know blocks still answers."""
    assert text(read(answer({"content": "hello", "stop_reason": None}))) == "hello"


BAD = [
    (answer({"content": None}), "wrong_format"),
    (answer({"choices": []}), "wrong_format"),
    (answer([]), "wrong_format"),
    (whole(), "empty"),
    (whole(3, None, {"type": "image"}), "empty"),
    (whole({"type": "thinking", "thinking": "hm"}), "empty"),
    (whole(stop_reason="refusal"), "content"),
    (answer({"type": "error", "error": {"type": "overloaded_error", "message": "x"}}), "overloaded"),
    (answer({"error": {"message": "no", "code": "invalid_api_key"}}), "auth"),
    (Answer(status=200, headers={}, body=b"<html>"), "wrong_format"),
    (Answer(status=200, headers={}, body=b'{"content": ['), "wrong_format"),
    (Answer(status=204, headers={}, body=b""), "wrong_format"),
    (recorded("aimock/messages-429"), "rate_limit"),
    (recorded("aimock/messages-without-key"), "auth"),
    (recorded("claude/unknown-model"), "model_not_found"),
    (recorded("claude/effort-refused"), "bad_request"),
]


@pytest.mark.parametrize(("given", "kind"), BAD)
def test_what_is_no_answer_is_a_failure_of_its_kind(given: Answer, kind: str) -> None:
    """Errors, pages, torn JSON and other protocols are failures, whatever their status."""
    with pytest.raises(UpstreamError) as raised:
        read(given)
    assert raised.value.failure.kind == kind


ERRORS = [
    (400, "invalid_request_error", "max_tokens must be positive", "bad_request"),
    (400, "invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum", "context_length"),
    (400, "invalid_request_error", "Your credit balance is too low to access the API", "quota"),
    (401, "authentication_error", "invalid x-api-key", "auth"),
    (402, "billing_error", "pay first", "quota"),
    (403, "permission_error", "not for this key", "auth"),
    (404, "not_found_error", "model: claude-9", "model_not_found"),
    (413, "request_too_large", "Request exceeds the maximum size", "context_length"),
    (429, "rate_limit_error", "rate limited", "rate_limit"),
    (500, "api_error", "Internal server error", "server"),
    (504, "timeout_error", "too late", "timeout"),
    (529, "overloaded_error", "Overloaded", "overloaded"),
]


@pytest.mark.parametrize(("status", "kind_there", "message", "kind"), ERRORS)
def test_every_type_of_error_has_its_kind(status: int, kind_there: str, message: str, kind: str) -> None:
    """Type and status first, words last; G9's 429 keeps its message, `retry-after` its seconds."""
    payload = {"type": "error", "error": {"type": kind_there, "message": message}, "request_id": "r"}
    busy = status in (429, 529)
    told = ANTHROPIC.read_error(answer(payload, status, **({"retry_after": "5"} if busy else {})))
    assert (told.kind, told.message, told.status, told.code) == (kind, message, status, kind_there)
    assert told.retry_after == (5 if busy else None)


CAUSES = [
    (429, "rate_limit_error", "enforced_spend_limit_reached", "quota"),
    (429, "rate_limit_error", "contract_spend_limit_reached", "quota"),
    (429, "rate_limit_error", "ramp_limit_exceeded", "rate_limit"),
    (400, "invalid_request_error", "organization_on_hold", "auth"),
]


@pytest.mark.parametrize(("status", "kind_there", "cause", "kind"), CAUSES)
def test_the_cause_in_the_details_counts_first(status: int, kind_there: str, cause: str, kind: str) -> None:
    """A spent budget is not a rate: waiting would not help."""
    error = {"type": kind_there, "message": "no", "details": {"error_code": cause}}
    assert ANTHROPIC.read_error(answer({"error": error}, status)).kind == kind
    for junk in (3, None, [], {"error_code": [1]}):
        assert (
            ANTHROPIC.read_error(answer({"error": error | {"details": junk}}, status)).kind in FAILURE_KINDS
        )


def test_an_error_that_is_no_json_is_shown() -> None:
    """G9: 502 `Bad Gateway` keeps its words."""
    told = ANTHROPIC.read_error(Answer(status=502, headers={}, body=b"Bad Gateway"))
    assert (told.kind, told.message) == ("server", "Bad Gateway")


NAMES = {
    "input_tokens": "input",
    "output_tokens": "output",
    "cache_read_tokens": "cache_read",
    "cache_write_tokens": "cache_write",
    "cache_write_1h_tokens": "cache_write_1h",
    "output_reasoning_tokens": "reasoning",
}


@pytest.mark.parametrize("row", usages(), ids=lambda row: row["model"])
def test_counts_are_those_genai_prices_reads(row: dict[str, Any]) -> None:
    """Recorded counts of Anthropic come out as that library normalises them: cached tokens inside input."""
    counted = ANTHROPIC.read_usage({"usage": row["usage"]})
    for name, ours in NAMES.items():
        assert (getattr(counted, ours) or 0) == row["expected"].get(name, 0), name


USAGES = [
    ({"input_tokens": 3, "output_tokens": 0}, TokenUsage(input=3, output=0)),
    ({"input_tokens": "3", "output_tokens": True}, TokenUsage()),
    ({"input_tokens": -1, "cache_creation": 3}, TokenUsage()),
    ({"cache_read_input_tokens": 4}, TokenUsage(cache_read=4)),
    (
        {
            "input_tokens": 1,
            "cache_read_input_tokens": 4,
            "cache_creation_input_tokens": 7,
            "cache_creation": {"ephemeral_5m_input_tokens": 5, "ephemeral_1h_input_tokens": 2},
            "output_tokens": 9,
            "output_tokens_details": {"thinking_tokens": 8},
        },
        TokenUsage(input=12, output=9, cache_read=4, cache_write=7, cache_write_1h=2, reasoning=8),
    ),
    (
        {"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 5}},
        TokenUsage(input=6, cache_write=5),
    ),
]


@pytest.mark.parametrize(("usage", "expected"), USAGES)
def test_usage_is_read_where_it_is_a_count(usage: dict[str, Any], expected: TokenUsage) -> None:
    """Only whole numbers are counts; what is missing stays unknown, never 0."""
    assert expected == ANTHROPIC.read_usage({"usage": usage})
    assert expected == ANTHROPIC.read_usage({"type": "message_start", "message": {"usage": usage}})
    assert TokenUsage() == ANTHROPIC.read_usage(None)


WORDS = (
    "type index delta content_block content message usage error details error_code text thinking signature "
    "data partial_json input id name model stop_reason stop_details explanation input_tokens cache_creation"
)
TYPES = (
    "message_start content_block_start content_block_delta content_block_stop message_delta message_stop "
    "ping error text_delta thinking_delta signature_delta input_json_delta text tool_use thinking "
    "redacted_thinking server_tool_use end_turn refusal"
)
FIELDS, KINDS = st.sampled_from(WORDS.split()), st.sampled_from(TYPES.split())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.floats() | KINDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FIELDS, inner, max_size=5),
    max_leaves=25,
)
BLOCKS = st.dictionaries(FIELDS, JSON, max_size=5)
EVENTS = st.fixed_dictionaries(
    {"type": KINDS | JSON},
    optional={"index": JSON, "delta": BLOCKS, "content_block": BLOCKS, "message": BLOCKS, "usage": JSON},
)


def sound(deltas: list[Delta]) -> None:
    """Hold that *deltas* are made of what they say they are."""
    for delta in deltas:
        assert isinstance(delta.text + delta.thinking + delta.finish + delta.served_model, str)
        assert all(isinstance(part, str) for tool in delta.tools for part in tool[1:])
        assert all(isinstance(tool, ToolDelta) and tool.position >= 0 for tool in delta.tools)
        json.dumps(delta.carry)


@settings(max_examples=30)  # twenty milliseconds each
@given(st.lists(st.tuples(st.sampled_from(["", "error", "json", "ping"]), EVENTS | JSON), max_size=6))
def test_no_junk_in_a_stream_raises_anything_but_an_upstream_error(events: list[tuple[str, Any]]) -> None:
    """Wrong types in every place are told, never stumbled over; what comes out has the right types."""
    frames = [Frame(name, json.dumps(payload)) for name, payload in events]
    ended = "cancelled"
    try:
        sound(list(ANTHROPIC.read_stream([*frames, Frame("", '{"type": "message_stop"}')])))
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS


@given(
    JSON | st.fixed_dictionaries({"content": st.lists(BLOCKS | JSON, max_size=4), "usage": JSON}),
    st.booleans(),
)
def test_no_junk_in_an_answer_raises_anything_but_an_upstream_error(payload: Any, good: bool) -> None:
    """Whatever JSON an answer is, its errors and its counts are read."""
    given = answer(payload, 200 if good else 400)
    ended = "cancelled"
    try:
        sound(read(given))
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS
    assert ANTHROPIC.read_error(given).kind in FAILURE_KINDS
    assert isinstance(ANTHROPIC.read_usage(payload), TokenUsage)
