"""What is in the memory of every local server, and how to get it out of there."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from llmpool import ways
from llmpool.core.names import latest
from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import Provider
from llmpool.discovery.barred import out_of_service, refuse_barred
from llmpool.discovery.place import Place, meant, not_here, raised, server_of
from llmpool.discovery.workers import side_by_side
from llmpool.embedded import server
from llmpool.embedded.server import RunningModel
from llmpool.errors import LlmpoolError, offline_forbids
from llmpool.formats.loading import LOADING, InMemory
from llmpool.net.client import Client
from llmpool.pool import Pool, unknown_provider
from llmpool.router.failure import contact_kind

UNLOAD_SECONDS = 60.0


class Entry(NamedTuple):
    """A model in memory at a provider; *host* is set where its server is one of ours."""

    provider: str
    memory: InMemory
    host: RunningModel | None = None


class Unheard(NamedTuple):
    """A provider that did not say what it has in memory, and why; an *optional* one may be away."""

    provider: str
    kind: str
    message: str
    optional: bool = False


class Report(NamedTuple):
    """What is in memory, in order of provider and name; who did not say; and who was not asked."""

    entries: tuple[Entry, ...]
    unheard: tuple[Unheard, ...]
    skipped: tuple[tuple[str, str], ...]

    @property
    def partly(self) -> bool:
        """Whether somebody is missing who should be there."""
        return any(not each.optional for each in self.unheard)


Heard = tuple[list[Entry], Unheard | None]


def ps(
    pool: Pool,
    name: str = "",
    *,
    timeout: float = 15.0,
    heard: Callable[[str], None] = lambda _provider: None,
) -> Report:
    """Ask the provider *name*, or every local one in service, what is in memory; side by side.

    Raises UnknownName for a provider nobody configured, Misuse for one in the cloud.
    """
    chosen = _chosen(pool, name)
    if name and pool.offline and chosen[0].preset != "embedded":
        raise offline_forbids("asking providers")
    dark = [p.id for p in chosen if pool.offline and p.preset != "embedded"]
    asked = [p for p in chosen if p.id not in dark and server_of(pool, p) in (*LOADING, "embedded")]
    pool.warnings += filter(None, map(ways.unverified, asked))
    _ = pool.table, pool.memories  # read once here, not once a thread
    found: list[Heard] = []
    with Client(offline=pool.offline) as client:

        def take(answer: tuple[str, Heard]) -> None:
            found.append(answer[1])
            heard(answer[0])

        side_by_side(
            asked,
            lambda provider: (provider.id, _ask(pool, provider, client, timeout)),
            jobs=32,
            heard=take,
            stop=client.close,
        )
    entries = sorted(
        (entry for listed, _ in found for entry in listed), key=lambda e: (e.provider, e.memory.name)
    )
    unheard = sorted(failure for _, failure in found if failure is not None)
    return Report(tuple(entries), tuple(unheard), tuple((each, "offline") for each in dark))


def unload(pool: Pool, ref: str) -> bool:
    """Take all instances of the one that *ref* means out of memory; False when there was none."""
    asked = meant(pool, ref)
    refuse_barred(pool, asked.provider.id, asked.ref, clears=True)
    if asked.provider.preset == "embedded":
        return server.stop(pool.paths.state, asked.model)
    if pool.offline:
        raise offline_forbids("asking providers")
    with Client(offline=pool.offline) as client:
        place = Place(pool, asked.provider, client)
        try:
            there = [m for m in place.in_memory(UNLOAD_SECONDS) if latest(m.name) == latest(asked.model)]
            for memory in there:
                place.unload(memory.name, memory.instance, UNLOAD_SECONDS)
        except UpstreamError as error:
            raise raised(asked.ref, error.failure) from None
        place.take_up()
    return bool(there)


def _chosen(pool: Pool, name: str) -> list[Provider]:
    ids = [str(entry["id"]) for entry in pool.routing["providers"]]
    if name and name not in ids:
        raise unknown_provider(name, ids)
    providers = [pool.provider(each) for each in ([name] if name else ids)]
    if name and providers[0].location != "local":
        raise not_here(name)
    idle = out_of_service(pool)
    return [p for p in providers if p.location == "local" and (name or p.id not in idle)]


def _ask(pool: Pool, provider: Provider, client: Client, timeout: float) -> Heard:
    """Ask one provider; a failure is an answer too."""
    try:
        if provider.preset == "embedded":
            return [_of_ours(provider.id, host) for host in server.running(pool.paths.state)], None
        listed = Place(pool, provider, client).in_memory(timeout)
    except UpstreamError as error:
        failure = error.failure
        return [], Unheard(provider.id, contact_kind(failure), failure.told, provider.optional)
    except LlmpoolError as error:
        return [], Unheard(provider.id, error.kind, error.told, provider.optional)
    return [Entry(provider.id, memory) for memory in listed], None


def _of_ours(provider: str, host: RunningModel) -> Entry:
    return Entry(provider, InMemory(host.name, context=host.context), host)
