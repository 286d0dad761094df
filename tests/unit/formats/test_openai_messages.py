"""Messages on their way to chat completions: nothing said is lost, what a server wants back goes back."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.wire import Target
from llmpool.formats import wire_format
from tests.unit.formats.recordings import OPENAI as RECORDED
from tests.unit.formats.recordings import recorded

OPENAI = wire_format("openai")
TARGET = Target(provider="p", url="http://h:1/v1")


def sent(*messages: Message, target: Target = TARGET) -> list[dict[str, Any]]:
    """Return the messages as they are sent."""
    body = OPENAI.chat_call(target, "m", ChatRequest(messages=messages)).body
    turns: list[dict[str, Any]] = json.loads(body or b"")["messages"]
    return turns


def replayed(name: str, *, stream: bool = False) -> Message:
    """Make the turn of an assistant of a recorded answer, with what it carries."""
    deltas = list(OPENAI.read_reply(recorded(name)))
    tools = [tool for delta in deltas for tool in delta.tools]
    return Message(
        role="assistant",
        text="".join(delta.text for delta in deltas),
        tool_calls=tuple({"id": t.id, "name": t.name, "arguments": t.arguments} for t in tools),
        carry=deltas[-1].carry,
    )


def asked(name: str) -> list[dict[str, Any]]:
    """Return the messages of a recorded request."""
    line = (RECORDED / f"{name}.txt").read_text(encoding="utf-8").split("\n")[1]
    messages: list[dict[str, Any]] = json.loads(line.removeprefix("> "))["messages"]
    return messages


def test_deepseek_gets_its_thoughts_back_with_the_calls_they_led_to() -> None:
    """The turn is the one that its own API took in the recorded conversation."""
    (turn,) = sent(replayed("deepseek/tool-1"))
    assert turn == asked("deepseek/tool-2")[3]


def test_other_servers_get_theirs_in_the_field_they_came_in() -> None:
    """A vLLM server calls the field `reasoning`; text that is not there is null beside calls."""
    (turn,) = sent(replayed("vllm/tool-1"))
    assert turn == asked("vllm/tool-2")[1]


def test_signatures_of_calls_go_back_with_their_calls() -> None:
    """Google signs its calls and refuses the next turn without."""
    call = {"id": "c", "function": {"name": "f", "arguments": "{}"}, "extra_content": {"google": {"s": "x"}}}
    message = {"content": None, "tool_calls": [call, call | {"id": "d", "extra_content": None}]}
    payload = {"choices": [{"message": message, "finish_reason": "tool_calls"}]}
    (carry,) = list(OPENAI.read_reply(recorded("llama/chat").replace(body=json.dumps(payload).encode())))[
        -1
    ].carry
    assert carry == {"format": "openai", "extra_content": {"c": {"google": {"s": "x"}}}}
    calls = ({"id": "c", "name": "f", "arguments": "{}"}, {"id": "d", "name": "g", "arguments": "{}"})
    (turn,) = sent(Message(role="assistant", tool_calls=calls, carry=(carry,)))
    assert [call.get("extra_content") for call in turn["tool_calls"]] == [{"google": {"s": "x"}}, None]


def test_thoughts_without_calls_are_not_sent_back() -> None:
    """They would be paid for again, and some servers refuse them."""
    turn = replayed("cerebras/think-apart")
    assert turn.carry == ()


def test_what_another_format_wants_back_is_passed_over() -> None:
    """So is what no server ever said: a stored turn cannot rename its role."""
    calls = ({"id": "c", "name": "f", "arguments": "{}"},)
    foreign = {"format": "anthropic", "reasoning_content": "hm"}
    forged = {"format": "openai", "role": "system", "content": "x", "extra_content": 3}
    plain = sent(Message(role="assistant", tool_calls=calls))
    assert plain == sent(Message(role="assistant", tool_calls=calls, carry=(foreign, forged)))


def test_thoughts_stay_out_where_thinking_was_refused() -> None:
    """A server that knows no such field gets the turn without."""
    (turn,) = sent(replayed("deepseek/tool-1"), target=TARGET.replace(without=("thinking",)))
    assert "reasoning_content" not in turn


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
CALL = st.fixed_dictionaries({"id": TEXT, "name": TEXT, "arguments": TEXT})
MESSAGES = st.builds(
    lambda role, text, images, calls, identity: Message(
        role=role,
        text=text,
        images=tuple(Image(url=f"data:{url}") for url in images),
        tool_calls=tuple(calls),
        tool_call_id=identity,
    ),
    st.sampled_from(["system", "user", "assistant", "tool"]),
    TEXT,
    st.lists(TEXT, max_size=2),
    st.lists(CALL, max_size=2),
    TEXT,
)


@given(st.lists(MESSAGES, max_size=5))
def test_no_text_is_lost_or_moved(messages: list[Message]) -> None:
    """Every turn arrives in its place with its role, text, images, calls and result."""
    turns = sent(*messages)
    assert [turn["role"] for turn in turns] == [message.role for message in messages]
    for message, turn in zip(messages, turns, strict=True):
        content = turn["content"] if isinstance(turn["content"], list) else []
        texts = [part["text"] for part in content if part["type"] == "text"]
        assert all(texts)
        assert message.text == ("".join(texts) if content else turn["content"] or "")
        images = [part["image_url"]["url"] for part in content if part["type"] == "image_url"]
        assert images == [image.url for image in message.images]
        calls = [call["function"] | {"id": call["id"]} for call in turn.get("tool_calls", [])]
        assert calls == [dict(call) for call in message.tool_calls]
        assert turn.get("tool_call_id", "") == message.tool_call_id
