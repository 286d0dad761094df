"""Fetch the official catalog (pool-routing-formats 12): with its entity tag, and from a mirror if need be.

Only `refresh --catalog` does. What it may change is said in `registry.official` and `registry.vendors`; the
last good catalog stays until there is a better one.
"""

from __future__ import annotations

from typing import NamedTuple

from llmpool.config.presets import presets
from llmpool.core.wire import Answer
from llmpool.discovery.fetched import SECONDS, Document, addresses, latest
from llmpool.formats.base import parse_body, wrong_format
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.registry import official
from llmpool.registry.official import Official
from llmpool.registry.vendors import foreign
from llmpool.state import catalog
from llmpool.state.catalog import Stored

URL = "https://raw.githubusercontent.com/IceWhaleTech/ZimaOS-Blue/main/docs/provider_catalog.json"
MAX_BYTES = 4 * 1024 * 1024


class CatalogNews(NamedTuple):
    """What came of an update: *status* is `updated`, `unchanged` or `failed`, and then *error* says why.

    *source_url* is where the catalog in force came from, empty for the built-in one; it has *models*.
    """

    status: str
    source_url: str
    error: str
    models: int


def update(pool: Pool, client: Client, timeout: float = SECONDS) -> CatalogNews:
    """Look for a newer catalog and keep it; one that cannot be had or read changes nothing.

    Raises Refused offline, StateUnusable where nothing can be kept.
    """
    known = catalog.read(pool.paths.state)
    urls = addresses(pool.config.catalog_url or URL)
    wanted = Document("catalog", MAX_BYTES, _read)
    fresh = latest(client, wanted, urls, known, Stored, now=pool.clock(), timeout=timeout)
    if isinstance(fresh, str):
        return CatalogNews("failed", known.source_url, fresh, pool.official.size)
    return _kept(pool, known, fresh)


def _read(answer: Answer, _: str) -> Official:
    content = official.read(parse_body(answer, "the catalog"))
    if content == official.NOTHING:
        raise wrong_format("what is there is no catalog")
    return content


def _kept(pool: Pool, known: Stored, fresh: Stored) -> CatalogNews:
    """Keep a catalog that is another than the last one, and tell of it."""
    if fresh is not known:
        catalog.keep(pool.paths.state, fresh)
        pool.forget()
    changed = fresh.content != known.content
    if changed:
        pool.warnings += [
            f"the catalog names another host for {each}; it is not used"
            for each in foreign(presets(), fresh.content)
        ]
    return CatalogNews("updated" if changed else "unchanged", fresh.source_url, "", pool.official.size)
