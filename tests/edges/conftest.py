"""A raw server and a client, for the tests of the wire, and a small model file."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from llmpool.data import prices
from llmpool.net.client import Client
from tests.edges.raw_server import Play, RawServer, Serve
from tests.tools.make_tiny_gguf import write_tiny_gguf


@pytest.fixture
def old_book(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the price book that ships be older than every download of a test."""
    shipped = prices.document() | {"date": "2026-01-01"}
    monkeypatch.setattr(prices, "document", lambda: shipped)


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Give a function that starts servers, closed at the end."""
    servers: list[RawServer] = []

    def start(what: bytes | Play, tls: ssl.SSLContext | None = None) -> RawServer:
        server = RawServer((lambda c: c.sendall(what)) if isinstance(what, bytes) else what, tls)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def client() -> Iterator[Client]:
    """Give a client, closed at the end."""
    with Client() as made:
        yield made


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a model file."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.gguf"
    write_tiny_gguf(path)
    return path
