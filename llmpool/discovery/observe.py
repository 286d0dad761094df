"""Ask one provider what it has; whatever goes wrong becomes part of the observation."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from llmpool import credentials
from llmpool.core.deployment import Capabilities, ObservedModel
from llmpool.core.inventory import ProviderInventory
from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.times import rfc3339
from llmpool.errors import LlmpoolError, NoCredential
from llmpool.formats import wire_format
from llmpool.formats.base import Listing
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.router.failure import contact_kind

if TYPE_CHECKING:
    from llmpool.embedded.fetch import EmbeddedModel

NO_KEY = "no_key"  # error_kind of a provider that was not asked, for want of a key


def observe(pool: Pool, provider: Provider, client: Client, timeout: float) -> ProviderInventory:
    """Observe *provider* within *timeout* seconds; a failure becomes `error`, it is never raised."""
    began, at = time.monotonic(), rfc3339(pool.clock())
    try:
        listing = _embedded(pool) if provider.preset == "embedded" else _ask(pool, provider, client, timeout)
    except UpstreamError as error:
        return _failed(provider, at, began, contact_kind(error.failure), error.failure.message)
    except NoCredential as error:
        return _failed(provider, at, began, NO_KEY, error.message)
    except LlmpoolError as error:
        return _failed(provider, at, began, error.kind, error.message)
    return ProviderInventory(
        provider=provider.id,
        attempted_at=at,
        fetched_at=at,
        models=listing.models,
        latency_ms=_since(began),
        skipped=listing.skipped,
    )


def _ask(pool: Pool, provider: Provider, client: Client, timeout: float) -> Listing:
    """List over the network, with the next key where one is refused."""
    wire = wire_format(provider.format)
    limits = credentials.timeouts_of(provider, pool.table)
    limits = limits._replace(
        connect=min(limits.connect, timeout), first_token=timeout, read=timeout, total=timeout
    )
    keys = credentials.keys_of(provider, pool)
    for place, key in enumerate(keys):
        credential = credentials.resolve(key, provider, pool)
        try:
            return client.run(wire.list_models(credentials.target(provider, credential, limits)))
        except UpstreamError as error:
            if error.failure.kind != "auth" or place + 1 == len(keys):
                raise
    raise NoCredential(f"{provider.id}: no key could be tried")


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
        provider=provider.id, attempted_at=at, error=message, error_kind=kind, latency_ms=_since(began)
    )


def _since(began: float) -> int:
    return round((time.monotonic() - began) * 1000)
