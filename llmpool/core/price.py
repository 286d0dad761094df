"""Prices: USD per million tokens, as decimals, with where they came from."""

from __future__ import annotations

from llmpool.core.record import Record


class Price(Record):
    """What a million tokens cost; decimal strings, so that no figure is ever rounded on the way.

    It is the flat view for tables and routing: the figures hold at one moment and, where *tiers* says that
    long prompts cost something else, for short ones. *matched* is the key, pattern or entry of the price book
    that was found, *valid_from* the date since when it holds.
    """

    input: str
    output: str
    source: str
    cache_read: str | None = None
    cache_write: str | None = None
    matched: str = ""
    valid_from: str | None = None
    tiers: bool = False


FREE = Price(input="0", output="0", source="local")
