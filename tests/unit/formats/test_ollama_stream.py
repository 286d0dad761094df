"""The format ollama reads answers, line by line and whole: text, thoughts, calls, and what is no answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import Delta, ToolDelta
from llmpool.core.outcome import FAILURE_KINDS, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Frame
from tests.contract.ollama.shapes import documented, framed, recorded
from tests.unit.formats.reading import Reader, text

READER = Reader("ollama")
OLLAMA = READER.wire
read, failure = READER.read, READER.failure
STREAMS = {
    "documented/chat": documented("chat.ndjson").body,
    "documented/chat-thinking": documented("chat-thinking.ndjson").body,
    "documented/chat-tool": documented("chat-tool.ndjson").body,
    "documented/chat-length": documented("chat-length.ndjson").body,
    "aimock/chat-stream": recorded("chat-stream").body,
}
COUNTED = TokenUsage(input=26, output=282)


def line(message: dict[str, Any] | None = None, **more: Any) -> Frame:
    """Make a line of a stream."""
    return Frame("", json.dumps({"model": "m", "message": message or {}} | more))


def said(word: str, **more: Any) -> Frame:
    """Make a line that says *word*."""
    return line({"role": "assistant", "content": word}, **more)


def test_a_documented_stream_is_read() -> None:
    """Text as it came, then the finish, the usage and the model that answered."""
    *pieces, last = read(framed(STREAMS["documented/chat"]))
    assert [delta.text for delta in pieces] == ["The", " sky", " is blue."]
    assert Delta(finish="stop", usage=COUNTED, served_model="llama3.2") == last


def test_a_recorded_stream_is_read() -> None:
    """A server that does not count its tokens reports no usage, rather than none used."""
    deltas = read(framed(STREAMS["aimock/chat-stream"]))
    assert text(deltas) == "Hello from the aimock server, with enough text for several chunks."
    assert (deltas[-1].finish, deltas[-1].usage, deltas[-1].served_model) == ("stop", None, "ok-model")


def test_thinking_comes_apart_from_the_text() -> None:
    """What the model thinks is not what it says; without a call there is nothing to give back."""
    deltas = read(framed(STREAMS["documented/chat-thinking"]))
    assert "".join(delta.thinking for delta in deltas) == "Let me think."
    assert text(deltas) == "Four."
    assert deltas[-1].carry == ()


def test_a_tool_call_is_read() -> None:
    """It comes whole, its arguments an object; the finish says that a result is expected."""
    first, last = read(framed(STREAMS["documented/chat-tool"]))
    assert first.tools == (ToolDelta(0, "call_3x8k2m1q", "get_weather", '{"city": "Tokyo"}'),)
    assert last.finish == "tools"


def test_calls_are_numbered_as_they_come_and_keep_the_thoughts_before_them() -> None:
    """Servers before 0.14 give no ids; what led to a call goes back with its result."""
    calls = [{"function": {"name": n, "arguments": a}} for n, a in [("f", {"x": "é"}), ("g", None)]]
    later = {"id": "own", "function": {"name": "h", "arguments": '{"y": 1}'}}
    first, *_, third, last = read(
        [
            line({"thinking": "Hm"}),
            line({"thinking": "m."}),
            line({"tool_calls": calls[:1]}),
            line({"tool_calls": [calls[1], 5, later], "content": "So:"}),
            line(done=True, done_reason="stop"),
        ]
    )
    assert first.thinking == "Hm"
    assert third == Delta(
        text="So:", tools=(ToolDelta(1, "call_1", "g", "{}"), ToolDelta(2, "own", "h", '{"y": 1}'))
    )
    assert last.carry == ({"format": "ollama", "thinking": "Hmm."},)


def test_thinking_in_the_text_is_told_apart() -> None:
    """Models whose template knows no thinking write it ahead of the answer, between marks."""
    deltas = read(
        [said(piece) for piece in ("<th", "ink>\nHm", "m.</thi", "nk>\n\nFo", "ur.")] + [said("", done=True)]
    )
    assert ("".join(delta.thinking for delta in deltas), text(deltas)) == ("Hmm.", "Four.")
    plain = read([said("<"), said("b>Four"), said("</think>", done=True)])
    assert ("".join(delta.thinking for delta in plain), text(plain)) == ("", "<b>Four</think>")
    held = read([said("<think", done=True)])
    assert (text(held), held[-1].finish) == ("<think", "stop")
    cut = read([said("<think>hm", done=True, done_reason="length")])
    assert ("".join(delta.thinking for delta in cut), text(cut), cut[-1].finish) == ("hm", "", "length")


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_is_the_same_however_its_bytes_are_cut(name: str) -> None:
    """Chunks of any size, cut at every byte, carry the same deltas."""
    expected = read(framed(STREAMS[name]))
    for size in (1, 2, 3, 7, 64, 1000):
        assert expected == read(framed(STREAMS[name], size))


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_at_any_line_is_broken(name: str) -> None:
    """The last line is finish and end in one, so no stream without it is an answer."""
    frames = framed(STREAMS[name])
    for cut in range(len(frames)):
        assert failure(frames[:cut]).kind == "broken"


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_at_any_byte_is_no_answer(name: str) -> None:
    """Every byte up to the end of the last line is needed."""
    body = STREAMS[name].rstrip()
    for cut in range(len(body)):
        assert failure(framed(body[:cut])).kind in {"broken", "wrong_format"}
    assert read(framed(body))[-1].finish


def test_a_delta_leaves_before_the_next_line_is_read() -> None:
    """Nothing is held back, and nothing is read behind the end."""
    seen: list[str] = []

    def frames() -> Iterator[Frame]:
        for word in ("a", "b", "c"):
            seen.append(word)
            yield said(word, done=word == "b")

    deltas = OLLAMA.read_stream(frames())
    assert next(deltas).text == "a"
    assert seen == ["a"]
    assert [delta.text for delta in deltas] == ["b", ""]
    assert seen == ["a", "b"]


ENDS = [
    ([said("a", done=True)], "stop"),
    ([said("a", done=True, done_reason="stop")], "stop"),
    ([said("a", done=True, done_reason="length")], "length"),
    ([said("a", done=True, done_reason=5)], "stop"),
    ([line({"tool_calls": [{"function": {"name": "f"}}]}), line(done=True, done_reason="stop")], "tools"),
    ([line({"thinking": "hm"}), line(done=True, done_reason="length")], "length"),
    ([Frame("", ""), said("a", done=True)], "stop"),
    ([said("a"), Frame("", '{"done": true}')], "stop"),
]


@pytest.mark.parametrize(("frames", "finish"), ENDS)
def test_every_good_end_is_one(frames: list[Frame], finish: str) -> None:
    """Versions differ in what they say at the end, answers do not."""
    assert finish == read(frames)[-1].finish


FAILED = [
    ([], "broken", "broke off"),
    ([said("a")], "broken", "broke off"),
    ([said("a", done="yes")], "broken", "broke off"),
    ([said("", done=True)], "empty", "is empty"),
    ([line({"thinking": "hm"}), line(done=True)], "empty", "only thinking"),
    ([said("", done=True, done_reason="load")], "empty", "only loaded"),
    ([said("", done=True, done_reason="unload")], "empty", "only unloaded"),
    ([said("a", done=True, done_reason="error")], "server", "error"),
    ([Frame("", "nope")], "wrong_format", "not JSON: nope"),
    ([Frame("", "[" * 5000)], "wrong_format", "not JSON"),
    ([Frame("", "3")], "wrong_format", "not a JSON object"),
    ([said("a"), Frame("", '{"error": "boom"}')], "server", "boom"),
    ([Frame("", '{"error": {"message": "slow down", "code": 429}}')], "rate_limit", "slow down"),
    ([Frame("", '{"error": "model \'x\' not found"}')], "model_not_found", "not found"),
    ([Frame("", '{"error": "unexpected server status: llm server loading model"}')], "overloaded", "loading"),
    ([Frame("json", "{malformed")], "wrong_format", "not JSON"),
    ([Frame("json", "{}")], "wrong_format", "`message`"),
    ([Frame("json", '{"error": "boom"}')], "server", "boom"),
    ([Frame("json", "<html>")], "wrong_format", "HTML"),
]


@pytest.mark.parametrize(("frames", "kind", "words"), FAILED)
def test_what_is_no_answer_is_a_failure_of_its_kind(frames: list[Frame], kind: str, words: str) -> None:
    """No broken, empty or foreign answer passes for a good one."""
    told = failure(frames)
    assert kind == told.kind
    assert words in told.message


def test_an_error_in_the_middle_comes_after_what_was_said() -> None:
    """Ollama keeps status 200 and writes the error as a line of its own."""
    shown: list[Delta] = []
    with pytest.raises(UpstreamError) as raised:
        shown.extend(OLLAMA.read_stream(framed(documented("chat-error-midstream.ndjson").body)))
    assert text(shown) == "The sky"
    assert raised.value.failure.kind == "server"


@pytest.mark.parametrize(
    ("answer", "words", "usage"),
    [
        (documented("chat-not-streamed.json"), "Hello! How are you today?", COUNTED),
        (recorded("chat"), "Hello from the aimock server, with enough text for several chunks.", None),
    ],
)
def test_whole_answers_are_read(answer: Answer, words: str, usage: TokenUsage | None) -> None:
    """An answer in one piece is read as one, from a stream too."""
    deltas = list(OLLAMA.read_reply(answer))
    assert (text(deltas), deltas[-1].finish, deltas[-1].usage) == (words, "stop", usage)
    assert deltas == read([Frame("json", answer.body.decode())])
    assert deltas == read(framed(b" ".join(answer.body.split(b"\n"))))


@pytest.mark.parametrize("name", ["chat-load-only.json", "chat-unload.json"])
def test_an_answer_that_only_moved_a_model_is_empty(name: str) -> None:
    """A server asked nothing says nothing; that is no answer to a question."""
    with pytest.raises(UpstreamError) as raised:
        list(OLLAMA.read_reply(documented(name)))
    assert raised.value.failure.kind == "empty"


USAGES = [
    ({"prompt_eval_count": 26, "eval_count": 3}, TokenUsage(input=26, output=3)),
    (
        {"prompt_eval_count": 40, "prompt_eval_cached_count": 32, "eval_count": 5},
        TokenUsage(input=40, output=5, cache_read=32),
    ),
    (
        {"prompt_eval_count": 29, "prompt_eval_cached_count": 0, "eval_count": 3},
        TokenUsage(input=29, output=3, cache_read=0),
    ),
    ({"prompt_eval_count": 4, "prompt_eval_cached_count": 9}, TokenUsage(input=4)),
    ({"eval_count": 3}, TokenUsage(output=3)),
    ({"prompt_eval_count": 0, "eval_count": 0}, TokenUsage()),
    ({"prompt_eval_count": "26", "eval_count": True}, TokenUsage()),
    ({"prompt_eval_count": -1, "eval_count": 2.0}, TokenUsage()),
    ([], TokenUsage()),
]


@pytest.mark.parametrize(("payload", "usage"), USAGES)
def test_usage_is_what_was_counted(payload: object, usage: TokenUsage) -> None:
    """Cached tokens are inside the input; what is left out, or cannot be, stays unknown."""
    assert usage == OLLAMA.read_usage(payload)


FIELDS = (
    "message content thinking tool_calls function name arguments id error model done done_reason role "
    "prompt_eval_count prompt_eval_cached_count eval_count signin_url code type"
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
    frames += [Frame("", json.dumps({"message": junk, "done_reason": junk})) for _, junk in pieces]
    ended = "cancelled"
    try:
        for delta in OLLAMA.read_stream([*frames, Frame("", json.dumps({"done": True}))]):
            assert isinstance(delta.text + delta.thinking + delta.finish + delta.served_model, str)
            assert all(isinstance(t.id + t.name + t.arguments, str) for t in delta.tools)
    except UpstreamError as error:
        ended = error.failure.kind
    assert ended in FAILURE_KINDS
