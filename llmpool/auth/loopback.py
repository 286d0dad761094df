"""The little server on 127.0.0.1 that a browser comes back to at the end of a login (spec 5.2).

The first request to its path decides, and there is only one: what comes later is told that it is late. A
request may take ten seconds; whatever a page shows of it is escaped. Nothing of a request is logged.
"""

from __future__ import annotations

import queue
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from llmpool.errors import Misuse

HOST = "127.0.0.1"
REQUEST_SECONDS = 10.0
CLOSE_SECONDS = 2.0
_FIELDS = 100  # of a request; an authorize server sends four
MOST_AT_ONCE = 8  # requests; a browser has two or three, and nobody else is awaited
_TICK = 0.05  # seconds between two looks at whether to close
_PAGE = (
    "<!doctype html><html><head><meta charset=utf-8><title>llmpool</title></head>"
    "<body><h1>{title}</h1><p>{text}</p></body></html>"
)

Judge = Callable[[Mapping[str, str]], str]


class Listener:
    """Listens until it is closed; *judge* says what is wrong with the parameters, if anything is."""

    def __init__(self, port: int, path: str, judge: Judge, *, seconds: float = REQUEST_SECONDS) -> None:
        self.path = path
        self._judge = judge
        self._came: queue.Queue[dict[str, str]] = queue.Queue()
        self._once = threading.Lock()
        visit = type("_Visit", (_Visit,), {"listener": self, "timeout": seconds})
        try:
            self._server = _Server((HOST, port), visit, seconds)
        except OSError as error:
            raise Misuse(
                f"port {port}, where the browser comes back to, is not free here: {error.strerror}",
                hint="end what uses it, or name another: llmpool config set oauth.TYPE.redirect_port PORT",
            ) from None
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_TICK,), daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self.close()

    def wait(self, seconds: float) -> dict[str, str] | None:
        """Return the parameters that the browser came back with, None when it does not within *seconds*."""
        try:
            return self._came.get(timeout=max(0.0, seconds))
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop listening; a page under way has two seconds to be sent."""
        self._server.shutdown()
        self._server.drain(CLOSE_SECONDS)
        self._server.server_close()
        self._thread.join(CLOSE_SECONDS)

    def answer(self, target: str) -> tuple[int, str]:
        """Return the status and the page for a request; the first one to the path is the one that counts."""
        params = self._params(target)
        if params is None:
            return 404, _page("Not here", "This address is only for the end of a login.")
        if not self._once.acquire(blocking=False):
            return 410, _page("Too late", "This login is over already. You may close this page.")
        wrong = self._judge(params)
        self._came.put(params)
        if wrong:
            return 400, _page("The login failed", wrong)
        return 200, _page("Almost done", "The rest happens in the terminal. You may close this page.")

    def _params(self, target: str) -> dict[str, str] | None:
        """Return the parameters of a request to the path; None for another, and for one that is none."""
        try:
            parts = urlsplit(target)
            return (
                dict(parse_qsl(parts.query, True, max_num_fields=_FIELDS))
                if parts.path == self.path
                else None
            )
        except ValueError:
            return None


class _Server(ThreadingHTTPServer):
    """A quiet server whose threads end with the program."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = sys.platform != "win32"  # there it would share the port with anybody

    def __init__(self, address: tuple[str, int], visit: type[BaseHTTPRequestHandler], seconds: float) -> None:
        self._under_way: list[threading.Thread] = []
        self._seconds = seconds
        super().__init__(address, visit)

    def server_bind(self) -> None:
        """Bind without looking up the name of the host, which may take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own; where too many are under way already, close at once."""
        self._under_way = [thread for thread in self._under_way if thread.is_alive()]
        if len(self._under_way) >= MOST_AT_ONCE:
            self.shutdown_request(request)
            return
        thread = threading.Thread(target=self._answered, args=(request, client_address), daemon=True)
        self._under_way.append(thread)
        thread.start()

    def _answered(self, request: Any, client_address: Any) -> None:
        """Answer within the time that all of a request has, however slowly its pieces come."""
        watch = threading.Timer(self._seconds, _shut, (request,))
        watch.daemon = True
        watch.start()
        try:
            self.process_request_thread(request, client_address)
        finally:
            watch.cancel()

    def drain(self, seconds: float) -> None:
        """Wait for the pages under way, *seconds* for all of them."""
        end = time.monotonic() + seconds
        for thread in self._under_way:
            thread.join(max(0.0, end - time.monotonic()))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that goes away is nobody's error, and a request may hold a code."""


class _Visit(BaseHTTPRequestHandler):
    """Reads one request of a connection and answers it."""

    server_version = "llmpool"
    sys_version = ""
    listener: Listener

    def do_GET(self) -> None:
        """Answer with a page."""
        status, page = self.listener.answer(self.path)
        body = page.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Security-Policy", "default-src 'none'")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Log nothing."""


def _shut(request: socket.socket) -> None:
    with suppress(OSError):  # closed in the meantime
        request.shutdown(socket.SHUT_RDWR)


def _page(title: str, text: str) -> str:
    return _PAGE.format(title=escape(title), text=escape(text))
