"""What vendors really answered at chat completions is read as it was meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.chat import Delta
from llmpool.core.outcome import TokenUsage, UpstreamError
from llmpool.formats import wire_format
from llmpool.formats.refused import refused
from tests.unit.formats.recordings import OPENAI as RECORDED
from tests.unit.formats.recordings import framed, recorded

OPENAI = wire_format("openai")
USAGES = json.loads((RECORDED / "usages.json").read_text())
STREAMS = ["openai/stream", "vllm/stream"]
CACHED = ("cached_tokens", "num_cached_tokens")  # Kimi, Mistral: genai-prices passes these over


def read(name: str) -> list[Delta]:
    """Read a recorded answer, in one piece or streamed."""
    answer = recorded(name)
    if "event-stream" in answer.headers.get("content-type", ""):
        return list(OPENAI.read_stream(framed(answer.body)))
    return list(OPENAI.read_reply(answer))


def joined(deltas: list[Delta]) -> tuple[str, str]:
    """Return thinking and text."""
    return "".join(d.thinking for d in deltas), "".join(d.text for d in deltas)


ANSWERS = [
    ("openai/stop", "", "The capital of France is ", "stop"),
    ("openai/stream", "", "The capital of Mexico is Mexico City.", "stop"),
    ("vllm/stream", "", "1, 2, 3, 4, 5", "stop"),
    ("vllm/schema", "1.  **Identify", '{ "city": "Paris", "country": "France" }', "stop"),
    ("vllm/tool-1", "The user wants", "", "tools"),
    ("vllm/tool-2", "The weather in Paris", "The weather in Paris is currently **sunny**", "stop"),
    ("groq/think-apart", "Okay, let's see.", "4", "stop"),
    ("groq/think-inline", "Okay, let's see...", "4", "stop"),
    ("groq/think-off", "", "4", "stop"),
    ("groq/effort-high", "", "4", "stop"),
    ("mistral/think-parts", "The user is asking for the result", "4", "stop"),
    ("mistral/stop", "", "The capital of France is ", "stop"),
    ("cerebras/think-apart", "The user asks:", "4", "stop"),
    ("cerebras/think-off", "", "4", "stop"),
    ("deepseek/tool-1", "The user wants to play", "Let me load the dice rolling capability!", "tools"),
]


@pytest.mark.parametrize(("name", "thinking", "text", "finish"), ANSWERS)
def test_thinking_text_and_finish_are_told_apart(name: str, thinking: str, text: str, finish: str) -> None:
    """Every vendor has another place for its thoughts."""
    deltas = read(name)
    thought, said = joined(deltas)
    assert thought.startswith(thinking)
    assert said.startswith(text)
    assert bool(text) == bool(said)
    assert deltas[-1].finish == finish
    assert deltas[-1].usage


@pytest.mark.parametrize("name", STREAMS)
def test_streams_are_read_alike_cut_at_every_byte_and_broken_at_every_event(name: str) -> None:
    """The bytes come as they come; half an answer is none."""
    body = recorded(name).body
    whole = read(name)
    for size in (1, 2, 3, 5, 7, 64, 999):
        assert whole == list(OPENAI.read_stream(framed(body, size)))
    frames = framed(body)
    finished = next(i for i, f in enumerate(frames) if '"finish_reason":"' in f.data)
    for cut in range(finished + 1):
        with pytest.raises(UpstreamError) as raised:
            list(OPENAI.read_stream(frames[:cut]))
        assert raised.value.failure.kind == "broken"
    for cut in range(finished + 1, len(frames)):
        assert joined(whole) == joined(list(OPENAI.read_stream(frames[:cut])))


@pytest.mark.parametrize("name", STREAMS)
def test_no_byte_of_a_text_can_be_missing(name: str) -> None:
    """Cut anywhere before its finish, a stream is a failure, never a shorter answer."""
    body = recorded(name).body
    for cut in range(body.index(b'"finish_reason":"')):
        with pytest.raises(UpstreamError):
            list(OPENAI.read_stream(framed(body[:cut])))


@pytest.mark.parametrize("name", ["openai/unknown-model", "groq/unknown-model"])
def test_an_unknown_model_is_told_as_one(name: str) -> None:
    """Failover goes on to another model, and this one is not asked again for a while."""
    failure = OPENAI.read_error(recorded(name))
    assert (failure.kind, failure.status, failure.code) == ("model_not_found", 404, "model_not_found")
    assert refused(failure, OPENAI.droppable) == ""


def test_the_vendors_word_for_the_model_is_kept() -> None:
    """An alias is answered by a dated model."""
    assert read("openai/stop")[-1].served_model == "o3-mini-2025-01-31"


@pytest.mark.parametrize("case", USAGES, ids=range(len(USAGES)))
def test_usage_is_read_as_genai_prices_reads_it(case: dict[str, Any]) -> None:
    """Input includes what was cached; what the oracle calls absent is unknown or nothing here."""
    usage = OPENAI.read_usage({"usage": case["usage"]})
    expected = case["expected"]
    assert usage.input == expected.get("input_tokens")
    assert usage.output == expected.get("output_tokens")
    assert (usage.reasoning or 0) == expected.get("output_reasoning_tokens", 0)
    assert (usage.cache_write or 0) == expected.get("cache_write_tokens", 0)
    told = next((case["usage"][name] for name in CACHED if name in case["usage"]), 0)
    assert (usage.cache_read or 0) == expected.get("cache_read_tokens", told)


USAGE_ELSEWHERE = [
    ({"x_groq": {"usage": {"prompt_tokens": 3}}, "choices": []}, 3),
    ({"choices": [{"delta": {}, "finish_reason": "stop", "usage": {"prompt_tokens": 4}}]}, 4),
]


@pytest.mark.parametrize(("chunk", "tokens"), USAGE_ELSEWHERE)
def test_usage_is_found_where_groq_and_kimi_put_it(chunk: dict[str, Any], tokens: int) -> None:
    """Groq's own envelope, and Kimi's last choice."""
    text = {"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}
    frames = [json.dumps(piece).encode() for piece in (text, chunk)]
    body = b"".join(b"data: " + frame + b"\n\n" for frame in frames) + b"data: [DONE]\n\n"
    assert list(OPENAI.read_stream(framed(body)))[-1].usage == TokenUsage(input=tokens)
