"""The format google reads answers: recorded ones whole, cut and re-chunked, and any junk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import FAILURE_KINDS, Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Frame
from tests.unit.formats.google_cases import JSON, answer, documented, frame, piece, recorded
from tests.unit.formats.reading import Reader, text
from tests.unit.formats.recordings import framed

READER = Reader("google")
GOOGLE = READER.wire
read, failure = READER.read, READER.failure
STREAMS = [
    "pydantic-ai/stream",
    "pydantic-ai/stream-thinking",
    "pydantic-ai/stream-tool-call",
    "pydantic-ai/stream-tool-answer",
    "vercel-ai/stream-signed-text",
    "aimock/chat-stream",
]
WHOLE = ["json-schema", "thinking-off", "stop"]


def test_a_recorded_stream_is_read() -> None:
    """Text as it came; the last usage, thoughts inside the output, and the model that answered."""
    deltas = read(framed(recorded("pydantic-ai/stream").body))
    assert text(deltas) == "\n".join(str(number) for number in range(1, 31))
    usage = TokenUsage(input=18, output=115, reasoning=35)
    assert deltas[-1] == Delta(finish="stop", usage=usage, served_model="gemini-2.5-flash")


def test_thinking_comes_apart_from_the_text() -> None:
    """Thought summaries are thinking, piece by piece; the text behind them is the answer."""
    deltas = read(framed(recorded("pydantic-ai/stream-thinking").body))
    assert [delta.thinking[:20] for delta in deltas[:2]] == ["**Defining the Goal*", "**Refining the Steps"]
    assert text(deltas).startswith("Here is a step-by-step guide")
    assert "Defining" not in text(deltas)
    assert deltas[-1].usage == TokenUsage(input=34, output=387 + 759, reasoning=759)


def test_a_recorded_tool_call_is_read_with_its_signature() -> None:
    """The call comes whole, under an id of ours, and its sealed part goes along to come back."""
    call, last = read(framed(recorded("pydantic-ai/stream-tool-call").body))
    assert call.tools == (ToolDelta(0, "call_0", "get_country", "{}"),)
    (entry,) = call.carry
    assert (entry["format"], entry["call"]) == ("google", 0)
    assert entry["part"]["functionCall"] == {"name": "get_country", "args": {}}
    assert entry["part"]["thoughtSignature"].startswith("Et8ECtwEAXLI2nyCB1jK")
    assert last.finish == "tools"


def test_a_signature_on_empty_text_is_kept() -> None:
    """Gemini 3 signs an answer with an empty part at its end; it shows nothing and is not lost."""
    first, signed, last = read(framed(recorded("vercel-ai/stream-signed-text").body))
    assert (first.text, signed.text, last.finish) == ("4", "", "stop")
    (entry,) = signed.carry
    assert (entry["part"]["text"], entry["at"]) == ("", 1)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_the_same_however_its_bytes_are_cut(name: str) -> None:
    """Chunks of every size, and so a first one that ends at every byte, carry the same deltas."""
    body = recorded(name).body
    whole = framed(body)
    expected = read(whole)
    for size in range(1, len(body)):
        frames = framed(body, size)
        assert frames == whole
    assert expected == read(framed(body, 1))


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_before_its_finish_is_broken(name: str) -> None:
    """Half an answer is never taken for one: the piece with the finish reason is the end mark."""
    frames = framed(recorded(name).body)
    finished = next(i for i, f in enumerate(frames) if '"finishReason"' in f.data)
    for cut in range(finished + 1):
        assert failure(frames[:cut]).kind == "broken"
    assert read(frames[: finished + 1])[-1].finish in {"stop", "tools"}


def test_a_stream_cut_inside_an_event_is_not_an_answer() -> None:
    """Every byte up to the finish is needed."""
    body = recorded("pydantic-ai/stream").body
    for cut in range(body.index(b'"finishReason"')):
        assert failure(framed(body[:cut])).kind in {"broken", "wrong_format"}


def test_a_break_behind_the_finish_leaves_the_answer_whole() -> None:
    """A server that drops the connection after its last word has said everything."""

    def frames() -> Any:
        yield frame(piece({"text": "a"}, finish="STOP"))
        raise UpstreamError(Failure(kind="broken", message="dropped"))

    assert list(GOOGLE.read_stream(frames()))[-1].finish == "stop"


def test_a_delta_leaves_before_the_next_frame_is_read() -> None:
    """Nothing is held back."""
    seen: list[str] = []

    def frames() -> Any:
        for word in ("a", "b"):
            seen.append(word)
            yield frame(piece({"text": word}))

    assert next(GOOGLE.read_stream(frames())).text == "a"
    assert seen == ["a"]


CALL = {"functionCall": {"name": "f", "args": {"x": "ü"}, "id": "z1"}}
GOOD = [
    ([piece({"text": "a"}, finish="STOP")], "stop"),
    ([piece({"text": "a"}, finish="MAX_TOKENS")], "length"),
    ([piece({"text": "a"}, finish="CONTINUATION")], "length"),
    ([piece({"text": "a"}, finish="RECITATION")], "content"),
    ([piece({"text": "a"}, finish="OTHER")], "stop"),
    ([piece({"text": "a"}, finish="A_WORD_TO_COME")], "stop"),
    ([piece(CALL, finish="STOP")], "tools"),
    ([piece(CALL), piece({"text": ""}, finish="STOP")], "tools"),
    ([piece({"text": "a"}, finish="FINISH_REASON_UNSPECIFIED"), piece(finish="STOP")], "stop"),
    ([piece({"text": "a"}, finish="STOP"), {"usageMetadata": {"promptTokenCount": 1}}], "stop"),
    ([piece({"text": "hm", "thought": True}, finish="MAX_TOKENS")], "length"),
    ([[piece({"text": "a"}), piece({"text": "b"}, finish="STOP")]], "stop"),
    ([piece({"executableCode": {"code": "1"}}, {"text": "a"}, {}, finish="STOP"), {}], "stop"),
]


@pytest.mark.parametrize(("pieces", "finish"), GOOD)
def test_every_good_end_is_one(pieces: list[Any], finish: str) -> None:
    """Finish reasons become ours; a reason nobody knows yet ends an answer with text as any other."""
    frames = [frame(some) for some in pieces]
    assert read([*frames, Frame("", ""), Frame("", "[DONE]")])[-1].finish == finish


def test_calls_keep_their_ids_and_the_order_they_came_in() -> None:
    """A server's id counts; a call without one is numbered, a call without a name is none."""
    nameless: dict[str, Any] = {"functionCall": {"args": {}}}
    second = {"functionCall": {"name": "g"}}
    (delta, _) = read([frame(piece(CALL, nameless, second, finish="STOP"))])
    assert delta.tools == (ToolDelta(0, "z1", "f", '{"x": "ü"}'), ToolDelta(1, "call_1", "g", "{}"))


FAILED = [
    ([], "broken", "broke off"),
    ([piece({"text": "a"})], "broken", "broke off"),
    ([piece(finish="STOP")], "empty", "the answer is empty"),
    ([piece(finish="NO_IMAGE")], "empty", "empty (NO_IMAGE)"),
    ([piece({"text": "hm", "thought": True}, finish="STOP")], "empty", "only thinking"),
    ([piece({"inlineData": {"data": "AA"}}, finish="STOP")], "empty", "only `inlineData`"),
    ([piece(finish="SAFETY")], "content", "for what it says (SAFETY)"),
    ([piece(finish="IMAGE_PROHIBITED_CONTENT")], "content", "(IMAGE_PROHIBITED_CONTENT)"),
    ([{"promptFeedback": {"blockReason": "OTHER"}}], "content", "refused the prompt (OTHER)"),
    ([piece({"text": "a"}, finish="MALFORMED_FUNCTION_CALL")], "server", "cannot be read (MALFORMED"),
    ([piece(finish="UNEXPECTED_TOOL_CALL")], "server", "not given (UNEXPECTED_TOOL_CALL)"),
    ([piece(finish="TOO_MANY_TOOL_CALLS")], "server", "without end"),
    ([piece(finish="MISSING_THOUGHT_SIGNATURE")], "bad_request", "thought signature"),
    ([piece({"functionCall": {"name": "f", "willContinue": True}})], "wrong_format", "in pieces"),
    ([{"error": {"code": 503, "message": "x", "status": "UNAVAILABLE"}}], "overloaded", "x"),
    ([[{"error": {"code": 500, "message": "boom", "status": "INTERNAL"}}]], "server", "boom"),
    ([3], "wrong_format", "not a JSON object"),
    ([{"candidates": "x"}], "wrong_format", "candidates"),
    ([{"candidates": [1]}], "wrong_format", "candidates"),
]


@pytest.mark.parametrize(("pieces", "kind", "words"), FAILED)
def test_what_is_no_answer_is_a_failure_of_its_kind(pieces: list[Any], kind: str, words: str) -> None:
    """No broken, empty, withheld or foreign answer passes for a good one."""
    said = failure([frame(some) for some in pieces])
    assert kind == said.kind
    assert words in said.message


def test_what_the_server_says_of_a_failed_finish_is_told_on_one_line() -> None:
    """A finish message goes along, cleaned of what a terminal must not see."""
    chunk = piece(finish="MALFORMED_FUNCTION_CALL")
    chunk["candidates"][0]["finishMessage"] = "Malformed\x1b[2J call:\nprint(1)"
    assert failure([frame(chunk)]).message.endswith("(MALFORMED_FUNCTION_CALL): Malformed [2J call: print(1)")


def test_a_recorded_refusal_of_the_prompt_is_a_failure() -> None:
    """A blocked prompt has no candidates at all."""
    said = failure(framed(recorded("vercel-ai/stream-prompt-blocked").body))
    assert said == Failure(kind="content", message="the provider refused the prompt (PROHIBITED_CONTENT)")


def test_an_error_inside_a_stream_keeps_its_retry_hint() -> None:
    """Details count at status 200 as at any other."""
    minute = json.loads(documented("google/documented/errors.json"))["minute"]
    said = failure([frame(piece({"text": "a"})), Frame("error", json.dumps(minute))])
    assert (said.kind, said.status, said.retry_after) == ("rate_limit", 429, 46.0)


@pytest.mark.parametrize("name", WHOLE)
def test_whole_answers_are_read(name: str) -> None:
    """A recorded answer in one piece has its text, its usage and its finish; so it has inside a stream."""
    given_answer = recorded(f"pydantic-ai/{name}")
    deltas = list(GOOGLE.read_reply(given_answer))
    payload = json.loads(given_answer.body)
    assert payload["candidates"][0]["content"]["parts"][0]["text"] == text(deltas)
    assert GOOGLE.read_usage(payload) == deltas[-1].usage
    assert deltas[-1].finish == "stop"
    assert deltas == read([Frame("json", given_answer.body.decode())])


def test_a_whole_tool_call_is_read() -> None:
    """The arguments are JSON text, the signature is carried."""
    first, last = GOOGLE.read_reply(recorded("pydantic-ai/tool-call"))
    (tool,) = first.tools
    assert json.loads(tool.arguments)["address"] == {"city": "London", "street": "12 Baker Street"}
    assert (tool.name, last.finish, len(first.carry)) == ("final_result", "tools", 1)


@pytest.mark.parametrize(("name", "shown"), [("array-answer", "5 times 3 is 15."), ("array-tool-call", "")])
def test_a_stream_that_came_as_a_list_is_read(name: str, shown: str) -> None:
    """Without `alt=sse` a stream is a JSON array of its chunks."""
    body = recorded(f"llm-gemini/{name}").body.decode()
    deltas = read([Frame("json", body)])
    assert text(deltas) == shown
    assert deltas[-1].finish == ("stop" if shown else "tools")
    assert GOOGLE.read_usage(json.loads(body)) == deltas[-1].usage


def test_thinking_that_used_up_the_limit_is_an_answer_without_text() -> None:
    """Cut by `max_tokens` before its first word, an answer is cut, not missing: its thoughts were counted."""
    (last,) = GOOGLE.read_reply(recorded("pydantic-ai/max-tokens-thinking"))
    assert (last.finish, last.usage) == ("length", TokenUsage(input=15, output=2, reasoning=2))


def test_a_whole_answer_without_a_finish_reason_is_whole() -> None:
    """A body that is complete JSON was not cut."""
    assert [d.finish for d in GOOGLE.read_reply(answer(piece({"text": "a"})))] == ["", "stop"]


REPLIES = [
    (recorded("pydantic-ai/safety"), "content"),
    (recorded("pydantic-ai/model-not-found"), "model_not_found"),
    (recorded("aimock/chat-429"), "rate_limit"),
    (answer({}), "wrong_format"),
    (answer([]), "wrong_format"),
    (answer({"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}), "rate_limit"),
    (answer([{"error": {"message": "x", "status": "UNAVAILABLE"}}]), "overloaded"),
    (answer({"usageMetadata": {}}), "empty"),
    (answer("x").replace(body=b"<html>"), "wrong_format"),
]


@pytest.mark.parametrize(("given_answer", "kind"), REPLIES)
def test_a_reply_that_is_not_good_raises_its_failure(given_answer: Any, kind: str) -> None:
    """Errors, refusals and pages are failures, whatever their status."""
    with pytest.raises(UpstreamError) as raised:
        list(GOOGLE.read_reply(given_answer))
    assert kind == raised.value.failure.kind


@given(
    st.lists(st.tuples(st.sampled_from(["", "", "error", "json"]), JSON | st.text(max_size=9)), max_size=4)
)
def test_no_junk_raises_anything_but_an_upstream_error(pieces: list[tuple[str, Any]]) -> None:
    """Wrong types in every place are told, never stumbled over; what comes out has the right types."""
    frames = [Frame(event, junk if isinstance(junk, str) else json.dumps(junk)) for event, junk in pieces]
    ended = "cancelled"
    candidates = [{"content": {"parts": [junk, {"functionCall": junk}]}} for _, junk in pieces]
    try:
        for delta in GOOGLE.read_stream([*frames, frame({"candidates": candidates})]):
            assert isinstance(delta.text + delta.thinking + delta.finish + delta.served_model, str)
            assert all(isinstance(t.id + t.name + t.arguments, str) for t in delta.tools)
            assert all(isinstance(entry["part"]["thoughtSignature"], str) for entry in delta.carry)
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS
