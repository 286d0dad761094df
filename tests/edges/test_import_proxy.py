"""setup.import_proxy: the proxy that a tool runs on this machine, found and asked in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import LlmpoolError, Misuse, Refused, UpstreamFailed
from llmpool.importers.found import Found, Tool, Wanted
from llmpool.importers.home import Places
from llmpool.pool import open_pool
from llmpool.setup import import_proxy
from llmpool.setup.import_proxy import Proxy
from tests.edges.importing import Place
from tests.edges.raw_server import RawServer
from tests.support import closed_port

KEY = "sk-planted-0123456789"
MODELS = json.dumps({"data": [{"id": "a"}, {"id": "b"}, {"id": 3}, "x"]}).encode()


class Server:
    """Gives one status after the other, the last one for ever, and remembers what it was asked."""

    def __init__(self, *statuses: int, body: bytes = MODELS) -> None:
        self._left = list(statuses)
        self._body = body
        self.raw = RawServer(self._play)
        self.url = self.raw.url.removesuffix("/x")

    def _play(self, connection: Any) -> None:
        status = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(self._body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + self._body)

    @property
    def asked(self) -> list[str]:
        """The requests, each as its path and the header that carried the key."""
        return [_told(request.decode().lower()) for request in self.raw.requests]


def _told(request: str) -> str:
    path = request.split(" ")[1]
    how = [name for name in ("authorization: bearer", "x-api-key") if f"\r\n{name}" in request]
    return f"{path} {' '.join(how)}".strip()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a home without anything in it."""
    return Place(tmp_path)


@pytest.fixture
def servers() -> Iterator[list[Server]]:
    """Give a list whose servers are closed at the end."""
    made: list[Server] = []
    yield made
    for server in made:
        server.raw.close()


def tool(*ports: int) -> Tool:
    """Make a tool with these ports."""
    return Tool("cursor", "Cursor", "openai", "openai", Places((), (), ()), ports=ports)


def found(**fields: Any) -> Found:
    """Make what that tool's settings say."""
    return Found(tool="cursor", name="Cursor", source="config", **fields)


def ordered(place: Place, *ports: int, **fields: Any) -> tuple[Wanted, Proxy]:
    """Find the proxy."""
    return import_proxy.order(place.pool, tool(*ports), found(**fields))


def test_worked_example_37_proxy(place: Place, servers: list[Server]) -> None:
    """Worked example 37: the address of the settings is taken, no port is tried; 403, then 200 on Bearer."""
    servers += [Server(403, 200), Server(200)]
    port = int(servers[1].url.split(":")[2].partition("/")[0])
    order, proxy = ordered(place, port, proxy=f"{servers[0].url}/", key=KEY)
    assert proxy == (servers[0].url, 2, True)
    assert servers[0].asked == ["/v1/models", "/v1/models authorization: bearer"]
    assert servers[1].asked == []
    assert (order.provider, order.key, dict(order.fields)["priority"]) == ("custom-cursor", KEY, 45)
    assert dict(order.fields)["url"] == servers[0].url


@pytest.mark.parametrize(
    ("statuses", "asked", "keyed"),
    [
        ((200,), ["/v1/models"], False),
        ((401, 200), ["/v1/models", "/v1/models authorization: bearer"], True),
        ((401, 401, 200), ["/v1/models", "/v1/models authorization: bearer", "/v1/models x-api-key"], True),
    ],
)
def test_the_key_is_shown_only_when_it_is_asked_for(
    place: Place, servers: list[Server], statuses: tuple[int, ...], asked: list[str], keyed: bool
) -> None:
    """First without a key, then as a bearer token, then as x-api-key."""
    servers.append(Server(*statuses))
    order, _ = ordered(place, proxy=servers[0].url, key=KEY)
    assert servers[0].asked == asked
    assert bool(order.key) == keyed


def test_a_key_in_a_variable_stays_there(place: Place, servers: list[Server]) -> None:
    """A key that a variable has is used to ask, and referred to."""
    place.env["CURSOR_API_KEY"] = KEY
    servers.append(Server(401, 200))
    order, _ = ordered(place, proxy=servers[0].url, key_env="CURSOR_API_KEY")
    assert (order.key, order.key_env) == ("", "CURSOR_API_KEY")


@pytest.mark.parametrize(("first", "tried"), [(404, 2), (500, 2), (200, 1), (401, 1)])
def test_ports_are_tried_in_their_order(place: Place, servers: list[Server], first: int, tried: int) -> None:
    """Without an address in the settings the ports are tried; 200 and 401 mean that somebody is there."""
    servers += [Server(first, 200), Server(200)]
    ports = [int(server.url.split(":")[2].partition("/")[0]) for server in servers]
    _, proxy = ordered(place, closed_port(), *ports, key=KEY)
    assert proxy.url == servers[tried - 1].url


@pytest.mark.parametrize(
    "url", ["https://proxy.test/v1", "http://10.0.0.7:9999/v1", "http://127.0.0.1.evil.test/v1", "file:///etc/passwd",
            "http://user:pw@127.0.0.1/v1", "http://", "http://[::1"],
)  # fmt: skip
def test_an_address_elsewhere_is_no_proxy(place: Place, url: str) -> None:
    """Only this machine counts; nobody else is asked, and no password is repeated."""
    with pytest.raises(Misuse, match="not on this machine") as caught:
        ordered(place, proxy=url, key=KEY)
    assert "pw" not in f"{caught.value.message}{caught.value.hint}"


def test_nobody_there_is_told(place: Place, servers: list[Server]) -> None:
    """No port answers, the address does not, or what answers lists nothing; the key is never repeated."""
    servers += [Server(500), Server(200, body=b"<html>")]
    port = closed_port()
    cases: list[tuple[str, dict[str, Any]]] = [
        (f"ports tried: {port}", {}),
        ("no proxy answers", {"proxy": f"http://127.0.0.1:{port}/v1"}),
        ("answered 500", {"proxy": servers[0].url, "key": KEY}),
    ]
    for words, fields in cases:
        with pytest.raises(UpstreamFailed, match=words) as caught:
            ordered(place, port, **fields)
        assert KEY not in str(caught.value)
    assert ordered(place, proxy=servers[1].url)[1].models == 0


def test_offline_nobody_is_asked(place: Place, servers: list[Server]) -> None:
    """--offline refuses even this machine."""
    servers.append(Server(200))
    pool = open_pool(place.paths, env=place.env, offline=True)
    with pytest.raises(LlmpoolError) as caught:
        import_proxy.order(pool, tool(), found(proxy=servers[0].url))
    assert isinstance(caught.value, Refused)
    assert servers[0].asked == []
