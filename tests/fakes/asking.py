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


class Spoken(NamedTuple):
    """How a format is spoken: where it lists and chats, and what it asks to hear "hi" answered."""

    listing: str
    chat: str
    asked: dict[str, Any]
    stream: str = ""  # the path of a stream, where it is another
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


_TURNS = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}
_GOOGLE = "/v1beta/models/m:{}enerateContent"
SPOKEN = {
    "openai": Spoken("/v1/models", CHAT, ASKED),
    "responses": Spoken("/v1/models", "/v1/responses", {"model": "m", "input": "hi"}),
    "anthropic": Spoken(
        "/v1/models", "/v1/messages", ASKED | {"max_tokens": 9}, headers={"anthropic-version": "2023-06-01"}
    ),
    "google": Spoken("/v1beta/models", _GOOGLE.format("g"), _TURNS, _GOOGLE.format("streamG") + "?alt=sse"),
    "ollama": Spoken("/api/tags", "/api/chat", ASKED),
    "lmstudio": Spoken("/api/v1/models", CHAT, ASKED),
    "cloudcode": Spoken(
        "/v1internal:fetchAvailableModels",
        "/v1internal:generateContent",
        {"model": "m", "project": "p", "request": _TURNS},
        "/v1internal:streamGenerateContent?alt=sse",
    ),
    "copilot": Spoken("/models", "/chat/completions", ASKED),
}


class Got(NamedTuple):
    """An answer as http.client read it."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

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


def speak(
    server: FakeServer, name: str, *, stream: bool = False, key: Mapping[str, str] | None = None
) -> Got:
    """Say "hi" to *server* in the format *name*; *key* are the headers that carry one."""
    spoken = SPOKEN[name]
    path = spoken.stream if stream and spoken.stream else spoken.chat
    body = spoken.asked if spoken.stream else spoken.asked | {"stream": stream}
    return ask(server, body, path, {**spoken.headers, **(key or {})})


def lists(server: FakeServer, name: str, query: str = "", key: Mapping[str, str] | None = None) -> Got:
    """Ask *server* for its models in the format *name*."""
    spoken = SPOKEN[name]
    body = {} if name == "cloudcode" else None
    return ask(server, body, spoken.listing + query, {**spoken.headers, **(key or {})})
