"""The format copilot: chat completions at an address that is taken as it is, under nobody's name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llmpool.core.chat import ChatRequest, Message
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Frame, Target
from llmpool.formats import copilot, wire_format
from tests.unit.formats.listed import answer, run
from tests.unit.formats.recordings import CONTRACT, framed, recorded

COPILOT = wire_format("copilot")
TARGET = Target(provider="p", url="https://api.example.com", key="t1")
MODELS = Answer(status=200, headers={}, body=(CONTRACT / "copilot/documented/models.json").read_bytes())
ASKED = ChatRequest(messages=(Message(role="user", text="hi"),), max_tokens=5)


def test_the_address_is_where_the_paths_begin() -> None:
    """Worked example G20: `/chat/completions` at the address the login named, without `/v1`."""
    call = COPILOT.chat_call(TARGET, "m", ASKED)
    assert call.url == "https://api.example.com/chat/completions"
    assert json.loads(call.body or b"")["max_tokens"] == 5
    assert run(COPILOT.list_models(TARGET), MODELS).urls == ["https://api.example.com/models"]


def test_nobody_is_impersonated() -> None:
    """The token goes as the bearer; what a client says of itself is the owner's alone."""
    headers = COPILOT.chat_call(TARGET, "m", ASKED).headers
    assert {name for name, _ in headers} == {"content-type", "accept", "authorization"}
    assert dict(headers)["authorization"] == "Bearer t1"
    mine = TARGET.replace(headers=(("Editor-Version", "mine/1"),))
    assert dict(COPILOT.chat_call(mine, "m", ASKED).headers)["Editor-Version"] == "mine/1"
    source = Path(copilot.__file__).read_text(encoding="utf-8")
    assert not [word for word in ("vscode/", "Iv1.", "copilot-chat/") if word in source]


def test_the_documented_listing_is_read() -> None:
    """Limits and what is supported; what is hidden from choice is counted."""
    found = run(COPILOT.list_models(TARGET), MODELS)
    chat, elsewhere, plain, embed = found.listing.models
    assert (found.listing.skipped, found.listing.base) == (1, "")
    assert (chat.name, chat.kind, chat.context_window, chat.max_output) == (
        "gpt-made-up",
        "chat",
        200_000,
        16_384,
    )
    can = chat.capabilities
    assert (can.chat, can.streaming, can.tools, can.images, can.json) == (True,) * 5
    assert (elsewhere.capabilities.chat, elsewhere.context_window) == (False, 64_000)
    assert (plain.capabilities.tools, plain.capabilities.images, plain.context_window) == (False, False, 8192)
    assert (embed.capabilities.chat, embed.capabilities.embeddings) == (False, True)


def test_a_refused_token_is_refused() -> None:
    """The address is not an open one that would list to strangers."""
    with pytest.raises(UpstreamError) as raised:
        run(COPILOT.list_models(TARGET), answer({"error": "unauthorized"}, 401))
    assert raised.value.failure.kind == "auth"


def test_answers_are_those_of_chat_completions() -> None:
    """Streams, thoughts in Copilot's own field, and errors."""
    deltas = list(COPILOT.read_stream(framed(recorded("openai/stream").body)))
    assert "".join(delta.text for delta in deltas) == "The capital of Mexico is Mexico City."
    piece = {"choices": [{"delta": {"content": "a", "reasoning_text": "hm"}, "finish_reason": "stop"}]}
    first, _ = COPILOT.read_stream([Frame("", json.dumps(piece))])
    assert (first.thinking, first.text) == ("hm", "a")
    assert COPILOT.read_error(answer({"message": "slow down"}, 429)).kind == "rate_limit"
    assert COPILOT.name == "copilot"


def test_an_answer_in_several_choices_is_one() -> None:
    """Copilot parts what Claude says from each of its calls, where it does not stream."""
    calls = [
        {"id": f"c{n}", "index": 0, "function": {"name": "f", "arguments": f'{{"n":{n}}}'}} for n in (1, 2)
    ]
    choices = [{"message": {"content": "I look."}, "finish_reason": "tool_calls"}]
    choices += [{"message": {"tool_calls": [call]}, "finish_reason": "tool_calls"} for call in calls]
    first, last = COPILOT.read_reply(answer({"choices": choices}))
    assert (first.text, last.finish) == ("I look.", "tools")
    assert [(tool.position, tool.id, tool.arguments) for tool in first.tools] == [
        (0, "c1", '{"n":1}'),
        (1, "c2", '{"n":2}'),
    ]
