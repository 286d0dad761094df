"""Rate headroom: what a vendor's headers said is left of an allowance, and when it starts anew."""

from __future__ import annotations

from llmpool.core.record import Record


class Headroom(Record):
    """One allowance: *what* is requests, tokens, input_tokens or output_tokens, *per* minute, day or empty.

    *resets_at* is seconds since the epoch; None is unknown.
    """

    what: str
    per: str = ""
    limit: int | None = None
    remaining: int | None = None
    resets_at: float | None = None
