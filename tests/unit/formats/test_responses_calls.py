"""The format responses writes calls: items in their order, flat tools, nothing stored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.wire import Target
from llmpool.formats import wire_format
from tests.contract.responses.recordings import recorded
from tests.unit.formats.listed import answer, run
from tests.unit.formats.recordings import CONTRACT

RESPONSES = wire_format("responses")
TARGET = Target(provider="p", url="http://h:1/v1", key="k")
TOOL: dict[str, Any] = {"name": "f", "description": "d", "parameters": {"type": "object"}}
CLOSED: dict[str, Any] = {"type": "object", "properties": {}, "additionalProperties": False}


def body(request: ChatRequest, target: Target = TARGET, model: str = "m") -> dict[str, Any]:
    """Return the body that *request* is sent as."""
    sent: dict[str, Any] = json.loads(RESPONSES.chat_call(target, model, request).body or b"")
    return sent


def ask(**more: Any) -> ChatRequest:
    """Make a request that says hi."""
    return ChatRequest(messages=(Message(role="user", text="hi"),), **more)


def items(*messages: Message, target: Target = TARGET) -> list[dict[str, Any]]:
    """Return the items that *messages* are sent as."""
    sent: list[dict[str, Any]] = body(ChatRequest(messages=messages), target)["input"]
    return sent


def said(role: str, content: object) -> dict[str, Any]:
    """Make the item of a message."""
    return {"type": "message", "role": role, "content": content}


def test_a_plain_request_sends_what_is_set_and_stores_nothing() -> None:
    """The conversation stays with its owner."""
    assert body(ask()) == {"model": "m", "input": [said("user", "hi")], "store": False, "stream": True}
    assert set(body(ask(stream=False))) == {"model", "input", "store"}


URLS = [
    ("http://h:1/v1", False, "http://h:1/v1/responses"),
    ("http://h:1", False, "http://h:1/v1/responses"),
    ("http://h:1", True, "http://h:1/responses"),
    ("http://h:1/v1/responses", False, "http://h:1/v1/responses"),
    ("http://h:1/responses?x=1", False, "http://h:1/responses?x=1"),
    ("https://c/backend-api/codex/responses", True, "https://c/backend-api/codex/responses"),
    ("http://h:1/v1/chat/completions", False, "http://h:1/v1/responses"),
]


@pytest.mark.parametrize(("url", "exact", "called"), URLS)
def test_the_endpoint_is_found_from_whatever_the_owner_wrote(url: str, exact: bool, called: str) -> None:
    """A root, a version, the endpoint itself: `/v1` is never doubled and never forced in."""
    call = RESPONSES.chat_call(TARGET.replace(url=url, exact=exact), "m", ask())
    assert (call.url, call.framing) == (called, "sse")
    assert dict(call.headers)["authorization"] == "Bearer k"
    assert RESPONSES.chat_call(TARGET, "m", ask(stream=False)).framing == "json"


def test_every_option_has_its_field() -> None:
    """Each option is sent under the name the API has for it; tools lose their wrapping."""
    sent = body(
        ask(
            max_tokens=50,
            temperature=0.0,
            top_p=0.5,
            stop=("END",),
            tools=(TOOL, {"type": "function", "function": TOOL | {"strict": True}}, {"type": "web_search"}),
            tool_choice="f",
            schema=CLOSED,
            thinking="high",
        )
    )
    assert (sent["max_output_tokens"], sent["temperature"], sent["top_p"], sent["stop"]) == (
        50,
        0.0,
        0.5,
        ["END"],
    )
    flat = {"type": "function", **TOOL, "strict": False}
    assert sent["tools"] == [flat, flat | {"strict": True}, {"type": "web_search"}]
    assert sent["tool_choice"] == {"type": "function", "name": "f"}
    assert sent["text"] == {
        "format": {"type": "json_schema", "name": "answer", "schema": CLOSED, "strict": True}
    }
    assert sent["reasoning"] == {"effort": "high", "summary": "auto"}
    assert sent["include"] == ["reasoning.encrypted_content"]


def test_a_tool_is_strict_where_its_parameters_are_closed() -> None:
    """The API is strict unless told otherwise, and then refuses fields left open."""
    closed, bare = body(ask(tools=(TOOL | {"parameters": CLOSED}, {"name": "g"})))["tools"]
    assert (closed["strict"], bare["strict"]) == (True, False)
    assert bare["parameters"] == {"type": "object", "properties": {}}
    assert body(ask(schema={"type": "object"}))["text"]["format"]["strict"] is False


@pytest.mark.parametrize(("choice", "sent"), [("auto", "auto"), ("none", "none"), ("required", "required")])
def test_a_choice_by_a_word_is_sent_as_it_is(choice: str, sent: str) -> None:
    """Without tools there is no choice."""
    assert body(ask(tools=(TOOL,), tool_choice=choice))["tool_choice"] == sent
    assert "tool_choice" not in body(ask(tool_choice=choice))


def test_the_least_limit_of_the_api_is_kept() -> None:
    """It refuses to answer in fewer than 16 tokens at all."""
    assert [body(ask(max_tokens=n))["max_output_tokens"] for n in (1, 16, 17)] == [16, 16, 17]


THINKING = [("low", "low"), ("1024", "low"), ("9000", "high"), ("off", None), ("0", None), (None, None)]


@pytest.mark.parametrize(("thinking", "effort"), THINKING)
def test_thinking_is_an_effort_with_a_summary(thinking: str | None, effort: str | None) -> None:
    """A level is sent as it is, a budget as the nearest level, nothing as nothing."""
    far = TARGET.replace(url="https://far.example/v1")
    assert body(ask(thinking=thinking), target=far).get("reasoning", {}).get("effort") == effort


def test_not_to_think_is_said_to_a_server_of_ones_own() -> None:
    """llama.cpp thinks unless told `none`; OpenAI refuses the word for most of its models."""
    near = TARGET.replace(url="http://127.0.0.1:8080")
    assert body(ask(thinking="off"), target=near)["reasoning"] == {"effort": "none"}
    assert "reasoning" not in body(ask(), target=near)
    assert "reasoning" not in body(ask(thinking="off"), target=near.replace(without=("thinking",)))


SEALED = [
    ("gpt-5-mini", (TOOL,), None, True),
    ("openai/o4-mini", (TOOL,), None, True),
    ("codex-mini", (TOOL,), None, True),
    ("gpt-5-chat-latest", (TOOL,), None, False),
    ("gpt-4o", (TOOL,), None, False),
    ("gpt-5-mini", (), None, False),
    ("any", (), "low", True),
]


@pytest.mark.parametrize(("model", "tools", "thinking", "sealed"), SEALED)
def test_sealed_thoughts_are_asked_for_where_there_will_be_some(
    model: str, tools: tuple[dict[str, Any], ...], thinking: str | None, sealed: bool
) -> None:
    """They matter where tools are called; a model that has none refuses the question."""
    assert ("include" in body(ask(tools=tools, thinking=thinking), model=model)) is sealed


EVERYTHING = ask(
    max_tokens=50, temperature=0.5, top_p=0.5, tools=(TOOL,), tool_choice="auto", stop=("a",), thinking="low"
)
FIELDS = {
    "temperature": {"temperature"},
    "top_p": {"top_p"},
    "thinking": {"reasoning", "include"},
    "max_tokens": {"max_output_tokens"},
    "stop": {"stop"},
    "tool_choice": {"tool_choice"},
    "stream": {"stream"},
}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_what_was_refused_is_left_out(name: str) -> None:
    """Its fields are missing, all others are as they were."""
    whole, without = body(EVERYTHING), body(EVERYTHING, TARGET.replace(without=(name,)))
    assert set(whole) - set(without) == FIELDS[name]
    assert RESPONSES.droppable == {*FIELDS, "summary"}


def test_the_system_messages_at_the_beginning_are_the_instructions() -> None:
    """Later ones stay where they were said; alone they are the question."""
    sent = body(
        ChatRequest(
            messages=(
                Message(role="system", text="a"),
                Message(role="system", text=""),
                Message(role="system", text="b"),
                Message(role="user", text="c"),
                Message(role="system", text="d"),
            )
        )
    )
    assert sent["instructions"] == "a\n\nb"
    assert sent["input"] == [said("user", "c"), said("system", "d")]
    assert items(Message(role="system", text="a")) == [said("system", "a")]


def test_images_follow_the_text_they_came_with() -> None:
    """Those of a tool's result too; without text there is no empty part."""
    pictures = (Image(url="data:1"), Image(url="https://2"))
    parts = [{"type": "input_image", "image_url": url} for url in ("data:1", "https://2")]
    user, tool = items(
        Message(role="user", text="see", images=pictures),
        Message(role="tool", images=pictures, tool_call_id="c"),
    )
    assert user["content"] == [{"type": "input_text", "text": "see"}, *parts]
    assert tool == {"type": "function_call_output", "call_id": "c", "output": parts}


def conversation(name: str) -> list[dict[str, Any]]:
    """Return the input of a recorded request."""
    line = (CONTRACT / f"responses/{name}.txt").read_text(encoding="utf-8").split("\n")[1]
    sent: list[dict[str, Any]] = json.loads(line.removeprefix("> "))["input"]
    return sent


def test_thoughts_go_back_with_the_calls_they_led_to() -> None:
    """The items are those that the vendor took in the recorded conversation."""
    deltas = list(RESPONSES.read_reply(recorded("deepseek/tool-1")))
    tools = [tool for delta in deltas for tool in delta.tools]
    turn = Message(
        role="assistant",
        tool_calls=tuple({"id": t.id, "name": t.name, "arguments": t.arguments} for t in tools),
        carry=deltas[-1].carry,
    )
    asked = Message(role="user", text="What is the temperature in Tokyo?")
    result = Message(role="tool", text="21.0", tool_call_id=tools[0].id)
    question, thought, call, output = items(asked, turn, result)
    first, *rest = conversation("deepseek/tool-2")
    assert question == first | {"type": "message"}
    assert [thought | {"encrypted_content": None}, call, output] == rest
    assert items(asked, turn, result, target=TARGET.replace(without=("thinking",))) == [
        question,
        call,
        output,
    ]


def test_a_nested_call_is_written_flat_and_without_the_items_id() -> None:
    """The id of an item would point at something stored, and nothing is."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}}
    (item,) = items(Message(role="assistant", tool_calls=(call,)))
    assert item == {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}


def test_the_listing_is_found_beside_the_endpoint() -> None:
    """Worked example 37: a base that ends in `/v1/responses` lists at `/v1/models`."""
    target = TARGET.replace(url="http://h:1/v1/responses")
    found = run(RESPONSES.list_models(target), answer({"data": [{"id": "m"}]}))
    assert (found.urls, found.names, found.listing.base) == (["http://h:1/v1/models"], ["m"], "")


TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8)
CALL = st.fixed_dictionaries({"id": TEXT, "name": TEXT, "arguments": TEXT})
MESSAGES = st.builds(
    lambda role, text, images, calls: Message(
        role=role,
        text=text,
        images=tuple(Image(url=url) for url in images),
        tool_calls=tuple(calls) if role == "assistant" else (),
    ),
    st.sampled_from(["system", "user", "assistant", "tool"]),
    TEXT,
    st.lists(TEXT, max_size=2),
    st.lists(CALL, max_size=2),
)


@given(st.lists(MESSAGES, max_size=5))
def test_no_text_is_lost_or_moved(messages: list[Message]) -> None:
    """All texts, images and calls arrive, once and in their order, the instructions first."""
    sent = body(ChatRequest(messages=tuple(messages)))
    texts, images = sent.get("instructions", "").split("\n\n"), []
    for item in sent["input"]:
        content = item.get("content", item.get("output", ""))
        parts = content if isinstance(content, list) else [{"type": "input_text", "text": content}]
        texts += [part["text"] for part in parts if part["type"] == "input_text"]
        images += [part["image_url"] for part in parts if part["type"] == "input_image"]
    assert [text for text in texts if text] == [message.text for message in messages if message.text]
    assert images == [image.url for message in messages for image in message.images]
    calls = [call["name"] for message in messages for call in message.tool_calls]
    assert calls == [item["name"] for item in sent["input"] if item["type"] == "function_call"]
