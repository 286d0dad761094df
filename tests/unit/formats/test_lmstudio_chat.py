"""The format lmstudio chats as OpenAI does, at the address and in the words that LM Studio has for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Frame, Target
from llmpool.formats import wire_format
from tests.contract.lmstudio.shapes import documented

LMSTUDIO, OPENAI = wire_format("lmstudio"), wire_format("openai")
TARGET = Target(provider="p", url="http://h:1234", key="k", headers=(("x-team", "a"),))
THERE = "http://h:1234/v1/chat/completions"
# Three versions of what it says of a prompt that is too long for the window a model was loaded with.
TOO_LONG = [
    (
        "Trying to keep the first 15857 tokens when context the overflows. However, the model is loaded with"
        " context length of only 4096 tokens, which is not enough."
    ),
    (
        "The number of tokens to keep from the initial prompt is greater than the context length"
        " (n_keep: 10978 >= n_ctx: 8192). Try to load the model with a larger context length"
    ),
    "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)",
]


def ask(**more: Any) -> ChatRequest:
    """Make a request that says hi."""
    return ChatRequest(messages=(Message(role="user", text="hi"),), **more)


def sent(request: ChatRequest, target: Target = TARGET) -> dict[str, Any]:
    """Return the body that *request* is sent as."""
    body: dict[str, Any] = json.loads(LMSTUDIO.chat_call(target, "m", request).body or b"")
    return body


def failure(frames: list[Frame]) -> Failure:
    """Return the failure that reading *frames* ends with."""
    with pytest.raises(UpstreamError) as raised:
        list(LMSTUDIO.read_stream(frames))
    return raised.value.failure


@pytest.mark.parametrize("end", ["", "/v1", "/api/v0", "/api/v1/models", "/v1/chat/completions"])
def test_a_question_goes_to_the_openai_side_of_the_server(end: str) -> None:
    """Whichever address is known, one is asked; the key and the owner's headers go along."""
    call = LMSTUDIO.chat_call(TARGET.replace(url=f"http://h:1234{end}"), "m", ask())
    assert (call.method, call.url, call.framing) == ("POST", THERE, "sse")
    headers = [name.lower() for name, _ in call.headers]
    assert dict(call.headers)["authorization"] == "Bearer k"
    assert headers.count("authorization") == 1
    assert dict(call.headers)["x-team"] == "a"
    assert LMSTUDIO.takes_image_urls is False


def test_a_body_is_what_openai_is_sent() -> None:
    """There is one way to write a chat, and all that may be refused of it may be refused here."""
    request = ask(temperature=0.5, max_tokens=9, stop=("x",), tools=({"name": "f"},), thinking="low")
    there = TARGET.replace(url="http://h:1234/v1", exact=True)
    assert sent(request) == json.loads(OPENAI.chat_call(there, "m", request).body or b"")
    assert LMSTUDIO.droppable == OPENAI.droppable
    assert "temperature" not in sent(request, TARGET.replace(without=("temperature",)))


def test_thinking_is_turned_off_where_that_was_asked_for() -> None:
    """Models that can think do so unless told; where that is refused, the word can be left out."""
    assert sent(ask(thinking="off"))["reasoning_effort"] == "none"
    assert sent(ask(thinking="0"))["reasoning_effort"] == "none"
    assert sent(ask(thinking="off")).items() >= sent(ask()).items()
    assert "reasoning_effort" not in sent(ask())
    assert "reasoning_effort" not in sent(ask(thinking="off"), TARGET.replace(without=("thinking",)))


def test_an_answer_is_read_as_openais() -> None:
    """Text, finish, usage and the model; what else LM Studio tells of an answer is passed over."""
    answer = documented("v0-chat-completions")
    text, last = LMSTUDIO.read_reply(answer)
    usage = TokenUsage(input=24, output=53)
    assert text.text.startswith("Greetings, I'm a helpful AI")
    assert Delta(finish="stop", usage=usage, served_model="granite-3.0-2b-instruct") == last
    assert LMSTUDIO.read_usage(json.loads(answer.body)) == usage


def test_a_stream_is_read_as_openais() -> None:
    """Piece by piece; without its end it is broken, and thinking has a field of its own."""
    pieces = [{"reasoning": "Hm"}, {"content": "Fo"}, {"content": "ur."}]
    frames = [Frame("", json.dumps({"choices": [{"delta": piece}]})) for piece in pieces]
    end = [Frame("", '{"choices": [{"delta": {}, "finish_reason": "stop"}]}'), Frame("", "[DONE]")]
    deltas = list(LMSTUDIO.read_stream(frames + end))
    assert [(d.thinking, d.text) for d in deltas] == [("Hm", ""), ("", "Fo"), ("", "ur."), ("", "")]
    assert failure(frames).kind == "broken"


@pytest.mark.parametrize("words", TOO_LONG)
def test_a_prompt_over_the_loaded_window_is_refused_as_such(words: str) -> None:
    """No code says so, and the status may be 400 or 500, or 200 in a stream."""
    for status in (400, 500):
        answer = Answer(status=status, headers={}, body=json.dumps({"error": words}).encode())
        assert LMSTUDIO.read_error(answer).kind == "context_length"
        with pytest.raises(UpstreamError) as raised:
            list(LMSTUDIO.read_reply(answer))
        assert raised.value.failure.kind == "context_length"
    assert failure([Frame("error", json.dumps({"error": {"message": words}}))]).kind == "context_length"


ERRORS = [
    (401, {"type": "invalid_request", "code": "invalid_api_key", "message": "a token is required"}, "auth"),
    (400, "'url' field must be a base64 encoded image.", "bad_request"),
    (404, {"message": "Model 'nope' not found", "type": "model_not_found"}, "model_not_found"),
    (500, "The model has crashed without additional information.", "server"),
]


@pytest.mark.parametrize(("status", "error", "kind"), ERRORS)
def test_other_errors_are_what_openais_are(status: int, error: object, kind: str) -> None:
    """Code and status first, words last."""
    answer = Answer(status=status, headers={}, body=json.dumps({"error": error}).encode())
    assert (LMSTUDIO.read_error(answer).kind, LMSTUDIO.read_error(answer).status) == (kind, status)


def test_an_address_it_does_not_know_is_another_format() -> None:
    """LM Studio says so with status 200 and one object, to a question that wanted a stream too."""
    body = documented("unexpected-endpoint").body.decode()
    assert failure([Frame("json", body)]).kind == "wrong_format"
