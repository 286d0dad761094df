"""Trouble while a request is still being sent, and calls that are ended from another thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Timeouts
from llmpool.net.client import Client
from tests.edges.raw_server import AUTH, OK, QUICK, SSE, Play, Serve, body, get, own_certificate, slowly, wait

LONG = b"x" * 5_000_000
TOO_LARGE = b'{"error": {"message": "too long"}}'
ANSWER_413 = b"HTTP/1.1 413 Too Large\r\nContent-Length: %d\r\n\r\n" % len(TOO_LARGE) + TOO_LARGE


@contextmanager
def listening(play: Play) -> Iterator[str]:
    """Serve one connection with *play*, which reads of the request what it likes; gives the address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)

        def serve() -> None:
            with suppress(OSError), server.accept()[0] as connection:
                connection.settimeout(5)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # nothing waits for an ACK
                play(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        thread.join(5)


def post(url: str, timeouts: Timeouts = QUICK) -> Call:
    """Make a call with a long body."""
    return Call(method="POST", url=url, headers=AUTH, body=LONG, timeouts=timeouts)


def refuse(connection: socket.socket) -> None:
    """Read the head alone, refuse at once and close with the body unread."""
    connection.recv(1024)
    connection.sendall(ANSWER_413)


def refuse_politely(connection: socket.socket) -> None:
    """Refuse at once and go on reading for a while, as proxies do."""
    refuse(connection)
    connection.shutdown(socket.SHUT_WR)
    while connection.recv(1 << 16):
        pass


@pytest.mark.parametrize("play", [refuse, refuse_politely])
def test_an_answer_before_the_end_of_the_request_counts(client: Client, play: Play) -> None:
    """A server that refuses a long prompt at once and closes has answered."""
    with listening(play) as url:
        answer = client.send(post(url))
    assert (answer.status, answer.body) == (413, TOO_LARGE)


def test_an_early_answer_over_tls_counts(serve: Serve, client: Client, tmp_path: Path) -> None:
    """TLS makes no difference to that."""
    context = own_certificate(tmp_path)

    def play(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            refuse(secured)

    with listening(play) as url:
        answer = client.send(post(url.replace("http:", "https:")).replace(verify_tls=False))
    assert (answer.status, answer.body) == (413, TOO_LARGE)


def test_a_break_while_sending_is_a_failure(client: Client) -> None:
    """A server that leaves without a word while it is being sent to is told as such."""
    with (
        listening(lambda connection: connection.recv(1024) and None) as url,
        pytest.raises(UpstreamError) as ended,
    ):
        client.send(post(url))
    assert ended.value.failure.kind == "broken"


def test_a_server_that_takes_nothing_is_a_failure_in_time(client: Client) -> None:
    """A server that stops reading in the middle of the request is a time-out, and it is named."""
    began = time.monotonic()
    quiet = threading.Event()
    with listening(lambda connection: quiet.wait(60) and None) as url:
        with pytest.raises(UpstreamError) as ended:
            client.send(post(url, Timeouts(2, 5, 0.3)))
        quiet.set()
    said = ended.value.failure
    assert (said.kind, said.code) == ("timeout", "write_timeout")
    assert "did not take the request within 0.3 s" in said.message
    assert time.monotonic() - began < 30


HANGING = [
    wait(100),
    slowly(OK, b"X: y\r\n"),
    slowly(SSE + b"data: a\n\n", b""),
    slowly(SSE, b"data: a\n\n"),
]


@pytest.mark.parametrize("play", HANGING)
def test_closing_ends_what_other_threads_wait_for(serve: Serve, play: Play) -> None:
    """A client that is closed leaves no thread waiting, and begins nothing more."""
    server, client, ended = serve(play), Client(), []

    def ask() -> None:
        try:
            client.send(get(server.url))
        except UpstreamError as error:
            ended.append(error.failure)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    time.sleep(0.3)
    began = time.monotonic()
    client.close()
    for thread in threads:
        thread.join(60)
    assert time.monotonic() - began < 30
    ask()
    expected = Failure(kind="cancelled", message=f"{server.host}: the call was given up")
    assert ended == [expected] * 4
    assert len(server.requests) == 3


def test_a_call_that_is_about_to_leave_is_given_up_too(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever closes between the look at whether it is closed and the sending is told as any other."""
    url = serve(body(b"{}")).url
    assert client.send(get(url)).status == 200
    ready = client._client_for

    def closed_meanwhile(call: Call, host: str) -> object:
        found = ready(call, host)
        client.close()
        return found

    monkeypatch.setattr(client, "_client_for", closed_meanwhile)
    with pytest.raises(UpstreamError, match="the call was given up"):
        client.send(get(url))


def test_a_connection_serves_one_call(serve: Serve, client: Client) -> None:
    """The server is told that nothing follows, so that no thread is given another's connection."""
    server = serve(body(b"{}"))
    answer: Answer = client.send(get(server.url))
    assert answer.status == 200
    assert b"\r\nconnection: close\r\n" in server.requests[0].lower()
