"""Prices: USD per million tokens, as decimals, with where they came from."""

from __future__ import annotations

from llmpool.core.record import Record


class Price(Record):
    """What a million tokens cost; decimal strings, so that no figure is ever rounded on the way."""

    input: str
    output: str
    source: str
    cache_read: str | None = None
    cache_write: str | None = None


FREE = Price(input="0", output="0", source="local")
