"""Loads models into Ollama: a request without a prompt loads, one that keeps alive for 0 seconds unloads.

The window belongs to the request there: the next one that asks for another, or for none, loads anew.
"""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import Any

from llmpool.core.outcome import UpstreamError
from llmpool.core.times import rfc3339
from llmpool.core.wire import Answer, Call, Target
from llmpool.formats.answer import good
from llmpool.formats.base import count, get, join_url, mapping, post, usable_name, with_key
from llmpool.formats.loading import InMemory, Loading, Wish
from llmpool.formats.ollama import root_of
from llmpool.formats.ollama_answer import failure_in, read_error

NO_CHAT = "does not support generate"  # said of a model that only embeds


class OllamaLoading(Loading):
    """Ollama: it swaps models by itself, and is told window and time to stay with the order."""

    takes_keep_alive = True

    def load(self, target: Target, wish: Wish) -> Generator[Call, Answer, InMemory]:
        """Load by asking for nothing; a model that only embeds is asked to embed nothing."""
        body = _body(wish)
        try:
            _good((yield _post(target, "/api/generate", body)))
        except UpstreamError as error:
            if NO_CHAT not in error.failure.message:
                raise
            _good((yield _post(target, "/api/embed", body | {"input": ""})))
        return InMemory(wish.model, context=wish.context)

    def unload(self, target: Target, model: str, instance: str) -> Generator[Call, Answer, None]:  # noqa: ARG002 - it has no instances
        """Unload a model at once; one that is not loaded is no failure to Ollama either."""
        _good((yield _post(target, "/api/generate", {"model": model, "keep_alive": 0, "stream": False})))

    def in_memory(self, target: Target) -> Generator[Call, Answer, tuple[InMemory, ...]]:
        """List `/api/ps`, the only one that tells how much of a model is on the GPU, and until when."""
        url = join_url(root_of(target.url), "/api/ps")
        lines = mapping(_good((yield get(target, url, with_key(target))))).get("models")
        found = map(_entry, map(mapping, lines)) if isinstance(lines, list) else ()
        return tuple(entry for entry in found if entry is not None)


def _body(wish: Wish) -> dict[str, Any]:
    body: dict[str, Any] = {"model": wish.model, "stream": False}
    if wish.context > 0:
        body["options"] = {"num_ctx": wish.context}
    if wish.keep_alive is not None:
        body["keep_alive"] = math.ceil(wish.keep_alive) if wish.keep_alive >= 0 else -1
    return body


def _post(target: Target, path: str, body: dict[str, Any]) -> Call:
    return post(target, join_url(root_of(target.url), path), with_key(target), body)


def _good(answer: Answer) -> Any:
    return good(answer, read_error, failure_in)


def _entry(fields: dict[str, Any]) -> InMemory | None:
    name = fields.get("name") or fields.get("model")
    if not usable_name(name):
        return None
    vram = fields.get("size_vram")
    known = isinstance(vram, int) and not isinstance(vram, bool) and vram >= 0
    return InMemory(
        str(name),
        context=count(fields.get("context_length")),
        size=count(fields.get("size")),
        vram=vram if known else None,
        until=_utc(fields.get("expires_at")),
    )


def _utc(value: object) -> str:
    """Return a time with any offset as RFC 3339 UTC; for none, which is the year 1 in Go, nothing."""
    from datetime import UTC, datetime

    try:
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
        seconds = when.astimezone(UTC).timestamp() if when and when.tzinfo else 0
        return rfc3339(seconds) if seconds > 0 else ""
    except (ValueError, OverflowError):
        return ""
