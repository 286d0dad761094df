"""Ask the fake server with the standard library alone, to see what really comes over the wire."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.fakes.server import FakeServer

CHAT = "/v1/chat/completions"
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
STREAMED = ASKED | {"stream": True, "stream_options": {"include_usage": True}}


class Got(NamedTuple):
    """An answer as http.client read it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def events(self) -> list[Any]:
        """The events of a stream, the end mark as text."""
        found = [line[6:] for line in self.body.decode().split("\n\n") if line.startswith("data: ")]
        return [each if each == "[DONE]" else json.loads(each) for each in found]

    @property
    def text(self) -> str:
        """The text of a stream put together."""
        return "".join(c["delta"].get("content") or "" for e in self.chunks for c in e["choices"])

    @property
    def chunks(self) -> list[Any]:
        """The events without the end mark."""
        return [event for event in self.events if event != "[DONE]"]


def ask(
    server: FakeServer,
    body: Mapping[str, Any] | None = STREAMED,
    path: str = CHAT,
    headers: Mapping[str, str] | None = None,
) -> Got:
    """Send one request on a connection of its own: a POST of *body*, or a GET without one."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        method, data = ("GET", None) if body is None else ("POST", json.dumps(body))
        connection.request(method, path, data, dict(headers or {}))
        answer = connection.getresponse()
        return Got(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()


def connect(server: FakeServer, timeout: float = 5) -> socket.socket:
    """Open a bare connection to *server*."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=timeout)
