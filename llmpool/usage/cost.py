"""What an answer cost, and how many tokens it had where nobody counted them."""

from __future__ import annotations

from decimal import Decimal

from llmpool.core.chat import ChatRequest
from llmpool.core.outcome import TokenUsage
from llmpool.core.text import tokens


def cost(
    input_price: float | None, output_price: float | None, usage: TokenUsage | None
) -> tuple[Decimal | None, str | None]:
    """Return the cost in USD and by which price; None where no price is known. Prices are per million."""
    if input_price is None or output_price is None or usage is None:
        return None, None
    millionths = Decimal(str(input_price)) * (usage.input or 0)
    millionths += Decimal(str(output_price)) * (usage.output or 0)
    return millionths / 1_000_000 if millionths else Decimal(0), "registry" if millionths else "local"


def counted(usage: TokenUsage | None, request: ChatRequest, got: str, *, success: bool) -> TokenUsage:
    """Take the server's count, or estimate four bytes to a token where it gave none, marked as such.

    *got* is all that came, thinking included; an answer that failed before any of it counts nothing.
    """
    if usage is not None and usage.output is not None:
        return usage
    if not got and not success:
        return TokenUsage()
    sent = sum(tokens(message.text) for message in request.messages)
    return TokenUsage(input=sent, output=tokens(got), estimated=True)


def token_fields(usage: TokenUsage) -> dict[str, int | bool | None]:
    """Name the counts as a usage record has them."""
    return {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "reasoning_tokens": usage.reasoning,
        "estimated": usage.estimated or None,
    }
