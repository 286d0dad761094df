"""The format `lmstudio`: LM Studio's own listings, and chat at its OpenAI side, which its native chat lacks.

`/api/v1/chat` takes no tools and no schema of a caller, so `/v1/chat/completions` it is; images are taken
there as data only, and `reasoning_effort: none` is how a model is told not to think. `ttl` is how many
seconds a model stays in memory without use; unset, LM Studio's own setting holds.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from llmpool.core.chat import ChatRequest, Delta
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Call, Frame, Target
from llmpool.formats import lmstudio_listing
from llmpool.formats.base import Listing, join_url
from llmpool.formats.errors import over_the_window
from llmpool.formats.openai import OpenAI
from llmpool.formats.urls import without

# Longest first: the first that matches is taken off.
SUFFIXES = (
    "/api/v0/chat/completions",
    "/v1/chat/completions",
    "/api/v1/models",
    "/api/v0/models",
    "/v1/responses",
    "/api/v1/chat",
    "/v1/messages",
    "/v1/models",
    "/api/v1",
    "/api/v0",
    "/api",
    "/v1",
)
_CHAT = OpenAI()


class LMStudio:
    """LM Studio: models from its REST API, chat as OpenAI's."""

    name = "lmstudio"
    takes_image_urls = False
    droppable = OpenAI.droppable

    def list_models(self, target: Target) -> Generator[Call, Answer, Listing]:
        """List what the server has, in the newest of its ways."""
        return lmstudio_listing.list_models(target, root_of(target.url))

    def chat_call(self, target: Target, model: str, request: ChatRequest) -> Call:
        """Build the call to `/v1/chat/completions`."""
        url = join_url(root_of(target.url), "/v1")
        call = _CHAT.chat_call(target.replace(url=url, exact=True), model, request)
        more: dict[str, Any] = {"ttl": target.idle_ttl} if target.idle_ttl > 0 else {}
        if request.thinking in ("off", "0") and "thinking" not in target.without:
            more["reasoning_effort"] = "none"  # models that can think do so by default
        return _with(call, more) if more else call

    def read_stream(self, frames: Iterable[Frame]) -> Iterator[Delta]:
        """Yield what each frame carries, at once; raise UpstreamError when the answer is not a whole one."""
        return _judged(_CHAT.read_stream(frames))

    def read_reply(self, answer: Answer) -> Iterator[Delta]:
        """Yield a whole answer as the deltas of a stream."""
        return _judged(_CHAT.read_reply(answer))

    def read_error(self, answer: Answer) -> Failure:
        """Say what an answer that is not 2xx means."""
        return over_the_window(_CHAT.read_error(answer))

    def read_usage(self, payload: object) -> TokenUsage:
        """Read the token counts of a JSON answer."""
        return _CHAT.read_usage(payload)


def root_of(url: str) -> str:
    """Return the server's root, whichever of its addresses an owner wrote."""
    return without(url, *SUFFIXES)


def _with(call: Call, more: dict[str, Any]) -> Call:
    """Say *more* in the body of *call*."""
    body = json.loads(call.body or b"{}") | more
    return call.replace(body=json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


def _judged(deltas: Iterator[Delta]) -> Iterator[Delta]:
    try:
        yield from deltas
    except UpstreamError as error:
        raise UpstreamError(over_the_window(error.failure)) from None
