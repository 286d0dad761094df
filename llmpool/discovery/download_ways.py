"""The ways a model comes to a provider: Ollama and LM Studio fetch it themselves, embedded files are ours.

Each way is a function of a Transfer that returns when the model is there; how far it is, it tells as it goes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from llmpool import credentials, ways
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.wire import Target, Timeouts
from llmpool.formats import pulling_lmstudio, pulling_ollama
from llmpool.formats.ollama_listing import CLOUD
from llmpool.formats.pulling import Moved
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.state.downloads import Job

OLLAMA, LMSTUDIO, EMBEDDED = "ollama", "lmstudio", "embedded"
SILENCE = 600.0  # seconds without a word: a server that verifies a large model is long silent
LOOK = 1.0  # between two questions after a download
MOST_MISSED = 5  # questions in a row that may go unanswered

T = TypeVar("T")


class Pulled(NamedTuple):
    """What a pull brought; *present*: it was there already. Empty and 0 are unknown.

    *remote*: only a name came, its server forwards to where the model runs.
    """

    ref: str
    size: int = 0
    sha256: str = ""
    licence: str = ""
    present: bool = False
    remote: bool = False


class Transfer(NamedTuple):
    """A pull under way, as its way needs it; *stopped* is set when it is to end.

    *source* is where an embedded model comes from, whole: its query may be a secret that is not kept.
    """

    pool: Pool
    client: Client
    job: Job
    heard: Callable[[Moved], None]
    stopped: threading.Event
    source: str = ""
    silence: float = SILENCE


def kind_of(pool: Pool, provider: Provider) -> str:
    """Say in which way models come to *provider*: `ollama`, `lmstudio`, `embedded`, or nothing."""
    if provider.preset == EMBEDDED:
        return EMBEDDED
    native = ways.plan(pool, provider, "", provider.url).native
    if native == OLLAMA and CLOUD.match(provider.url):
        return ""  # it has all its models, and they stay there
    return native if native in (OLLAMA, LMSTUDIO) else ""


def fetch(kind: str, transfer: Transfer) -> Pulled:
    """Bring the model of *transfer* in; raises UpstreamError, or what says it in words already."""
    return _WAYS[kind](transfer)


def reach(pool: Pool, name: str, work: Callable[[Target], T], limits: Timeouts) -> T:
    """Do *work* at the first address, with the first key, where the provider *name* lets it be done."""
    provider = pool.provider(name)
    return ways.first_taken(
        pool,
        provider,
        lambda credential, url: work(ways.target(pool, provider, credential, url, limits)),
    )


def _ollama(transfer: Transfer) -> Pulled:
    """Let an Ollama server fetch the model, which it tells as it goes."""
    job = transfer.job

    def pull(target: Target) -> None:
        with transfer.client.open_stream(pulling_ollama.pull_call(target, job.model)) as reply:
            if not 200 <= reply.status < 300:
                raise UpstreamError(pulling_ollama.read_error(reply.read()))
            for moved in pulling_ollama.read_progress(reply.frames()):
                transfer.heard(moved)

    reach(transfer.pool, job.provider, pull, _limits(transfer))
    return Pulled(job.ref)


def _lmstudio(transfer: Transfer) -> Pulled:
    """Start a download in LM Studio, or find the one an earlier try started, and ask until it is there."""
    return reach(
        transfer.pool, transfer.job.provider, lambda target: _ask(transfer, target), _limits(transfer)
    )


def _ask(transfer: Transfer, target: Target) -> Pulled:
    moved = _known(transfer, target) or _started(transfer, target)
    present = moved.status == pulling_lmstudio.ALREADY
    last, missed = (moved, time.monotonic()), 0
    while True:
        transfer.heard(moved)
        if moved.over:
            return Pulled(transfer.job.ref, size=moved.total, present=present)
        if time.monotonic() - last[1] > transfer.silence:
            words = "LM Studio paused it" if moved.status == "paused" else "nothing came"
            raise UpstreamError(Failure(kind="timeout", message=f"{words} for {transfer.silence:g} s"))
        transfer.stopped.wait(LOOK)
        try:
            moved = _status(transfer, target, moved.handle)
        except UpstreamError as error:
            missed += 1
            if error.failure.kind not in ("connect", "timeout", "broken") or missed > MOST_MISSED:
                raise
            continue
        missed = 0
        if (moved.status, moved.done) != (last[0].status, last[0].done):
            last = moved, time.monotonic()


def _known(transfer: Transfer, target: Target) -> Moved | None:
    """Ask after the download an earlier try started; None when LM Studio knows none, or it failed."""
    handle = transfer.job.handle
    if not pulling_lmstudio.is_handle(handle):
        return None
    try:
        return _status(transfer, target, handle)
    except UpstreamError as error:
        if error.failure.kind in ("connect", "timeout", "auth", "cancelled"):
            raise
        return None


def _started(transfer: Transfer, target: Target) -> Moved:
    return pulling_lmstudio.read_status(
        transfer.client.send(pulling_lmstudio.pull_call(target, transfer.job.model))
    )


def _status(transfer: Transfer, target: Target, handle: str) -> Moved:
    return pulling_lmstudio.read_status(
        transfer.client.send(pulling_lmstudio.status_call(target, handle)), handle
    )


def _embedded(transfer: Transfer) -> Pulled:
    """Fetch a model file for this machine."""
    from llmpool.embedded import fetch as files

    job = transfer.job
    model = files.pull(
        transfer.pool.paths.state,
        job.model,
        source=transfer.source,
        sha256=job.sha256,
        progress=lambda done, total: transfer.heard(Moved("", done, total)),
        cancelled=transfer.stopped.is_set,
    )
    return Pulled(job.ref, model.size, model.sha256, model.licence)


def _limits(transfer: Transfer) -> Timeouts:
    """Let a pull take for ever, as long as something is heard of it."""
    connect = connect_limit(transfer.pool, transfer.job.provider)
    return Timeouts(connect=connect, first_token=transfer.silence, read=transfer.silence)


def connect_limit(pool: Pool, name: str) -> float:
    """Return the seconds a connection to the provider *name* may take."""
    return credentials.timeouts_of(pool.provider(name), pool.table).connect


_WAYS: dict[str, Callable[[Transfer], Pulled]] = {
    OLLAMA: _ollama,
    LMSTUDIO: _lmstudio,
    EMBEDDED: _embedded,
}
