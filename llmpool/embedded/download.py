"""Download a model file from a URL, going on where an earlier try broke off."""

from __future__ import annotations

import hashlib
import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from llmpool.embedded import write_private
from llmpool.embedded.part import Pull
from llmpool.errors import Misuse, UpstreamFailed

PATIENCE = 30.0  # seconds without a byte


def public_url(url: str) -> str:
    """Return *url* without what may be secret in it: its query and its user."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the address"
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def fetch_url(pull: Pull, url: str) -> None:
    """Download *url* into the unfinished file of *pull*; raises Misuse for an unsafe URL, UpstreamFailed."""
    _check_url(url)
    notes = _read_notes(pull, url)
    done = pull.part.stat().st_size if notes else 0
    if done and done == notes["length"]:
        return  # an earlier pull was killed after its last byte
    try:
        answer = _open(url, done, notes)
        with answer:
            _receive(pull, url, answer, done, notes)
    except (
        http.client.HTTPException,
        urllib.error.URLError,
        TimeoutError,
        ConnectionError,
        ssl.SSLError,
        ValueError,  # where a redirect leads may be nothing that can be asked for
    ) as error:
        reason = getattr(error, "reason", "") or error
        msg = f"{public_url(url)} could not be downloaded: {reason}"
        raise UpstreamFailed(msg, hint="try again; what came so far is kept") from None


def _check_url(url: str) -> None:
    """Refuse a URL whose answer anybody on the way could change, or that carries a password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        raise Misuse("that is no URL", hint="https://HOST/PATH, or --from FILE") from None
    if "@" in parts.netloc:
        raise Misuse("a URL with a user or a password in it is not accepted", hint="leave them out")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return
    msg = f"{public_url(url)} is not an https: URL"
    raise Misuse(msg, hint="download it yourself, check it, and use --from FILE")


def _is_loopback(host: str) -> bool:
    """Whether *host* is this machine; no name is looked up."""
    import ipaddress

    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects under the rules of the first URL."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        """Check where the server sends us; from TLS never to one without it, not even on this machine."""
        request, url = arguments[0], arguments[-1]
        _check_url(url)
        if request.full_url.startswith("https:") and not url.startswith("https:"):
            msg = f"{public_url(request.full_url)} leads to {public_url(url)}, which is not an https: URL"
            raise Misuse(msg, hint="download it yourself, check it, and use --from FILE")
        return super().redirect_request(*arguments)


def _open(url: str, done: int, notes: dict[str, Any]) -> http.client.HTTPResponse:
    """Send the request, for the rest alone when some of it is here."""
    headers = {"User-Agent": "llmpool", "Accept-Encoding": "identity"}
    if done:
        headers |= {"Range": f"bytes={done}-", "If-Range": notes["validator"]}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - checked: https, or loopback
    proxies: dict[str, str] | None = {} if url.startswith("http:") else None  # None: the user's
    opener = urllib.request.build_opener(_Redirects, urllib.request.ProxyHandler(proxies))
    try:
        answer: http.client.HTTPResponse = opener.open(request, timeout=PATIENCE)
    except urllib.error.HTTPError as error:
        if error.code != 416 or not done:
            raise
        return _open(url, 0, {})  # the file has become shorter: from the start
    return answer


def _receive(
    pull: Pull, url: str, answer: http.client.HTTPResponse, done: int, notes: dict[str, Any]
) -> None:
    """Write an answer: the rest, or the whole when the server sends that."""
    if answer.status != 206 or not _continues(answer, done, notes):
        if answer.status == 206:
            pull.discard()
            msg = f"{public_url(url)} changed while it was being downloaded"
            raise UpstreamFailed(msg, hint="pull it again")
        done = 0
    total = done + answer.length if answer.length is not None else 0
    pull.check_space(total - done if total else 0)
    if not done:
        pull.discard()
        _write_notes(pull, url, answer, total)
    pull.write(answer, total, done=done)
    came = pull.part.stat().st_size
    if total and came != total:
        msg = f"{public_url(url)} broke off after {came} of {total} bytes"
        raise UpstreamFailed(msg, hint="pull it again: it goes on from there")


def _continues(answer: http.client.HTTPResponse, done: int, notes: dict[str, Any]) -> bool:
    """Whether a partial answer begins where the unfinished file ends, and is of the same file."""
    length = notes.get("length", 0)
    return bool(done) and answer.headers.get("Content-Range") == f"bytes {done}-{length - 1}/{length}"


def _read_notes(pull: Pull, url: str) -> dict[str, Any]:
    """Return what is known of the unfinished file when it comes from *url*, else nothing."""
    if not (pull.part.exists() and pull.notes.exists()):
        return {}
    try:
        notes: dict[str, Any] = json.loads(pull.notes.read_bytes())
        known = notes["url"] == _fingerprint(url) and type(notes["validator"]) is str
        return notes if known and type(notes["length"]) is int else {}
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}  # nobody's notes: it is fetched from the start


def _write_notes(pull: Pull, url: str, answer: http.client.HTTPResponse, total: int) -> None:
    """Note how to tell later that the file at *url* is still the same; without that it is not resumed."""
    etag = answer.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")
    if validator and total:
        notes = {"url": _fingerprint(url), "validator": validator, "length": total}
        write_private(pull.notes, json.dumps(notes).encode())


def _fingerprint(url: str) -> str:
    """Return what recognises a URL without keeping it: its query may be a secret."""
    return hashlib.sha256(url.encode()).hexdigest()
