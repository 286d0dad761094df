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

from llmpool.core.outcome import Failure
from llmpool.core.wire import Timeouts

WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EHOSTUNREACH: "no route to host",
    errno.ENETUNREACH: "network unreachable",
    errno.ETIMEDOUT: "connection timed out",
    errno.EPIPE: "connection closed by the server",
}
NOT_ALLOWED = "the key or a header contains a character HTTP does not allow"


class Phase(NamedTuple):
    """How far a call had come: connecting, waiting for the answer, or reading it."""

    name: str  # "connect" | "wait" | "read"
    expired: str = ""  # the limit that shut the connection, if one did


def failure_of(error: Exception, host: str, phase: Phase, timeouts: Timeouts) -> Failure:
    """Turn whatever ended a call to *host* into a Failure."""
    names = {cls.__name__ for cls in type(error).__mro__}
    if phase.expired or "TimeoutException" in names:
        return timeout_failure(host, phase.expired or _limit(names, phase, timeouts), timeouts)
    kind, words = _kind_and_words(error, names, phase)
    return Failure(kind=kind, message=f"{host}: {words}")


def timeout_failure(host: str, limit: str, timeouts: Timeouts) -> Failure:
    """Say which limit was passed, and how many seconds it is."""
    seconds: float = getattr(timeouts, limit) or 0.0
    words = {
        "connect": f"could not connect within {seconds:g} s",
        "first_token": f"no answer within {seconds:g} s",
        "read": f"fell silent for {seconds:g} s in the middle of its answer",
        "total": f"not finished within {seconds:g} s",
    }
    return Failure(kind="timeout", message=f"{host}: {words[limit]}", code=f"{limit}_timeout")


def _limit(names: set[str], phase: Phase, timeouts: Timeouts) -> str:
    limit = "connect" if "ConnectTimeout" in names else "read" if phase.name == "read" else "first_token"
    total = timeouts.total
    return "total" if total is not None and total <= getattr(timeouts, limit) else limit


def _kind_and_words(error: Exception, names: set[str], phase: Phase) -> tuple[str, str]:
    if "UnsupportedProtocol" in names or "InvalidURL" in names:
        return "bad_request", "not an address HTTP can reach"
    if "ProxyError" in names:
        return "connect", "the proxy refused the connection"
    if "RemoteProtocolError" in names:
        return _protocol_words(error, phase)
    if "ConnectError" in names:
        return "connect", os_words(error) or "could not connect"
    if "NetworkError" in names or "OSError" in names:
        middle = "" if phase.name != "read" else " in the middle of its answer"
        return "broken", (os_words(error) or "the connection broke") + middle
    return "bad_request", NOT_ALLOWED  # LocalProtocolError, UnicodeError: h11 or httpx would not send it


def _protocol_words(error: Exception, phase: Phase) -> tuple[str, str]:
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
