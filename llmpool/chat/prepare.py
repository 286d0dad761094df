"""Give a model that was asked for by name the window a request needs, before it is asked (5.4 and 5.5).

Only a request that its model's window cannot take together with an answer has it loaded anew: that takes
seconds, and throws away what the server remembers of earlier prompts. A model that is not loaded is left to
the server as long as any default window is enough.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import NamedTuple

from llmpool.chat import sizes
from llmpool.chat.journey import Notice
from llmpool.core.chat import ChatRequest
from llmpool.core.deployment import ObservedModel
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import Provider
from llmpool.discovery.load import Ears, Loaded, load
from llmpool.discovery.place import Place, declared_window, observed, server_of
from llmpool.formats.loading import Wish
from llmpool.formats.loading_windows import (
    DEFAULT_WINDOW,
    GROWING,
    can_expand,
    counted,
    first_target,
    next_target,
)
from llmpool.net.client import Client
from llmpool.pool import Pool

MOST_LOADS = 2  # for one request, after a server has found its window too small
_ASIDE = ("connect", "auth", "cancelled")  # failures that say nothing about loading


class Needs(NamedTuple):
    """What a request takes of a window: tokens of its prompt, and of the answer it leaves room for."""

    prompt: int
    answer: int

    @property
    def whole(self) -> int:
        """Both of them."""
        return self.prompt + self.answer


def needs_of(request: ChatRequest, stated: int) -> Needs:
    """Estimate what *request* takes; a size that was *stated* for it counts where it is more."""
    return Needs(max(sizes.needed(request), stated), request.max_tokens or sizes.ROOM)


def prepared(pool: Pool, provider: Provider, model: str, needs: Needs) -> Generator[Notice, None, str]:
    """Load the model with more, if it must be and can be; return what to call it by, or nothing.

    Raises UpstreamError where the prompt is too long for it, as it is or for good, before anything is sent.
    """
    ref, server = f"{provider.id}/{model}", server_of(pool, provider)
    seen = observed(pool, provider.id, model) if server in GROWING else None
    if seen is None or seen.remote:
        return ""
    plan = _Plan(ref, server, needs, declared_window(pool, ref))
    plan.check(seen)
    target = plan.target(seen)
    if not target:
        return ""
    has = f", it has {seen.loaded_context:,}" if seen.loaded_context else ""
    yield Notice(f"{ref} is being loaded with a window of {target:,} tokens{has}")
    told: list[str] = []
    try:
        done = load(pool, provider, model, plan.wished, Ears(told.append))
    except UpstreamError as error:
        yield from map(Notice, told)
        failure = _not_loaded(error.failure, target)
        unknown = not seen.loaded_context and failure.code == "no_loading"
        if seen.loaded_context < needs.prompt and not unknown:
            raise UpstreamError(failure) from None
        yield Notice(f"{ref}: {failure.message}; it is asked as it is")
        return ""
    except (KeyboardInterrupt, SystemExit):
        pool.warnings += told  # nobody hears a notice any more
        raise
    yield from map(Notice, told)
    if 0 < done.context < needs.prompt:
        raise _too_long(needs.prompt, f"than the {done.context:,} it was loaded with")
    yield from _said(done)
    return done.instance


def grown(
    pool: Pool, provider: Provider, model: str, needs: Needs, failure: Failure, *, loads: int
) -> Generator[Notice, None, str | None]:
    """Load the model with more after a server found its window too small; None where that is no help.

    The second of two loads takes the largest window there is. What is asked for is never lessened: a request
    without its tools would be another one (DESIGN ruling 3).
    """
    ref, server = f"{provider.id}/{model}", server_of(pool, provider)
    if server not in GROWING or loads >= MOST_LOADS:
        return None
    with Client(offline=pool.offline) as client:
        Place(pool, provider, client).take_up()
    seen = observed(pool, provider.id, model)
    if seen is None or seen.remote:
        return None
    prompt = max(needs.prompt, counted(failure.message))
    window = next_target(prompt, seen.loaded_context, seen.max_context) if not loads else seen.max_context
    declared = declared_window(pool, ref)
    window = min(window, declared) if declared else window
    if not can_expand(server, seen.loaded_context, seen.max_context, window):
        return None
    yield Notice(f"{ref}: its window was too small; it is being loaded with {window:,} tokens")
    told: list[str] = []

    def wished(now: ObservedModel) -> Wish | None:
        return (
            Wish(model, window) if can_expand(server, now.loaded_context, now.max_context, window) else None
        )

    try:
        done = load(pool, provider, model, wished, Ears(told.append))
    except UpstreamError as error:
        yield from map(Notice, (*told, f"{ref}: {_not_loaded(error.failure, window).message}"))
        return None
    yield from map(Notice, told)
    yield from _said(done)
    return done.instance or model


class _Plan(NamedTuple):
    """What is to be done about a window, whatever a model has when it is looked at."""

    ref: str
    server: str
    needs: Needs
    declared: int

    def check(self, seen: ObservedModel) -> None:
        """Raise for a prompt that no window this model may have would take."""
        prompt = self.needs.prompt
        if 0 < self.declared < prompt:
            raise _too_long(prompt, f"than the {self.declared:,} its owner allows (context_window)")
        if 0 < seen.max_context < prompt:
            raise _too_long(prompt, f"than its largest window, {seen.max_context:,}")

    def target(self, seen: ObservedModel) -> int:
        """Return the window to load it with; 0 where it will do as it is, or cannot have more."""
        has = seen.loaded_context
        if not has and (self.server != "lmstudio" or self.needs.whole <= DEFAULT_WINDOW):
            return 0
        if has >= self.needs.whole:
            return 0
        size = first_target(self.needs.prompt, self.needs.answer, seen.max_context, self.declared)
        return size if can_expand(self.server, has, seen.max_context, size) else 0

    def wished(self, seen: ObservedModel) -> Wish | None:
        """Say how to load it, None where another has done so meanwhile."""
        target = self.target(seen)
        return Wish(self.ref.partition("/")[2], target) if target else None


def _too_long(prompt: int, than: str) -> UpstreamError:
    return UpstreamError(
        Failure(kind="context_length", message=f"the prompt has about {prompt:,} tokens, more {than}")
    )


def _not_loaded(failure: Failure, window: int) -> Failure:
    """Say that a load failed: no fault of the provider's, and nothing that the same again would mend."""
    if failure.kind in _ASIDE:
        return failure
    message = f"it could not be loaded with {window:,} tokens: {failure.told}"
    return failure.replace(kind="unusable", message=message, status=0, should_retry=False)


def _said(done: Loaded) -> Generator[Notice, None, None]:
    """Say how a load ended, where it took long enough to wonder."""
    if not done.changed:
        yield Notice(f"{done.ref} has been loaded with {done.context:,} tokens meanwhile")
    elif done.seconds >= 1:
        yield Notice(f"{done.ref} is loaded, {done.context:,} tokens, after {done.seconds:.0f} s")
