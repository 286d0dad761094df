"""What requests cost: a deployment's price, the cost of tokens, and the worst that a request can come to.

Prices come from one line of a compiled document; the price book is loaded only for what no provider lists.
"""

from __future__ import annotations

import json
from collections.abc import Container
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from llmpool.core.ids import split_ref
from llmpool.core.outcome import TokenUsage
from llmpool.core.routing import LOCAL
from llmpool.pool import Pool
from llmpool.state import compiled

if TYPE_CHECKING:
    from llmpool.pricing.book import Priced

SPAN = 600.0  # seconds that a request may be under way; a rate that changes meanwhile counts


class Cost(NamedTuple):
    """An amount in USD, None where no price is known; by which price, and of when that is."""

    amount: Decimal | None = None
    source: str | None = None
    dated: str | None = None


def price_of(pool: Pool, ref: str) -> Priced | None:
    """Return the price of a deployment, None when nobody knows; *ref* may be one that nobody lists."""
    if ref not in pool.priced:
        lines = pool.cost_lines
        number = compiled.line_of(lines, ref) if lines is not None else None
        pool.priced[ref] = _unlisted(pool, ref) if number is None else _compiled(lines or "", number)
    return pool.priced[ref]


def cost(
    pool: Pool,
    ref: str,
    usage: TokenUsage | None,
    at: float,
    *,
    requests: int = 1,
    local: Container[str] | None = None,
) -> Cost:
    """Return what *usage* of a deployment cost at the time *at*, seconds since the epoch.

    Whoever asks again and again has looked up which ones are *local*.
    """
    if usage is not None and (_is_local(pool, ref) if local is None else ref in local):
        return Cost(Decimal(0), "local")  # as most calls of some pools are: nothing has to be loaded for them
    found = price_of(pool, ref) if usage is not None else None
    if found is None or usage is None:
        return Cost()
    from llmpool.pricing.book import plain
    from llmpool.pricing.total import cost as reckoned

    rates = found.at(datetime.fromtimestamp(at, UTC))
    if not rates.by_tokens:
        return Cost()
    amount = Decimal(plain(reckoned(rates, usage, requests)))
    return Cost(amount, found.source, found.version or None)


def worst(pool: Pool, ref: str, prompt_tokens: int, answer_tokens: int) -> Decimal | None:
    """Return the most that a request can cost: all of the prompt written to the dearest cache, none read."""
    from llmpool.pricing.total import cost as reckoned

    found, now = price_of(pool, ref), pool.clock()
    if found is None:
        return None
    moments = (datetime.fromtimestamp(at, UTC) for at in (now, now + SPAN))
    rates = [found.at(moment) for moment in moments]
    if not all(each.by_tokens for each in rates):
        return None
    usual = TokenUsage(input=prompt_tokens, output=answer_tokens)
    ways = (
        usual,
        usual.replace(cache_write=prompt_tokens),
        usual.replace(cache_write=prompt_tokens, cache_write_1h=prompt_tokens),
        usual.replace(reasoning=answer_tokens),
    )
    return max(reckoned(each, usage) for each in rates for usage in ways)


def locals_of(pool: Pool) -> frozenset[str]:
    """Return the deployments that are local: nobody is paid for them."""
    return frozenset(row.id for row in pool.table.rows if row.flags & LOCAL)


def _is_local(pool: Pool, ref: str) -> bool:
    return any(row.id == ref and row.flags & LOCAL for row in pool.table.rows)


def _compiled(lines: str, number: str) -> Priced | None:
    from llmpool.pricing.book import read_priced

    line = compiled.line_of(lines, int(number)) if number != "null" else None
    return read_priced(json.loads(line)) if line is not None else None


def _unlisted(pool: Pool, ref: str) -> Priced | None:
    """Look up what is not in the compiled document: an unlisted model, or anything where none can be kept."""
    from llmpool.pricing import lookup
    from llmpool.registry import kinds

    provider, model = split_ref(ref)
    known = next((each for each in pool.catalog.providers if each.id == provider), None)
    listing = pool.inventory.providers.get(provider)
    seen = next((each for each in listing.models if each.name == model), None) if listing else None
    elsewhere = kinds.runs_elsewhere(model) or bool(seen and seen.remote)
    if known and known.location == "local" and not elsewhere:
        return lookup.LOCAL
    return pool.prices.priced(provider, model, seen)
