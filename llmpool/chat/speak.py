"""One attempt at a deployment: the question in whatever way its provider takes it (DESIGN rulings 11, 14).

An address, a format and the parameters a server refused are tried anew only on the answers that ask for it,
before anything of an answer was shown, and what worked is remembered for later runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmpool import ways
from llmpool.chat.journey import Event, Journey, Notice
from llmpool.core.chat import ChatRequest
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.wire import Target
from llmpool.credentials import Credential
from llmpool.formats import plan as plans
from llmpool.formats import wire_format
from llmpool.formats.base import WireFormat
from llmpool.net.blot import Blot
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.router import failure as rules

MAX_REFUSALS = 4  # so many parameters are left out of one question before its refusal counts
QUIETLY = ("stream_options", "max_tokens", "cache")  # nobody asked for these by name


class Speaker:
    """Puts one question to one model with one key; *begun* says that something of an answer has come."""

    def __init__(self, pool: Pool, client: Client, journey: Journey) -> None:
        self.pool = pool
        self.client = client
        self.journey = journey
        self.begun = False

    def ask(
        self, provider: Provider, model: str, credential: Credential, request: ChatRequest
    ) -> Iterator[Event]:
        """Yield the answer's deltas, and a notice where something had to be left out; raise UpstreamError.

        Where a key is refused, the provider's other addresses are asked: vendors sell the same models under
        several, and a key of one is not valid at the next (pool-routing-formats 9.1).
        """
        self.begun, first = False, None
        for url in ways.addresses(self.pool, provider):
            try:
                yield from self._at(url, provider, model, credential, request)
            except UpstreamError as error:
                if not self._elsewhere_may_help(error.failure):
                    raise
                first = first or error
            else:
                ways.learn_address(self.pool, provider, url)
                return
        if first is not None:
            raise first

    def _elsewhere_may_help(self, failure: Failure) -> bool:
        return not self.begun and failure.kind == "auth" and failure.status in (401, 403)

    def _at(
        self, url: str, provider: Provider, model: str, credential: Credential, request: ChatRequest
    ) -> Iterator[Event]:
        """Ask at one address, in one format after the other for as long as a server knows nothing of it."""
        target, first = ways.target(self.pool, provider, credential, url), None
        for name in plans.order(ways.plan(self.pool, provider, model, url)):
            try:
                yield from self._in_format(wire_format(name), target, provider, model, request)
            except UpstreamError as error:
                if self.begun or not rules.another_format_may_help(error.failure):
                    raise
                first = first or error
            else:
                ways.learn_format(self.pool, provider, url, model, name)
                return
        if first is not None:
            raise first

    def _in_format(
        self, wire: WireFormat, target: Target, provider: Provider, model: str, request: ChatRequest
    ) -> Iterator[Event]:
        """Ask in one format; a parameter the server names as refused is left out of the next call."""
        ref = f"{provider.id}/{model}"
        without = ways.refused(self.pool, ref)
        yield from _told(ref, [name for name in without if name in wire.droppable], request)
        sent = self._with_pictures(request, wire, provider)
        for left in reversed(range(MAX_REFUSALS + 1)):
            try:
                yield from self._once(wire, target.replace(without=without), model, sent)
            except UpstreamError as error:
                from llmpool.formats.refused import CARRY, refused

                name = refused(error.failure, wire.droppable, without)
                if self.begun or not name or not left:
                    raise
            else:
                return
            without = (*without, name)
            if name == CARRY:
                sent = without_carry(sent)
                continue
            ways.learn_refusal(self.pool, ref, name)
            yield from _told(ref, [name], request)

    def _with_pictures(self, request: ChatRequest, wire: WireFormat, provider: Provider) -> ChatRequest:
        """Return *request* with its pictures as this server takes them."""
        if not any(message.images for message in request.messages):
            return request
        from llmpool.chat import images

        return images.inlined(request, wire, provider, self.client)

    def _hear(self, provider: str, headers: dict[str, str]) -> None:
        """Note what the headers say of rate limits, where they say anything."""
        if any("ratelimit" in name for name in headers):
            from llmpool.formats.headroom import read_headroom

            self.journey.heard(provider, read_headroom(headers, self.pool.clock()))

    def _once(self, wire: WireFormat, target: Target, model: str, request: ChatRequest) -> Iterator[Event]:
        """Send one call and read its answer, streamed or not: one path for both."""
        call = wire.chat_call(target, model, request)
        with self.client.open_stream(call) as reply:
            self._hear(target.provider, reply.headers)
            if not 200 <= reply.status < 300:
                raise UpstreamError(wire.read_error(reply.read()))
            deltas = wire.read_stream(reply.frames()) if request.stream else wire.read_reply(reply.read())
            try:
                for delta in deltas:
                    self.begun = self.begun or bool(delta.text or delta.thinking or delta.tools)
                    yield delta
            finally:
                self.journey.redact(Blot(call.headers).text)


def without_carry(request: ChatRequest, unless_by: str = "") -> ChatRequest:
    """Return *request* without what its turns carry, but for what the deployment *unless_by* made itself."""
    if not any(message.carry for message in request.messages):
        return request
    kept = (
        message.replace(carry=tuple(c for c in message.carry if unless_by and c.get("by") == unless_by))
        for message in request.messages
    )
    return request.replace(messages=tuple(kept))


def _told(ref: str, names: list[str], request: ChatRequest) -> Iterator[Notice]:
    """Say what was asked for and is left out, because the server takes none of it."""
    for name in names:
        if name not in QUIETLY and _wants(request, name):
            yield Notice(f"{ref} does not take {name.replace('_', ' ')}; asked without it")


def _wants(request: ChatRequest, name: str) -> bool:
    value = getattr(request, name, None)
    return value not in (None, (), "", "off")
