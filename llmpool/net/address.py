"""Addresses as messages show them, and which of them are this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

UNREADABLE = "the address"
_THIS_MACHINE = ("localhost", "::1", "127.0.0.1")
_PORTS = {"http": 80, "https": 443}


def host_of(url: str) -> str:
    """Return `host:port` of *url*, the only part of an address that messages show."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return UNREADABLE
    shown = "".join(c for c in host if c.isprintable() and c != " ") or "?"
    named = f"[{shown}]" if ":" in shown else shown
    return f"{named}:{port or (80 if parts.scheme == 'http' else 443)}"


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine; such calls never take a proxy."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    octets = host.split(".")
    return host == "::1" or (len(octets) == 4 and octets[0] == "127" and all(map(_is_octet, octets)))


def _is_octet(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) < 256


def canonical(url: str) -> str:
    """Reduce an address to what tells servers apart: case, default port, last slash, `/v1`, names of here.

    What is no address stays as it is.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return url
    host = "127.0.0.1" if host in _THIS_MACHINE else host
    path = parts.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return f"{parts.scheme}://{host}:{port or _PORTS.get(parts.scheme, 0)}{path}"
