"""Load a model with the window it is wanted with, and put back what was there when that fails (5.3)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import NamedTuple

from llmpool.core.deployment import ObservedModel
from llmpool.core.names import latest
from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.word import word
from llmpool.discovery.barred import refuse_barred
from llmpool.discovery.place import Meant, Place, declared_window, meant, not_here, observed, raised, way_of
from llmpool.discovery.watched import undisturbed, watched
from llmpool.errors import Busy, Misuse, offline_forbids
from llmpool.formats.loading import IN_MEMORY, InMemory, Loading, Wish
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.state.lock import locked

LOAD_SECONDS = 300.0  # what a load may take where nobody says
RESTORE_SECONDS = 300.0
UNLOAD_SECONDS = 60.0
LOOK_SECONDS = 15.0
WAIT_SECONDS = 600.0  # for another process that loads at the same server

UNSEEN = ObservedModel(name="")
Wished = Callable[[ObservedModel], Wish | None]


class Loaded(NamedTuple):
    """A model as it is in memory now; *context* and *before* are tokens, 0 where that is not known.

    *changed* is False where it was as wanted already. *instance* is what to call it by, where that is not its
    own name. *memory* is what its server says of it, where that was asked. *kept* is how many seconds it
    stays after its last use, negative for ever, None where its server decides; *declared* is the window that
    its owner declared, 0 for none.
    """

    ref: str
    changed: bool
    context: int
    before: int = 0
    instance: str = ""
    seconds: float = 0.0
    memory: InMemory | None = None
    kept: float | None = None
    declared: int = 0


class Ears(NamedTuple):
    """Who hears how it goes: *tell* what happens, *tick* how many seconds it has taken."""

    tell: Callable[[str], None] = lambda _text: None
    tick: Callable[[float], None] = lambda _seconds: None


def load(
    pool: Pool, provider: Provider, model: str, wished: Wished, ears: Ears, *, seconds: float = LOAD_SECONDS
) -> Loaded:
    """Load *model* as *wished* says of what it is like now (None: as it is); raises UpstreamError.

    One at a time at a provider, and each looks first: the second to want the same finds it loaded. When a
    load fails or is interrupted and something was unloaded for it, that is loaded again first.
    """
    with Client(offline=pool.offline) as client, _alone(pool, provider, ears):
        place = Place(pool, provider, client)
        unheard = place.take_up()
        seen = observed(pool, provider.id, model) or UNSEEN
        wish, ref = wished(seen), f"{provider.id}/{model}"
        if wish is None and unheard is not None:
            raise UpstreamError(unheard)  # it was so once; who is not there has nothing loaded
        if wish is None:
            return Loaded(ref, changed=False, context=seen.loaded_context, instance=seen.loaded_instance)
        began = time.monotonic()
        found = _Loading(place, seen, ears).to(wish, seconds)
        spent = time.monotonic() - began
        place.take_up()
        now = observed(pool, provider.id, model) or UNSEEN
        context = now.loaded_context or found.context
        return Loaded(ref, True, context, seen.loaded_context, found.instance, spent)


@contextmanager
def _alone(pool: Pool, provider: Provider, ears: Ears) -> Iterator[None]:
    """Let one process at a time load at a provider; the next one says that it waits."""
    path = pool.paths.state / f"load-{provider.id}"
    with ExitStack() as stack:
        try:
            stack.enter_context(locked(path, wait=0))
        except Busy:
            ears.tell(f"another llmpool is loading at {provider.id}; waiting for it")
            stack.enter_context(_next(pool, provider))
        yield


@contextmanager
def _next(pool: Pool, provider: Provider) -> Iterator[None]:
    try:
        with locked(pool.paths.state / f"load-{provider.id}", wait=WAIT_SECONDS):
            yield
    except Busy as error:
        fact = f"another llmpool has been loading at {provider.id} for {WAIT_SECONDS / 60:.0f} minutes"
        raise Busy(fact, hint="try again when it is done: llmpool models ps") from error


class _Loading:
    """One load at a place, of a model last *seen* like this."""

    def __init__(self, place: Place, seen: ObservedModel, ears: Ears) -> None:
        self.place = place
        self.seen = seen
        self.ears = ears

    def to(self, wish: Wish, seconds: float) -> InMemory:
        """Unload what is there where a second instance would be added to it, then load."""
        unloaded = self.place.way.unloads_first and self._unload(wish.model)
        try:
            return watched(lambda: self.place.load(wish, seconds), self.ears.tick, self.place.client.close)
        except BaseException as error:
            if unloaded and self.seen.loaded_context > 0:
                self._restore(wish.model, error)
            raise

    def _unload(self, model: str) -> bool:
        """Unload the instance that is known, if one is; that it failed is only said."""
        if not self.seen.loaded_instance:
            return False
        try:
            self.place.unload(model, self.seen.loaded_instance, UNLOAD_SECONDS)
        except UpstreamError as error:
            self.ears.tell(f"{self.seen.loaded_instance} could not be unloaded: {error.failure.told}")
            return False
        return True

    def _restore(self, model: str, error: BaseException) -> None:
        """Load the previous window again, whoever interrupts; a second failure is told beside the first."""
        window, ref = self.seen.loaded_context, f"{self.place.provider.id}/{model}"
        self.ears.tell(f"{ref} is being loaded again with the {window:,} tokens it had")
        try:
            undisturbed(lambda: self._put_back(Wish(model, window)))
        except UpstreamError as second:
            told = f"and its {window:,} tokens could not be loaded again: {second.failure.told}"
            if isinstance(error, UpstreamError):
                raise UpstreamError(
                    error.failure.replace(message=f"{error.failure.told}; {told}", status=0)
                ) from second
            self.ears.tell(f"{ref}: {told.removeprefix('and ')}")

    def _put_back(self, wish: Wish) -> None:
        with Client(offline=self.place.pool.offline) as client:  # the other one may have been closed
            place = self.place.with_client(client)
            place.load(wish, RESTORE_SECONDS)
            place.take_up()


def load_ref(
    pool: Pool,
    ref: str,
    *,
    context: int = 0,
    keep_alive: float | None = None,
    seconds: float = LOAD_SECONDS,
    ears: Ears = Ears(),  # noqa: B008 - it is immutable
) -> Loaded:
    """Load the one deployment that *ref* means, as an owner orders it.

    *context* 0 is the declared window, else the server's own. Raises Misuse where the server takes no such
    order, UpstreamFailed where it could not be carried out, and what `refuse_barred` does.
    """
    asked = meant(pool, ref)
    refuse_barred(pool, asked.provider.id, asked.ref)
    if keep_alive == 0:
        fact = f"{asked.ref}: kept for no time at all, it would be gone as soon as it is loaded"
        raise Misuse(fact, hint=f"to take it out of memory: llmpool models unload {word(asked.ref)}")
    if asked.provider.preset == "embedded":
        from llmpool.discovery import load_embedded

        return load_embedded.load(pool, asked, context, keep_alive, ears, seconds)
    if pool.offline:
        raise offline_forbids("asking providers")
    way = _checked(pool, asked, keep_alive)
    window = context or (declared_window(pool, asked.ref) if way.takes_context else 0)
    order = _Order(asked.ref, asked.model, window, keep_alive, way.takes_context)
    try:
        done = load(pool, asked.provider, asked.model, order.wished, ears, seconds=seconds)
    except UpstreamError as error:
        longer = f"llmpool models load {word(asked.ref)} --timeout {2 * seconds:.0f}s"
        raise raised(asked.ref, error.failure, longer=longer) from None
    memory, declared = _memory(pool, asked, done), declared_window(pool, asked.ref)
    kept = keep_alive
    if kept is None and not (memory and memory.until):
        kept = asked.provider.idle_ttl or None  # each chat says so there
    return done._replace(memory=memory, kept=kept, declared=declared)


def _memory(pool: Pool, asked: Meant, done: Loaded) -> InMemory | None:
    """Return what the server says of a model that it has loaded, None when it does not."""
    with suppress(UpstreamError), Client(offline=pool.offline) as client:
        there = Place(pool, asked.provider, client).in_memory(LOOK_SECONDS)
        same = [memory for memory in there if latest(memory.name) == latest(asked.model)]
        return next((m for m in same if m.instance == done.instance), same[0] if same else None)
    return None


def _checked(pool: Pool, asked: Meant, keep_alive: float | None) -> Loading:
    """Return how the server at hand loads; raises Misuse for what it cannot be told."""
    way = way_of(pool, asked.provider)
    if keep_alive is not None and not way.takes_keep_alive:
        hint = f"after each chat: llmpool config set providers.{asked.provider.id}.idle_ttl 10m"
        raise Misuse(f"{asked.provider.id} is not told how long to keep a model when it loads one", hint=hint)
    seen = observed(pool, asked.provider.id, asked.model)
    if seen is not None and seen.remote:
        raise not_here(asked.ref)
    return way


class _Order(NamedTuple):
    """What an owner ordered, to be held against what there is."""

    ref: str
    model: str
    window: int
    keep_alive: float | None
    takes_context: bool

    def wished(self, seen: ObservedModel) -> Wish | None:
        """Say how to load, None where it is as ordered; raises Misuse for a window it cannot have."""
        if self.window > seen.max_context > 0:
            raise too_large(self.ref, seen.max_context, self.window)
        warm = seen.state in IN_MEMORY or seen.loaded_context > 0
        if warm and self._fits(seen) and self.keep_alive is None:
            return None
        return Wish(self.model, self.window or seen.loaded_context, self.keep_alive)

    def _fits(self, seen: ObservedModel) -> bool:
        """Say whether the present window is the one ordered; raises Misuse where the server decides."""
        if not self.window or self.takes_context:
            return self.window in (0, seen.loaded_context)
        own = seen.loaded_context or seen.context_window
        if own >= self.window:
            return True
        has = f"it has {own:,} tokens there" if own else "the server's settings say how much"
        raise Misuse(
            f"{self.ref}: no window is taken from an order to load; {has}",
            hint=f"start that server with a larger one: --ctx-size {self.window}",
        )


def too_large(ref: str, most: int, wanted: int) -> Misuse:
    """Make the error for a window that a model was not made for."""
    fact = f"{ref} has {most:,} tokens at most, not {wanted:,}"
    return Misuse(fact, hint=f"llmpool models load {word(ref)} --context {most}")
