"""A prompt that a server found too long: what that teaches of its window, and who may still take it."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from llmpool.chat.journey import Journey, Notice
from llmpool.core.inventory import ToldWindow
from llmpool.core.outcome import Failure
from llmpool.core.provider import Provider
from llmpool.core.text import few
from llmpool.core.times import rfc3339
from llmpool.errors import Busy, StateUnusable
from llmpool.formats import windows_told
from llmpool.pool import Pool
from llmpool.router.larger import larger_only
from llmpool.state import inventory

NAMED = 3  # deployments that a notice names


def learn(pool: Pool, provider: Provider, model: str, failure: Failure) -> None:
    """Keep the window that a server named, if it did and it is news; a directory that refuses is a warning.

    The embedded server is ours: it has the window it was started with, and tells nothing new.
    """
    tokens = windows_told.told(failure.message).window
    known = next((row.window for row in pool.table.rows if row.id == f"{provider.id}/{model}"), 0)
    if not tokens or tokens == known or provider.preset == "embedded":
        return
    window = ToldWindow(model=model, at=rfc3339(pool.clock()), tokens=tokens)
    try:
        inventory.remember_window(pool.paths.state, provider.id, window)
    except (StateUnusable, Busy) as error:
        pool.warnings.append(f"the window of {provider.id}/{model} is not kept: {error.message}")


def onward(
    pool: Pool, journey: Journey, rest: Sequence[str], ref: str, failure: Failure
) -> Generator[Notice, None, list[str]]:
    """Return who of *rest* may take a prompt that was too long for *ref*, and say who may not.

    What was too large for a plan or a gateway says nothing of windows: everybody may take it.
    """
    if not windows_told.is_of_window(failure):
        return list(rest)
    told = windows_told.told(failure.message)
    failed = {a.deployment for a in journey.attempts if a.failure and a.failure.kind == "context_length"}
    about, again = journey.decision.context_size, len(failed) > 1
    left = larger_only(rest, pool.table, ref, told.counted, window=told.window, again=again, about=about)
    if left.skipped:
        names = few(left.skipped, NAMED)
        verb = "has" if len(left.skipped) == 1 else "have"
        yield Notice(f"the prompt is too long for {ref}; {names} {verb} no larger window: left out")
    return left.plan
