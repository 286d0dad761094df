"""Proxies: one that is asked to pass a call on learns where it goes and, over TLS, nothing else."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from llmpool.core.wire import Call
from llmpool.net.address import is_loopback
from llmpool.net.client import Client
from tests.edges.raw_server import QUICK, SECRET, RawServer, Serve, body, get
from tests.security.certificates import Authority
from tests.security.conftest import Fail

FAR = "far.example"
pytestmark = pytest.mark.usefixtures("no_proxies")


def tunnel(to: RawServer, seen: list[bytes]) -> Callable[[socket.socket], None]:
    """Play a proxy that has read a CONNECT: join the caller with *to*, and take down what passes."""

    def play(caller: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", int(to.host.rpartition(":")[2]))) as server:
            caller.sendall(b"HTTP/1.1 200 Connected\r\n\r\n")
            back = threading.Thread(target=_passed, args=(server, caller, []), daemon=True)
            back.start()
            _passed(caller, server, seen)
            back.join(5)

    return play


def _passed(one: socket.socket, other: socket.socket, seen: list[bytes]) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            seen.append(data)
            other.sendall(data)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


def test_a_proxy_in_between_sees_neither_key_nor_prompt(
    serve: Serve, client: Client, authority: Authority, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS it passes on what it cannot read; the password for it goes to it alone."""
    seen: list[bytes] = []
    server = serve(body(b"{}"), authority.server(FAR))
    proxy = serve(tunnel(server, seen))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:hunter22@{proxy.host}")
    call = Call(method="POST", url=f"https://{FAR}/v1/x?page=secret", headers=get("").headers,
                body=b"a prompt of mine", timeouts=QUICK)  # fmt: skip
    assert client.send(call).status == 200
    (asked,), (heard,) = proxy.requests, server.requests
    assert asked.startswith(b"CONNECT far.example:443 ")
    passed = asked + b"".join(seen)
    assert [word for word in (SECRET, "a prompt", "page=secret") if word.encode() in passed] == []
    assert base64.b64encode(b"me:hunter22") in asked
    assert (SECRET.encode() in heard, b"hunter22" in heard, b"proxy-authorization" in heard.lower()) == (
        True,
        False,
        False,
    )


def test_a_proxy_that_answers_itself_is_no_server(
    serve: Serve, fail: Fail, authority: Authority, trusted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that ends the TLS itself shows a certificate that is not the server's, and hears nothing."""
    man = serve(body(b"{}"), authority.server("man.in.the.middle.example"))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{serve(tunnel(man, [])).host}")
    assert "TLS certificate not trusted" in fail(get(f"https://{FAR}/v1/x")).message
    assert man.requests == []


def test_plain_http_by_a_proxy_is_as_open_as_without(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The README says so: an http:// address elsewhere shows its key to everybody on the way, a proxy too."""
    proxy = serve(body(b"{}"))
    monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
    assert client.send(get(f"http://{FAR}/v1/x")).status == 200
    assert proxy.requests[0].startswith(b"GET http://far.example/v1/x ")
    assert SECRET.encode() in proxy.requests[0]


@pytest.mark.parametrize("named", ["far.example", ".example", "*", "other.example,far.example"])
def test_what_no_proxy_names_is_asked_without_one(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """NO_PROXY holds, as a host, a domain, a list or for everything."""
    proxy, server = serve(body(b"{}")), serve(body(b"[]"))
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **more: real("127.0.0.1", *rest, **more))
    monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
    monkeypatch.setenv("no_proxy", named)
    assert client.send(get(f"http://{FAR}:{server.host.rpartition(':')[2]}/v1/x")).body == b"[]"
    assert proxy.requests == []


@pytest.mark.parametrize("host", ["192.168.7.7", "10.0.0.1", "nas.local", "box", "[fd00::7]"])
def test_what_is_for_the_own_network_does_not_leave_it_for_a_proxy(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """A prompt under --local-only would be read elsewhere; one that is near itself is a tunnel of ours."""
    near, server = serve(body(b"{}")), serve(body(b"[]"))
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *rest, **more: real("127.0.0.1", *rest, **more))
    url = f"http://{host}:{server.host.rpartition(':')[2]}/v1/x"
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:9")
    assert client.send(get(url)).body == b"[]"
    monkeypatch.setenv("HTTP_PROXY", f"http://{near.host}")
    assert Client().send(get(url)).body == b"{}"


HERE = ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1", "localhost", "a.localhost", "127.0.0", "0")
ELSEWHERE = (
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "127.0.0.x",
    "::ffff:8.8.8.8",
    "10.0.0.1",
    "1",
)


def test_this_machine_is_never_asked_by_a_proxy() -> None:
    """Whatever spells this machine is; what only begins so is not."""
    assert [host for host in HERE if not is_loopback(host)] == []
    assert [host for host in ELSEWHERE if is_loopback(host)] == []
