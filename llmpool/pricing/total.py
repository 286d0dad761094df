"""The sum: what tokens cost at given rates. It agrees with the genai-prices library to the last digit."""

from __future__ import annotations

from decimal import Decimal

from llmpool.core.outcome import TokenUsage
from llmpool.pricing.book import Rate, Rates, Tiers

MILLION = 1_000_000


def cost(rates: Rates, usage: TokenUsage, requests: int = 1) -> Decimal:
    """Return the cost in USD; what has no rate of its own is charged with what it is part of (ruling 16).

    A server that reports more cached tokens than input is charged for those it names, and for no less than
    none of the rest. Ask `Rates.by_tokens` first: a price per image says nothing of tokens.
    """
    prompt = usage.input or 0
    total = Decimal(0)
    for rate, count in _leaves(rates, usage):
        if rate is not None and count > 0:
            total += _at(rate, prompt) * count / MILLION
    if rates.per_request is not None:
        total += _at(rates.per_request, prompt) * requests
    return total


def _leaves(rates: Rates, usage: TokenUsage) -> tuple[tuple[Rate, int], ...]:
    """Give every rate the tokens that no more special rate is there for."""
    hour = (usage.cache_write_1h or 0) if rates.cache_write_1h is not None else 0
    write = (usage.cache_write or 0) if rates.cache_write is not None else hour
    read = (usage.cache_read or 0) if rates.cache_read is not None else 0
    thought = (usage.reasoning or 0) if rates.reasoning is not None else 0
    return (
        (rates.input, (usage.input or 0) - read - max(write, hour)),
        (rates.cache_read, read),
        (rates.cache_write, write - hour),
        (rates.cache_write_1h, hour),
        (rates.output, (usage.output or 0) - thought),
        (rates.reasoning, thought),
    )


def _at(rate: Decimal | Tiers, prompt: int) -> Decimal:
    return rate.at(prompt) if isinstance(rate, Tiers) else rate
