"""The format openai writes calls and reads listings: what is sent, what is believed, where a key may go."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.errors import ConfigInvalid
from llmpool.formats import wire_format
from llmpool.formats.base import Listing
from tests.unit.formats.recordings import recorded

OPENAI = wire_format("openai")
TARGET = Target(provider="p", url="http://h:1/v1", headers=(("authorization", "Bearer k"),))


def answer(payload: object, status: int = 200) -> Answer:
    """Make an answer of *payload*."""
    return Answer(status=status, headers={}, body=json.dumps(payload).encode())


def listed(*answers: Answer, target: Target = TARGET) -> tuple[Listing, list[str]]:
    """Run a listing against *answers*; return it and the addresses asked."""
    flow: Generator[Call, Answer, Listing] = OPENAI.list_models(target)
    urls, coming = [], iter(answers)
    try:
        call = next(flow)
        while True:
            urls.append(call.url)
            assert call.headers[-len(target.headers) :] == target.headers
            call = flow.send(next(coming))
    except StopIteration as end:
        return end.value, urls


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
    closed = {"type": "object", "additionalProperties": False}
    assert body(ask(schema=closed))["response_format"]["json_schema"]["strict"] is True


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
    assert body(ask(thinking=thinking)).get("reasoning_effort") == effort


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


def test_llama_cpp_says_how_much_context_is_loaded() -> None:
    """The window in use and the most the model was trained for are two things."""
    listing, urls = listed(recorded("llama/models"))
    (model,) = listing.models
    assert urls == ["http://h:1/v1/models"]
    assert (model.name, model.context_window, model.loaded_context) == ("tiny-chat", 2048, 2048)
    assert (model.max_context, model.capabilities.images) == (8192, False)


def test_openrouter_says_what_its_models_take() -> None:
    """Modalities and parameters become capabilities."""
    listing, _ = listed(recorded("aimock/openrouter-models"))
    model = listing.models[0]
    assert (model.context_window, model.max_output) == (128000, 16384)
    can = model.capabilities
    assert (can.tools, can.thinking, can.json, can.images) == (True, True, False, False)


FIELDS = [
    ({"max_model_len": 8}, 8),
    ({"context_length": 8, "max_model_len": 9}, 9),
    ({"context_window": 8}, 8),
    ({"max_context_length": 8, "context_length": 9}, 8),
    ({"top_provider": {"context_length": 8}}, 8),
    ({"meta": {"n_ctx_train": 8}}, 8),
    ({"context_length": "8"}, 0),
    ({"context_length": -8, "meta": [], "architecture": 3, "supported_parameters": "tools"}, 0),
    ({}, 0),
]


@pytest.mark.parametrize(("fields", "window"), FIELDS)
def test_the_context_is_found_under_every_name(fields: dict[str, Any], window: int) -> None:
    """Vendors agree on no name for it, and nonsense is unknown."""
    listing, _ = listed(answer({"data": [{"id": "m"} | fields]}))
    assert listing.models[0].context_window == window


def test_a_name_alone_tells_the_listing_nothing() -> None:
    """What the server does not say stays unknown here; names are judged by the registry alone."""
    listing, _ = listed(answer({"data": [{"id": "text-embedding-3-small"}, {"id": "gpt-5"}]}))
    assert {(m.capabilities.chat, m.capabilities.embeddings) for m in listing.models} == {(None, None)}


def test_types_tell_what_does_not_chat() -> None:
    """A type says it."""
    listing, _ = listed(answer({"data": [{"id": "a", "type": "embeddings"}, {"id": "b", "type": "vlm"}]}))
    one, two = (model.capabilities for model in listing.models)
    assert (one.chat, one.embeddings, two.chat, two.images) == (False, True, True, True)


def test_unusable_lines_are_skipped_and_counted() -> None:
    """Names with escapes, blank, too long, doubled or missing are not models."""
    bad: list[Any] = ["", " ", "a\x1b[31m", "a\nb", "a\u202eb", "x" * 513, 3, None, "m", "a\ud83d"]
    listing, _ = listed(answer({"data": [{"id": "m"}, *({"id": name} for name in bad), 5, {}]}))
    assert ([m.name for m in listing.models], listing.skipped) == (["m"], 12)


def test_a_listing_at_the_root_is_tried_under_v1() -> None:
    """A URL that lacks its version is helped once; one that has it is not."""
    root = TARGET.replace(url="http://h:1")
    models = recorded("llama/models")
    for nothing in (
        recorded("llama/unknown-path"),
        answer({"error": "Unexpected endpoint or method. (GET /models)"}),
        Answer(status=200, headers={}, body=b"<!doctype html>"),
    ):
        assert listed(nothing, models, target=root)[1] == ["http://h:1/models", "http://h:1/v1/models"]
    with pytest.raises(UpstreamError):
        listed(recorded("llama/unknown-path"))


def test_pages_are_followed_and_never_in_circles() -> None:
    """Both ways of paging lead to the last page; a repeated page ends it."""
    first = {"data": [{"id": "a"}], "has_more": True, "last_id": "a b"}
    listing, urls = listed(answer(first), answer({"data": [{"id": "b"}], "has_more": False}))
    assert ([m.name for m in listing.models], urls[1]) == (["a", "b"], "http://h:1/v1/models?after=a%20b")
    circle, _ = listed(answer(first), answer(first))
    assert len(circle.models) == 1
    linked = {"data": [], "links": {"next": "/v1/models?offset=9"}}
    assert listed(answer(linked), answer({"data": []}))[1][1] == "http://h:1/v1/models?offset=9"


@pytest.mark.parametrize("link", ["http://evil/", "//evil/x", "http://h:12/", "http://h:1.evil/", 3])
def test_a_page_at_another_host_is_not_asked_for(link: object) -> None:
    """The key of one host goes to no other."""
    _, urls = listed(answer({"data": [], "links": {"next": link}}))
    assert len(urls) == 1


def test_a_bare_list_is_a_listing() -> None:
    """Some vendors leave the envelope out."""
    assert len(listed(answer([{"id": "a"}]))[0].models) == 1


BAD = [
    (answer({}), "wrong_format"),
    (answer({"data": None}), "wrong_format"),
    (answer({"data": {"id": "a"}}), "wrong_format"),
    (answer("text"), "wrong_format"),
    (answer({"data": [{"id": str(n)} for n in range(100_001)]}), "wrong_format"),
    (Answer(status=200, headers={}, body=b"<html>"), "wrong_format"),
    (Answer(status=200, headers={}, body=b'{"data": ['), "wrong_format"),
    (answer({"error": {"message": "no", "code": "invalid_api_key"}}), "auth"),
    (answer({"error": "no"}, 401), "auth"),
    (answer({}, 500), "server"),
]


@pytest.mark.parametrize(("bad", "kind"), BAD)
def test_what_is_no_listing_is_a_failure(bad: Answer, kind: str) -> None:
    """An empty pool is never made of an error."""
    with pytest.raises(UpstreamError) as raised:
        listed(bad)
    assert raised.value.failure.kind == kind


def test_a_format_that_is_not_here_is_named_with_those_that_are() -> None:
    """The error says what to write instead."""
    with pytest.raises(ConfigInvalid, match='format "telegraph" is not supported by this version') as raised:
        wire_format("telegraph")
    assert "openai" in raised.value.hint
