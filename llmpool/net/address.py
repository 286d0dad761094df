"""Addresses as messages show them, and which of them are this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

UNREADABLE = "the address"


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
    return host in {"localhost", "::1"} or host.endswith(".localhost") or host.startswith("127.")
