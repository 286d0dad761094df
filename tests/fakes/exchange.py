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

from tests.fakes.answers import Reply
from tests.fakes.speak import Asked, Speaker

if TYPE_CHECKING:
    from tests.fakes.server import FakeServer

TICK = 0.02  # how often a sleeping answer looks whether anyone still waits for it


class Request(NamedTuple):
    """A request as it arrived: header names in lower case, *at* in seconds since the epoch.

    *format* is the one whose path it came to, empty for a path that is nobody's.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float
    format: str = ""

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
    speaker: Speaker  # of the format that the request's path belongs to, else the server's first
    role: str  # what the path is for: `chat`, `listing`, `more`, or nothing
    extra: Mapping[str, str]  # headers of this one answer, besides the server's

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
        record = Request(self.command, self.path, arrived, self._body(), time.time())
        self.speaker, self.role = self.fake.hear(record)
        self.extra = {}
        self.record = record._replace(format=self.speaker.name if self.role else "")
        self.fake.play(self)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_GET  # noqa: N815 - names are http.server's

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is http.server's
        """Say nothing."""

    @property
    def asked(self) -> Asked:
        """What the request asks for, as its format reads it."""
        return self.speaker.asked(self.record)

    @property
    def streaming(self) -> bool:
        """Whether the request asks for a stream."""
        return self.asked.stream

    def answer(self, reply: Reply, *, first: float = 0, between: float = 0) -> None:
        """Give *reply* as the request wants it; a late first token is a late body where nothing streams."""
        asked = self.asked
        if not asked.stream:
            self.sleep(first + between)
            self.send(200, self.speaker.document(reply, asked))
            return
        self.begin_stream()
        for number, event in enumerate(self.speaker.events(reply, asked)):
            self.sleep(between if number else first)
            self.chunk(event)
        if reply.done:
            self.chunk(self.speaker.end(reply, asked))
        self.end_stream()

    def document(self, reply: Reply) -> bytes:
        """Return the body of the whole answer that would be right here: *reply*, or the listing."""
        listed = self.role == "listing"
        said = self.fake.listing(self) if listed else self.speaker.document(reply, self.asked)
        return json.dumps(said, ensure_ascii=False).encode()

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
        for name, value in {**self.fake.headers, **self.extra, **headers}.items():
            self.send_header(name, value)
        with _leaving():
            self.end_headers()

    def begin_stream(self, kind: str = "") -> None:
        """Start a chunked answer, called what this format calls its streams unless told otherwise."""
        kind = kind or self.speaker.stream_kind
        self.head(200, {"Content-Type": kind, "Cache-Control": "no-cache", "Transfer-Encoding": "chunked"})

    def chunk(self, data: bytes) -> None:
        """Send a piece of a chunked answer; an empty one would end it."""
        if data:
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
