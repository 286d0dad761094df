"""The callback listener: the first request to its path decides, and nothing of it is trusted or shown raw."""

from __future__ import annotations

import socket
import time
import urllib.error
import urllib.request

import pytest

from llmpool.auth.loopback import HOST, MOST_AT_ONCE, Listener
from llmpool.errors import Misuse

PATH = "/auth/callback"


def fetch(port: int, target: str) -> tuple[int, str]:
    """Return the status and the page of a request, as a browser would get them."""
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}{target}", timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def drips_until_cut(connection: socket.socket) -> bool:
    """Send a byte now and then; say whether the other side put an end to it within five seconds."""
    connection.settimeout(0.02)
    end = time.monotonic() + 5
    while time.monotonic() < end:
        try:
            connection.sendall(b"a")
            if not connection.recv(1):
                return True
        except TimeoutError:
            continue
        except OSError:
            return True
    return False


def judge(params: dict[str, str] | object) -> str:
    """Find nothing wrong."""
    return ""


def test_the_first_request_to_the_path_is_the_one_that_counts() -> None:
    """Its parameters come back; favicons do not count, and a second one is told that it is late."""
    with Listener(0, PATH, judge) as listener:
        assert listener.wait(0) is None
        assert fetch(listener.port, "/favicon.ico")[0] == 404
        status, page = fetch(listener.port, f"{PATH}?state=s%26t&code=c-1&code=c-2")
        assert (status, "Almost done" in page) == (200, True)
        assert listener.wait(30) == {"state": "s&t", "code": "c-2"}
        status, page = fetch(listener.port, f"{PATH}?state=evil")
        assert (status, "over already" in page) == (410, True)
        assert listener.wait(0) is None


def test_what_is_wrong_makes_a_failure_page_and_is_escaped() -> None:
    """Nothing of a request becomes markup, and the page lets no script run."""
    with Listener(0, PATH, lambda params: f"<script>{params['error']}</script>") as listener:
        place = f"http://{HOST}:{listener.port}{PATH}?error=%3Cimg%20src=x%3E%22"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(place, timeout=30)
        page = caught.value.read().decode()
        assert caught.value.code == 400
        assert "The login failed" in page
        assert "&lt;script&gt;&lt;img src=x&gt;&quot;&lt;/script&gt;" in page
        assert caught.value.headers["content-security-policy"] == "default-src 'none'"
        assert caught.value.headers["cache-control"] == "no-store"
        assert listener.wait(30) == {"error": '<img src=x>"'}


def test_only_this_machine_reaches_it_and_only_to_read() -> None:
    """It is bound to 127.0.0.1, and takes no other method than GET."""
    with Listener(0, PATH, judge) as listener:
        request = urllib.request.Request(f"http://{HOST}:{listener.port}{PATH}?code=1", method="POST")
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        assert caught.value.code == 501
        assert listener.wait(0) is None
        assert listener._server.server_address[0] == HOST


def test_a_port_in_use_says_how_to_name_another() -> None:
    """The browser comes back to one port, so another program there is told of at once."""
    with (
        Listener(0, PATH, judge) as first,
        pytest.raises(Misuse, match=f"port {first.port}") as caught,
    ):
        Listener(first.port, PATH, judge)
    assert "redirect_port" in caught.value.hint


def test_a_request_that_never_ends_is_cut_and_blocks_nobody() -> None:
    """A request has its time as a whole, however slowly its bytes come; others are answered meanwhile."""
    with Listener(0, PATH, judge, seconds=0.3) as listener:
        slow = [socket.create_connection((HOST, listener.port)) for _ in range(MOST_AT_ONCE - 1)]
        for each in slow:
            each.sendall(b"GET /")
        assert fetch(listener.port, "/x")[0] == 404
        assert drips_until_cut(slow[0])
        assert fetch(listener.port, f"{PATH}?code=1")[0] == 200
        assert listener.wait(30) == {"code": "1"}
        for each in slow:
            each.close()


def test_a_request_that_cannot_be_read_decides_nothing() -> None:
    """Half an IPv6 address, or a thousand parameters, is nobody's login; the real one still counts."""
    with Listener(0, PATH, judge) as listener:
        many = "&".join(f"a{number}=1" for number in range(1000))
        assert fetch(listener.port, f"{PATH}?{many}")[0] == 404
        assert listener.answer("http://[::1/auth/callback?code=1")[0] == 404
        assert listener.answer(f"http://[::1{PATH}")[0] == 404
        assert fetch(listener.port, f"{PATH}?code=%ff")[0] == 200
        assert listener.wait(30) == {"code": "\ufffd"}


def test_the_port_is_free_again_at_once() -> None:
    """Whoever logs in a second time need not wait for the kernel to forget the first browser."""
    with Listener(0, PATH, judge) as first:
        port = first.port
        assert fetch(port, f"{PATH}?code=1")[0] == 200
    with Listener(port, PATH, judge) as second:
        assert fetch(second.port, f"{PATH}?code=2")[0] == 200


def test_closing_does_not_wait_for_who_says_nothing() -> None:
    """Two seconds are all that a page under way is given."""
    listener = Listener(0, PATH, judge, seconds=0.2)
    with socket.create_connection((HOST, listener.port)) as idle:
        idle.sendall(b"G")
        listener.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((HOST, listener.port), timeout=1).close()
