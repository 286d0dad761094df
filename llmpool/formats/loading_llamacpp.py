"""Loads models into llama.cpp as a router: `/models/load` and `/models/unload`, which answer too early.

The window is the router's to say, in its settings (`ctx-size`). A llama.cpp with one model, and any other
server that answers as OpenAI does, has in memory what it was started with.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats import urls
from llmpool.formats.answer import good
from llmpool.formats.base import count, get, join_url, mapping, post, usable_name, with_key, word
from llmpool.formats.collect import lines_in
from llmpool.formats.listing import observed
from llmpool.formats.loading import IN_MEMORY, UNDER_WAY, InMemory, Loading, Wish, cannot

FIXED = "its server keeps in memory what it was started with; there is nothing to load or unload"
ALREADY = "already running"
NOT_RUNNING = "not running"


class LlamaCppLoading(Loading):
    """llama.cpp as a router; models carry a status there."""

    takes_context = False

    def load(self, target: Target, wish: Wish) -> Generator[Call, Answer, InMemory]:
        """Order a model to be loaded, unless it is, or see how far an earlier order has come."""
        fields = yield from _line(target, wish.model)
        found = _entry(wish.model, fields)
        if found.state in IN_MEMORY:
            return found
        try:
            good((yield _post(target, "/models/load", wish.model)))
        except UpstreamError as error:
            if ALREADY not in error.failure.message:
                raise
        return found._replace(state=UNDER_WAY[0])

    def look(self, target: Target, model: str) -> Generator[Call, Answer, InMemory]:
        """See how far an order to load has come; raise UpstreamError where the model would not load."""
        fields = yield from _line(target, model)
        status = mapping(fields.get("status"))
        found = _entry(model, fields)
        if found.state not in IN_MEMORY:
            code = status.get("exit_code")
            ended = f" (exit code {code})" if isinstance(code, int) and not isinstance(code, bool) else ""
            message = f"llama.cpp could not load it{ended}; its log says why"
            raise UpstreamError(Failure(kind="server", message=message, should_retry=False))
        return found

    def unload(self, target: Target, model: str, instance: str) -> Generator[Call, Answer, None]:  # noqa: ARG002 - it has no instances
        """Order a model out of memory; that it is not there is what was wanted."""
        yield from _line(target, model)
        try:
            good((yield _post(target, "/models/unload", model)))
        except UpstreamError as error:
            if NOT_RUNNING not in error.failure.message:
                raise

    def in_memory(self, target: Target) -> Generator[Call, Answer, tuple[InMemory, ...]]:
        """List what the listing says to be loaded."""
        named = ((fields.get("id"), fields) for fields in (yield from _lines(target)))
        found = (_entry(str(name), fields) for name, fields in named if usable_name(name))
        return tuple(entry for entry in found if entry.state in IN_MEMORY)


def _lines(target: Target) -> Generator[Call, Answer, list[dict[str, Any]]]:
    url = join_url(urls.openai_base(target.url, exact=target.exact), "/models")
    return [mapping(line) for line in lines_in(good((yield get(target, url, with_key(target)))))]


def _line(target: Target, model: str) -> Generator[Call, Answer, dict[str, Any]]:
    """Return the line of *model*; raise UpstreamError at a server that is no router."""
    lines = yield from _lines(target)
    fields = next((fields for fields in lines if fields.get("id") == model), {})
    if not any(mapping(fields.get("status")) for fields in lines):
        raise cannot(FIXED)
    if not fields:
        raise cannot("llama.cpp does not list it any more; llmpool refresh shows what it has")
    return fields


def _entry(name: str, fields: dict[str, Any]) -> InMemory:
    seen = observed(name, fields)
    state = word(mapping(fields.get("status")).get("value")) or seen.state
    window = seen.loaded_context or (seen.context_window if state in IN_MEMORY else 0)
    return InMemory(name, state=state, context=window, size=count(mapping(fields.get("meta")).get("size")))


def _post(target: Target, path: str, model: str) -> Call:
    root = urls.root_of(urls.openai_base(target.url, exact=target.exact))
    return post(target, join_url(root, path), with_key(target), {"model": model})
