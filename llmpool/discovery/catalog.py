"""Fetch the official catalog (pool-routing-formats 12): with its entity tag, and from a mirror if need be.

Only `refresh --catalog` does. No key is sent along, so redirects are followed. What it may change is said in
`registry.official` and `registry.vendors`; the last good catalog stays until there is a better one.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from llmpool.config.presets import presets
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.times import rfc3339
from llmpool.core.wire import Answer, Call, Timeouts
from llmpool.formats.base import parse_body
from llmpool.net.address import host_of
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.registry import official
from llmpool.registry.vendors import foreign
from llmpool.state import catalog
from llmpool.state.catalog import Stored

URL = "https://raw.githubusercontent.com/IceWhaleTech/ZimaOS-Blue/main/docs/provider_catalog.json"
SECONDS = 15.0  # for each address, whatever the refresh may take
MAX_BYTES = 4 * 1024 * 1024
LONGEST_TAG = 256
# A file on GitHub is at two addresses: its own, and that of a mirror in front of it.
_RAW = re.compile(
    r"https://raw\.githubusercontent\.com/([^/]+)/([^/]+)/(?:refs/heads/)?([^/]+)/(.+)", re.IGNORECASE
)
_MIRROR = re.compile(r"https://cdn\.jsdelivr\.net/gh/([^/]+)/([^/@]+)@([^/]+)/(.+)", re.IGNORECASE)


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
    known, faults = catalog.read(pool.paths.state), []
    for url in addresses(pool.config.catalog_url or URL):
        try:
            fresh = _fetched(pool, client, url, known, min(timeout, SECONDS))
        except UpstreamError as error:
            faults.append(_fault(url, error.failure))
            continue
        return _kept(pool, known, fresh)
    return CatalogNews("failed", known.source_url, "; ".join(faults), pool.official.size)


def addresses(url: str) -> list[str]:
    """List where to look for the catalog at *url*: there, and at its mirror when it is a file on GitHub."""
    if found := _RAW.fullmatch(url):
        owner, name, branch, path = found.groups()
        return [url, f"https://cdn.jsdelivr.net/gh/{owner}/{name}@{branch}/{path}"]
    if found := _MIRROR.fullmatch(url):
        return [url, "https://raw.githubusercontent.com/" + "/".join(found.groups())]
    return [url]


def _fault(url: str, failure: Failure) -> str:
    """Say what went wrong, and where: with a mirror there are two places."""
    host, words = host_of(url), failure.told
    return words if host in words else f"{host}: {words}"


def _fetched(pool: Pool, client: Client, url: str, known: Stored, seconds: float) -> Stored:
    """Return the catalog at *url*, or *known* itself when that is still the one there."""
    tag = known.etag if url == known.source_url else ""
    limits = Timeouts(connect=seconds, first_token=seconds, read=seconds, total=seconds)
    headers = (("accept", "application/json"), *((("if-none-match", tag),) if tag else ()))
    try:
        answer = client.fetch(
            Call(method="GET", url=url, headers=headers, timeouts=limits, max_bytes=MAX_BYTES)
        )
    except UpstreamError as error:
        if tag and error.failure.status == 304:  # for the client no more than a redirect to nowhere
            return known
        raise
    if answer.status != 200:
        raise UpstreamError(Failure(kind="server", message="no catalog there", status=answer.status))
    fresh = _tag(answer)
    if tag and fresh == tag:
        return known
    content = official.read(parse_body(answer, "the catalog"))
    if content == official.NOTHING:
        raise UpstreamError(Failure(kind="wrong_format", message="what is there is no catalog"))
    return Stored(fresh, rfc3339(pool.clock()), url, content)


def _tag(answer: Answer) -> str:
    """Return the entity tag of an answer, if it is one that can be sent back."""
    tag = answer.headers.get("etag", "").strip()
    return tag if len(tag) <= LONGEST_TAG and tag.isascii() and tag.isprintable() else ""


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
