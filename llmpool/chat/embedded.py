"""Ask a model that runs on this machine: its server is started first, with the window it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from llmpool.chat import sizes
from llmpool.chat.journey import Event, Journey, Notice
from llmpool.chat.speak import Speaker
from llmpool.core.chat import ChatRequest
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import KeyRef, Provider
from llmpool.credentials import Credential
from llmpool.embedded import server
from llmpool.errors import UpstreamFailed
from llmpool.net.client import Client
from llmpool.pool import Pool

if TYPE_CHECKING:
    from llmpool.chat.gate import Gate

IDLE_SECONDS = 300.0  # how long a model stays loaded after its last use, unless idle_ttl says


def ask(  # noqa: PLR0917 - who asks whom, with what, and where it is written down
    pool: Pool,
    journey: Journey,
    provider: Provider,
    model: str,
    key: KeyRef,
    request: ChatRequest,
    gate: Gate | None = None,
    meanwhile: Callable[[], object] | None = None,
) -> Iterator[Event]:
    """Start the server of an embedded model, and say so; it is ours, so no network is asked for."""
    state, ref = pool.paths.state, f"{provider.id}/{model}"
    window = sizes.declared(pool, ref)
    live = next((host for host in server.running(state) if host.name == model), None)
    if live is None:
        yield Notice(f"{model} is being loaded on this machine")
    elif live.context < window and sizes.outgrows(pool, ref, request, 0, live.context):
        yield Notice(f"{model} is being loaded with a window of {window:,} tokens, it has {live.context:,}")
        server.stop(state, model)
    ttl = IDLE_SECONDS if provider.idle_ttl is None else provider.idle_ttl
    try:
        endpoint = server.ensure(state, model, idle_ttl=ttl, context=window)
    except UpstreamFailed as error:  # it died, or takes too long: others may answer, and it rests
        failure = Failure(kind="server", message=error.message, hint=error.hint, should_retry=False)
        raise UpstreamError(failure) from None
    here = provider.replace(url=endpoint.url, alternate_urls=(), exact=True)
    with Client() as client:
        speaker = Speaker(pool, client, journey, gate)
        speaker.meanwhile = meanwhile
        yield from speaker.ask(here, model, Credential(key.label, endpoint.key), request)
