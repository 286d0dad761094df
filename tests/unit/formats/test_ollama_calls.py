"""The format ollama writes calls: what is sent of a question, in which words, and what is never left out."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Target
from llmpool.formats import wire_format
from llmpool.formats.ollama import root_of
from llmpool.formats.refused import refused

OLLAMA = wire_format("ollama")
TARGET = Target(provider="p", url="http://h:11434")


def sent(request: ChatRequest, target: Target = TARGET, model: str = "m") -> dict[str, Any]:
    """Return the body that *request* is sent as."""
    body: dict[str, Any] = json.loads(OLLAMA.chat_call(target, model, request).body or b"")
    return body


def ask(**more: Any) -> ChatRequest:
    """Make a request that says hi."""
    return ChatRequest(messages=(Message(role="user", text="hi"),), **more)


def turns(*messages: Message) -> list[dict[str, Any]]:
    """Return what *messages* are sent as."""
    written: list[dict[str, Any]] = sent(ChatRequest(messages=messages))["messages"]
    return written


def test_a_plain_request_sends_what_is_set_and_nothing_else() -> None:
    """Nothing is left to defaults that would cut a prompt or think unasked; options are the server's own."""
    assert sent(ask()) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "truncate": False,
        "think": False,
    }
    assert sent(ask(stream=False))["stream"] is False


def test_a_call_goes_to_the_chat_of_the_server_with_its_key() -> None:
    """Lines are what a streamed answer comes in, one object what another does; a key is a bearer token."""
    target = TARGET.replace(url="http://h:11434/v1", key="k", headers=(("x-team", "a"),), verify_tls=False)
    call = OLLAMA.chat_call(target, "m", ask())
    assert (call.method, call.url, call.framing) == ("POST", "http://h:11434/api/chat", "ndjson")
    assert dict(call.headers)["authorization"] == "Bearer k"
    assert dict(call.headers)["x-team"] == "a"
    assert not call.verify_tls
    assert OLLAMA.chat_call(TARGET, "m", ask(stream=False)).framing == "json"
    assert "authorization" not in dict(OLLAMA.chat_call(TARGET, "m", ask()).headers)
    assert OLLAMA.takes_image_urls is False


ROOTS = [
    ("http://h:11434", "http://h:11434"),
    ("http://h:11434/", "http://h:11434"),
    ("http://h:11434/v1", "http://h:11434"),
    ("http://h:11434/v1/", "http://h:11434"),
    ("http://h:11434/api", "http://h:11434"),
    ("http://h:11434/api/tags", "http://h:11434"),
    ("http://h:11434/api/chat", "http://h:11434"),
    ("http://h:11434/v1/chat/completions", "http://h:11434"),
    ("https://ollama.com/api", "https://ollama.com"),
    ("https://h/api/", "https://h"),
    ("https://h/llm/API/?tenant=2", "https://h/llm?tenant=2"),
]


@pytest.mark.parametrize(("url", "root"), ROOTS)
def test_whichever_address_of_a_server_is_given_its_root_is_found(url: str, root: str) -> None:
    """Owners copy addresses from anywhere; what comes before the known ends stays, a query too."""
    assert root == root_of(url)


def test_every_option_has_its_field() -> None:
    """Each option is sent under the name the API has for it; a window only where one is asked for."""
    request = ask(max_tokens=5, temperature=0.0, top_p=0.5, stop=("END",), schema={"type": "object"})
    body = sent(request, TARGET.replace(context_window=8192))
    assert body["options"] == {
        "num_predict": 5,
        "temperature": 0.0,
        "top_p": 0.5,
        "stop": ["END"],
        "num_ctx": 8192,
    }
    assert body["format"] == {"type": "object"}


def test_what_was_refused_is_left_out() -> None:
    """All that can be dropped is, and nothing else."""
    request = ask(max_tokens=5, temperature=0.1, top_p=0.5, stop=("END",), thinking="high")
    body = sent(request, TARGET.replace(without=tuple(OLLAMA.droppable)))
    assert body["options"] == {"num_predict": 5}
    assert "think" not in body


@pytest.mark.parametrize(
    "message",
    ['"gemma3:4b" does not support thinking', 'think value "high" is not supported for this model'],
)
def test_a_refusal_to_think_is_understood(message: str) -> None:
    """The words of the server lead to the parameter that the next call does without."""
    failure = Failure(kind="bad_request", message=message, status=400)
    assert refused(failure, OLLAMA.droppable) == "thinking"


THOUGHTS = [
    (None, "qwen3:8b", False),
    ("off", "qwen3:8b", False),
    ("0", "qwen3:8b", False),
    ("low", "qwen3:8b", True),
    ("high", "qwen3:8b", True),
    ("4096", "qwen3:8b", True),
    ("nonsense", "qwen3:8b", False),
    (None, "gpt-oss:20b", False),
    ("medium", "gpt-oss:20b", "medium"),
    ("high", "hf.co/unsloth/GPT-OSS-20b-GGUF:Q4", "high"),
    ("2048", "gpt-oss:20b", "low"),
    ("2049", "gpt-oss:20b", "medium"),
    ("9000", "gpt-oss:20b", "high"),
]


@pytest.mark.parametrize(("thinking", "model", "think"), THOUGHTS)
def test_thinking_is_off_unless_asked_for(thinking: str | None, model: str, think: bool | str) -> None:
    """Most models know on and off; only gpt-oss is told how much."""
    assert sent(ask(thinking=thinking), model=model)["think"] == think


def test_messages_keep_their_parts() -> None:
    """Images are bare data beside the text, arguments are objects, and a result names its tool."""
    nested = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"city": "Tokyo"}'}}
    flat = {"id": "d", "name": "g", "arguments": ""}
    assert turns(
        Message(role="system", text="be brief"),
        Message(role="user", text="see", images=(Image(url="data:image/png;base64,aGk="),)),
        Message(role="assistant", tool_calls=(nested, flat)),
        Message(role="tool", text="12 degrees", tool_call_id="c"),
        Message(role="tool", text="ok", tool_call_id="d"),
        Message(role="tool", text="late", tool_call_id="unknown"),
    ) == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "see", "images": ["aGk="]},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "c", "function": {"name": "f", "arguments": {"city": "Tokyo"}}},
                {"id": "d", "function": {"name": "g", "arguments": {}}},
            ],
        },
        {"role": "tool", "content": "12 degrees", "tool_name": "f", "tool_call_id": "c"},
        {"role": "tool", "content": "ok", "tool_name": "g", "tool_call_id": "d"},
        {"role": "tool", "content": "late", "tool_call_id": "unknown"},
    ]


def test_a_result_names_the_tool_of_the_call_nearest_before_it() -> None:
    """Servers count their calls anew in every answer, so an id may come again."""
    first, second = ({"id": "call_0", "name": name, "arguments": "{}"} for name in ("f", "g"))
    written = turns(
        Message(role="assistant", tool_calls=(first,)),
        Message(role="tool", text="1", tool_call_id="call_0"),
        Message(role="assistant", tool_calls=(second,)),
        Message(role="tool", text="2", tool_call_id="call_0"),
    )
    assert [turn.get("tool_name") for turn in written] == [None, "f", None, "g"]


def test_thoughts_ahead_of_a_call_are_given_back() -> None:
    """A model goes on from what it thought; what other formats carry is passed over."""
    carry = ({"format": "anthropic", "thinking": "x"}, {"format": "ollama", "thinking": "Weather it is."})
    (turn,) = turns(Message(role="assistant", text="a", carry=carry))
    assert turn == {"role": "assistant", "content": "a", "thinking": "Weather it is."}


ARGUMENTS = [
    ('{"a": 1}', {"a": 1}),
    ({"a": 1}, {"a": 1}),
    ("", {}),
    (None, {}),
    ("[1, 2]", {"arguments": [1, 2]}),
    ("torn {", {"arguments": "torn {"}),
]


@pytest.mark.parametrize(("given_as", "expected"), ARGUMENTS)
def test_arguments_are_an_object_whatever_they_were(given_as: object, expected: dict[str, Any]) -> None:
    """The API takes nothing else; what is no object is kept whole inside one."""
    (turn,) = turns(Message(role="assistant", tool_calls=({"name": "f", "arguments": given_as},)))
    assert turn["tool_calls"] == [{"function": {"name": "f", "arguments": expected}}]


IMAGES = [
    ("data:image/png;base64,aGk=", b"hi"),
    ("data:;base64,aGk=", b"hi"),
    ("DATA:image/png;BASE64,aG\nk=", b"hi"),
    ("data:image/png;base64,aGk%3D", b"hi"),
    ("data:image/svg+xml,%3Csvg/%3E", b"<svg/>"),
]


@pytest.mark.parametrize(("url", "content"), IMAGES)
def test_an_image_is_sent_as_its_data(url: str, content: bytes) -> None:
    """However a data URL writes a picture, the bytes arrive."""
    (turn,) = turns(Message(role="user", images=(Image(url=url),)))
    assert b64decode(turn["images"][0], validate=True) == content


@pytest.mark.parametrize("url", ["https://h/cat.png", "data:broken", "", "file:///etc/passwd"])
def test_an_image_that_cannot_be_sent_is_an_error_never_left_out(url: str) -> None:
    """The error blames the request and names the picture."""
    with pytest.raises(UpstreamError) as raised:
        turns(Message(role="user", text="see", images=(Image(url=url),)))
    assert raised.value.failure.kind == "bad_request"
    assert url in raised.value.failure.message


def test_tools_are_offered_as_the_choice_allows() -> None:
    """The API has no field for a choice: none offers no tool, a name offers only that one."""
    bare, wrapped = {"name": "f", "parameters": {}}, {"type": "function", "function": {"name": "g"}}
    tools: tuple[dict[str, Any], ...] = (bare, wrapped)
    f = {"type": "function", "function": bare}
    for choice, expected in [
        ("", [f, wrapped]),
        ("auto", [f, wrapped]),
        ("required", [f, wrapped]),
        ("g", [wrapped]),
        ("unknown", [f, wrapped]),
    ]:
        assert sent(ask(tools=tools, tool_choice=choice))["tools"] == expected
    assert "tools" not in sent(ask(tools=tools, tool_choice="none"))
    assert "tools" not in sent(ask())


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=5,
)
CALLS = st.fixed_dictionaries(
    {},
    optional={
        "id": VALUES,
        "name": VALUES,
        "arguments": VALUES | TEXT,
        "function": st.none() | st.fixed_dictionaries({}, optional={"name": VALUES, "arguments": VALUES}),
    },
)
MESSAGES = st.builds(
    Message,
    role=st.sampled_from(["system", "user", "assistant", "tool"]),
    text=TEXT,
    tool_calls=st.lists(CALLS, max_size=2).map(tuple),
    tool_call_id=TEXT,
    carry=st.lists(st.dictionaries(st.sampled_from(["format", "thinking"]), VALUES), max_size=2).map(tuple),
)


@given(st.lists(MESSAGES, max_size=5))
def test_no_text_is_lost_or_moved(messages: list[Message]) -> None:
    """Every turn is sent with its role and its text, in order, whatever calls it makes."""
    written = turns(*messages)
    assert [(turn["role"], turn["content"]) for turn in written] == [(m.role, m.text) for m in messages]
    for turn, message in zip(written, messages, strict=True):
        calls = turn.get("tool_calls", [])
        assert len(calls) == len(message.tool_calls)
        assert all(isinstance(call["function"]["arguments"], dict) for call in calls)
