"""What is shown of an answer besides its text: the line that ends it, tool calls, the `--json` document."""

from __future__ import annotations

import json
from typing import Any

from llmpool.chat.journey import Journey
from llmpool.cli.output import count, money, seconds
from llmpool.core.outcome import TokenUsage


def is_json(text: str) -> bool:
    """Say whether a text is JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def foreign(model: str, served: str) -> bool:
    """Say whether a server names quite another model than the one asked for; dated names are the same."""
    if not served:
        return False
    a, b = (name.lower().rpartition("/")[2].removesuffix(":latest") for name in (model, served))
    return a not in b and b not in a


def footer(journey: Journey) -> str:
    """Write the line that ends an answer: who, tokens, cost, times."""
    usage = journey.usage or TokenUsage()
    about = "about " if usage.estimated else ""
    parts = [
        journey.deployment,
        f"{about}{count(usage.input)} in, {count(usage.output)} out",
        money(journey.cost),
    ]
    first = f"first token {seconds(journey.ttft_ms)}, " if journey.ttft_ms is not None else ""
    return " · ".join([*parts, f"{first}total {seconds(journey.latency_ms)}"])


def tool_calls(journey: Journey) -> list[dict[str, Any]]:
    """List the tools the model wants called, in its order; arguments are JSON text as the model wrote it."""
    return [journey.tools[place] for place in sorted(journey.tools)]


def document(journey: Journey) -> dict[str, Any]:
    """Show an answer as `chat --json` does (DESIGN 3.2)."""
    usage = journey.usage or TokenUsage()
    shown: dict[str, Any] = {"text": journey.answer}
    if journey.thinking:
        shown["thinking"] = "".join(journey.thinking)
    if journey.tools:
        shown["tool_calls"] = tool_calls(journey)
    shown |= {
        "requested": journey.decision.requested or journey.decision.selected,
        "served_by": journey.deployment,
    }
    if journey.because:
        shown["reason"] = journey.because
    if journey.warnings:
        shown["warnings"] = journey.warnings
    counted = {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "reasoning_tokens": usage.reasoning,
    }
    return shown | {
        "finish": journey.finish or "stop",
        "usage": counted | ({"estimated": True} if usage.estimated else {}),
        "cost": None if journey.cost is None else f"{journey.cost:f}",
        "ttft_ms": journey.ttft_ms,
        "latency_ms": journey.latency_ms,
        "attempts": journey.attempts_json(),
        "decision_id": journey.decision.id,
        "usage_id": journey.usage_id,
    }
