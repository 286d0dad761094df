"""One request at the fake server and the ways to answer it, down to how the connection ends."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, NamedTuple

from tests.fakes.answers import Reply, document, events, sse

if TYPE_CHECKING:
    from tests.fakes.server import FakeServer

TICK = 0.02  # how often a sleeping answer looks whether anyone still waits for it


class Request(NamedTuple):
    """A request as it arrived: header names in lower case, *at* in seconds since the epoch."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class ClientLeft(Exception):
    """The client closed the connection before its answer was complete, or the server is closing."""


class Exchange(BaseHTTPRequestHandler):
    """The handler of a connection; a behaviour gets it and answers the request at hand."""

    protocol_version = "HTTP/1.1"
    server_version = "fake"
    sys_version = ""
    disable_nagle_algorithm = True
    request: socket.socket
    fake: FakeServer  # set by the server, on a class of its own
    record: Request

    def handle_one_request(self) -> None:
        """Read, keep and answer one request; a connection that breaks is nobody's error here."""
        try:
            super().handle_one_request()
        except ClientLeft:
            self.close_connection = True
            self.fake.abandoned.append(self.record)
        except (OSError, ValueError):
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer any method: the server decides by path."""
        arrived = {name.lower(): value for name, value in self.headers.items()}
        self.record = Request(self.command, self.path, arrived, self._body(), time.time())
        self.fake.play(self)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - names are http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""

    @property
    def streaming(self) -> bool:
        """Whether the request asks for a stream."""
        return bool(self._asked.get("stream"))

    @property
    def model(self) -> str:
        """The model the request asks for."""
        return str(self._asked.get("model", ""))

    def answer(self, reply: Reply, *, first: float = 0, between: float = 0) -> None:
        """Give *reply* as the request wants it; a late first token is a late body where nothing streams."""
        if not self.streaming:
            self.sleep(first + between)
            self.send(200, document(reply, self.model))
            return
        wants_usage = bool((self._asked.get("stream_options") or {}).get("include_usage"))
        self.begin_stream()
        for number, event in enumerate(events(reply, self.model, with_usage=wants_usage)):
            self.sleep(between if number else first)
            self.chunk(sse(event))
        if reply.done:
            self.chunk(sse("[DONE]"))
        self.end_stream()

    def send(
        self,
        code: int,
        body: bytes | str | Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        kind: str = "application/json",
    ) -> None:
        """Send a whole answer."""
        raw = json.dumps(body).encode() if isinstance(body, Mapping) else body
        raw = raw.encode() if isinstance(raw, str) else raw
        self.head(code, {"Content-Type": kind, "Content-Length": str(len(raw)), **(headers or {})})
        if self.command != "HEAD":
            self.write(raw)

    def head(self, code: int, headers: Mapping[str, str]) -> None:
        """Send a status line and headers."""
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        with _leaving():
            self.end_headers()

    def begin_stream(self, kind: str = "text/event-stream") -> None:
        """Start a chunked answer."""
        self.head(200, {"Content-Type": kind, "Cache-Control": "no-cache", "Transfer-Encoding": "chunked"})

    def chunk(self, data: bytes) -> None:
        """Send a piece of a chunked answer."""
        self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end_stream(self) -> None:
        """End a chunked answer; one with a length just ends short."""
        if self.streaming:
            self.write(b"0\r\n\r\n")
        else:
            self.hang_up()

    def write(self, data: bytes) -> None:
        """Send bytes as they are."""
        with _leaving():
            self.wfile.write(data)

    def sleep(self, seconds: float) -> None:
        """Wait, but not for a client that has left, nor beyond the server's own end."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.fake.closing.wait(min(left, TICK)) or self._gone():
                raise ClientLeft

    def hang_up(self) -> None:
        """Close the connection after what was sent."""
        self.close_connection = True

    def reset(self) -> None:
        """Break the connection: unsent bytes are dropped and the peer gets a TCP reset."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())

    @property
    def _asked(self) -> dict[str, Any]:
        try:
            asked = self.record.json
        except ValueError:
            return {}
        return asked if isinstance(asked, dict) else {}

    def _gone(self) -> bool:
        readable, _, _ = select.select([self.connection], [], [], 0)
        with _leaving():
            return bool(readable) and self.connection.recv(1, socket.MSG_PEEK) == b""

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)


class _leaving:  # noqa: N801 - reads as a word in a with statement
    """Turn the errors of a broken connection into `ClientLeft`."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (OSError, ValueError)):
            raise ClientLeft from error
