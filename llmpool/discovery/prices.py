"""Fetch the price book: the list that the genai-prices project publishes, checked before it is believed.

Only `usage prices update` and `refresh --prices` do. What the owner set counts before all of it, and the last
good book, or the one that is built in, until there is a better one.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from llmpool.core.inventory import Inventory
from llmpool.core.times import rfc3339
from llmpool.core.wire import Answer
from llmpool.discovery.fetched import SECONDS, Document, addresses, latest
from llmpool.formats.base import shown, wrong_format
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.pricing.upstream import packed
from llmpool.registry.diff import Change, diff
from llmpool.state import price_book
from llmpool.state.price_book import Stored

URL = "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data_slim.json"
MAX_BYTES = 8 * 1024 * 1024
LONGEST_FAULT = 200


class PriceNews(NamedTuple):
    """What came of an update: *status* is `updated`, `unchanged` or `failed`, and then *error* says why.

    *source_url* is where the book in force came from, empty for the built-in one; it is of *version* and has
    the prices of *models*. *changes* are the deployments that cost something else now.
    """

    status: str
    source_url: str
    error: str
    version: str
    models: int
    changes: tuple[Change, ...] = ()


def update(pool: Pool, client: Client, timeout: float = SECONDS) -> PriceNews:
    """Look for newer prices and keep them; a list that cannot be had or read changes nothing.

    Raises Refused offline, StateUnusable where nothing can be kept.
    """
    known = price_book.read(pool.paths.state)
    urls = addresses(pool.config.prices_url or URL)
    wanted = Document("price list", MAX_BYTES, _read)
    fresh = latest(client, wanted, urls, known, Stored, now=pool.clock(), timeout=timeout)
    if isinstance(fresh, str):
        return _news(pool, "failed", fresh)
    if not pool.price_book.content and known.content:  # the one built in is newer than what was known
        return _kept(pool, fresh._replace(last_updated_at=rfc3339(pool.clock())))
    if fresh is known:
        return _news(pool, "unchanged")
    if _prices(fresh) == _prices(known):
        price_book.keep(pool.paths.state, fresh._replace(content=known.content))
        pool.forget()
        return _news(pool, "unchanged")
    return _kept(pool, fresh)


def fetch(pool: Pool, timeout: float = SECONDS) -> PriceNews:
    """Look for newer prices, as `update` does, with a client of its own."""
    with Client(offline=pool.offline) as client:
        return update(pool, client, timeout)


def _kept(pool: Pool, fresh: Stored) -> PriceNews:
    """Keep a book that says something new, and tell what that changes here."""
    before = pool.listing["models"]
    price_book.keep(pool.paths.state, fresh)
    pool.forget()
    nothing = Inventory(providers={})
    changes = tuple(
        change._replace(changed=()) for change in diff(nothing, nothing, before, pool.listing["models"])
    )
    return _news(pool, "updated")._replace(changes=tuple(filter(None, changes)))


def _news(pool: Pool, status: str, error: str = "") -> PriceNews:
    book = pool.prices.book
    source = pool.price_book.source_url
    return PriceNews(status, source, error, book.version, sum(1 for _ in book.models()))


def _prices(stored: Stored) -> Any:
    """Return what a book says, whenever it was downloaded."""
    return (stored.content or {}).get("vendors")


def _read(answer: Answer, at: str) -> dict[str, Any]:
    """Read a published list; amounts stay the digits they are."""
    try:
        found = json.loads(answer.body.decode().removeprefix("\ufeff"), parse_float=str, parse_constant=str)
    except (ValueError, RecursionError):
        raise wrong_format("what is there is not JSON") from None
    try:
        return packed(found, f"genai-prices of {at[:10]}")
    except ValueError as error:
        raise wrong_format(f"what is there is no price list: {shown(str(error), LONGEST_FAULT)}") from None
