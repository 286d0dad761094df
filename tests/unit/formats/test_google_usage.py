"""The format google counts tokens as genai-prices does, over recorded usage blocks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.core.outcome import TokenUsage
from llmpool.formats import wire_format
from tests.unit.formats.google_cases import documented

GOOGLE = wire_format("google")
BLOCKS = json.loads(documented("google/genai-prices/usages.json"))


def test_recorded_usage_is_counted_as_the_oracle_counts_it() -> None:
    """Input holds cached tokens and those of server tools, output holds the thoughts."""
    assert len(BLOCKS) == 67
    for block in BLOCKS:
        wanted = block["expected"]
        assert GOOGLE.read_usage(block) == TokenUsage(
            input=wanted.get("input_tokens"),
            output=wanted.get("output_tokens"),
            cache_read=wanted.get("cache_read_tokens"),
            reasoning=wanted.get("output_reasoning_tokens"),
        )


USAGES = [
    ({"promptTokenCount": 3, "candidatesTokenCount": 0}, TokenUsage(input=3, output=0)),
    ({"promptTokenCount": "3", "candidatesTokenCount": True}, TokenUsage()),
    ({"promptTokenCount": -1, "thoughtsTokenCount": None}, TokenUsage()),
    ({"trafficType": "ON_DEMAND"}, TokenUsage()),
    ({"totalTokenCount": 9}, TokenUsage()),
]


@pytest.mark.parametrize(("usage", "expected"), USAGES)
def test_usage_is_read_where_it_is_a_count(usage: dict[str, Any], expected: TokenUsage) -> None:
    """Only whole numbers are counts; what is missing stays unknown, never 0."""
    assert expected == GOOGLE.read_usage({"usageMetadata": usage})
    assert TokenUsage() == GOOGLE.read_usage(None)
    assert TokenUsage() == GOOGLE.read_usage([usage, 3])


@pytest.mark.parametrize(("total", "said"), [(20, 10), (25, 15), (None, 15)])
def test_thoughts_within_the_answer_are_counted_once(total: int | None, said: int) -> None:
    """Of some models `candidatesTokenCount` holds the thoughts as well: then prompt and it are the total."""
    counts = {"promptTokenCount": 10, "candidatesTokenCount": 10, "thoughtsTokenCount": 5}
    usage = GOOGLE.read_usage({"usageMetadata": counts | {"totalTokenCount": total}})
    assert usage == TokenUsage(input=10, output=said, reasoning=5)
