"""The models that one request had loaded anew, with the windows it needs, and what they are called since.

Only somebody who asked by name for a model on a machine of their own has it loaded anew.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator

from llmpool.chat import sizes
from llmpool.chat.journey import Event, Journey, Notice
from llmpool.core.chat import ChatRequest
from llmpool.core.ids import split_ref
from llmpool.core.outcome import Failure
from llmpool.core.provider import Provider
from llmpool.errors import LlmpoolError
from llmpool.pool import Pool


class Instances:
    """What the deployments of one request are called where they were loaded for it; `name` says it."""

    def __init__(self, pool: Pool, journey: Journey) -> None:
        self._pool = pool
        self._journey = journey
        self._names: dict[str, str] = {}
        self._loads = 0

    def name(self, ref: str) -> str:
        """Return what a deployment is to be called; empty where that is its name."""
        return self._names.get(ref, "")

    def prepared(self, ref: str, provider: Provider, request: ChatRequest) -> Iterator[Event]:
        """Have a model loaded with the window the request needs, once."""
        size = self._journey.decision.context_size
        if not self._is_meant(provider) or ref in self._names:
            return
        if not sizes.outgrows(self._pool, ref, request, size):
            return
        from llmpool.chat import prepare

        needs = prepare.needs_of(request, size)
        self._names[ref] = yield from prepare.prepared(self._pool, provider, split_ref(ref)[1], needs)

    def grown(
        self, ref: str, provider: Provider, request: ChatRequest, failure: Failure
    ) -> Generator[Event, None, bool]:
        """Have a model loaded with more when its server finds the window too small; False if that is vain."""
        if not self._is_meant(provider):
            return False
        from llmpool.chat import prepare

        needs = prepare.needs_of(request, self._journey.decision.context_size)
        model, loads = split_ref(ref)[1], self._loads
        try:
            again = yield from prepare.grown(self._pool, provider, model, needs, failure, loads=loads)
        except LlmpoolError as error:  # another loads there, or its listing cannot be kept: others may answer
            yield Notice(f"{ref}: its window was too small, and it cannot have another: {error.message}")
            return False
        if again is None:
            return False
        self._loads += 1
        self._names[ref] = again
        return True

    def _is_meant(self, provider: Provider) -> bool:
        return bool(self._journey.decision.requested) and provider.location == "local"
