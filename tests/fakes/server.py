"""A real HTTP server on loopback that speaks one wire format or several, and misbehaves on cue.

    with FakeServer(["small", {"id": "big", "context_length": 8192}], behave=[faults.status(503)]) as server:
        ...  # the first chat fails, later ones are answered; server.chats has them all

    with FakeServer(["small"], speaks=("anthropic", "google")) as server:
        ...  # server.root is its address without a path; what it does not speak is a 404

By hand: `python -m tests.fakes.server --models small,big --port 8123 --speaks openai,ollama`.
"""

from __future__ import annotations

import argparse
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import ThreadingHTTPServer
from typing import Any, Self

from tests.fakes import faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.speak import Speaker, name_of, path_of
from tests.fakes.speak_anthropic import Anthropic
from tests.fakes.speak_google import CloudCode, Google
from tests.fakes.speak_lmstudio import LMStudio
from tests.fakes.speak_ollama import Ollama
from tests.fakes.speak_openai import Copilot, OpenAI
from tests.fakes.speak_responses import Responses

KINDS = (OpenAI, Responses, Anthropic, Google, Ollama, LMStudio, CloudCode, Copilot)
SPEAKERS: dict[str, Speaker] = {kind.name: kind() for kind in KINDS}
Behave = Callable[[int, Request], Behaviour | None] | Iterable[Behaviour]


class FakeServer:
    """Models, scripted behaviours and every request that came.

    *behave* scripts chats and *behave_listing* listings: behaviours used up in order, or a function of the
    request's number (from 1) and the request; once used up, or given None, the server behaves. *routes* maps
    further paths to a JSON body or a behaviour. *strict* refuses models that are not listed. All but the
    scripts may be changed while it runs.

    *speaks* names its formats; where two share a path the first answers, unless the headers tell. Every
    answer has *text*, after *thinking* if that is given; *tool_call* (`name` and `arguments`) takes the place
    of both when the request has tools. *page* is the most models a page of the listing has, *headers* go out
    with every answer. *html_404* answers unknown paths with a page; without *lmstudio_v1* LM Studio is older
    than 0.4.
    """

    def __init__(
        self,
        models: Iterable[Any] = ("m",),
        *,
        speaks: Iterable[str] = ("openai",),
        behave: Behave = (),
        behave_listing: Behave = (),
        text: str = "hello there",
        key: str | None = None,
        delay: float = 0,
        routes: Mapping[str, Mapping[str, Any] | Behaviour] | None = None,
        strict: bool = False,
        thinking: str = "",
        tool_call: Mapping[str, Any] | None = None,
        page: int = 0,
        headers: Mapping[str, str] | None = None,
        html_404: bool = False,
        lmstudio_v1: bool = True,
        port: int = 0,
    ) -> None:
        self.models, self.text, self.key, self.delay, self.strict = list(models), text, key, delay, strict
        self.thinking, self.tool_call, self.page = thinking, tool_call, page
        self.html_404, self.lmstudio_v1 = html_404, lmstudio_v1
        self.speakers = [SPEAKERS[name] for name in speaks]
        self.routes, self.headers = dict(routes or {}), dict(headers or {})
        self.requests: list[Request] = []
        self.chats: list[Request] = []
        self.listings: list[Request] = []
        self.abandoned: list[Request] = []  # those whose client left before the answer was complete
        self.peak = 0  # most requests answered at the same time
        self.closing = threading.Event()
        self._answering = 0
        self._lock = threading.Lock()
        self._chat_script, self._listing_script = _script(behave), _script(behave_listing)
        self._http = _Listener(("127.0.0.1", port), type("Exchange", (Exchange,), {"fake": self}))
        self.port = int(self._http.server_address[1])
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.root}/v1"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def connections(self) -> int:
        """How many connections were ever accepted."""
        return self._http.accepted

    def behave(self, script: Behave) -> None:
        """Replace the script of chats; the next chat is number 1 again."""
        self._chat_script = _script(script)

    def behave_listing(self, script: Behave) -> None:
        """Replace the script of listings; the next listing is number 1 again."""
        self._listing_script = _script(script)

    def hear(self, request: Request) -> tuple[Speaker, str]:
        """Say whose path a request came to and what it is for; nobody's is answered by the first."""
        path = path_of(request)
        roles = [(speaker, speaker.role(path, self)) for speaker in self.speakers]
        meant = [found for found in roles if found[1]]
        told = [found for found in meant if found[0].addressed(request.headers)]
        return next(iter(told or meant), (self.speakers[0], ""))

    def listing(self, exchange: Exchange, models: list[Any] | None = None) -> dict[str, Any]:
        """Return the listing that *exchange* asks for, of *models* where they are given."""
        shown = self.models if models is None else models
        return exchange.speaker.listing(shown, exchange.record, self.page)

    def play(self, exchange: Exchange) -> None:
        """Keep the request of *exchange* and answer it."""
        with self._lock:
            behaviour = self._choose(exchange)
            self._answering += 1
            self.peak = max(self.peak, self._answering)
        try:
            exchange.sleep(self.delay)
            behaviour(exchange)
        finally:
            with self._lock:
                self._answering -= 1

    def close(self) -> None:
        """Stop listening, end every answer under way and close every connection."""
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()
        self._http.drop_all()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _choose(self, exchange: Exchange) -> Behaviour:
        """Pick the behaviour for a request; its number is its place in the order of arrival."""
        request = exchange.record
        self.requests.append(request)
        if path_of(request) in self.routes:
            given = self.routes[path_of(request)]
            return given if callable(given) else faults.status(200, body=dict(given))
        ordinary = self._ordinary(exchange)
        scripts = {
            "listing": (self.listings, self._listing_script),
            "chat": (self.chats, self._chat_script),
        }
        kept, script = scripts.get(exchange.role, (None, None))
        if kept is None or script is None:
            return ordinary
        kept.append(request)
        return script(request) or ordinary

    def _ordinary(self, exchange: Exchange) -> Behaviour:
        request, speaker, role = exchange.record, exchange.speaker, exchange.role
        if self.key is not None and not speaker.admits(request, self.key):
            return faults.said(*speaker.refusal(request))
        if role and (missing := speaker.missing(request)):
            return faults.said(400, speaker.error(missing, 400))
        if role == "more":
            return faults.said(*speaker.more(self, request))
        if (role, request.method) == ("listing", speaker.listing_method):
            return faults.said(200, self.listing(exchange))
        if (role, request.method) == ("chat", "POST"):
            return self._chat(exchange)
        return faults.html(404) if self.html_404 else faults.said(*speaker.nowhere(request))

    def _chat(self, exchange: Exchange) -> Behaviour:
        request, speaker, asked = exchange.record, exchange.speaker, exchange.asked
        try:
            complaint = speaker.complaint(asked) if isinstance(request.json, dict) else "not a JSON object"
        except ValueError:
            complaint = "the body is not JSON"
        if complaint:
            return faults.said(400, speaker.error(complaint, 400))
        if self.strict and asked.model not in {name_of(model) for model in self.models}:
            return faults.said(*speaker.unknown_model(asked.model))
        if self.tool_call is not None and asked.tools:
            return faults.tool_call(self.tool_call["name"], json.dumps(self.tool_call["arguments"]))
        return faults.ok(self.text, thinking=self.thinking)


class _Listener(ThreadingHTTPServer):
    """A quiet listener that knows its open connections."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type[Exchange]) -> None:
        self.accepted = 0
        self._open: set[socket.socket] = set()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        """Bind without looking up the host's name, which http.server does and which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count the connection and keep it until it is closed."""
        self.accepted += 1
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: what breaks a connection here was scripted, or is the client's doing."""

    def drop_all(self) -> None:
        """Shut every open connection down, so that no thread goes on reading."""
        for connection in tuple(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed in the meantime


def _script(behave: Behave) -> Callable[[Request], Behaviour | None]:
    """Turn a script into a function of the next request; called under the server's lock."""
    if callable(behave):
        numbers: Iterator[int] = iter(range(1, 1 << 62))
        return lambda request: behave(next(numbers), request)
    rest = iter(tuple(behave))
    return lambda request: next(rest, None)


def main() -> None:
    """Serve until interrupted."""
    options = argparse.ArgumentParser(prog="python -m tests.fakes.server", description=main.__doc__)
    options.add_argument("--models", default="m", help="comma-separated model ids")
    options.add_argument("--port", type=int, default=0, help="0 picks a free one")
    options.add_argument("--text", default="hello there", help="what every chat is answered with")
    options.add_argument("--speaks", default="openai", help="comma-separated formats")
    options.add_argument("--delay", type=float, default=0, help="seconds before each answer")
    given = options.parse_args()
    with FakeServer(
        given.models.split(","),
        speaks=given.speaks.split(","),
        text=given.text,
        delay=given.delay,
        port=given.port,
    ) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
