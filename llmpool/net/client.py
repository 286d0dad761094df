"""Sends Calls: the only import of httpx, and the only way llmpool reaches a network.

Every call has a connection of its own. One kept from an earlier call may have been closed by the server in
between, which looks like a failure of the provider; and a connection that was not watched from its start
cannot be shut when the time is up. `connection: close` says so to the server, and holds the library to it:
without that a thread may be given another's connection in the moment before it is closed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit
from weakref import WeakSet

from llmpool import __version__
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Answer, Call, Timeouts
from llmpool.errors import offline_forbids
from llmpool.net.address import UNREADABLE, host_of, may_lead
from llmpool.net.deadline import Deadline
from llmpool.net.faults import NOT_ALLOWED, Phase, failure_of, given_up, proxy_failure, redirect_failure
from llmpool.net.proxy import Via, is_for, unusable
from llmpool.net.reply import Sent, StreamReply

if TYPE_CHECKING:
    import ssl
    from types import ModuleType

    import httpx

T = TypeVar("T")
Trace = Callable[[str, dict[str, Any]], None]


class Client:
    """Sends calls until it is closed; threads may share one."""

    def __init__(self, *, offline: bool = False) -> None:
        self._offline = offline
        self._lock = threading.Lock()
        self._made: dict[tuple[bool, bool], httpx.Client] = {}
        self._under_way: WeakSet[Deadline] = WeakSet()
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection; calls under way in other threads end at once, later ones never begin."""
        with self._lock:
            self._closed = True
            made, self._made = self._made, {}
            under_way = tuple(self._under_way)
        for deadline in under_way:
            deadline.give_up()
        for client in made.values():
            client.close()

    def send(self, call: Call) -> Answer:
        """Return the whole answer to *call*, whatever its status; raise UpstreamError when there is none."""
        with self.open_stream(call) as reply:
            return reply.read()

    def fetch(
        self, call: Call, hops: int = 5, *, within: Callable[[str], bool] = lambda _url: True
    ) -> Answer:
        """Return the answer to *call*, which carries no key, wherever redirects lead; five at most.

        None is followed from TLS to plain HTTP, or from elsewhere to this machine or network: whoever sends
        us there could change the answer, or have us ask a server that he cannot reach himself. Nor is one
        that leads out of what is *within* reach. Raises UpstreamError for such a redirect, and where there is
        no answer.
        """
        from urllib.parse import urljoin

        with self._open(call) as reply:
            place = reply.headers.get("location", "")
            if not (300 <= reply.status < 400 and place and hops):
                _refuse_redirect(reply)
                return reply.read()
            following = urljoin(call.url, place)
            if not (may_lead(call.url, following) and within(following)):
                _refuse_redirect(reply)
        return self.fetch(call.replace(url=following), hops - 1, within=within)

    def open_stream(self, call: Call, sent: Callable[[], object] | None = None) -> StreamReply:
        """Send *call* and return as soon as the status is known; a redirect is refused.

        *sent* is called when all of it has left, before anything comes back.
        """
        reply = self._open(call, sent)
        _refuse_redirect(reply)
        return reply

    def _open(self, call: Call, sent: Callable[[], object] | None = None) -> StreamReply:
        host = host_of(call.url)
        if self._offline:
            raise offline_forbids(f"the network ({host})")
        _check_headers(call, host)
        deadline = self._watched(call, host)
        try:
            response = self._respond(call, host, deadline, sent)
        except BaseException:
            deadline.stop()
            raise
        timeouts = call.timeouts
        response.request.extensions["timeout"]["read"] = _at_most(timeouts.read, timeouts.total)
        return StreamReply(call, host, Sent(response, deadline, _wire_errors()))

    def run(self, flow: Generator[Call, Answer, T], within: float | None = None) -> T:
        """Send what *flow* asks for, one call after the other, and return what it makes of the answers.

        All of them together may take *within* seconds; each call has its own limits besides.
        """
        end = None if within is None else time.monotonic() + within
        try:
            call = next(flow)
            while True:
                try:
                    answer = self.send(call if end is None else _shortened(call, end))
                except UpstreamError as error:
                    call = flow.throw(error)
                else:
                    call = flow.send(answer)
        except StopIteration as done:
            result: T = done.value
            return result

    def _watched(self, call: Call, host: str) -> Deadline:
        """Start the clock of *call*, and remember it for whoever closes this client meanwhile."""
        with self._lock:
            if self._closed:
                raise UpstreamError(given_up(host))
            deadline = Deadline(call.timeouts)
            self._under_way.add(deadline)
        return deadline

    def _respond(
        self, call: Call, host: str, deadline: Deadline, sent: Callable[[], object] | None
    ) -> httpx.Response:
        client, via = self._client_for(call, host), Via()
        try:
            trace = _both(deadline.trace, via.trace)
            trace = trace if sent is None else _both(trace, _when_sent(sent))
            extensions = {"timeout": _limits(call.timeouts), "trace": trace}
            request = client.build_request(
                call.method, call.url, headers=_headers(call), content=call.body, extensions=extensions
            )
            via.target = _target(request.url)
            response = client.send(request, stream=True)
        except _wire_errors() as error:
            failure = failure_of(error, host, Phase("wait", deadline.expired, via.ahead), call.timeouts)
            if 300 <= via.status < 400 and not deadline.expired:  # the library cannot read where it leads
                failure = redirect_failure(host, via.status)
        except RuntimeError:
            if not self._closed:
                raise
            failure = given_up(host)  # closed by another thread in this very moment
        else:
            if not (via.proxy and response.status_code == 407):
                return response
            response.close()
            failure = proxy_failure(host, via.proxy)
        raise UpstreamError(failure)  # out here: the library's own error quotes headers

    def _client_for(self, call: Call, host: str) -> httpx.Client:
        """Return the client for this kind of address; one for `http://` loads no certificates."""
        if host == UNREADABLE:
            raise UpstreamError(Failure(kind="bad_request", message=f"{host}: not an address HTTP can reach"))
        parts = urlsplit(call.url)
        unverified = parts.scheme == "http" or not call.verify_tls
        direct = not is_for(os.environ, parts.scheme, parts.hostname or "")
        with self._lock:
            client = self._made.get((unverified, direct))
            if client is None:
                client = self._made[unverified, direct] = _new_client(unverified, direct, host)
        return client


def _httpx() -> ModuleType:
    """Import httpx without its command line, which would load click, rich and pygments where they exist."""
    if "httpx" not in sys.modules:
        sys.modules["httpx._main"] = None  # type: ignore[assignment]
    import httpx

    if sys.modules.get("httpx._main", httpx) is None:
        del sys.modules["httpx._main"]
    return httpx


def _new_client(unverified: bool, direct: bool, host: str) -> httpx.Client:
    from http.cookiejar import CookieJar, DefaultCookiePolicy

    library = _httpx()
    try:
        client: httpx.Client = library.Client(
            verify=tls_context(verified=not unverified),
            trust_env=not direct,
            follow_redirects=False,
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            limits=library.Limits(max_connections=None, max_keepalive_connections=0),
            headers={"user-agent": f"llmpool/{__version__}", "connection": "close"},
        )
    except _settings_errors():  # a SOCKS proxy asks for a package, SSL_CERT_FILE may name no file
        words = unusable(os.environ, _works)
        raise UpstreamError(Failure(kind="connect", message=f"{host}: {words}")) from None
    return client


def tls_context(*, verified: bool) -> ssl.SSLContext:
    """Make what TLS is spoken with: 1.2 at least, though some builds of Python leave that to the system."""
    import ssl

    context: ssl.SSLContext = _httpx().create_ssl_context(verify=verified)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _works(proxy: str) -> bool:
    """Whether a client can be made that uses *proxy*."""
    library = _httpx()
    try:
        library.HTTPTransport(proxy=proxy, verify=library.create_ssl_context(verify=False)).close()
    except _settings_errors():
        return False
    return True


def _target(url: httpx.URL) -> tuple[str, int]:
    """Return host and port as httpx will connect to them when there is no proxy."""
    return url.raw_host.decode("ascii"), url.port or (80 if url.scheme == "http" else 443)


def _both(first: Trace, second: Trace) -> Trace:
    def trace(event: str, info: dict[str, Any]) -> None:
        first(event, info)
        second(event, info)

    return trace


def _when_sent(sent: Callable[[], object]) -> Trace:
    def trace(event: str, _info: dict[str, Any]) -> None:
        if event.endswith("send_request_body.complete"):
            sent()

    return trace


def _wire_errors() -> tuple[type[Exception], ...]:
    library = _httpx()
    return (library.HTTPError, library.InvalidURL, library.StreamError, OSError, ValueError)


def _settings_errors() -> tuple[type[Exception], ...]:
    return (*_wire_errors(), ImportError)


def _shortened(call: Call, end: float) -> Call:
    """Give *call* what is left until *end*, and a moment at least, so that it fails as any late call does."""
    left = max(0.05, end - time.monotonic())
    return call.replace(timeouts=call.timeouts._replace(total=_at_most(left, call.timeouts.total)))


def _limits(timeouts: Timeouts) -> dict[str, float]:
    wait = _at_most(timeouts.first_token, timeouts.total)
    connect = _at_most(timeouts.connect, timeouts.total)
    return {
        "connect": connect,
        "read": wait,
        "write": _at_most(timeouts.read, timeouts.total),
        "pool": connect,
    }


def _at_most(seconds: float, total: float | None) -> float:
    return seconds if total is None else min(seconds, total)


def _headers(call: Call) -> list[tuple[str, str]]:
    """Add what bodies may be packed with: nothing for a stream, whose events would wait for each other."""
    own = [("accept-encoding", "gzip" if call.framing == "json" else "identity")]
    return own + list(call.headers)


def _check_headers(call: Call, host: str) -> None:
    for name, value in call.headers:
        whole = name + value.replace("\t", " ")
        if not (name and whole.isascii() and whole.isprintable() and value == value.strip()):
            raise UpstreamError(Failure(kind="bad_request", message=f"{host}: {NOT_ALLOWED}"))


def _refuse_redirect(reply: StreamReply) -> None:
    """Stop at a redirect: a key never travels to a host its owner did not name."""
    if not 300 <= reply.status < 400:
        return
    reply.close()
    place = reply.headers.get("location", "")
    raise UpstreamError(redirect_failure(reply.host, reply.status, host_of(place) if "//" in place else ""))
