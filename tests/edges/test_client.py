"""The wire, against a server that does whatever a server can do wrong."""

from __future__ import annotations

import gzip
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Generator
from pathlib import Path

import pytest

from llmpool import __version__
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Timeouts
from llmpool.errors import Refused
from llmpool.net import deadline, faults
from llmpool.net.address import host_of, is_loopback
from llmpool.net.client import Client
from tests.edges.raw_server import (
    OK,
    QUICK,
    SECRET,
    SSE,
    Play,
    Serve,
    body,
    get,
    own_certificate,
    slowly,
    wait,
)
from tests.support import python_environment


def failure(client: Client, call: Call) -> Failure:
    """Return the failure *call* ends with, having looked for the key in all that could be shown."""
    with pytest.raises(UpstreamError) as raised:
        client.send(call)
    shown = "".join(traceback.format_exception(raised.value)) + repr(raised.value.failure)
    assert SECRET not in shown
    return raised.value.failure


def test_an_answer_comes_whole_with_any_status(serve: Serve, client: Client) -> None:
    """Statuses are the format's business; names of headers are lower case; we say who we are."""
    server = serve(b"HTTP/1.1 418 Teapot\r\nX-Y: z\r\nContent-Length: 2\r\n\r\nhi")
    call = Call(method="POST", url=server.url, headers=(("content-type", "a/b"),), body=b"{}", timeouts=QUICK)
    answer = client.send(call)
    assert (answer.status, answer.headers["x-y"], answer.body) == (418, "z", b"hi")
    sent = server.requests[0].lower()
    assert sent.startswith(b"post /v1/x http/1.1\r\n")
    assert f"user-agent: llmpool/{__version__}".encode() in sent
    assert sent.endswith(b"{}")


def test_a_flow_is_driven_to_its_end(serve: Serve, client: Client) -> None:
    """Answers go in, calls come out, a failure may be caught inside, and the result is returned."""
    server = serve(body(b"[1]"))

    def flow() -> Generator[Call, Answer, tuple[bytes, str]]:
        answer = yield get(server.url)
        try:
            yield get("http://127.0.0.1:1/")
        except UpstreamError as error:
            return answer.body, error.failure.kind
        return b"", ""

    assert client.run(flow()) == (b"[1]", "connect")


def test_threads_share_a_client(serve: Serve, client: Client) -> None:
    """Many calls at once disturb each other in nothing."""
    server = serve(body(b"[1]"))
    bodies: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: bodies.append(client.send(get(server.url)).body)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert bodies == [b"[1]"] * 12


def test_offline_refuses_everything(serve: Serve) -> None:
    """Offline means loopback too."""
    server = serve(body(b"{}"))
    with Client(offline=True) as client, pytest.raises(Refused, match=server.host):
        client.send(get(server.url))
    assert not server.requests


BROKEN = [
    (b"", "broken", "closed the connection before answering"),
    (OK + b"Content-Length: 9\r\n\r\n{", "broken", "in the middle"),
    (OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", "broken", "in the middle"),
    (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "wrong_format", "did not answer in HTTP"),
    (OK + b"X: " + b"y" * 10_000_000 + b"\r\n\r\n", "wrong_format", "more headers than"),
    (OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", "wrong_format", "unpacked"),
    (OK + b"Content-Encoding: br\r\nContent-Length: 4\r\n\r\nnope", "wrong_format", "not asked for"),
    (
        OK + b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + gzip.compress(b"x" * 99, mtime=0)[:-9],
        "broken",
        "in the middle",
    ),
]


@pytest.mark.parametrize(("data", "kind", "words"), BROKEN, ids=range(len(BROKEN)))
def test_broken_answers_are_named(serve: Serve, client: Client, data: bytes, kind: str, words: str) -> None:
    """Each way to break an answer is told in plain words, with the host and its port."""
    server = serve(data)
    said = failure(client, get(server.url + "?key=hidden"))
    assert (said.kind, words in said.message) == (kind, True), said.message
    assert server.host in said.message
    assert "hidden" not in said.message


def test_nobody_there_is_told_in_plain_words(client: Client) -> None:
    """A refused connection and a name that is none are connect failures."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said = failure(client, get(f"http://127.0.0.1:{port}/v1"))
    assert (said.kind, said.message) == ("connect", f"127.0.0.1:{port}: connection refused")


def test_a_name_that_is_none_is_told(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver's numbers become words."""

    def lookup(*asked: object, **more: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    assert failure(client, get("http://nowhere.localhost/")).message == "nowhere.localhost:80: no such host"


def test_a_server_without_tls_is_told(serve: Serve, client: Client) -> None:
    """An https:// address of an http server is a connect failure."""
    said = failure(client, get(serve(b"HTTP/1.1 400 Bad Request\r\n\r\n").url.replace("http:", "https:")))
    assert (said.kind, "TLS failed" in said.message) == ("connect", True), said.message


def test_a_certificate_nobody_vouches_for_is_refused(serve: Serve, client: Client, tmp_path: Path) -> None:
    """TLS is verified unless the owner said not to, and no request leaves before that."""
    server = serve(body(b"{}"), tls=own_certificate(tmp_path))
    call = get(server.url.replace("http:", "https:"))
    said = failure(client, call)
    assert (said.kind, "TLS certificate not trusted: self" in said.message) == ("connect", True), said.message
    assert not server.requests
    assert client.send(call.replace(verify_tls=False)).body == b"{}"
    slow = serve(slowly(SSE + b"data: a\n\n", b": \n"), tls=own_certificate(tmp_path))
    unverified = get(slow.url.replace("http:", "https:"), timeouts=Timeouts(2, 5, 5, 0.4), framing="sse")
    assert failure(client, unverified.replace(verify_tls=False)).code == "total_timeout"


TIMES = [
    (wait(60), Timeouts(2, 0.3, 5), "first_token_timeout", "no answer within 0.3 s"),
    (slowly(OK, b"X: y\r\n"), Timeouts(2, 0.4, 5), "first_token_timeout", "no answer within 0.4 s"),
    (slowly(SSE, b""), Timeouts(2, 0.4, 5), "first_token_timeout", "no answer within 0.4 s"),
    (slowly(SSE + b"data: a\n\n", b""), Timeouts(2, 5, 0.3), "read_timeout", "fell silent for 0.3 s"),
    (slowly(SSE, b"data: a\n\n"), Timeouts(2, 5, 5, 0.5), "total_timeout", "not finished within 0.5 s"),
    (wait(60), Timeouts(2, 5, 5, 0.3), "total_timeout", "not finished within 0.3 s"),
    (slowly(b"", b"H"), Timeouts(2, 5, 5, 0.4), "total_timeout", "not finished within 0.4 s"),
]


@pytest.mark.parametrize(("play", "timeouts", "code", "words"), TIMES)
def test_every_limit_is_kept_and_named(
    serve: Serve, client: Client, play: Play, timeouts: Timeouts, code: str, words: str
) -> None:
    """Silence and dribbling both end in time, and the message says which limit it was."""
    began = time.monotonic()
    said = failure(client, get(serve(play).url, timeouts=timeouts))
    assert (said.kind, said.code, words in said.message) == ("timeout", code, True), said.message
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(("head", "piece"), [(SSE + b": hi\n\n", b": ping\n\n"), (OK + b"\r\n ", b"\n")])
def test_signs_of_life_are_no_answer(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch, head: bytes, piece: bytes
) -> None:
    """A server that only keeps the connection alive is given longer for its first event, but not for ever."""
    for module in (deadline, faults):
        monkeypatch.setattr(module, "PATIENCE", 0.2)
    said = failure(client, get(serve(slowly(head, piece)).url, timeouts=Timeouts(2, 2, 5)))
    assert (said.kind, said.code) == ("timeout", "event_timeout")
    assert said.message.endswith("only kept the connection alive for 0.4 s")


def test_ten_times_a_hundred_years_can_be_waited_for() -> None:
    """No clock of Python goes on for longer than `TIMEOUT_MAX`."""
    limits = deadline.Deadline(Timeouts(2, 100 * 366 * 86400.0, 5))
    limits.kept_alive()
    assert [timer.interval for timer in limits._timers.values()] == [threading.TIMEOUT_MAX]
    limits.stop()


def test_a_redirect_is_not_followed(serve: Serve, client: Client) -> None:
    """A key never travels to a host that somebody else named."""
    other = serve(body(b"{}"))
    location = f"Location: {other.url}?token=t".encode()
    server = serve(b"HTTP/1.1 307 Away\r\nContent-Length: 0\r\n" + location + b"\r\n\r\n")
    said = failure(client, get(server.url))
    assert (said.kind, said.status) == ("wrong_format", 307)
    assert other.host in said.message
    assert "token" not in said.message
    assert not other.requests


def test_cookies_are_not_kept(serve: Serve, client: Client) -> None:
    """One call knows nothing of another."""
    server = serve(OK + b"Set-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")
    client.send(get(server.url))
    client.send(get(server.url))
    assert b"cookie" not in server.requests[1].lower()


def test_a_body_is_bounded(serve: Serve, client: Client) -> None:
    """An answer over its limit is given up, and so is a small one that grows when unpacked."""
    said = failure(client, get(serve(body(b"x" * 3_000_000)).url, max_bytes=1 << 20))
    assert (said.kind, "larger than 1 MiB" in said.message) == ("wrong_format", True)
    bomb = gzip.compress(bytes(50_000_000))
    packed = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    assert "larger than 1 MiB" in failure(client, get(serve(packed).url, max_bytes=1 << 20)).message


def test_a_packed_answer_is_unpacked(serve: Serve, client: Client) -> None:
    """Listings may come in gzip; streams are asked for plain."""
    packed = gzip.compress(b"[1]" * 99999)
    server = serve(OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    assert client.send(get(server.url)).body == b"[1]" * 99999
    client.send(get(server.url, framing="sse"))
    assert b"accept-encoding: gzip" in server.requests[0].lower()
    assert b"accept-encoding: identity" in server.requests[1].lower()


def test_an_error_keeps_its_status_though_its_body_breaks(serve: Serve, client: Client) -> None:
    """What matters of an error is its status; the body is cut at 1 MiB, or where it broke."""
    answer = client.send(get(serve(b"HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\nbu").url))
    assert (answer.status, answer.body) == (503, b"bu")
    huge = b"HTTP/1.1 500 No\r\nContent-Length: 3000000\r\n\r\n" + b"x" * 3_000_000
    assert len(client.send(get(serve(huge).url)).body) <= 1 << 20


def test_a_key_the_server_quotes_is_blotted_out(serve: Serve, client: Client) -> None:
    """Servers that echo headers in their errors give nothing away."""
    echo = f"bad key {SECRET}".encode()
    server = serve(b"HTTP/1.1 401 No\r\nContent-Length: %d\r\n\r\n" % len(echo) + echo)
    assert client.send(get(server.url)).body == b"bad key ***"


@pytest.mark.parametrize(
    "value", [f"Bearer {SECRET}\n", f"Bearer {SECRET}\r\nX: y", f"{SECRET}é", f"{SECRET}\0"]
)
def test_a_key_that_http_cannot_carry_is_not_shown(serve: Serve, client: Client, value: str) -> None:
    """A key pasted with its newline is told, and neither sent nor printed."""
    server = serve(body(b"{}"))
    said = failure(client, Call(method="GET", url=server.url, headers=(("authorization", value),)))
    assert (said.kind, "a character HTTP does not allow" in said.message) == ("bad_request", True)
    assert not server.requests


@pytest.mark.parametrize("url", ["http://[::1", "http://h:99999/", "ftp://h/", "no url", "", "http://"])
def test_an_address_that_is_none_is_told(client: Client, url: str) -> None:
    """No spelling of an address is a crash."""
    assert failure(client, get(url)).kind == "bad_request"


def test_hosts_are_shown_with_their_port_and_nothing_else() -> None:
    """Messages carry no path, no query, no user, no escape."""
    assert host_of("https://u:p@h.example/v1?key=k") == "h.example:443"
    assert host_of("http://[::1]:8/x") == "[::1]:8"
    assert "\x1b" not in host_of("http://a\x1bb/")
    assert [is_loopback(h) for h in ("localhost", "127.0.0.9", "::1", "a.localhost", "10.0.0.1", "h")] == (
        [True] * 4 + [False] * 2
    )
    assert not any(
        map(is_loopback, ("127.0.0.1.evil.test", "127.0.0.256", "127.evil.test", "", "::2", "1::1"))
    )


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "127.1",
        "2130706433",
        "localhost.",
        "127。0。0。1",
        "0:0:0:0:0:0:0:1",
        "::",
        "::ffff:7f00:1",
    ],
)
def test_no_spelling_of_this_machine_takes_a_proxy(host: str) -> None:
    """What is asked at one's own server, with its key, goes to no other machine."""
    assert is_loopback(host)


def test_this_machine_is_reached_without_a_proxy(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy in the environment is for other hosts."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert client.send(get(serve(body(b"{}")).url)).status == 200
    assert failure(client, get("http://far.example/")).kind == "connect"


def test_httpx_comes_without_its_command_line_and_an_http_url_without_certificates(
    serve: Serve, own_home: Path
) -> None:
    """Neither rich nor click is loaded, and no certificates are for an address that shows none."""
    script = (
        "import sys, ssl, llmpool.net.client as c; from llmpool.core.wire import Call\n"
        "assert 'httpx' not in sys.modules\n"
        "ssl.SSLContext.load_verify_locations = ssl.SSLContext.load_default_certs = None\n"
        f"print(c.Client().send(Call(method='GET', url={serve(body(b'{}')).url!r})).status)\n"
        "print(*[m for m in ('click', 'rich', 'pygments', 'httpx._main') if m in sys.modules])\n"
    )
    command = [sys.executable, "-c", script]
    ran = subprocess.run(
        command, capture_output=True, text=True, timeout=30, env=python_environment(own_home), check=False
    )
    assert (ran.stdout.split(), ran.stderr) == (["200"], "")
