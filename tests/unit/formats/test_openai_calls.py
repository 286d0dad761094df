"""The format openai writes calls: what is sent, and what is left out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.wire import Target
from llmpool.errors import ConfigInvalid
from llmpool.formats import wire_format

OPENAI = wire_format("openai")
TARGET = Target(provider="p", url="http://h:1/v1", headers=(("authorization", "Bearer k"),))


def body(request: ChatRequest, target: Target = TARGET) -> dict[str, Any]:
    """Return the body that *request* is sent as."""
    sent: dict[str, Any] = json.loads(OPENAI.chat_call(target, "m", request).body or b"")
    return sent


def ask(**more: Any) -> ChatRequest:
    """Make a request that says hi."""
    return ChatRequest(messages=(Message(role="user", text="hi"),), **more)


def test_a_plain_request_sends_what_is_set_and_nothing_else() -> None:
    """Servers refuse fields they do not know, so unset ones stay out."""
    expected = {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert body(ask()) == expected
    assert set(body(ask(stream=False))) == {"model", "messages"}


def test_a_call_carries_credentials_and_limits_of_its_target() -> None:
    """The target's headers, time-outs and TLS choice go along; the query of its URL stays behind the path."""
    target = TARGET.replace(url="http://h:1/v1/?api-version=2", verify_tls=False)
    call = OPENAI.chat_call(target, "m", ask(stream=False))
    assert (call.url, call.framing) == ("http://h:1/v1/chat/completions?api-version=2", "json")
    assert dict(call.headers)["authorization"] == "Bearer k"
    assert not call.verify_tls
    assert OPENAI.chat_call(target, "m", ask()).framing == "sse"
    assert "Bearer" not in repr(call)


def test_every_option_has_its_field() -> None:
    """Each option is sent under the name the API has for it."""
    tool = {"name": "f", "parameters": {}}
    request = ask(max_tokens=5, temperature=0.0, top_p=0.5, tools=(tool,), schema={"type": "object"})
    sent = body(request, TARGET.replace(max_tokens_field="max_completion_tokens"))
    assert (sent["max_completion_tokens"], sent["temperature"], sent["top_p"]) == (5, 0.0, 0.5)
    assert sent["tools"] == [{"type": "function", "function": tool}]
    assert sent["response_format"]["json_schema"] == {"name": "answer", "schema": {"type": "object"}}


CLOSED: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "array", "items": {"type": "object", "additionalProperties": False}}},
    "required": ["a"],
    "additionalProperties": False,
}
OPEN: list[dict[str, Any]] = [
    {"type": "object"},
    CLOSED | {"additionalProperties": True},
    CLOSED | {"required": []},
    CLOSED | {"properties": {"a": {"type": "object"}}},
    CLOSED | {"properties": ["a"]},
    CLOSED | {"required": "a"},
    {"anyOf": [CLOSED, {"type": "object"}]},
]


def test_a_schema_is_strict_where_it_is_closed_all_the_way_down() -> None:
    """Strictness refuses a schema with a field left open, so it is asked for only where all are closed."""
    assert body(ask(schema=CLOSED))["response_format"]["json_schema"]["strict"] is True
    for schema in OPEN:
        assert "strict" not in body(ask(schema=schema))["response_format"]["json_schema"]


URLS = [
    ("http://h:1/v1", False, "http://h:1/v1/chat/completions"),
    ("http://h:1", False, "http://h:1/v1/chat/completions"),
    ("http://h:1", True, "http://h:1/chat/completions"),
    ("https://h/openai/v1/models", False, "https://h/openai/v1/chat/completions"),
    ("https://h/v1/responses", False, "https://h/v1/chat/completions"),
    ("https://h/v1beta/openai/", False, "https://h/v1beta/openai/chat/completions"),
    ("https://h/chat/completions", False, "https://h/chat/completions"),
    ("https://h/deployments/d/chat/completions?v=1", False, "https://h/deployments/d/chat/completions?v=1"),
]


@pytest.mark.parametrize(("url", "exact", "called"), URLS)
def test_the_endpoint_is_found_from_whatever_the_owner_wrote(url: str, exact: bool, called: str) -> None:
    """A root, a version, another endpoint, this endpoint: `/v1` is never doubled and never forced in."""
    assert OPENAI.chat_call(TARGET.replace(url=url, exact=exact), "m", ask()).url == called


def test_the_key_is_the_bearer_unless_the_owner_said_otherwise() -> None:
    """Owner headers win, a named header takes the key instead, and without a key there is none."""

    def headers(target: Target) -> dict[str, str]:
        return dict(OPENAI.chat_call(target, "m", ask()).headers)

    keyed = Target(provider="p", url="http://h:1/v1", key="secret")
    assert headers(keyed)["authorization"] == "Bearer secret"
    assert headers(keyed.replace(auth="api-key"))["api-key"] == "secret"
    assert "secret" not in str(headers(keyed.replace(headers=(("Authorization", "Basic x"),))))
    assert "authorization" not in headers(keyed.replace(key=""))


EVERYTHING = ask(
    max_tokens=5,
    temperature=0.5,
    top_p=0.5,
    frequency_penalty=0.5,
    presence_penalty=-0.5,
    tools=({"name": "f"},),
    tool_choice="required",
    stop=("END",),
    thinking="high",
)
FIELDS = {
    "stream_options": "stream_options",
    "temperature": "temperature",
    "top_p": "top_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "thinking": "reasoning_effort",
    "stop": "stop",
    "tool_choice": "tool_choice",
}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_what_was_refused_is_left_out(name: str) -> None:
    """The one field is missing, all others are as they were."""
    whole, without = body(EVERYTHING), body(EVERYTHING, TARGET.replace(without=(name,)))
    assert whole.pop(FIELDS[name])
    assert whole == without


def test_a_refused_limit_is_sent_under_its_other_name() -> None:
    """The most tokens of an answer are never left to the server."""
    new = TARGET.replace(max_tokens_field="max_completion_tokens")
    for target, sent in [(TARGET, "max_completion_tokens"), (new, "max_tokens")]:
        asked = body(EVERYTHING, target.replace(without=("max_tokens",)))
        assert ({name for name in asked if name.startswith("max_")}, asked[sent]) == ({sent}, 5)


def test_only_what_can_be_done_without_is_droppable() -> None:
    """Messages, tools and a schema are what is asked; everything droppable really goes."""
    assert set(FIELDS) | {"max_tokens", "stream"} == OPENAI.droppable


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("auto", "auto"),
        ("none", "none"),
        ("required", "required"),
        ("f", {"type": "function", "function": {"name": "f"}}),
        ("", None),
    ],
)
def test_a_tool_can_be_chosen(choice: str, sent: object) -> None:
    """By a word, or by its name; without tools there is no choice."""
    assert body(ask(tools=({"name": "f"},), tool_choice=choice)).get("tool_choice") == sent
    assert "tool_choice" not in body(ask(tool_choice=choice))


def test_stops_are_a_list() -> None:
    """The words an answer ends before."""
    assert body(ask(stop=("a", "b")))["stop"] == ["a", "b"]


@pytest.mark.parametrize(
    ("thinking", "effort"),
    [
        ("low", "low"),
        ("high", "high"),
        ("off", None),
        (None, None),
        ("1024", "low"),
        ("9000", "high"),
        ("0", None),
    ],
)
def test_thinking_is_an_effort(thinking: str | None, effort: str | None) -> None:
    """A level is sent as it is, a budget as the nearest level, nothing as nothing."""
    far = TARGET.replace(url="https://far.example/v1")
    assert body(ask(thinking=thinking), target=far).get("reasoning_effort") == effort


OFF = [
    ("https://api.groq.com/openai/v1", "qwen/qwen3-32b", "off", "none"),
    ("https://api.groq.com/openai/v1", "qwen/qwen3-32b", "0", "none"),
    ("https://api.groq.com/openai/v1", "qwen/qwen3-32b", None, None),
    ("https://api.groq.com/openai/v1", "openai/gpt-oss-120b", "off", None),
    ("https://api.cerebras.ai/v1", "zai-glm-4.7", "off", "none"),
    ("https://notgroq.com/v1", "qwen/qwen3-32b", "off", None),
    ("https://api.openai.com/v1", "gpt-5", "off", None),
    ("http://8.8.8.8/v1", "qwen3", "off", None),
    ("http://127.0.0.1:8080/v1", "qwen3", "off", "none"),
    ("http://[::1]:8080", "qwen3", "0", "none"),
    ("http://192.168.1.9:8000/v1", "qwen3", "off", "none"),
    ("http://den:1/v1", "qwen3", "off", "none"),
    ("http://den.lan:1/v1", "qwen3", "off", "none"),
    ("http://[::ffff:10.0.0.9]/v1", "qwen3", "off", "none"),
    ("http://134744072/v1", "qwen3", "off", None),  # 8.8.8.8
    ("http://den.lan:1/v1", "qwen3", None, None),
    ("http://den.lan:1/v1", "qwen3", "low", "low"),
]


@pytest.mark.parametrize(("url", "model", "thinking", "effort"), OFF)
def test_off_is_said_only_where_it_is_needed_and_understood(
    url: str, model: str, thinking: str | None, effort: str | None
) -> None:
    """Two vendors' models think unless told not to, and those on servers of one's own."""
    call = OPENAI.chat_call(TARGET.replace(url=url), model, ask(thinking=thinking))
    assert json.loads(call.body or b"").get("reasoning_effort") == effort
    quiet = OPENAI.chat_call(TARGET.replace(url=url, without=("thinking",)), model, ask(thinking=thinking))
    assert "reasoning_effort" not in json.loads(quiet.body or b"")


def test_messages_keep_their_parts_in_order() -> None:
    """Text comes before images, tool calls with their assistant, results with their call."""
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    request = ChatRequest(
        messages=(
            Message(role="system", text="be brief"),
            Message(role="user", text="see", images=(Image(url="data:1"), Image(url="https://2"))),
            Message(role="assistant", tool_calls=(call, {"id": "d", "name": "g", "arguments": "{}"})),
            Message(role="tool", text="42", tool_call_id="c"),
        )
    )
    system, user, assistant, tool = body(request)["messages"]
    assert system == {"role": "system", "content": "be brief"}
    assert [part["type"] for part in user["content"]] == ["text", "image_url", "image_url"]
    assert user["content"][2]["image_url"] == {"url": "https://2"}
    assert assistant["tool_calls"] == [call, call | {"id": "d", "function": {"name": "g", "arguments": "{}"}}]
    assert tool == {"role": "tool", "content": "42", "tool_call_id": "c"}


def test_text_that_is_not_unicode_can_be_sent() -> None:
    """Half a surrogate pair, from a broken file name say, does not stop the call."""
    assert (
        body(ChatRequest(messages=(Message(role="user", text="a\ud83d"),)))["messages"][0]["content"] == "a?"
    )


def test_a_format_that_is_not_here_is_named_with_those_that_are() -> None:
    """The error says what to write instead."""
    with pytest.raises(ConfigInvalid, match='format "telegraph" is not supported by this version') as raised:
        wire_format("telegraph")
    assert "openai" in raised.value.hint
