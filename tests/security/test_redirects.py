"""Redirects: a key and a prompt go where their owner said, however a server spells another place."""

from __future__ import annotations

import base64
import socket
from pathlib import Path

import pytest

from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Call
from llmpool.net.address import may_lead
from llmpool.net.client import Client
from tests.edges.raw_server import AUTH, QUICK, Serve, body
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.security.certificates import Authority
from tests.security.conftest import Fail
from tests.support import PLANTED_KEY, Home, provider

SPELLINGS = (
    "http://{other}/v1/x",
    "//{other}/v1/x",
    "http://{here}@{other}/v1/x",
    "http://{other}\\@{here}/v1/x",
    "http:{other}/v1/x",
    "https://{other}/v1/x",
    "/v1/another",
    "\t http://{other}/v1/x",
)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("place", SPELLINGS)
def test_no_redirect_is_followed_with_a_key_or_a_prompt(
    serve: Serve, fail: Fail, status: int, place: str
) -> None:
    """Neither to another host, port or scheme, nor to the same one, and no 307 takes the body along."""
    other = serve(body(b"{}"))
    head = f"HTTP/1.1 {status} Away\r\nContent-Length: 0\r\nLocation: "
    server = serve(
        lambda c: c.sendall(f"{head}{place.format(other=other.host, here=server.host)}\r\n\r\n".encode())
    )
    said = fail(
        Call(method="POST", url=server.url, headers=AUTH, body=b'{"a": "secret prompt"}', timeouts=QUICK)
    )
    assert (said.kind, said.code, said.status) == ("wrong_format", "redirect", status)
    assert other.requests == []
    assert len(server.requests) == 1


def test_a_redirected_chat_fails_over_and_tells_the_other_place_nothing(home: Home) -> None:
    """From the command to the wire: the next candidate answers, and the thief hears nothing."""
    with FakeServer(["m"], text="stolen") as thief, FakeServer(["n"], text="mine") as good:
        away = [faults.redirect(f"{thief.root}/v1/chat/completions", code) for code in (307, 308)] * 4
        with FakeServer(["m"], behave=away) as bad:
            home.write_config(
                '[routing]\nmax_retries = 0\nfallbacks = ["good/n"]',
                provider("bad", bad.url, key={"env": "K"}),
                provider("good", good.url, key={"env": "K"}),
            )
            home.env["K"] = PLANTED_KEY
            home.here("refresh")
            heard = len(thief.requests)
            told = home.here("chat", "--no-stdin", "-m", "bad/m", "--fallback", "hi there")
            assert (told.code, told.out, len(thief.requests) - heard) == (0, "mine\n", 0), told


LEADS = (
    ("https://a.example/x", "https://b.example/y", True),
    ("https://a.example/x", "http://a.example/y", False),  # whoever is in between would answer
    ("http://a.example/x", "https://a.example/y", True),
    ("http://a.example/x", "http://b.example/y", True),
    ("https://a.example/x", "https://127.0.0.1/y", False),
    ("https://a.example/x", "https://localhost./y", False),
    ("http://a.example/x", "http://0x7f.1/y", False),
    ("http://a.example/x", "http://2130706433/y", False),
    ("http://a.example/x", "http://127\u30020\uff0e0\uff611/y", False),  # dots to whoever calls it
    ("http://a.example/x", "http://localhost\u3002/y", False),
    ("http://a.example/x", "http://10.0.0.1./y", False),
    ("http://a.example/x", "http://router.lan/reboot", False),
    ("http://a.example/x", "http://intranet/y", False),
    ("http://den.lan/x", "http://intranet/y", True),
    ("http://a.example/x", "http://[::ffff:10.0.0.1]/y", False),
    ("http://a.example/x", "http://[fe80::1%25eth0]/y", False),
    ("http://a.example/x", "http://169.254.169.254/latest/meta-data", False),
    ("http://127.0.0.1:1/x", "http://127.0.0.1:2/y", True),
    ("http://10.0.0.1/x", "http://127.0.0.1/y", True),
    ("https://a.example/x", "file:///etc/passwd", False),
    ("https://a.example/x", "ftp://a.example/y", False),
    ("https://a.example/x", "https://[::1", False),
)


@pytest.mark.parametrize(("here", "there", "leads"), LEADS)
def test_what_carries_no_key_is_led_neither_off_tls_nor_into_this_network(
    here: str, there: str, leads: bool
) -> None:
    """A picture or a price list may have moved, but nobody has us ask what he cannot reach himself."""
    assert may_lead(here, there) is leads


def test_a_picture_cannot_be_led_to_a_server_of_ours(
    serve: Serve, client: Client, authority: Authority, trusted: Path, no_proxies: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """With real sockets: the place outside says `on this machine`, and that is not asked."""
    inside = serve(body(b"root password"))
    outside = serve(
        f"HTTP/1.1 302 Away\r\nContent-Length: 0\r\nLocation: {inside.url}\r\n\r\n".encode(),
        authority.server("pictures.example"),
    )
    real = socket.getaddrinfo

    def resolved(host: str | bytes, *rest: object, **more: object) -> object:
        name = host.decode() if isinstance(host, bytes) else host
        return real("127.0.0.1" if name == "pictures.example" else name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    port = outside.host.rpartition(":")[2]
    with pytest.raises(UpstreamError) as raised:
        client.fetch(Call(method="GET", url=f"https://pictures.example:{port}/cat.png", timeouts=QUICK))
    assert "redirect" in raised.value.failure.message
    assert (len(outside.requests), inside.requests) == (1, [])


def test_redirects_of_a_download_end_after_five(serve: Serve, client: Client) -> None:
    """A server that always sends us on is left."""
    server = serve(lambda c: c.sendall(b"HTTP/1.1 302 Away\r\nContent-Length: 0\r\nLocation: /again\r\n\r\n"))
    with pytest.raises(UpstreamError):
        client.fetch(Call(method="GET", url=server.url, timeouts=QUICK))
    assert len(server.requests) == 6


@pytest.mark.parametrize(
    "place", ["//evil.example/v1/models?page=2", "https://evil.example/", "http://here@evil.example/"]
)
def test_the_next_page_of_a_listing_is_on_the_same_server(home: Home, place: str) -> None:
    """A listing names where it goes on; the key goes there only where that is its own server."""
    page = {"data": [{"id": "m"}], "links": {"next": place}}
    with FakeServer(["m"], behave_listing=[faults.said(200, page)] * 4) as sky:
        home.write_config(provider("sky", sky.url, key={"env": "K"}))
        home.env["K"] = PLANTED_KEY
        told = home.here("refresh", env={"http_proxy": f"http://127.0.0.1:{sky.root.rpartition(':')[2]}"})
        assert told.code == 0, told
        assert {request.path.partition("?")[0] for request in sky.requests} <= {"/v1/models", "/props"}, (
            sky.requests
        )


def test_a_key_in_the_address_is_none(home: Home) -> None:
    """`user:password@` and `?key=` are refused in a config, so they are in no redirect, log or listing."""
    secret = base64.b32encode(b"not to be seen").decode()
    for url in (f"https://u:{secret}@h.example/v1", f"https://h.example/v1?key={secret}"):
        home.write_config(provider("sky", url))
        told = home.here("refresh")
        assert (told.code, told.shows(secret)) == (4, False), told
