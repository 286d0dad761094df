"""What an answer cost, and how many tokens it had where nobody counted them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from llmpool.core.chat import ChatRequest
from llmpool.core.outcome import TokenUsage
from llmpool.core.text import tokens

COUNTED = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "reasoning")
"""The counts of `TokenUsage`, each a field of a usage record with `_tokens` behind it."""
IMAGE = 1536  # tokens that an image is taken for


def cost_fields(amount: Decimal | None, source: str | None, dated: str | None) -> dict[str, str | None]:
    """Name a cost as a usage record has it: an unknown one is null, and has neither price nor date."""
    if amount is None:
        return {"cost": None}
    told = {"price_source": source, "price_dated": dated, "cost": f"{amount:f}"}
    return {name: value for name, value in told.items() if value is not None}


def counted(usage: TokenUsage | None, request: ChatRequest, got: str, *, success: bool) -> TokenUsage:
    """Take the server's count, or estimate four bytes to a token where it gave none, marked as such.

    *got* is all that came, thinking included; an answer that failed before any of it counts nothing. What
    a server counted of one that broke off may be of its beginning; a 0 is written by those that do not count.
    """
    told = usage or TokenUsage()
    if not got and not success:
        return told
    sent = told.input or sent_tokens(request)
    came = told.output or 0
    came = came if success and came else max(came, tokens(got))
    if (sent, came) == (told.input, told.output):
        return told
    return told.replace(input=sent, output=came, estimated=True)


def sent_tokens(request: ChatRequest) -> int:
    """Estimate the tokens of all that is sent (catalog-registry-router 5.4): text, images, calls, schemas."""
    from json import dumps

    images = sum(len(message.images) for message in request.messages)
    texts = [text for message in request.messages for text in (message.text, message.tool_call_id)]
    calls = [call for message in request.messages for call in message.tool_calls]
    extras = [*calls, *request.tools, *([request.schema] if request.schema else [])]
    texts += [dumps(extra, ensure_ascii=False) for extra in extras]
    return images * IMAGE + sum(map(tokens, texts))


def usage_of(record: Mapping[str, Any]) -> TokenUsage:
    """Read the counts of a usage record back; what is no count is unknown."""
    counts: dict[str, Any] = {name: _count(record.get(f"{name}_tokens")) for name in COUNTED}
    return TokenUsage(**counts)


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 63 else None


def token_fields(usage: TokenUsage) -> dict[str, int | bool | None]:
    """Name the counts as a usage record has them."""
    counts = {f"{name}_tokens": getattr(usage, name) for name in COUNTED}
    return counts | {"estimated": usage.estimated or None}
