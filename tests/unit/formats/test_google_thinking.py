"""Thinking as each family of Gemini understands it: off unless asked for, where it can be (ruling 25)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Message
from llmpool.core.wire import Target
from llmpool.formats import wire_format
from llmpool.formats.refused import refused
from tests.unit.formats.google_cases import recorded

GOOGLE = wire_format("google")
TARGET = Target(provider="p", url="https://g.example")


def config(model: str, thinking: str | None, target: Target = TARGET) -> dict[str, Any] | None:
    """Return the `thinkingConfig` that is sent."""
    request = ChatRequest(messages=(Message(role="user", text="hi"),), thinking=thinking)
    sent = json.loads(GOOGLE.chat_call(target, model, request).body or b"")
    found: dict[str, Any] | None = sent.get("generationConfig", {}).get("thinkingConfig")
    return found


OFF = {"thinkingBudget": 0}
CASES = [
    ("gemini-2.5-flash", None, OFF),
    ("gemini-2.5-flash", "off", OFF),
    ("gemini-2.5-flash", "0", OFF),
    ("models/gemini-2.5-flash-lite-preview-09-2025", None, OFF),
    ("gemini-2.5-flash-image", None, None),
    ("gemini-2.5-flash-preview-tts", None, None),
    ("gemini-2.5-flash-native-audio-latest", None, None),
    ("gemini-2.5-pro", None, None),
    ("gemini-2.5-pro", "off", {"thinkingBudget": 128}),
    ("gemini-3-flash-preview", None, None),
    ("gemini-3-flash-preview", "off", {"thinkingLevel": "minimal"}),
    ("gemini-3.1-pro-preview", "off", {"thinkingLevel": "low"}),
    ("gemini-2.0-flash", None, None),
    ("gemini-2.0-flash", "off", None),
    ("gemini-2.5-pro", "low", {"includeThoughts": True, "thinkingBudget": 2048}),
    ("gemini-2.5-flash", "medium", {"includeThoughts": True, "thinkingBudget": 8192}),
    ("gemini-flash-latest", "high", {"includeThoughts": True, "thinkingBudget": 24576}),
    ("gemini-2.5-flash", "777", {"includeThoughts": True, "thinkingBudget": 777}),
    ("gemini-3-pro-preview", "low", {"includeThoughts": True, "thinkingLevel": "low"}),
    ("gemini-3.5-flash", "medium", {"includeThoughts": True, "thinkingLevel": "medium"}),
    ("gemini-10-ultra", "high", {"includeThoughts": True, "thinkingLevel": "high"}),
    ("gemini-3.5-flash", "777", {"includeThoughts": True, "thinkingBudget": 777}),
    ("gemini-2.5-pro", "9" * 5000, None),
    ("gemini-2.5-pro", "deep", None),
]


@pytest.mark.parametrize(("model", "thinking", "sent"), CASES)
def test_a_wish_is_sent_as_the_family_takes_it(
    model: str, thinking: str | None, sent: dict[str, Any] | None
) -> None:
    """Budgets up to 2.5, levels from 3 on; off is said where a model is known to take it."""
    assert config(model, thinking) == sent


def test_a_refused_thinking_config_is_left_out_of_the_next_call() -> None:
    """A level that a model does not have (recorded) is survived: the refusal is known for what it is."""
    said = GOOGLE.read_error(recorded("vercel-ai/thinking-level-refused"))
    assert refused(said, GOOGLE.droppable) == "thinking"
    assert config("gemini-2.5-flash", "high", TARGET.replace(without=("thinking",))) is None
