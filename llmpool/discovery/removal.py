"""Delete one model from a server's disk, where the server lets that be done."""

from __future__ import annotations

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Target, Timeouts
from llmpool.discovery.download_ways import EMBEDDED, OLLAMA, connect_limit, reach
from llmpool.errors import LlmpoolError, Misuse, NoCredential, UnknownName, UpstreamFailed, offline_forbids
from llmpool.formats import pulling_ollama
from llmpool.net.client import Client
from llmpool.pool import Pool

SECONDS = 120.0  # a large model on a slow disk
CAN_REMOVE = (OLLAMA, EMBEDDED)


def check(kind: str, ref: str) -> None:
    """Raise Misuse when models of this *kind* cannot be removed from here: LM Studio's."""
    if kind not in CAN_REMOVE:
        raise Misuse(
            f"{ref}: LM Studio has no way to delete a model from outside",
            hint="delete it there under My Models, or its folder below ~/.lmstudio/models on that machine",
        )


def remove(pool: Pool, kind: str, provider: str, model: str) -> None:
    """Delete *model* at *provider*; raises UnknownName when it is not there."""
    ref = f"{provider}/{model}"
    check(kind, ref)
    if kind == EMBEDDED:
        from llmpool.embedded import fetch, server

        server.stop(pool.paths.state, model)
        fetch.remove(pool.paths.state, model)
        return
    if pool.offline:
        raise offline_forbids(f"deleting {ref}")
    connect = connect_limit(pool, provider)
    limits = Timeouts(connect=connect, first_token=SECONDS, read=SECONDS, total=SECONDS)
    with Client() as client:

        def delete(target: Target) -> None:
            pulling_ollama.read_removed(client.send(pulling_ollama.remove_call(target, model)))

        try:
            reach(pool, provider, delete, limits)
        except UpstreamError as error:
            raise _in_words(ref, provider, error.failure) from None


def _in_words(ref: str, provider: str, failure: Failure) -> LlmpoolError:
    message = f"{ref} is not deleted: {failure.told}"
    if failure.kind == "model_not_found":
        return UnknownName(
            message, hint=f"what is there: llmpool refresh {provider}, then llmpool models list"
        )
    if failure.kind == "auth":
        return NoCredential(message, hint=f"where its key comes from: llmpool providers show {provider}")
    if failure.kind in ("connect", "timeout"):
        return UpstreamFailed(message, hint="is the server running? llmpool providers list shows who answers")
    return UpstreamFailed(message, hint=f"see what answers there: llmpool providers verify {provider}")
