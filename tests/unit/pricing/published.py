"""The built-in price book, and what the library it is made of says to the same questions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache

from genai_prices import Usage
from genai_prices.data import providers
from genai_prices.types import ModelInfo, Provider, StartDateConstraint, TieredPrices

from llmpool.core.outcome import TokenUsage
from llmpool.data.prices import document
from llmpool.pricing.match import Book

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)


@cache
def book() -> Book:
    """Return the book that ships, read once."""
    return Book(document())


def entries() -> Iterator[tuple[Provider, ModelInfo]]:
    """Yield every model of the library."""
    for vendor in providers:
        for model in vendor.models:
            yield vendor, model


def bill(vendor: Provider, model: ModelInfo, usage: TokenUsage, moment: datetime) -> Decimal:
    """Have the library do the sum."""
    counts = {
        "input_tokens": usage.input,
        "output_tokens": usage.output,
        "cache_read_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "cache_write_1h_tokens": usage.cache_write_1h,
        "output_reasoning_tokens": usage.reasoning,
    }
    return model.calc_price(Usage(**counts), vendor, genai_request_timestamp=moment).total_price


def moments(model: ModelInfo) -> Iterator[datetime]:
    """Yield now, and the moments around which a model's price changes."""
    yield NOW
    for step in model.prices if isinstance(model.prices, list) else []:
        for turn in _turns(step.constraint):
            yield turn - TICK
            yield turn


def starts(model: ModelInfo) -> set[int]:
    """Name the sizes of a prompt above which a model costs something else, now or at another time."""
    steps = [step.prices for step in model.prices] if isinstance(model.prices, list) else [model.prices]
    rates = (rate for step in steps for rate in vars(step).values())
    return {tier.start for rate in rates if isinstance(rate, TieredPrices) for tier in rate.tiers}


def _turns(constraint: object) -> Iterator[datetime]:
    if isinstance(constraint, StartDateConstraint):
        yield datetime.combine(constraint.start_date, time(), UTC)
    elif constraint is not None:
        for each in (constraint.start_time, constraint.end_time):  # type: ignore[attr-defined]
            yield datetime.combine(date(2025, 1, 6), each, each.tzinfo or UTC)
            yield datetime.combine(date(2026, 11, 21), each, each.tzinfo or UTC)
