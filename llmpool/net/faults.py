"""What httpx, h11, TLS and the operating system complain about, in plain words and as a Failure.

Classes are known by name, so that this module loads nothing. Texts of the libraries are never passed on:
they quote headers and URLs, and a key may be in either.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import NamedTuple

from llmpool.core.outcome import Failure, FailureKind
from llmpool.core.wire import Timeouts
from llmpool.net.deadline import GIVEN_UP, KEPT_ALIVE, PATIENCE

WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EPIPE: "connection closed by the server",
}
LIMITS = {"ConnectTimeout": "connect", "WriteTimeout": "write"}
NOT_ALLOWED = "the key or a header contains a character HTTP does not allow"


class Phase(NamedTuple):
    """How far a call had come: waiting for the answer, or reading it."""

    name: str  # "wait" | "read"
    expired: str = ""  # the limit that shut the connection, if one did
    proxy: str = ""  # the proxy that was spoken to, when the call had not come past it


def failure_of(error: Exception, host: str, phase: Phase, timeouts: Timeouts) -> Failure:
    """Turn whatever ended a call to *host* into a Failure."""
    names = {cls.__name__ for cls in type(error).__mro__}
    if phase.expired or "TimeoutException" in names:
        limit = phase.expired or _limit(names, phase, timeouts)
        return timeout_failure(host, limit, timeouts, phase.proxy)
    kind, words = _kind_and_words(error, names, phase)
    if phase.proxy:
        return Failure(kind="connect", message=_told(host, words, phase.proxy))
    return Failure(kind=kind, message=_told(host, words))


def _told(host: str, words: str, proxy: str = "") -> str:
    """Say who did it: a proxy that is in the way is not the host it stands before."""
    return f"proxy {proxy}: {words} (for {host})" if proxy else f"{host}: {words}"


def given_up(host: str) -> Failure:
    """Say that the call was ended from here."""
    return Failure(kind="cancelled", message=f"{host}: the call was given up")


def proxy_failure(host: str, proxy: str) -> Failure:
    """Say that *proxy* passes no call on for somebody it does not know."""
    return Failure(kind="connect", message=_told(host, _proxy_words("407"), proxy))


def redirect_failure(host: str, status: int, there: str = "") -> Failure:
    """Say that *host* sends calls to another place, where none goes."""
    to = f" to {there}" if there else ""
    message = f"{host}: answered with a redirect{to} (status {status}), which is not followed"
    return Failure(kind="wrong_format", message=message, status=status, code="redirect")


def timeout_failure(host: str, limit: str, timeouts: Timeouts, proxy: str = "") -> Failure:
    """Say which limit was passed, and how many seconds it is."""
    if limit == GIVEN_UP:
        return given_up(host)
    seconds = round(_seconds(timeouts, limit), 1)  # what is left of a longer limit is no round figure
    words = {
        "connect": f"could not connect within {seconds:g} s",
        "write": f"did not take the request within {seconds:g} s",
        "first_token": f"no answer within {seconds:g} s",
        KEPT_ALIVE: f"only kept the connection alive for {seconds:g} s",
        "read": f"fell silent for {seconds:g} s in the middle of its answer",
        "total": f"not finished within {seconds:g} s",
    }
    return Failure(kind="timeout", message=_told(host, words[limit], proxy), code=f"{limit}_timeout")


def _limit(names: set[str], phase: Phase, timeouts: Timeouts) -> str:
    limit = "read" if phase.name == "read" else "first_token"
    limit = next((LIMITS[name] for name in LIMITS if name in names), limit)
    return "total" if timeouts.total is not None and timeouts.total <= _seconds(timeouts, limit) else limit


def _seconds(timeouts: Timeouts, limit: str) -> float:
    """Return the seconds of *limit*; a pause in sending may be as long as one in reading."""
    if limit == KEPT_ALIVE:
        return PATIENCE * timeouts.first_token
    return getattr(timeouts, "read" if limit == "write" else limit) or 0.0


def _kind_and_words(error: Exception, names: set[str], phase: Phase) -> tuple[FailureKind, str]:
    if "UnsupportedProtocol" in names or "InvalidURL" in names:
        return "bad_request", "not an address HTTP can reach"
    if "ProxyError" in names:
        return "connect", _proxy_words(str(error)[:3])
    if "RemoteProtocolError" in names:
        return _protocol_words(error, phase)
    if "ConnectError" in names:
        return "connect", os_words(error) or "could not connect"
    if "NetworkError" in names or "OSError" in names:
        middle = "" if phase.name != "read" else " in the middle of its answer"
        return "broken", (os_words(error) or "the connection broke") + middle
    return "bad_request", NOT_ALLOWED  # LocalProtocolError, UnicodeError: h11 or httpx would not send it


def _proxy_words(status: str) -> str:
    """Say how a proxy refuses; *status* may be no number."""
    words = "asks for a user and a password" if status == "407" else "refused to connect"
    return f"{words} (status {status})" if status.isdecimal() else words


def _protocol_words(error: Exception, phase: Phase) -> tuple[FailureKind, str]:
    if any(getattr(cause, "error_status_hint", 0) == 431 for cause in _causes(error)):
        return "wrong_format", "sent more headers than anyone needs"
    text = str(error)
    if phase.name == "read" or "isconnected" in text or "peer closed" in text:
        where = "in the middle of its answer" if phase.name == "read" else "before answering"
        return "broken", f"closed the connection {where}"
    return "wrong_format", "did not answer in HTTP"


def os_words(error: BaseException) -> str:
    """Say what the operating system or TLS said, found among the causes of *error*."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"TLS certificate not trusted: {cause.verify_message or 'unknown reason'}"
        if isinstance(cause, ssl.SSLError):
            return "TLS failed: " + (cause.reason or "no reason given").replace("_", " ").lower()
        if isinstance(cause, socket.gaierror):
            return "the name could not be looked up" if cause.errno == socket.EAI_AGAIN else "no such host"
        if isinstance(cause, OSError) and cause.errno is not None:
            return WORDS.get(cause.errno) or (cause.strerror or "the connection broke").lower()
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield *error*, what caused it, and so on; a loop ends it."""
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__
