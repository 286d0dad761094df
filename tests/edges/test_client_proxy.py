"""Calls that a proxy of the environment stands in the way of: the messages say which and for whom."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Timeouts
from llmpool.net.client import Client
from tests.edges.raw_server import Serve, body, get, wait
from tests.support import closed_port

Fail = Callable[..., Failure]


@pytest.fixture
def fail(monkeypatch: pytest.MonkeyPatch) -> Fail:
    """Give a function that calls *url* with only these variables set, and returns the failure."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)

    def failure(url: str, timeouts: Timeouts | None = None, **env: str) -> Failure:
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        with Client() as client, pytest.raises(UpstreamError) as raised:
            client.send(get(url, timeouts=timeouts or Timeouts(2, 5, 5)))
        return raised.value.failure

    return failure


@pytest.mark.parametrize("target", ["https://far.example/v1", "http://far.example/v1"])
def test_a_proxy_that_is_not_there_is_named(fail: Fail, target: str) -> None:
    """Who refused is the proxy, not the provider behind it; its user and password are not shown."""
    port, host = closed_port(), "far.example:443" if target.startswith("https") else "far.example:80"
    said = fail(target, ALL_PROXY=f"http://user:hunter22@127.0.0.1:{port}")
    expected = f"proxy 127.0.0.1:{port}: connection refused (for {host})"
    assert (said.kind, said.message) == ("connect", expected)


REFUSALS = [
    (b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n", "refused to connect (status 403)"),
    (b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n", "asks for a user and a password (status 407)"),
    (b"", "closed the connection before answering"),
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "did not answer in HTTP"),
]


@pytest.mark.parametrize(("answer", "words"), REFUSALS)
def test_a_proxy_that_refuses_is_named(serve: Serve, fail: Fail, answer: bytes, words: str) -> None:
    """Whatever it says instead of opening the way, the message is about the proxy."""
    server = serve(answer)
    said = fail("https://far.example/v1", https_proxy=f"http://{server.host}")
    assert (said.kind, said.message) == ("connect", f"proxy {server.host}: {words} (for far.example:443)")
    assert b"sk-planted" not in server.requests[0]


def test_a_proxy_that_says_nothing_is_named(serve: Serve, fail: Fail) -> None:
    """Silence on the way is the proxy's."""
    server = serve(wait(2))
    said = fail("https://far.example/v1", Timeouts(2, 0.3, 5), https_proxy=server.host)
    expected = f"proxy {server.host}: no answer within 0.3 s (for far.example:443)"
    assert (said.kind, said.message) == ("timeout", expected)


def test_a_proxy_for_plain_http_may_want_a_password(serve: Serve, fail: Fail) -> None:
    """Status 407 is never the provider's."""
    server = serve(b"HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n")
    said = fail("http://far.example/v1", http_proxy=f"http://{server.host}")
    assert said.message.startswith(f"proxy {server.host}: asks for a user and a password")


def test_behind_the_proxy_it_is_the_provider_again(serve: Serve, fail: Fail) -> None:
    """What goes wrong past the proxy is told of the provider."""

    def tunnel(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        connection.recv(1024)
        connection.sendall(b"no TLS here, only words\r\n")

    said = fail("https://far.example/v1", https_proxy=f"http://{serve(tunnel).host}")
    assert said.message.startswith("far.example:443: TLS failed")
    relay = serve(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
    said = fail("http://far.example/v1", http_proxy=f"http://{relay.host}")
    assert said.message == "far.example:80: closed the connection in the middle of its answer"


def test_a_name_that_is_not_ascii_is_no_proxy(serve: Serve, client: Client) -> None:
    """An international name is spelt otherwise on the wire, and means the same host."""
    with pytest.raises(UpstreamError, match=r"^b\xfccher\.localhost:1: "):
        client.send(get("http://b\xfccher.localhost:1/v1"))
    assert client.send(get(serve(body(b"{}")).url)).status == 200


UNUSABLE = [
    ("all_proxy", "socks5://127.0.0.1:1", "all_proxy names (socks5://127.0.0.1:1)"),
    ("HTTPS_PROXY", "socks5h://me:hunter22@127.0.0.1:1", "HTTPS_PROXY names (socks5h://127.0.0.1:1)"),
    ("http_proxy", "nope://me:hunter22@x", "http_proxy names (nope://x)"),
    ("HTTP_PROXY", "http://[::1", "HTTP_PROXY names cannot"),
    ("HTTPS_PROXY", "http://me:hunter22@x:port", "HTTPS_PROXY names cannot"),
    ("SSL_CERT_FILE", "/nowhere/hunter22.pem", "SSL_CERT_FILE names cannot"),
]


@pytest.mark.parametrize(("name", "value", "words"), UNUSABLE)
def test_a_setting_that_cannot_be_used_is_named(fail: Fail, name: str, value: str, words: str) -> None:
    """The variable is named, and of its value neither user nor password is shown."""
    said = fail("https://far.example/v1", **{name: value})
    assert (said.kind, words in said.message, "hunter22" in said.message) == ("connect", True, False), (
        said.message
    )
    assert said.message.startswith("far.example:443: the ")
