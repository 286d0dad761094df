"""What an answer cost is told in full, also of one that is none: its vendor charges for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.outcome import TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Frame
from llmpool.formats import wire_format

CHAT = {"prompt_tokens": 10, "completion_tokens": 64, "total_tokens": 74}
RESPONSE = {"input_tokens": 10, "output_tokens": 64, "total_tokens": 74}
HIDDEN = {"reasoning_tokens": 64}
CUT = {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
NO_CALL = {"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}
COUNTED = {"usageMetadata": {"promptTokenCount": 10, "thoughtsTokenCount": 64}}


def frames(*events: dict[str, Any]) -> list[Frame]:
    return [Frame("", json.dumps(event)) for event in events]


def chunk(finish: str | None, **delta: str) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


BEGUN = (
    {"type": "message_start", "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 90}}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hello"}},
    {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 7}},
)
WITHHELD = [
    ("openai", frames(chunk("content_filter"), {"choices": [], "usage": CHAT}), (10, 64)),
    ("openai", frames({"choices": [], "usage": CHAT}, {"error": {"message": "no"}}), (10, 64)),
    ("responses", frames({"type": "response.failed", "response": {"usage": RESPONSE}}), (10, 64)),
    (
        "responses",
        frames({"type": "response.done", "response": {"status": "failed", "usage": RESPONSE}}),
        (10, 64),
    ),
    ("google", frames(NO_CALL | COUNTED), (10, 64)),
    ("ollama", frames({"done": True, "prompt_eval_count": 10, "eval_count": 64}), (10, 64)),
    ("anthropic", frames(*BEGUN), (95, 7)),
    ("anthropic", frames(*BEGUN, {"type": "error", "error": {"type": "overloaded_error"}}), (95, 7)),
]


@pytest.mark.parametrize(("name", "stream", "paid"), WITHHELD)
def test_an_answer_that_is_none_tells_what_it_cost(
    name: str, stream: list[Frame], paid: tuple[int, int]
) -> None:
    """What was counted of an answer that goes wrong comes ahead of its error."""
    seen: list[TokenUsage] = []
    with pytest.raises(UpstreamError):
        seen.extend(delta.usage for delta in wire_format(name).read_stream(iter(stream)) if delta.usage)
    assert [(usage.input, usage.output) for usage in seen] == [paid]


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("google", NO_CALL | COUNTED),
        ("openai", {"choices": [{"message": {"content": "hello"}, "finish_reason": "error"}], "usage": CHAT}),
        ("openai", {"choices": [{"message": {}, "error": {"message": "no"}}], "usage": CHAT}),
    ],
)
def test_a_whole_answer_that_is_none_tells_it_too(name: str, whole: dict[str, Any]) -> None:
    """It makes no difference that an answer was not streamed."""
    seen: list[TokenUsage] = []
    reply = Answer(status=200, headers={}, body=json.dumps(whole).encode())
    with pytest.raises(UpstreamError):
        seen.extend(delta.usage for delta in wire_format(name).read_reply(reply) if delta.usage)
    assert [(usage.input, usage.output) for usage in seen] == [(10, 64)]


@pytest.mark.parametrize(
    ("name", "stream"),
    [
        (
            "openai",
            frames(
                chunk("length", content=""),
                {"choices": [], "usage": CHAT | {"completion_tokens_details": HIDDEN}},
            ),
        ),
        (
            "responses",
            frames(
                {
                    "type": "response.incomplete",
                    "response": CUT | {"output": [], "usage": RESPONSE | {"output_tokens_details": HIDDEN}},
                }
            ),
        ),
        ("google", frames({"candidates": [{"finishReason": "MAX_TOKENS"}]} | COUNTED)),
    ],
)
def test_an_answer_cut_off_while_thinking_in_secret_is_an_answer(name: str, stream: list[Frame]) -> None:
    """A limit that was all spent on thoughts nobody may see is no reason to pay somebody else as well."""
    *_, last = wire_format(name).read_stream(iter(stream))
    assert (last.text, last.finish) == ("", "length")
    assert last.usage is not None
    assert (last.usage.input, last.usage.output, last.usage.reasoning) == (10, 64, 64)


@pytest.mark.parametrize(
    ("said", "thought", "total", "output"),
    [
        (1499, 2809, 14428, 4308),  # xAI's, which came to 1499 + 2809 tokens of output on its bill
        (0, 60, 10180, 60),  # a gateway for Gemini whose answer was all thoughts
        (1499, 1200, 11619, 1499),  # OpenAI's: they are inside
        (1499, 2809, None, 1499),  # nobody tells
        (1499, 2809, 11619, 1499),
        (1499, 0, 11619, 1499),
    ],
)
@pytest.mark.parametrize("name", ["openai", "responses"])
def test_reasoning_beside_the_answer_is_part_of_the_output(
    name: str, said: int, thought: int, total: int | None, output: int
) -> None:
    """Where the total says that reasoning was counted beside the answer, it belongs to the output."""
    sent, got = ("prompt", "completion") if name == "openai" else ("input", "output")
    usage = {
        f"{sent}_tokens": 10120,
        f"{got}_tokens": said,
        f"{got}_tokens_details": {"reasoning_tokens": thought},
    }
    if total is not None:
        usage["total_tokens"] = total
    read = wire_format(name).read_usage({"usage": usage})
    assert (read.input, read.output, read.reasoning) == (10120, output, thought)


@pytest.mark.parametrize(
    ("said", "cached", "total", "counted"),
    [
        (198, 0, 623, (603, 405)),  # Google's at its own door for OpenAI's format, and at gateways
        (198, None, 623, (603, 405)),
        (None, None, 425, (405, 405)),  # all of it was thought
        (198, None, 218, (198, None)),
        (198, None, None, (198, None)),
        (198, 405, 623, (198, None)),  # cached tokens beside the prompt
    ],
)
@pytest.mark.parametrize("name", ["openai", "responses"])
def test_what_only_the_total_counts_was_thought(
    name: str, said: int | None, cached: int | None, total: int | None, counted: tuple[int, int | None]
) -> None:
    """Tokens that are neither prompt nor answer are charged for as output: nobody else names them."""
    sent, got = ("prompt", "completion") if name == "openai" else ("input", "output")
    usage: dict[str, Any] = {f"{sent}_tokens": 20, f"{got}_tokens": said, "total_tokens": total}
    usage |= {f"{sent}_tokens_details": {"cached_tokens": cached}}
    read = wire_format(name).read_usage({"usage": usage})
    assert (read.input, (read.output, read.reasoning)) == (20, counted)


def test_zeros_alone_are_no_count() -> None:
    """Some gateways write them behind the true figures: they took the cost of an answer away."""
    zeros = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    stream = frames(chunk(None, content="hi") | {"usage": CHAT}, chunk("stop") | {"usage": zeros})
    last = list(wire_format("openai").read_stream([*stream, Frame("", "[DONE]")]))[-1]
    assert last.usage == TokenUsage(input=10, output=64)
    untold = frames(chunk(None, content="hi"), chunk("stop") | {"usage": zeros})
    assert list(wire_format("openai").read_stream([*untold, Frame("", "[DONE]")]))[-1].usage is None


@pytest.mark.parametrize(
    ("more", "counted"),
    [
        ({"prompt_tokens": 20, "cache_creation_input_tokens": 405}, (20, 198)),
        ({"prompt_tokens": 20, "prompt_tokens_details": {"cache_write_tokens": 405}}, (20, 198)),
        ({"prompt_tokens": 0}, (0, 198)),  # the total alone has the prompt
    ],
)
def test_what_the_total_has_of_the_prompt_was_not_thought(
    more: dict[str, Any], counted: tuple[int, int]
) -> None:
    """A prompt that went to a cache, or is not counted by itself, does not cost what an answer does."""
    usage = {"completion_tokens": 198, "total_tokens": 623} | more
    read = wire_format("openai").read_usage({"usage": usage})
    assert ((read.input, read.output), read.reasoning) == (counted, None)
