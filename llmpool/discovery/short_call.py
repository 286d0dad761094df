"""One small question to one model, whose answer is read whole: what probes are made of."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from typing import NamedTuple

from llmpool import credentials, ways
from llmpool.core.chat import ChatRequest, Delta
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.wire import Call, Target
from llmpool.credentials import Credential
from llmpool.discovery.spent import Spent
from llmpool.formats import plan as plans
from llmpool.formats import wire_format
from llmpool.formats.base import WireFormat
from llmpool.formats.refused import CARRY, lasts, refused
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.router import failure as rules

MAX_BYTES = 1024 * 1024
MAX_BODY = 4096  # characters of an error's body that are looked at
ROOM = 16  # tokens to answer with, where a server finds one too few
MAX_REFUSALS = 4  # parameters left out of one question, as many as in chat
ORDERS = ("tool_choice", "schema")  # what a request can order of its answer
_TOO_FEW = re.compile(
    r"minimum|at least|greater than|too (small|low)|>=|higher max_|output limit", re.IGNORECASE
)


class Said(NamedTuple):
    """What came of a question: an answer, or why there is none. *status* is 0 when nothing was heard.

    *body* is the beginning of an error's body, *headers* are the answer's. *format* is the one it was asked
    in, and *carried* names the ORDERS that the call really gave: some formats have no word for one, and a
    server may have refused it. *usage* is the server's count, None where it gave none.
    """

    text: str = ""
    thinking: str = ""
    tools: tuple[tuple[str, str], ...] = ()
    finish: str = ""
    failure: Failure | None = None
    status: int = 0
    body: str = ""
    headers: dict[str, str] | None = None
    latency_ms: int = 0
    format: str = ""
    carried: tuple[str, ...] = ()
    usage: TokenUsage | None = None


class Asker(NamedTuple):
    """Everything a question needs beside the model and the key; *seconds* is for each call.

    What questions cost is noted in *spent*.
    """

    pool: Pool
    client: Client
    provider: Provider
    seconds: float
    spent: Spent

    def ask(self, model: str, credential: Credential, request: ChatRequest) -> Said:
        """Ask, and note what it cost."""
        said = self._anywhere(model, credential, request)
        if said.failure is not None:
            said = said._replace(failure=ways.of_whom(self.pool, self.provider, model, said.failure))
        self.spent.note(self.provider.id, model, credential.label, request, said)
        return said

    def _anywhere(self, model: str, credential: Credential, request: ChatRequest) -> Said:
        """Ask at the address in use; at the others where the key is refused there, as chat does."""
        first = None
        for place, url in enumerate(ways.addresses(self.pool, self.provider)):
            said = self._at(url, model, credential, request)
            if said.failure is None:
                ways.learn_address(self.pool, self.provider, url)
                return said
            first = first or said
            if not ways.elsewhere_may_help(self.provider, url, place, said.failure):
                return said
        return first or Said()

    def _at(self, url: str, model: str, credential: Credential, request: ChatRequest) -> Said:
        """Ask in the format of the provider, or the next where nobody there knows it (ruling 11)."""
        first = None
        for name in plans.order(ways.plan(self.pool, self.provider, model, url)):
            said = self._in_format(wire_format(name), url, model, credential, request)
            if said.failure is None:
                ways.learn_format(self.pool, self.provider, url, model, name)
            if said.failure is None or not rules.another_format_may_help(said.failure):
                return said
            first = first or said
        return first or Said()

    def _in_format(
        self, wire: WireFormat, url: str, model: str, credential: Credential, request: ChatRequest
    ) -> Said:
        """Ask; a parameter the server names as refused is left out of the next call, as chat does it."""
        ref, said = f"{self.provider.id}/{model}", Said()
        without = ways.refused(self.pool, ref, request.thinking)
        target = self._target(url, credential).replace(without=without)
        for left in reversed(range(MAX_REFUSALS + 1)):
            said = self._once(wire, target, model, request)
            if _needs_room(said, request):
                request = request.replace(max_tokens=ROOM)
                said = self._once(wire, target, model, request)
            name = refused(said.failure, wire.droppable, target.without) if said.failure else ""
            if not left or said.failure is None or name in ("", CARRY):
                break
            # the choice of a tool depends on the choice, so it tells nothing about the next
            if name != "tool_choice" and lasts(said.failure):
                ways.learn_refusal(self.pool, ref, name, request.thinking)
            target = target.replace(without=(*target.without, name))
        return said

    def _target(self, url: str, credential: Credential) -> Target:
        limits = credentials.short_timeouts(self.provider, self.pool.table, self.seconds)
        return ways.target(self.pool, self.provider, credential, url, limits)

    def _once(self, wire: WireFormat, target: Target, model: str, request: ChatRequest) -> Said:
        """Send one call and read its answer whole; a failure is part of what was said."""
        began, heard = time.monotonic(), Said()
        carried: tuple[str, ...] = ()
        try:
            call = wire.chat_call(target, model, request).replace(max_bytes=MAX_BYTES)
            carried = _carried(wire, target, model, request, call)
            heard = self._sent(wire, call)
        except UpstreamError as error:
            heard = heard._replace(failure=error.failure, status=error.failure.status)
        took = round((time.monotonic() - began) * 1000)
        return heard._replace(latency_ms=took, format=wire.name, carried=carried)

    def _sent(self, wire: WireFormat, call: Call) -> Said:
        with self.client.open_stream(call) as reply:
            heard = Said(status=reply.status, headers=reply.headers)
            if not 200 <= reply.status < 300:
                answer = reply.read()
                body = answer.body[: MAX_BODY * 4].decode("utf-8", "replace")[:MAX_BODY]
                return heard._replace(failure=wire.read_error(answer), body=body)
            try:
                whole = call.framing == "json"
                deltas = wire.read_reply(reply.read()) if whole else wire.read_stream(reply.frames())
                return _collected(heard, deltas)
            except UpstreamError as error:
                return heard._replace(failure=error.failure)


def _needs_room(said: Said, request: ChatRequest) -> bool:
    """Say whether the server found too few the tokens it was allowed."""
    if said.status != 400 or said.failure is None or (request.max_tokens or ROOM) >= ROOM:
        return False
    return _TOO_FEW.search(said.failure.message) is not None


def _carried(
    wire: WireFormat, target: Target, model: str, request: ChatRequest, call: Call
) -> tuple[str, ...]:
    """Name the orders that *call* says: without them it would be another."""
    plain = {name: getattr(ChatRequest(messages=()), name) for name in ORDERS}
    given = [name for name in ORDERS if getattr(request, name) != plain[name]]
    without = {n: wire.chat_call(target, model, request.replace(**{n: plain[n]})).body for n in given}
    return tuple(name for name in given if without[name] != call.body)


def _collected(heard: Said, deltas: Iterable[Delta]) -> Said:
    """Put an answer together; of one that goes wrong what came before, for it was paid for."""
    tools: dict[int, tuple[str, str]] = {}
    try:
        for delta in deltas:
            heard = heard._replace(
                text=heard.text + delta.text,
                thinking=heard.thinking + delta.thinking,
                finish=delta.finish or heard.finish,
                usage=delta.usage or heard.usage,
            )
            for piece in delta.tools:
                name, arguments = tools.get(piece.position, ("", ""))
                tools[piece.position] = (name + piece.name, arguments + piece.arguments)
    except UpstreamError as error:
        heard = heard._replace(failure=error.failure)
    return heard._replace(tools=tuple(tools.values()))
