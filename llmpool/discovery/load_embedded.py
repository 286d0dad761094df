"""Load an embedded model: its server is ours, so a window is had by starting it anew."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event

from llmpool.discovery.load import RESTORE_SECONDS, Ears, Loaded, too_large
from llmpool.discovery.place import Meant, declared_window, observed
from llmpool.discovery.watched import undisturbed, watched
from llmpool.embedded import server
from llmpool.embedded.server import RunningModel
from llmpool.pool import Pool

LEAVING_SECONDS = 2.0  # how long an interrupted start may take to end
IDLE_SECONDS = 300.0  # how long a model stays after its last use, unless idle_ttl or the caller says


def load(  # noqa: PLR0917 - what `load_ref` is given
    pool: Pool, asked: Meant, context: int, keep_alive: float | None, ears: Ears, seconds: float
) -> Loaded:
    """Start a model's server in *seconds*, anew for another window; if that fails, the old one is back."""
    seen = observed(pool, asked.provider.id, asked.model)
    window = context or declared_window(pool, asked.ref)
    if seen is not None and window > seen.max_context > 0:
        raise too_large(asked.ref, seen.max_context, window)
    before = running(pool, asked.model)
    if before is not None and keep_alive is None and window in (0, before.context):
        return Loaded(
            asked.ref, changed=False, context=before.context, declared=declared_window(pool, asked.ref)
        )
    began = time.monotonic()
    window = window or (before.context if before else 0)
    ttl = idle_seconds(asked.provider.idle_ttl if keep_alive is None else keep_alive)
    try:
        if before is not None:
            server.stop(pool.paths.state, asked.model)
        _watched(pool, asked.model, window, ttl, seconds, ears)
    except BaseException:
        if before is not None:
            ears.tell(f"{asked.ref} is being loaded again with the {before.context:,} tokens it had")
            undisturbed(lambda: _start(pool, asked.model, before.context, ttl, RESTORE_SECONDS))
        raise
    now = running(pool, asked.model)
    context = now.context if now else window
    was = before.context if before else 0
    spent, declared = time.monotonic() - began, declared_window(pool, asked.ref)
    return Loaded(asked.ref, True, context, was, seconds=spent, kept=ttl, declared=declared)


def running(pool: Pool, model: str) -> RunningModel | None:
    """Return the live server of a model, None when there is none."""
    return next((live for live in server.running(pool.paths.state) if live.name == model), None)


def idle_seconds(wanted: float | None) -> float:
    """Return how long a server stays without use; a negative time is a year, which is as good as for ever."""
    if wanted is None:
        return IDLE_SECONDS
    return wanted if wanted >= 0 else 365 * 86400.0


def _watched(  # noqa: PLR0917 - what a start is told, and who hears how long it takes
    pool: Pool, model: str, context: int, ttl: float, seconds: float, ears: Ears
) -> None:
    """Start a server; an interrupt ends what has been started of it, and only then is passed on."""
    stopped, over = Event(), Event()

    def start() -> None:
        try:
            _start(pool, model, context, ttl, seconds, stopped.is_set)
        finally:
            over.set()

    def stop() -> None:
        stopped.set()
        over.wait(LEAVING_SECONDS)

    watched(start, ears.tick, stop)


def _start(  # noqa: PLR0917 - as above
    pool: Pool,
    model: str,
    context: int,
    ttl: float,
    seconds: float,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    server.ensure(pool.paths.state, model, idle_ttl=ttl, context=context, wait=seconds, stopped=stopped)
