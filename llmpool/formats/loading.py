"""Which servers load and unload a model when they are told to, and what their ways have in common.

LM Studio and Ollama take the window with the order to load; llama.cpp as a router has it in its own settings.
All other servers keep in memory what they were started with.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import NamedTuple, cast

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Target

LOADING = {
    "lmstudio": "llmpool.formats.loading_lmstudio:LMStudioLoading",
    "ollama": "llmpool.formats.loading_ollama:OllamaLoading",
    "openai": "llmpool.formats.loading_llamacpp:LlamaCppLoading",
}
UNDER_WAY = ("loading", "downloading")  # states that end by themselves
IN_MEMORY = ("loaded", "sleeping", *UNDER_WAY)


class Wish(NamedTuple):
    """How a model is wanted in memory: tokens of context, seconds without use until it may go.

    0 and None leave it to the server; a negative *keep_alive* is for ever.
    """

    model: str
    context: int = 0
    keep_alive: float | None = None


class InMemory(NamedTuple):
    """A model in a server's memory. Sizes are bytes and tokens, 0 and None unknown; *until* is RFC 3339 UTC.

    *instance* is what to call it by where a model may be loaded several times.
    """

    name: str
    state: str = "loaded"
    instance: str = ""
    context: int = 0
    size: int = 0
    vram: int | None = None
    until: str = ""


class Loading(ABC):
    """One server's way to load models.

    *takes_context*, *takes_keep_alive*: whether it is told the window, and how long the model stays.
    *unloads_first*: whether loading a loaded model adds a second one beside it.
    """

    takes_context = True
    takes_keep_alive = False
    unloads_first = False

    @abstractmethod
    def load(self, target: Target, wish: Wish) -> Generator[Call, Answer, InMemory]:
        """Order a model into memory; a state that is UNDER_WAY has to be looked at again."""

    def look(self, target: Target, model: str) -> Generator[Call, Answer, InMemory]:
        """See how far an order to load has come; raise UpstreamError where the model would not load.

        Servers that answer only when a model is loaded have no order under way.
        """
        raise cannot(f"no order to load {model} is under way at {target.provider}")

    @abstractmethod
    def unload(self, target: Target, model: str, instance: str) -> Generator[Call, Answer, None]:
        """Order a model, or one *instance* of it, out of memory."""

    @abstractmethod
    def in_memory(self, target: Target) -> Generator[Call, Answer, tuple[InMemory, ...]]:
        """List what is in memory."""


def loading(name: str) -> Loading | None:
    """Return how servers of the format *name* load models, None where they do not."""
    from importlib import import_module

    if name not in LOADING:
        return None
    module, _, cls = LOADING[name].partition(":")
    return cast("Loading", getattr(import_module(module), cls)())


def cannot(message: str) -> UpstreamError:
    """Make the error of a server that cannot be told to do this."""
    return UpstreamError(Failure(kind="unusable", message=message, code="no_loading"))
