"""Fetch a published document: with its entity tag, within bounds, and from a mirror if need be.

No key is sent along, so redirects are followed. What is fetched is read before it is believed: the last good
one stays until there is a better one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.times import rfc3339
from llmpool.core.wire import Answer, Call, Timeouts
from llmpool.net.address import host_of
from llmpool.net.client import Client
from llmpool.state.fetched import Download

SECONDS = 15.0  # for each address, whatever else the command may take
LONGEST_TAG = 256
# A file on GitHub is at two addresses: its own, and that of a mirror in front of it.
_RAW = re.compile(
    r"https://raw\.githubusercontent\.com/([^/]+)/([^/]+)/(?:refs/heads/)?([^/]+)/(.+)", re.IGNORECASE
)
_MIRROR = re.compile(r"https://cdn\.jsdelivr\.net/gh/([^/]+)/([^/@]+)@([^/]+)/(.+)", re.IGNORECASE)

D = TypeVar("D", bound=Download)


class Document(NamedTuple):
    """What is looked for: what it is called, how large it may be, and how its content is read.

    *read* raises UpstreamError for an answer that is none, and is given when (RFC 3339) it came.
    """

    called: str
    max_bytes: int
    read: Callable[[Answer, str], Any]


def addresses(url: str) -> list[str]:
    """List where to look for the document at *url*: there, and at its mirror when it is a file on GitHub."""
    if found := _RAW.fullmatch(url):
        owner, name, branch, path = found.groups()
        return [url, f"https://cdn.jsdelivr.net/gh/{owner}/{name}@{branch}/{path}"]
    if found := _MIRROR.fullmatch(url):
        return [url, "https://raw.githubusercontent.com/" + "/".join(found.groups())]
    return [url]


def latest(
    client: Client,
    document: Document,
    urls: list[str],
    known: D,
    make: Callable[[str, str, str, Any], D],
    *,
    now: float,
    timeout: float = SECONDS,
) -> D | str:
    """Return the document as it is at the first of *urls* that has it, or in words why none has.

    It is *known* itself where that is still the one there. Raises Refused offline.
    """
    faults = []
    for url in urls:
        try:
            return _fetched(client, document, url, known, make, now=now, seconds=min(timeout, SECONDS))
        except UpstreamError as error:
            faults.append(_fault(url, error.failure))
    return "; ".join(faults)


def _fault(url: str, failure: Failure) -> str:
    """Say what went wrong, and where: with a mirror there are two places."""
    host, words = host_of(url), failure.told
    return words if host in words else f"{host}: {words}"


def _fetched(
    client: Client,
    document: Document,
    url: str,
    known: D,
    make: Callable[[str, str, str, Any], D],
    *,
    now: float,
    seconds: float,
) -> D:
    """Return the document at *url*, or *known* itself when that is still the one there."""
    tag = known.etag if url == known.source_url else ""
    limits = Timeouts(connect=seconds, first_token=seconds, read=seconds, total=seconds)
    headers = (("accept", "application/json"), *((("if-none-match", tag),) if tag else ()))
    try:
        answer = client.fetch(
            Call(method="GET", url=url, headers=headers, timeouts=limits, max_bytes=document.max_bytes)
        )
    except UpstreamError as error:
        if tag and error.failure.status == 304:  # for the client no more than a redirect to nowhere
            return known
        raise
    if answer.status != 200:
        message = f"no {document.called} there"
        raise UpstreamError(Failure(kind="server", message=message, status=answer.status))
    fresh, at = _tag(answer), rfc3339(now)
    return known if tag and fresh == tag else make(fresh, at, url, document.read(answer, at))


def _tag(answer: Answer) -> str:
    """Return the entity tag of an answer, if it is one that can be sent back."""
    tag = answer.headers.get("etag", "").strip()
    return tag if len(tag) <= LONGEST_TAG and tag.isascii() and tag.isprintable() else ""
