"""A real HTTP server on loopback that speaks the openai format and misbehaves on cue.

    with FakeServer(["small", {"id": "big", "context_length": 8192}], behave=[faults.status(503)]) as server:
        ...  # the first chat fails, later ones are answered; server.chats has them all

By hand: `python -m tests.fakes.server --models small,big --port 8123`.
"""

from __future__ import annotations

import argparse
import socket
import socketserver
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from http.server import ThreadingHTTPServer
from typing import Any, Self

from tests.fakes import faults
from tests.fakes.answers import error, listing
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour

Behave = Callable[[int, Request], Behaviour | None] | Iterable[Behaviour]


class FakeServer:
    """Models, scripted behaviours and every request that came.

    *behave* scripts chats and *behave_listing* listings: behaviours used up in order, or a function of the
    request's number (from 1) and the request; once used up, or given None, the server behaves. *routes* maps
    further paths to a JSON body or a behaviour. *strict* refuses models that are not listed. All but the
    scripts may be changed while it runs.
    """

    def __init__(
        self,
        models: Iterable[str | Mapping[str, Any]] = ("m",),
        *,
        behave: Behave = (),
        behave_listing: Behave = (),
        text: str = "hello there",
        key: str | None = None,
        delay: float = 0,
        routes: Mapping[str, Mapping[str, Any] | Behaviour] | None = None,
        strict: bool = False,
        port: int = 0,
    ) -> None:
        self.models, self.text, self.key, self.delay, self.strict = list(models), text, key, delay, strict
        self.routes = dict(routes or {})
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
        self.url = f"http://127.0.0.1:{self.port}/v1"
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

    def play(self, exchange: Exchange) -> None:
        """Keep the request of *exchange* and answer it."""
        with self._lock:
            behaviour = self._choose(exchange.record)
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

    def _choose(self, request: Request) -> Behaviour:
        """Pick the behaviour for *request*; its number is its place in the order of arrival."""
        self.requests.append(request)
        path = request.path.partition("?")[0].rstrip("/")
        if path in self.routes:
            given = self.routes[path]
            return given if callable(given) else faults.status(200, body=dict(given))
        ordinary = self._ordinary(request, path)
        scripts = {
            "/models": (self.listings, self._listing_script),
            "/chat/completions": (self.chats, self._chat_script),
        }
        kept, script = scripts.get(path.removeprefix("/v1"), (None, None))
        if kept is None or script is None:
            return ordinary
        kept.append(request)
        return script(request) or ordinary

    def _ordinary(self, request: Request, path: str) -> Behaviour:
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            refusal = error(
                "Incorrect API key provided.", kind="invalid_request_error", code="invalid_api_key"
            )
            return faults.status(401, body=refusal)
        where = (request.method, path.removeprefix("/v1"))
        if where == ("GET", "/models"):
            return faults.status(200, body=listing(self.models))
        if where == ("POST", "/chat/completions"):
            return self._chat(request)
        return faults.status(404, body=error(f"no {request.method} here", kind="invalid_request_error"))

    def _chat(self, request: Request) -> Behaviour:
        try:
            asked = request.json
        except ValueError:
            return faults.status(400, body=error("the body is not JSON", kind="invalid_request_error"))
        known = {row if isinstance(row, str) else row["id"] for row in self.models}
        if self.strict and asked.get("model") not in known:
            refusal = error("The model does not exist.", kind="invalid_request_error", code="model_not_found")
            return faults.status(404, body=refusal)
        return faults.ok(self.text)


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
    options.add_argument("--delay", type=float, default=0, help="seconds before each answer")
    given = options.parse_args()
    with FakeServer(given.models.split(","), text=given.text, delay=given.delay, port=given.port) as server:
        print(server.url, flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return


if __name__ == "__main__":
    main()
