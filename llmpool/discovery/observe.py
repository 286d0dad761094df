"""Ask one provider what it has; whatever goes wrong becomes part of the observation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from llmpool import credentials, ways
from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.ids import split_ref
from llmpool.core.inventory import ProviderInventory
from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.times import rfc3339
from llmpool.core.wire import Target
from llmpool.credentials import Credential, short_timeouts
from llmpool.discovery import listing
from llmpool.discovery.listing import Found
from llmpool.errors import LlmpoolError, NoCredential, UnusableCredential
from llmpool.formats.base import Listing
from llmpool.formats.openai_prices import free_only
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.registry.catalog import is_private
from llmpool.registry.official import CATALOG
from llmpool.router.failure import contact_kind
from llmpool.state import formats

if TYPE_CHECKING:
    from llmpool.embedded.fetch import EmbeddedModel

FREE_TIER = "openrouter-free"  # the preset whose owner wants to be charged nothing
NO_KEY = "no_key"  # error_kind of a provider that was not asked, for want of a key
BAD_KEY = "unusable_key"  # and of one whose key is there but cannot be had
NOT_LISTED = 'the catalog lists no models of it: declare some with [[models]], or set metadata = "dynamic"'


def observe(pool: Pool, provider: Provider, client: Client, timeout: float) -> ProviderInventory:
    """Observe *provider* within *timeout* seconds; a failure becomes `error`, it is never raised.

    One whose owner asked for the catalog is not asked itself: its models are those listed there, and
    `fetched_at` stays empty, for it never listed anything.
    """
    began, at = time.monotonic(), rfc3339(pool.clock())
    if provider.metadata == CATALOG:
        return _by_catalog(pool, provider, at)
    try:
        seen = _embedded(pool) if provider.preset == "embedded" else _ask(pool, provider, client, timeout)
    except UpstreamError as error:
        return _failed(provider, at, began, contact_kind(error.failure), error.failure.told)
    except UnusableCredential as error:
        return _failed(provider, at, began, BAD_KEY, error.told)
    except NoCredential as error:
        return _failed(provider, at, began, NO_KEY, error.message)
    except LlmpoolError as error:
        return _failed(provider, at, began, error.kind, error.message)
    return ProviderInventory(
        provider=provider.id,
        attempted_at=at,
        url=provider.url,
        fetched_at=at,
        models=seen.models,
        latency_ms=_since(began),
        skipped=seen.skipped,
    )


def _ask(pool: Pool, provider: Provider, client: Client, timeout: float) -> Listing:
    """List over the network; with the next key, and at the next address, where a key is refused."""
    end = 0.0

    def ask(credential: Credential, url: str) -> Listing:
        nonlocal end
        left = max(0.1, end - time.monotonic()) if end else timeout
        end = end or time.monotonic() + timeout
        limits = short_timeouts(provider, pool.table, left)
        target = credentials.target(provider, credential, limits, url=ways.elsewhere(provider, url))
        found = _listed(pool, provider, client, target)
        _learn(pool, provider, url, found)
        return free_only(found.listing) if provider.preset == FREE_TIER else found.listing

    return ways.first_taken(pool, provider, ask)


def _listed(pool: Pool, provider: Provider, client: Client, target: Target) -> Found:
    """List at one address in the format that is settled, else in whichever one answers."""
    url, seconds = target.url, target.timeouts.total or 0.0
    planned, settled = ways.plan(pool, provider, "", url), ways.is_settled(provider, url)
    if settled or planned.known:
        try:
            return listing.known(client, target, planned.selected, seconds)
        except UpstreamError as error:
            if settled or error.failure.kind != "wrong_format":
                raise  # else another server stands at this address by now
    nearby = provider.location == "local" or is_private(url)
    return listing.first_that_answers(client, target, nearby=nearby, seconds=seconds)


def _learn(pool: Pool, provider: Provider, url: str, found: Found) -> None:
    """Remember where, and in what language, a provider answered; nothing new is nothing written."""
    memories, now, base = pool.memories, pool.clock(), found.listing.base
    ways.learn_address(pool, provider, url)
    if url == provider.url.rstrip("/") and base != memories.base(provider):
        pool.learn(lambda known: formats.use_base(known, provider, base, now))
    told = found.format != "openai"  # as good as every server answers in that one, so it settles nothing
    if told and not provider.format and found.format != memories.detected_format(provider):
        pool.learn(lambda known: formats.detected(known, provider, found.format, now))


def _by_catalog(pool: Pool, provider: Provider, at: str) -> ProviderInventory:
    """Return what the catalog lists; that it lists nothing is a fault where nothing is declared either."""
    models = tuple(ObservedModel(name=name) for name in pool.official.of(provider))
    declared = any(split_ref(model.id)[0] == provider.id for model in pool.catalog.models)
    if not models and not declared:
        return _failed(provider, at, time.monotonic(), "model_not_found", NOT_LISTED)
    return ProviderInventory(provider=provider.id, attempted_at=at, url=provider.url, models=models)


def _embedded(pool: Pool) -> Listing:
    """List the models on this machine's disk; nothing is started for that."""
    from llmpool.embedded import fetch

    return Listing(tuple(_on_disk(model) for model in fetch.installed(pool.paths.state)), 0)


def _on_disk(model: EmbeddedModel) -> ObservedModel:
    """Describe a model file; one that is damaged is listed too, its first use says what is wrong."""
    from llmpool.embedded import gguf, host

    try:
        trained = gguf.summarise(model.file).context
    except gguf.NotWholeError:
        trained = 0
    return ObservedModel(
        name=model.name,
        kind="llm",
        size=model.size,
        digest=model.sha256,
        capabilities=Capabilities(chat=True, streaming=True),
        max_context=trained,
        context_window=min(trained, host.CONTEXT_CAP),
    )


def _failed(provider: Provider, at: str, began: float, kind: str, message: str) -> ProviderInventory:
    return ProviderInventory(
        provider=provider.id,
        attempted_at=at,
        url=provider.url,
        error=message,
        error_kind=kind,
        latency_ms=_since(began),
    )


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
