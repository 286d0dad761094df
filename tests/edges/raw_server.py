"""A server that does whatever a server can do wrong, and the calls to ask it with."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from llmpool.core.wire import Call, Timeouts

SECRET = "sk-planted-0123456789abcdef"
AUTH = (("authorization", f"Bearer {SECRET}"),)
OK = b"HTTP/1.1 200 OK\r\n"
SSE = OK + b"Content-Type: text/event-stream\r\nConnection: close\r\n\r\n"
QUICK = Timeouts(connect=2, first_token=5, read=5)

Play = Callable[[socket.socket], None]


class RawServer:
    """Reads a request per connection, remembers it, and lets *play* do what it likes with the socket."""

    def __init__(self, play: Play, tls: ssl.SSLContext | None = None) -> None:
        self._play = play
        self._tls = tls
        self.requests: list[bytes] = []
        self.gone = threading.Event()  # a client has left in the middle
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.host = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.url = f"http://{self.host}/v1/x"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                if self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                self.requests.append(_request(connection))
                self._play(connection)
            except OSError:
                self.gone.set()

    def close(self) -> None:
        """Accept no more."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data and not data.startswith(b"\x16"):  # a greeting of TLS has no end mark
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
    )
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


class Serve(Protocol):
    """Starts a server that sends these bytes, or does this."""

    def __call__(self, what: bytes | Play, tls: ssl.SSLContext | None = None) -> RawServer: ...


def get(url: str, *, timeouts: Timeouts = QUICK, framing: str = "json", max_bytes: int = 1 << 26) -> Call:
    """Make a call that carries a key."""
    return Call(method="GET", url=url, headers=AUTH, timeouts=timeouts, framing=framing, max_bytes=max_bytes)


def body(payload: bytes, kind: bytes = b"application/json") -> bytes:
    """Make a whole answer."""
    return OK + b"Content-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(payload)) + payload


def wait(seconds: float) -> Play:
    """Say nothing for a while."""
    return lambda connection: time.sleep(seconds)


def slowly(head: bytes, piece: bytes) -> Play:
    """Send *piece* every 50 ms until the client has had enough."""

    def play(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(2000):
            time.sleep(0.05)
            connection.sendall(piece)

    return play


def reset_after(data: bytes) -> Play:
    """Send *data* and slam the door."""

    def play(connection: socket.socket) -> None:
        connection.sendall(data)
        time.sleep(0.1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return play


def own_certificate(directory: Path) -> ssl.SSLContext:
    """Make a server's TLS with a certificate that nobody vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    draft = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    draft = draft.serial_number(7).not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    path = directory / "own.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(draft.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM) + private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
