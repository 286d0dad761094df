"""What servers really answered at the responses endpoint is read as it was meant."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.chat import Delta
from llmpool.core.outcome import UpstreamError
from llmpool.formats import wire_format
from tests.contract.responses.recordings import recorded
from tests.unit.formats.recordings import CONTRACT, framed

RESPONSES = wire_format("responses")
USAGES = json.loads((CONTRACT / "responses/usages.json").read_text())
STREAMS = [
    "llama/chat-stream",
    "llama/tool-stream",
    "aimock/chat-stream",
    "deepseek/text-stream",
    "deepseek/tool-stream",
    "openai/text-stream",
    "openai/tool-stream",
    "openai/other-items-stream",
]


def read(name: str, size: int = 0) -> list[Delta]:
    """Read a recorded answer, in one piece or streamed."""
    answer = recorded(name)
    if name.endswith("stream"):
        return list(RESPONSES.read_stream(framed(answer.body, size)))
    return list(RESPONSES.read_reply(answer))


def joined(deltas: list[Delta]) -> tuple[str, str, str]:
    """Return thinking, text and the arguments of all calls."""
    arguments = "".join(tool.arguments for delta in deltas for tool in delta.tools)
    return "".join(d.thinking for d in deltas), "".join(d.text for d in deltas), arguments


TOKYO = '{"city": "Tokyo"}'
RATE = '{"from_currency":"USD","to_currency":"EUR"}'
ANSWERS = [
    ("llama/chat", "", " come been by bright up summer", "", "stop"),
    ("llama/chat-stream", "", " if work we came or that house great there what between you", "", "stop"),
    ("llama/tool", "", "", '{"city"\n\n  :"Oslo"}', "tools"),
    ("llama/reasoning", " still my could garden their been any", " in take way than was", "", "stop"),
    ("aimock/chat", "", "Hello from the aimock server, with enough text", "", "stop"),
    ("aimock/chat-stream", "", "Hello from the aimock server, with enough text", "", "stop"),
    ("deepseek/text", "We need answer capital of France.", "The capital of France is Paris.", "", "stop"),
    ("deepseek/effort", "We need answer simple.", "391", "", "stop"),
    ("deepseek/text-stream", "", "The capital of France is Paris.", "", "stop"),
    ("deepseek/tool-1", "The user asks for the temperature in Tokyo.", "", TOKYO, "tools"),
    ("deepseek/tool-stream", "The user asks about temperature in Tokyo.", "", TOKYO, "tools"),
    ("deepseek/tool-2", "", "The current temperature in Tokyo is 21.0°C.", "", "stop"),
    ("openai/tool-stream", "", "", RATE, "tools"),
    ("openai/other-items-stream", "", "", RATE, "tools"),
    ("openai/text-stream", "", "1 USD", "", "stop"),
]


@pytest.mark.parametrize(("name", "thinking", "text", "arguments", "finish"), ANSWERS)
def test_thinking_text_calls_and_finish_are_told_apart(
    name: str, thinking: str, text: str, arguments: str, finish: str
) -> None:
    """Items of other kinds beside them are passed over."""
    deltas = read(name)
    thought, said, called = joined(deltas)
    assert thought.startswith(thinking)
    assert said.startswith(text)
    assert (called, deltas[-1].finish) == (arguments, finish)
    assert deltas[-1].usage


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_says_no_more_and_no_less_than_its_last_event(name: str) -> None:
    """What came in pieces is what the server says it was."""
    frames = framed(recorded(name).body)
    last = next(frame for frame in frames if frame.event == "response.completed")
    whole = list(RESPONSES.read_stream([last]))
    assert joined(whole) == joined(read(name))
    assert (whole[-1].usage, whole[-1].carry) == (read(name)[-1].usage, read(name)[-1].carry)


@pytest.mark.parametrize("name", STREAMS)
def test_streams_are_read_alike_however_their_bytes_are_cut(name: str) -> None:
    """The bytes come as they come."""
    whole = read(name)
    for size in (1, 2, 3, 7, 64, 999):
        assert whole == read(name, size)


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_cut_at_any_event_is_broken(name: str) -> None:
    """Only the last event makes it an answer, however much was said."""
    frames = framed(recorded(name).body)
    ends = next(i for i, frame in enumerate(frames) if frame.event == "response.completed")
    for cut in range(ends + 1):
        with pytest.raises(UpstreamError) as raised:
            list(RESPONSES.read_stream(frames[:cut]))
        assert raised.value.failure.kind == "broken"


@pytest.mark.parametrize("name", ["llama/chat-stream", "deepseek/tool-stream"])
def test_no_byte_can_be_missing(name: str) -> None:
    """Cut anywhere before the end of its last event, a stream is a failure."""
    body = recorded(name).body.rstrip()
    for cut in range(0, len(body), 3):
        with pytest.raises(UpstreamError):
            list(RESPONSES.read_stream(framed(body[:cut])))


def test_a_recording_that_ends_in_the_middle_is_a_break() -> None:
    """What had come was handed on first."""
    shown: list[Delta] = []
    with pytest.raises(UpstreamError):
        shown.extend(RESPONSES.read_stream(framed(recorded("llama/reasoning-stream").body)))
    thinking, text, _ = joined(shown)
    assert thinking == " small take years every use. great"
    assert text


ERRORS = [
    ("openai/unknown-model", "model_not_found", "model", None),
    ("deepseek/refused", "bad_request", "", None),
    ("aimock/chat-429", "rate_limit", "", 2.0),
]


@pytest.mark.parametrize(("name", "kind", "param", "wait"), ERRORS)
def test_refusals_are_of_their_kind(name: str, kind: str, param: str, wait: float | None) -> None:
    """OpenAI's unknown model is a 400 here, and a known one."""
    failure = RESPONSES.read_error(recorded(name))
    assert (failure.kind, failure.param, failure.retry_after) == (kind, param, wait)


@pytest.mark.parametrize("case", USAGES, ids=range(len(USAGES)))
def test_usage_is_read_as_genai_prices_reads_it(case: dict[str, Any]) -> None:
    """Input includes what was cached; what the oracle calls absent is unknown or nothing here."""
    usage = RESPONSES.read_usage({"usage": case["usage"]})
    expected = case["expected"]
    assert (usage.input, usage.output) == (expected.get("input_tokens"), expected.get("output_tokens"))
    assert (usage.reasoning or 0) == expected.get("output_reasoning_tokens", 0)
    assert (usage.cache_read or 0) == expected.get("cache_read_tokens", 0)
    assert (usage.cache_write or 0) == expected.get("cache_write_tokens", 0)
