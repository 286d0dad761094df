"""Where a model is loaded: the provider it is at, its server's way to load, and the calls that go there."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import NamedTuple, TypeVar

from llmpool import credentials, ways
from llmpool.core.deployment import ObservedModel
from llmpool.core.ids import split_ref
from llmpool.core.names import spellings
from llmpool.core.outcome import Failure, UpstreamError, kind_of
from llmpool.core.provider import Provider
from llmpool.core.routing import LOCAL
from llmpool.core.wire import Answer, Call, Target, Timeouts
from llmpool.credentials import Credential
from llmpool.discovery.observe import BAD_KEY, NO_KEY, observe
from llmpool.errors import LlmpoolError, Misuse, NoCredential, UpstreamFailed
from llmpool.formats.loading import UNDER_WAY, InMemory, Loading, Wish, loading
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.router.failure import way_out
from llmpool.state import inventory

T = TypeVar("T")
LOOK_EVERY = 0.2  # seconds between two looks at a load that goes on by itself
OBSERVE_SECONDS = 15.0


class Meant(NamedTuple):
    """A deployment on a machine of one's own: its id, its provider and the name of its model."""

    ref: str
    provider: Provider
    model: str


class Place:
    """A provider's server, as far as loading goes."""

    def __init__(self, pool: Pool, provider: Provider, client: Client) -> None:
        self.pool = pool
        self.provider = provider
        self.client = client

    @property
    def way(self) -> Loading:
        """How this server loads models; raises Misuse where it does not."""
        return way_of(self.pool, self.provider)

    def with_client(self, client: Client) -> Place:
        """Return the same place, reached by another client."""
        return Place(self.pool, self.provider, client)

    def load(self, wish: Wish, seconds: float) -> InMemory:
        """Load as wished and return when the model is there, or raise UpstreamError."""
        end = time.monotonic() + seconds
        found = self.run(lambda target: self.way.load(target, wish), seconds)
        while found.state in UNDER_WAY:
            left = end - time.monotonic()
            if left <= 0:
                message = f"it is not there after {seconds:g} s; the server goes on loading it"
                raise UpstreamError(Failure(kind="timeout", message=message))
            time.sleep(min(LOOK_EVERY, left))
            found = self.run(lambda target: self.way.look(target, wish.model), max(1.0, left))
        return found

    def unload(self, model: str, instance: str, seconds: float) -> None:
        """Unload a model, or one instance of it; raise UpstreamError."""
        self.run(lambda target: self.way.unload(target, model, instance), seconds)

    def in_memory(self, seconds: float) -> tuple[InMemory, ...]:
        """List what is in memory; raise UpstreamError."""
        return self.run(self.way.in_memory, seconds)

    def run(self, flow: Callable[[Target], Generator[Call, Answer, T]], seconds: float) -> T:
        """Play a flow at the first address and with the first key that are taken; raise UpstreamError."""
        limits = _patient(credentials.timeouts_of(self.provider, self.pool.table), seconds)

        def play(credential: Credential, url: str) -> T:
            target = ways.target(self.pool, self.provider, credential, url, limits)
            return self.client.run(flow(target), within=seconds)

        return ways.first_taken(self.pool, self.provider, play)

    def take_up(self) -> Failure | None:
        """Ask the provider what it has now and keep that; a failure is returned, and changes nothing."""
        entry = observe(self.pool, self.provider, self.client, OBSERVE_SECONDS)
        if entry.error:
            keyless = entry.error_kind in (NO_KEY, BAD_KEY)
            return Failure(kind="auth" if keyless else kind_of(entry.error_kind), message=entry.error)
        inventory.update(self.pool.paths.state, [entry], clock=self.pool.clock)
        self.pool.keep_lessons()
        self.pool.forget()
        return None


def server_of(pool: Pool, provider: Provider) -> str:
    """Name the format that a provider's server speaks by itself."""
    return (
        provider.preset
        if provider.preset == "embedded"
        else ways.plan(pool, provider, "", provider.url).native
    )


def way_of(pool: Pool, provider: Provider) -> Loading:
    """Return how a provider's server loads models; raises Misuse where it does not."""
    server = server_of(pool, provider)
    found = loading(server)
    if found is None:
        raise Misuse(
            f"{provider.id}: servers that speak {server} are not told what to load",
            hint="LM Studio, Ollama, llama.cpp as a router and the embedded provider are",
        )
    return found


def observed(pool: Pool, provider: str, model: str) -> ObservedModel | None:
    """Return what was last seen of a model, None where it was never listed."""
    return inventory.read(pool.paths.state).observed(provider, model)


def declared_window(pool: Pool, ref: str) -> int:
    """Return the window that a deployment's owner declared, 0 for none."""
    names = spellings(ref)
    return next((m.context_window or 0 for m in pool.catalog.models if m.id in names), 0)


def meant(pool: Pool, ref: str) -> Meant:
    """Find the one deployment that *ref* means; raises UnknownName, AmbiguousName, Misuse for the cloud's.

    A `provider/model` is taken as it stands where no healthy listing can contradict it (DESIGN ruling 1), and
    so is what may be on this machine's disk.
    """
    provider, model = split_ref(ref)
    entry = next((entry for entry in pool.table.providers if entry["id"] == provider), None)
    if entry is not None and entry["location"] != "local":
        raise not_here(ref)
    found = resolve.find(ref, pool.table)
    listed = entry is None or (entry.get("fetched_at") and not entry.get("stale_since"))
    if entry is not None and model and not found and (not listed or entry["preset"] == "embedded"):
        return Meant(ref, pool.provider(provider), model)
    row = resolve.one(ref, pool.table)
    if not row.flags & LOCAL:
        raise not_here(row.id)
    provider, model = split_ref(row.id)
    return Meant(row.id, pool.provider(provider), model)


def not_here(name: str) -> Misuse:
    """Make the error for what runs elsewhere."""
    return Misuse(
        f"{name} runs in the cloud: nothing is loaded there",
        hint="what is on your own machines: llmpool models ps",
    )


def raised(ref: str, failure: Failure, *, longer: str = "") -> LlmpoolError:
    """Make the error that a command ends with when a server would not do what it was told.

    *longer* is the command that gives it more time, where there is one.
    """
    if failure.code == "no_loading":
        return Misuse(f"{ref}: {failure.message}", hint="what is in memory: llmpool models ps")
    kind = NoCredential if failure.kind == "auth" else UpstreamFailed
    return kind(f"{ref}: {failure.told}", hint=_way_out(ref, failure, longer))


def _way_out(ref: str, failure: Failure, longer: str) -> str:
    """Name what helps where nobody else can be asked, as a chat could."""
    certificate = "certificate" in failure.message
    if certificate or failure.code == "redirect" or failure.kind in ("auth", "connect", "model_not_found"):
        return way_out(failure)
    if failure.kind == "timeout" and longer:
        return f"give it longer: {longer}"
    return f"why is in that server's log; what fills its memory: llmpool models ps {split_ref(ref)[0]}"


def _patient(limits: Timeouts, seconds: float) -> Timeouts:
    """Wait for an answer as long as a load may take; connecting takes no longer than ever."""
    return limits._replace(first_token=seconds, read=seconds, total=seconds)
