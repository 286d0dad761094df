"""The format responses reads answers: its events in every order servers send them, and any junk."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import Delta
from llmpool.core.outcome import FAILURE_KINDS, Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Frame
from llmpool.formats import wire_format

RESPONSES = wire_format("responses")


def event(kind: str, **fields: Any) -> Frame:
    """Make an event that names its type, as all do."""
    return Frame(f"response.{kind}", json.dumps({"type": f"response.{kind}"} | fields))


def ended(*output: dict[str, Any], status: str = "completed", **more: Any) -> Frame:
    """Make the event that ends a stream."""
    return event(status, response={"status": status, "model": "m", "output": list(output)} | more)


def say(word: str) -> Frame:
    """Make a piece of text."""
    return event("output_text.delta", item_id="msg", output_index=0, content_index=0, delta=word)


def call(**more: Any) -> dict[str, Any]:
    """Make the item of a call."""
    return {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": ""} | more


def thought(**more: Any) -> dict[str, Any]:
    """Make the item of a thought."""
    return {"type": "reasoning", "id": "rs", "summary": [], "status": "completed"} | more


def message(*texts: str) -> dict[str, Any]:
    """Make the item of a message."""
    return {"type": "message", "content": [{"type": "output_text", "text": text} for text in texts]}


def read(*frames: Frame) -> list[Delta]:
    """Read *frames* to the end."""
    return list(RESPONSES.read_stream(frames))


def told(*frames: Frame) -> tuple[str, str, list[tuple[int, str, str, str]], str]:
    """Return the text, the thinking, the calls and the finish."""
    deltas = read(*frames)
    calls: dict[int, tuple[str, str, str]] = {}
    for tool in (tool for delta in deltas for tool in delta.tools):
        _, name, arguments = calls.get(tool.position, ("", "", ""))
        calls[tool.position] = (tool.id, name + tool.name, arguments + tool.arguments)
    text, thinking = ("".join(getattr(d, side) for d in deltas) for side in ("text", "thinking"))
    return text, thinking, [(n, *made) for n, made in calls.items()], deltas[-1].finish


def failure(*frames: Frame) -> Failure:
    """Return the failure that reading *frames* ends with."""
    with pytest.raises(UpstreamError) as raised:
        read(*frames)
    assert raised.value.failure.kind in FAILURE_KINDS
    return raised.value.failure


def test_text_comes_as_it_is_said_and_usage_at_the_end() -> None:
    """The last event has the model, the finish and the counts; what follows it is not waited for."""
    usage = {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    first, second, last = read(say("a"), say("b"), ended(usage=usage), Frame("", "junk"))
    assert (first.text, second.text) == ("a", "b")
    counted = TokenUsage(input=9, output=4, cache_read=5, cache_write=2, reasoning=3)
    assert last == Delta(finish="stop", usage=counted, served_model="m")
    assert RESPONSES.read_usage({"usage": usage}) == counted
    assert RESPONSES.read_usage({"type": "response.completed", "response": {"usage": usage}}) == counted


FINISHES = [
    (ended(), "stop"),
    (ended(call(arguments="{}")), "tools"),
    (ended(status="incomplete", incomplete_details={"reason": "max_output_tokens"}), "length"),
    (ended(status="incomplete", incomplete_details={"reason": "content_filter"}), "content"),
    (ended(status="incomplete"), "length"),
    (event("done", response={"status": "completed"}), "stop"),
    (event("completed"), "stop"),
]


@pytest.mark.parametrize(("end", "finish"), FINISHES)
def test_the_end_says_how_it_ended(end: Frame, finish: str) -> None:
    """Cut by its limit an answer is one; what was withheld says so."""
    assert told(say("a"), end)[3] == finish


def test_refusals_are_what_the_model_says() -> None:
    """They come in events of their own, and in parts of their own."""
    assert told(event("refusal.delta", delta="No."), ended())[0] == "No."
    part = {"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}
    assert told(ended(part))[0] == "No."


@pytest.mark.parametrize("kind", ["reasoning_text", "reasoning_summary_text"])
def test_thinking_comes_apart_from_the_text(kind: str) -> None:
    """As it was thought, or as it is summed up; the parts of a sum are paragraphs."""
    more = event("reasoning_summary_part.added", summary_index=1)
    frames = (more, event(f"{kind}.delta", delta="hm"), more, event(f"{kind}.delta", delta="so"), say("a"))
    assert told(*frames, ended())[:2] == ("a", "hm\n\nso")


ARGUMENTS = [event("function_call_arguments.delta", item_id="fc", delta=piece) for piece in ('{"x"', ":1}")]
ADDED = event("output_item.added", item=call())
DONE = event("output_item.done", item=call(arguments='{"x":1}'))
WHOLE = ended(call(arguments='{"x":1}'))
TOLD = event("function_call_arguments.done", item_id="fc", arguments='{"x":1}')
CALLS = [
    (ADDED, *ARGUMENTS, DONE, WHOLE),
    (ADDED, *ARGUMENTS, TOLD, DONE, WHOLE),
    (ADDED, TOLD, ended()),
    (TOLD, ADDED, WHOLE),
    (ADDED, *ARGUMENTS, WHOLE),
    (ADDED, DONE, WHOLE),
    (ADDED, WHOLE),
    (DONE, WHOLE),
    (DONE, ended()),
    (WHOLE,),
    (ADDED, *ARGUMENTS, ended(), Frame("", "[DONE]")),
    (event("output_item.done", item=call(arguments={"x": 1})), ended()),
]


@pytest.mark.parametrize("frames", CALLS)
def test_a_call_is_told_once_however_its_events_come(frames: tuple[Frame, ...]) -> None:
    """Piece by piece, whole when its item is done, or in the last event alone."""
    (made,) = told(*frames)[2]
    assert made[:3] == (0, "c", "f")
    assert json.loads(made[3]) == {"x": 1}


def test_calls_side_by_side_are_told_apart() -> None:
    """By their place, which is sure, before the id of the item, which some servers change as they go."""

    def piece(index: int, item: str, text: str) -> Frame:
        return event("function_call_arguments.delta", output_index=index, item_id=item, delta=text)

    frames = (
        event("output_item.added", output_index=1, item=call(id="x", call_id="a", name="f")),
        event("output_item.added", output_index=2, item=call(id="y", call_id="b", name="g")),
        piece(2, "changed", "2"),
        piece(1, "changed too", "1"),
        event("output_item.done", output_index=2, item=call(id="z", call_id="b", name="g", arguments="2")),
        ended(call(call_id="a", arguments="1"), call(id="q", call_id="b", name="g", arguments="2")),
    )
    assert told(*frames)[2] == [(0, "a", "f", "1"), (1, "b", "g", "2")]


def test_calls_without_ids_are_given_some() -> None:
    """Their results have to name something."""
    nameless = {"type": "function_call", "name": "f", "arguments": "1"}
    assert told(ended(nameless, nameless))[2] == [(0, "call_0", "f", "1"), (1, "call_1", "f", "1")]


def test_what_no_event_has_shown_is_read_from_the_last() -> None:
    """Servers that stream the frame of an answer only answer all the same; nothing is told twice."""
    summary = [{"type": "summary_text", "text": "hm"}]
    whole = (thought(summary=summary), thought(id="r2", content=[{"text": "so"}]), message("a", "b"))
    assert told(ended(*whole))[:2] == ("ab", "hm\n\nso")
    assert told(say("ab"), ended(*whole))[:2] == ("ab", "hm\n\nso")
    deltas = (event("reasoning_summary_text.delta", delta="hm"), say("ab"))
    assert told(*deltas, ended(*whole))[:2] == ("ab", "hm")


CARRIED = [
    (thought(encrypted_content="s", content=None), {"encrypted_content": "s"}),
    (thought(content=[{"type": "reasoning_text", "text": "hm"}], encrypted_content=""), {"content": 1}),
    (thought(), None),
    (thought(summary=[{"type": "summary_text", "text": "hm"}]), None),
]


@pytest.mark.parametrize(("item", "kept"), CARRIED)
def test_thoughts_are_carried_where_calls_were_made(
    item: dict[str, Any], kept: dict[str, object] | None
) -> None:
    """Sealed or in plain words; a mere reference to what nobody stored is of no use."""
    carry = read(event("output_item.done", item=item), ended(item, call()))[-1].carry
    assert len(carry) == (kept is not None)
    if kept is not None:
        (carried,) = carry
        assert set(carried["item"]) >= {"type", "id", "summary", *kept}
        assert "status" not in carried["item"]
    assert read(say("a"), ended(item))[-1].carry == ()


FAILED = [
    ((), "broken", "broke off"),
    ((say("a"),), "broken", "broke off"),
    ((say("a"), Frame("", "[DONE]")), "broken", "broke off"),
    ((event("created", response={}),), "broken", "broke off"),
    ((ended(status="cancelled"),), "broken", "broke off"),
    ((event("completed", response={"status": "cancelled"}),), "broken", "cancelled"),
    ((ended(),), "empty", "is empty"),
    ((event("reasoning_text.delta", delta="hm"), ended()), "empty", "only thinking"),
    ((ended(status="incomplete", incomplete_details={"reason": "content_filter"}),), "content", "withheld"),
    (
        (ended(status="failed", error={"code": "rate_limit_exceeded", "message": "slow down"}),),
        "rate_limit",
        "slow down",
    ),
    ((ended(status="failed", error={"code": "server_error", "message": "oops"}),), "server", "oops"),
    ((ended(status="failed"),), "server", "without a word"),
    ((Frame("error", '{"type":"error","code":"rate_limit_exceeded","message":"x"}'),), "rate_limit", "x"),
    ((Frame("error", '{"error":{"type":"overloaded_error","message":"x"}}'),), "overloaded", "x"),
    ((Frame("", '{"type":"error","message":"maximum context length is 5"}'),), "context_length", "length"),
    ((Frame("", '{"object":"error","message":"x","code":400}'),), "bad_request", "x"),
    ((Frame("", "nope"),), "wrong_format", "not JSON: nope"),
    ((Frame("", "3"),), "wrong_format", "not a JSON object"),
    ((Frame("json", "{}"),), "wrong_format", "no `output`"),
    ((Frame("json", '{"output": [], "error": {"message": "x", "code": "server_error"}}'),), "server", "x"),
    ((Frame("json", '{"output": [], "status": "failed"}'),), "server", "without a word"),
]


@pytest.mark.parametrize(("frames", "kind", "words"), FAILED)
def test_what_is_no_answer_is_a_failure_of_its_kind(frames: tuple[Frame, ...], kind: str, words: str) -> None:
    """No broken, empty or foreign answer passes for a good one."""
    said = failure(*frames)
    assert kind == said.kind
    assert words in said.message


def test_thinking_cut_off_by_the_limit_is_an_answer() -> None:
    """The caller set the limit."""
    frames = (event("reasoning_text.delta", delta="hm"), ended(status="incomplete"))
    assert told(*frames)[1:] == ("hm", [], "length")


def test_unknown_events_are_passed_over() -> None:
    """The API gains events; none of them stops an answer."""
    frames = (event("queued"), event("web_search_call.searching"), event("new.thing", delta="x"))
    assert told(*frames, Frame("", ""), Frame("keepalive", "{}"), say("a"), ended())[0] == "a"


def test_an_answer_in_one_piece_is_read_from_a_stream_too() -> None:
    """Servers that do not stream answer all the same."""
    whole = {"output": [message("a"), call(arguments="{}")], "model": "m", "status": "completed"}
    assert told(Frame("json", json.dumps(whole))) == ("a", "", [(0, "c", "f", "{}")], "tools")


FIELDS = """
    type delta output item items id item_id call_id name arguments content text summary refusal response
    status error code message incomplete_details reason usage input_tokens output_tokens_details model
    output_index encrypted_content
"""
KINDS = """
    output_text.delta refusal.delta reasoning_text.delta output_item.added output_item.done completed
    incomplete function_call_arguments.delta reasoning_summary_part.added failed done x
"""
ITEMS = st.sampled_from(["function_call", "message", "reasoning", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS.split()), inner, max_size=5)
    ),
    max_leaves=25,
)


def ends(frames: list[Frame]) -> str:
    """Read *frames*, whatever they are; return the kind of failure, or that there was none."""
    try:
        for delta in RESPONSES.read_stream(frames):
            assert isinstance(delta.text + delta.thinking + delta.finish + delta.served_model, str)
            assert all(isinstance(tool.id + tool.name + tool.arguments, str) for tool in delta.tools)
            json.dumps(delta.carry).encode()
    except UpstreamError as error:
        return error.failure.kind
    return "cancelled"


@given(st.lists(st.tuples(st.sampled_from(KINDS.split()), ITEMS, JSON), max_size=6), JSON)
def test_no_junk_raises_anything_but_an_upstream_error(
    pieces: list[tuple[str, str, Any]], whole: object
) -> None:
    """Wrong types in every place are told, never stumbled over; what comes out has the right types."""
    frames = []
    for kind, item, junk in pieces:
        fields = junk if isinstance(junk, dict) else {"delta": junk}
        named = {"item": {"type": item} | fields} | fields | {"type": f"response.{kind}"}
        frames.append(Frame("", json.dumps(named)))
    one_piece = [
        Frame("json", json.dumps(shape)) for shape in (whole, {"output": whole}, {"output": [whole]})
    ]
    for tried in (frames, [event("completed", response=whole)], *([one] for one in one_piece)):
        assert ends(tried) in FAILURE_KINDS
