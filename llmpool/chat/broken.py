"""What attempts streamed that broke off before another one answered: it was paid for as well."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from llmpool import costs
from llmpool.chat import sizes
from llmpool.chat.journey import Journey
from llmpool.core.chat import ChatRequest
from llmpool.core.outcome import TokenUsage
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool


def lost(pool: Pool, request: ChatRequest, journey: Journey) -> dict[str, Any]:
    """Return what a usage record says of it: tokens in and out, and their cost where all is known.

    The cost of the journey has it from then on; a part that is unknown makes the whole unknown, but for the
    last attempt where nothing came of that.
    """
    sent, tokens, total = sizes.needed(request), 0, Decimal(0)
    known = True
    for attempt, got in journey.broken():
        usage = got if got.input else got.replace(input=sent)  # a 0 is written by those that do not count
        price = _price(pool, attempt.deployment, usage)
        tokens += (usage.input or 0) + (usage.output or 0)
        total += price or Decimal(0)
        known = known and price is not None
    last = Decimal(0) if journey.usage == TokenUsage() else journey.cost
    journey.cost = last + total if known and last is not None else None
    return {"lost_tokens": tokens} | ({"lost_cost": f"{total:f}"} if known else {})


def _price(pool: Pool, ref: str, usage: TokenUsage) -> Decimal | None:
    try:
        return costs.cost(pool, ref, usage, pool.clock()).amount
    except LlmpoolError:  # a config that was broken meanwhile, as is said where the answer is priced
        return None
