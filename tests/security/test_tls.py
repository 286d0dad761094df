"""TLS: whose certificate is wrong in any way is told nothing, and nobody but the owner may waive that."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from llmpool.net.client import Client, tls_context
from tests.edges.raw_server import Serve, body, get, own_certificate
from tests.fakes.server import FakeServer
from tests.security.certificates import Authority, old
from tests.security.conftest import Fail
from tests.support import Home, provider


def https(server_url: str) -> str:
    """Return the address of a server as one with TLS."""
    return server_url.replace("http:", "https:")


def test_a_vouched_certificate_is_taken(
    serve: Serve, client: Client, authority: Authority, trusted: Path
) -> None:
    """What follows is refused for one fault each: without a fault the same authority is believed."""
    server = serve(body(b"{}"), authority.server())
    assert client.send(get(https(server.url))).status == 200
    assert server.requests


WRONG = {
    "of another host": ("elsewhere.example", timedelta(1), timedelta(1), "mismatch"),
    "of another address": ("127.0.0.2", timedelta(1), timedelta(1), "mismatch"),
    "expired": ("127.0.0.1", timedelta(9), timedelta(-1), "expired"),
    "of tomorrow": ("127.0.0.1", timedelta(-1), timedelta(9), "not yet valid"),
}


@pytest.mark.parametrize(("host", "since", "left", "words"), WRONG.values(), ids=WRONG)
def test_a_certificate_that_is_wrong_in_one_way_is_refused_before_anything_is_sent(
    serve: Serve, fail: Fail, authority: Authority, trusted: Path,
    host: str, since: timedelta, left: timedelta, words: str,
) -> None:  # fmt: skip
    """Not a byte of the request, let alone the key, reaches who is not who he says."""
    server = serve(body(b"{}"), authority.server(host, since=since, left=left))
    said = fail(get(https(server.url)))
    assert (said.kind, words in said.message) == ("connect", True), said.message
    assert server.requests == []


def test_an_authority_nobody_trusts_vouches_for_nothing(
    serve: Serve, fail: Fail, authority: Authority, tmp_path: Path
) -> None:
    """Neither its certificates nor those that vouch for themselves are taken."""
    for tls in (authority.server(), own_certificate(tmp_path)):
        server = serve(body(b"{}"), tls)
        assert "TLS certificate not trusted" in fail(get(https(server.url))).message
        assert server.requests == []


def test_tls_before_1_2_is_not_spoken(serve: Serve, fail: Fail, authority: Authority, trusted: Path) -> None:
    """A server, or whoever is in between, that knows only what is broken gets nothing."""
    server = serve(body(b"{}"), old(authority.server()))
    assert fail(get(https(server.url))).kind == "connect"
    assert server.requests == []


def test_only_the_owner_waives_certificates_and_is_reminded_each_time(
    home: Home, authority: Authority, serve: Serve
) -> None:
    """`verify_tls = false` in the config reaches the server, with a warning; no variable does as much."""
    server = serve(body(b'{"object": "list", "data": [{"id": "m"}]}'), own_certificate(home.dir))
    careless = {
        "PYTHONHTTPSVERIFY": "0",
        "CURL_CA_BUNDLE": "",
        "REQUESTS_CA_BUNDLE": "",
        "SSL_NO_VERIFY": "1",
    }
    home.write_config(provider("sky", https(server.url).removesuffix("/x")))
    assert home.here("refresh", env=careless).code == 9
    assert server.requests == []
    home.write_config(provider("sky", https(server.url).removesuffix("/x"), verify_tls=False))
    told = home.here("refresh", env=careless)
    assert (told.code, "TLS certificate is not verified (verify_tls = false)" in told.err) == (0, True), told


def test_waiving_for_one_provider_waives_for_no_other(
    serve: Serve, client: Client, fail: Fail, tmp_path: Path
) -> None:
    """Two calls of one run do not share what they believe."""
    server = serve(body(b"{}"), own_certificate(tmp_path))
    assert client.send(get(https(server.url)).replace(verify_tls=False)).status == 200
    assert "TLS certificate not trusted" in fail(get(https(server.url))).message
    assert len(server.requests) == 1


def test_plain_http_elsewhere_is_found_by_doctor(home: Home) -> None:
    """A key that everybody on the way can read is a warning with the command that mends it."""
    with FakeServer(["m"]) as near:
        home.write_config(
            provider("far", "http://gateway.example/v1", key={"env": "K"}), provider("near", near.url)
        )
        told = home.here("doctor", "--offline")
    line = next(line for line in told.out.splitlines() if "without encryption" in line)
    assert "far" in line
    assert "near is asked without" not in told.out
    assert "llmpool providers set far --url https://gateway.example/v1" in told.out


def test_the_library_verifies_by_default() -> None:
    """What all of this stands on: nobody has changed the context that calls are made with."""
    context = tls_context(verified=True)
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize("verified", [True, False])
def test_tls_is_1_2_at_least_whatever_the_system_allows(
    verified: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some builds of Python leave the lowest version to OpenSSL and its settings, which may allow 1.0."""
    made = httpx.create_ssl_context(verify=verified)
    made.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    monkeypatch.setattr(httpx, "create_ssl_context", lambda **_: made)
    assert tls_context(verified=verified).minimum_version == ssl.TLSVersion.TLSv1_2
