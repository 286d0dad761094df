"""Rate headroom: what a vendor's headers said is left of an allowance, and when it starts anew."""

from __future__ import annotations

from collections.abc import Iterable

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


def ending(allowances: Iterable[Headroom], at: float) -> tuple[Headroom, ...]:
    """Return *allowances* as they bind where the server named the time to come again: until then, no longer.

    A vendor's reset is often the time until all of an allowance is back, and some of it is much sooner.
    """
    return tuple(
        each.replace(resets_at=at if each.resets_at is None else min(each.resets_at, at))
        for each in allowances
    )
