"""One attempt at a deployment: the question in whatever way its provider takes it (DESIGN rulings 11, 14).

An address, a format and the parameters a server refused are tried anew only on the answers that ask for it,
before anything of an answer was shown, and what worked is remembered for later runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from llmpool import ways
from llmpool.chat import sizes
from llmpool.chat.journey import Event, Journey, Notice
from llmpool.core.chat import ChatRequest, Delta
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

if TYPE_CHECKING:
    from llmpool.chat.gate import Gate
    from llmpool.formats.written_calls import Watch

MAX_REFUSALS = 4  # so many parameters are left out of one question before its refusal counts
QUIETLY = ("stream_options", "cache")  # nobody asked for these by name
LIMIT = "max_tokens"
NEEDED = "a budget or --max-cost cannot be kept without that limit; another model may take it"


class Speaker:
    """Puts one question to one model with one key; *begun* says that something of an answer has come.

    *instance* is what the model is called where it was loaded, if that is not its name; each call passes the
    *gate*; *meanwhile* is called when one has left. Where it is *limited*, none leaves without the limit of
    its answer.
    """

    def __init__(self, pool: Pool, client: Client, journey: Journey, gate: Gate | None = None) -> None:
        self.pool = pool
        self.client = client
        self.journey = journey
        self.gate = gate
        self.begun = False
        self.nearby = self.limited = False
        self.instance = ""
        self.meanwhile: Callable[[], object] | None = None

    def ask(
        self, provider: Provider, model: str, credential: Credential, request: ChatRequest
    ) -> Iterator[Event]:
        """Yield the answer's deltas, and a notice where something had to be left out; raise UpstreamError.

        Where a key is refused, the provider's other addresses are asked: vendors sell the same models under
        several, and a key of one is not valid at the next (pool-routing-formats 9.1).
        """
        self.begun, first, self.nearby = False, None, provider.location == "local"
        for place, url in enumerate(ways.addresses(self.pool, provider)):
            try:
                yield from self._at(url, provider, model, credential, request)
            except UpstreamError as error:
                if self.begun or not ways.elsewhere_may_help(provider, url, place, error.failure):
                    raise
                first = first or error
            else:
                ways.learn_address(self.pool, provider, url)
                return
        if first is not None:
            raise first

    def _at(
        self, url: str, provider: Provider, model: str, credential: Credential, request: ChatRequest
    ) -> Iterator[Event]:
        """Ask at one address, in one format after the other for as long as a server knows nothing of it."""
        usual, first = ways.target(self.pool, provider, credential, url), None
        for name, target in self._ways_at(url, provider, model, usual):
            try:
                yield from self._in_format(wire_format(name), target, provider, model, request)
            except UpstreamError as error:
                if self.begun or not rules.another_format_may_help(error.failure):
                    raise
                first = first or error
            else:
                ways.learn_format(self.pool, provider, url, model, name, self.journey.served_model)
                if target.exact and not usual.exact:
                    ways.learn_base(self.pool, provider, target.url, name)
                return
        if first is not None:
            raise first

    def _ways_at(
        self, url: str, provider: Provider, model: str, usual: Target
    ) -> Iterator[tuple[str, Target]]:
        """Yield format and target in the order to try: where each format usually is, then without `/v1`."""
        names = plans.order(ways.plan(self.pool, provider, model, url))
        yield from ((name, usual) for name in names)
        for name in names:
            bare = ways.bare(provider, usual, name)
            if bare is not None:
                yield name, bare

    def _in_format(
        self, wire: WireFormat, target: Target, provider: Provider, model: str, request: ChatRequest
    ) -> Iterator[Event]:
        """Ask in one format; a parameter the server names as refused is left out of the next call."""
        ref = f"{provider.id}/{model}"
        kept = LIMIT if self.limited and not _renames(wire, LIMIT) else ""
        without = tuple(name for name in ways.refused(self.pool, ref, request.thinking) if name != kept)
        yield from _told(ref, [name for name in without if name in wire.droppable], request, wire)
        sent = request
        target = sizes.fitted(self.pool, target, wire.name, ref, request)
        for left in reversed(range(MAX_REFUSALS + 1)):
            try:
                yield from self._once(wire, target.replace(without=without), model, sent)
            except UpstreamError as error:
                from llmpool.chat import overflow
                from llmpool.formats.refused import CARRY, lasts, refused

                if error.failure.kind == "context_length":
                    overflow.learn(self.pool, provider, model, error.failure)
                name = refused(error.failure, wire.droppable, without)
                if self.begun or not name or not left:
                    raise
                learnt = name != CARRY and lasts(error.failure)
                if learnt and name == kept:
                    raise UpstreamError(error.failure.replace(hint=NEEDED)) from None
            else:
                return
            without = (*without, name)
            if name == CARRY:
                sent = without_carry(sent)
                continue
            if learnt:
                ways.learn_refusal(self.pool, ref, name, request.thinking)
            yield from _told(ref, [name], request, wire, "" if learnt else "this ")

    def _if_cut(self, target: Target, ref: str, counted: int, request: ChatRequest) -> Iterator[Notice]:
        """Warn when a server of one's own seems to have cut the prompt before the model saw it."""
        sent = sizes.prompt_tokens(request)
        if sent <= counted:
            return
        from llmpool.chat import guard
        from llmpool.formats.loading_windows import GROWING

        window = target.context_window or sizes.loaded_window(self.pool, ref)
        server = ways.plan(self.pool, self.pool.provider(target.provider), "", target.url).native
        several, grows = len(request.messages) > 2, server in GROWING
        if text := guard.warning(ref, sent, counted, window, several=several, grows=grows):
            self.journey.warnings.append(text)
            yield Notice(text, warning=True)

    def _hear(self, provider: str, headers: dict[str, str]) -> None:
        """Note what the headers say of rate limits, where they say anything."""
        if any("ratelimit" in name for name in headers):
            from llmpool.formats.headroom import read_headroom

            self.journey.heard(provider, read_headroom(headers, self.pool.clock()))

    def _hear_body(self, provider: str, body: bytes) -> None:
        """Note what the body of an error says of rate limits: OpenRouter quotes the headers there."""
        if b"ratelimit" in body.lower():
            from llmpool.formats.base import parse_json
            from llmpool.formats.headroom import headroom_in

            with suppress(UpstreamError):  # what is no JSON says nothing of them
                said = parse_json(body.decode("utf-8", "replace"))
                self.journey.heard(provider, headroom_in(said, self.pool.clock()))

    def _once(self, wire: WireFormat, target: Target, model: str, request: ChatRequest) -> Iterator[Event]:
        """Send one call and read its answer, streamed or not: one path for both."""
        call = wire.chat_call(target, self.instance or model, request)
        gate = self.gate
        if gate is not None:
            yield from gate.enter()
        with self.client.open_stream(call, self._sent if gate or self.meanwhile else None) as reply:
            self._hear(target.provider, reply.headers)
            if not 200 <= reply.status < 300:
                answer = reply.read()
                self._hear_body(target.provider, answer.body)
                raise UpstreamError(_with_figures(wire.read_error(answer), answer.body))
            whole = call.framing == "json"
            deltas = wire.read_reply(reply.read()) if whole else wire.read_stream(reply.frames())
            watch = _watch(wire, model, request) if request.tools else None
            try:
                for delta in deltas:
                    if not self.begun:
                        self.begun = bool(delta.text or delta.thinking or delta.tools)
                    yield delta if watch is None else watch.piece(delta)
                    if self.nearby and delta.usage is not None and delta.usage.input:
                        ref = f"{target.provider}/{model}"
                        yield from self._if_cut(target, ref, delta.usage.input, request)
            finally:
                if watch is not None and (held := watch.give_up()):  # it broke off, and was paid for
                    self.journey.take(Delta(held))
                self.journey.redact(Blot(call.headers).text)

    def _sent(self) -> None:
        """Use the time in which nothing comes."""
        if self.gate is not None:
            self.gate.sent()
        if self.meanwhile is not None:
            self.meanwhile()


def without_carry(request: ChatRequest, unless_by: str = "") -> ChatRequest:
    """Return *request* without what its turns carry, but for what the deployment *unless_by* made itself."""
    if not any(message.carry for message in request.messages):
        return request
    kept = (
        message.replace(carry=tuple(c for c in message.carry if unless_by and c.get("by") == unless_by))
        for message in request.messages
    )
    return request.replace(messages=tuple(kept))


def _watch(wire: WireFormat, model: str, request: ChatRequest) -> Watch | None:
    """Return what finds the calls of tools that a model writes as text, where it may have to."""
    from llmpool.formats import written_calls

    return written_calls.watch(wire.name, model, request)


def _with_figures(failure: Failure, body: bytes) -> Failure:
    if failure.kind != "context_length":
        return failure
    from llmpool.formats import windows_told

    return windows_told.with_figures(failure, body)


def _told(
    ref: str, names: list[str], request: ChatRequest, wire: WireFormat, this: str = ""
) -> Iterator[Notice]:
    """Say what was asked for and is left out, because the server takes none of it."""
    for name in names:
        if name not in QUIETLY and not _renames(wire, name) and _wants(request, name):
            yield Notice(f"{ref} does not take {this}{name.replace('_', ' ')}; asked without it")


def _renames(wire: WireFormat, name: str) -> bool:
    """Say whether what is refused is sent under its other name instead."""
    return name == LIMIT and wire.name != "responses"


def _wants(request: ChatRequest, name: str) -> bool:
    value = getattr(request, name, None)
    return value not in (None, (), "", "off")


def with_defaults(request: ChatRequest, provider: Provider) -> ChatRequest:
    """Fill what the caller left open with the provider's `params`."""
    set_ = provider.params.as_dict().items()
    return request.replace(**{name: each for name, each in set_ if getattr(request, name) is None})
