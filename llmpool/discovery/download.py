"""Pull one model: one process at a provider, its progress told, and its end written down (ruling 18).

A pull that is broken off, by Ctrl-C, a signal or a crash, is left as interrupted; whoever pulls the model
next takes it up. Who comes while another process pulls the same model watches that one, and gets its result.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import NamedTuple

from llmpool.core.outcome import Failure, UpstreamError, kind_of
from llmpool.core.times import rfc3339
from llmpool.core.word import word
from llmpool.discovery import download_ways
from llmpool.discovery.download_ways import EMBEDDED, LMSTUDIO, OLLAMA, Pulled, Transfer
from llmpool.discovery.pace import Pace
from llmpool.embedded.part import Cancelled
from llmpool.errors import (
    Busy,
    LlmpoolError,
    NoCredential,
    StateUnusable,
    UnknownName,
    UpstreamFailed,
    offline_forbids,
)
from llmpool.formats.pulling import Moved
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.registry.reconcile import is_same
from llmpool.state import downloads
from llmpool.state.downloads import Job

KEEP_EVERY = 1.0  # seconds between two notes of how far it is
LOOK = 0.25  # seconds between two looks at what another process wrote
_LIBRARIES = {OLLAMA: "https://ollama.com/library", LMSTUDIO: "https://lmstudio.ai/models"}


class PullEvent(NamedTuple):
    """How far a pull is: bytes, 0 while unknown; bytes a second and seconds left, None while unknown."""

    ref: str
    done: int
    total: int
    status: str
    rate: float | None
    left: float | None


Tell = Callable[[PullEvent], None]


def pull(
    pool: Pool,
    kind: str,
    wanted: Job,
    tell: Tell,
    *,
    source: str = "",
    follow: bool = True,
    silence: float = download_ways.SILENCE,
) -> Pulled:
    """Pull *wanted* in the way *kind*, or *follow* the process that is at it already.

    *source* is where an embedded model comes from, when that is more than *wanted* may keep of it.
    Raises Busy when another process pulls something else there; UnknownName for a model nobody has,
    Cancelled when it was called off, UpstreamFailed for any other failure, which is kept with the pull.
    """
    is_hidden = (
        bool(source) and not wanted.source
    )  # it cannot be told from another's, so nobody's is followed
    source, follow = source or wanted.source, follow and not is_hidden
    if pool.offline and (kind != EMBEDDED or not source or "://" in source):
        raise offline_forbids("fetching a model")
    state = pool.paths.state
    while True:
        with ExitStack() as stack:
            try:
                stack.enter_context(downloads.turn(state, wanted.provider))
            except Busy:
                ended = _follow(pool, kind, wanted, tell, follow=follow)
            else:
                return _Run(pool, kind, wanted, tell).finish(source, silence)
        if ended is not None:
            return ended


class _Run:
    """A pull of this process, from its first note to its last."""

    def __init__(self, pool: Pool, kind: str, wanted: Job, tell: Tell) -> None:
        self.pool = pool
        self.kind = kind
        self.tell = tell
        self.pace = Pace()
        self.job = downloads.begin(pool.paths.state, wanted, rfc3339(pool.clock()))
        self.kept = 0.0

    def finish(self, source: str, silence: float) -> Pulled:
        """Pull to the end; whatever it is, it is written down."""
        stopped = threading.Event()
        with Client(offline=self.pool.offline) as client, _Watch(self, client, stopped):
            transfer = Transfer(self.pool, client, self.job, self.hear, stopped, source, silence)
            try:
                pulled = download_ways.fetch(self.kind, transfer)
            except UpstreamError as error:
                failure = _called_off() if stopped.is_set() else error.failure
                told = _in_words(self.job, self.kind, failure)
                raise self.failed(told, failure.kind, failure.told) from None
            except LlmpoolError as error:
                raise self.failed(error, error.kind, error.message) from None
            except BaseException:
                self.over(downloads.INTERRUPTED)
                self.pool.warnings.append(f"{self.job.ref} is interrupted; go on: llmpool models pull")
                raise
        self.over(downloads.DONE, done=self.job.total)
        return pulled

    def hear(self, moved: Moved) -> None:
        """Take up how far it is; others see it once a second."""
        now = time.monotonic()
        handle = moved.handle or self.job.handle
        fresh = handle != self.job.handle
        self.job = self.job.replace(done=moved.done, total=moved.total, handle=handle)
        self.pace.note(now, moved.done, moved.total)
        self.tell(_event(self.job, moved.status, self.pace))
        if fresh or now - self.kept >= KEEP_EVERY:
            self.kept = now
            self._keep(downloads.note)

    def failed(self, error: LlmpoolError, kind: str, words: str) -> LlmpoolError:
        """Write a failure down, in few words, and return it."""
        if isinstance(error, Cancelled):
            self.over(downloads.CANCELLED)
        else:
            self.over(downloads.FAILED, error=words, kind=kind)
        return error

    def over(self, state: str, **facts: object) -> None:
        """Write down how it ended."""
        self.job = self.job.replace(state=state, since=rfc3339(self.pool.clock()), **facts)
        self._keep(downloads.end)

    def _keep(self, write: Callable[..., None]) -> None:
        """Write the pull down; a disk that refuses does not undo what was pulled."""
        try:
            write(self.pool.paths.state, self.job)
        except (StateUnusable, Busy) as error:
            self.pool.warn_once(error.message)


class _Watch:
    """Looks whether somebody called the pull off, and then ends whatever it waits for."""

    def __init__(self, run: _Run, client: Client, stopped: threading.Event) -> None:
        self._job = run.job
        self._state = run.pool.paths.state
        self._client = client
        self._stopped = stopped
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_error: object) -> None:
        self._over.set()

    def _look(self) -> None:
        while not self._over.wait(LOOK):
            with suppress(StateUnusable):  # whoever writes next will say so
                if downloads.is_called_off(self._state, self._job):
                    self._stopped.set()
                    self._client.close()
                    return


def _follow(pool: Pool, kind: str, wanted: Job, tell: Tell, *, follow: bool) -> Pulled | None:
    """Watch the pull of another process to its end; None when it left it, so that it can be taken over."""
    pace = Pace()
    while True:
        job = downloads.read(pool.paths.state).get(wanted.provider)
        if job is None or job.state in (downloads.QUEUED, downloads.INTERRUPTED):
            return None
        if not _is_for(job, wanted) or (job.state == downloads.RUNNING and not follow):
            raise _busy(job)
        if job.state != downloads.RUNNING:
            return _ended(job, kind)
        pace.note(time.monotonic(), job.done, job.total)
        tell(_event(job, "pulled by another process", pace))
        time.sleep(LOOK)


def _is_for(job: Job, wanted: Job) -> bool:
    """Say whether what comes of *job* is what is *wanted*: a file from elsewhere is another one."""
    wants = (wanted.source, wanted.sha256.lower())
    return is_same(job.model, wanted.model) and (job.source, job.sha256.lower()) == wants


def _ended(job: Job, kind: str) -> Pulled:
    """Return, or raise, what came of a pull that another process made."""
    if job.state == downloads.DONE:
        return Pulled(job.ref, job.total)
    failed = Failure(kind=kind_of(job.kind), message=job.error)
    raise _in_words(job, kind, _called_off() if job.state == downloads.CANCELLED else failed)


def _event(job: Job, status: str, pace: Pace) -> PullEvent:
    return PullEvent(job.ref, job.done, job.total, status, pace.rate, pace.left())


def _busy(job: Job) -> Busy:
    share = f", {job.done * 100 // job.total} % done" if job.total else ""
    message = f"{job.provider} is busy: another process pulls {job.ref}{share}"
    return Busy(message, hint="see: llmpool models pull --list    one at a time: try again when it is done")


def _called_off() -> Failure:
    return Failure(kind="cancelled", message="cancelled from another process")


def _in_words(job: Job, kind: str, failure: Failure) -> LlmpoolError:
    """Say what failed, in the error that belongs to it (C12 wants the words)."""
    message = f"{job.provider}: failed downloading model {job.model}: {failure.told}"
    again = f"llmpool models pull {word(job.ref)}"
    if failure.kind == "model_not_found":
        return UnknownName(message, hint=f"what there is: {_LIBRARIES.get(kind, 'llmpool models list')}")
    if failure.kind == "auth":
        return NoCredential(message, hint=f"where its key comes from: llmpool providers show {job.provider}")
    if failure.kind == "cancelled":
        on = "LM Studio itself goes on; stop it there, under Downloads" if kind == LMSTUDIO else ""
        return Cancelled(message, hint=on or f"go on: {again}")
    if failure.kind == "connect":
        return UpstreamFailed(message, hint=f"is the server running? then: {again}")
    return UpstreamFailed(message, hint=f"what came so far is kept; go on: {again}")
