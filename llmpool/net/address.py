"""Addresses as messages show them, and which of them are this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

UNREADABLE = "the address"
_THIS_MACHINE = ("localhost", "::1", "127.0.0.1")
_MAPPED = bytes(10) + b"\xff\xff"  # ahead of the four bytes of an IPv4 address
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
    """Whether *host* is this machine, however its number is written; such calls never take a proxy."""
    import socket

    if not host.isascii():
        from llmpool.core.hosts import dotted

        host = dotted(host)
    host = host.rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        if ":" not in host:
            return _is_here(socket.inet_aton(host))  # 0.0.0.0, 127.1 and 2130706433 lead here, too
        number = socket.inet_pton(socket.AF_INET6, host)
    except (OSError, ValueError):
        return False
    before, last = number[:12], number[12:]
    return (before == bytes(12) and last in (bytes(4), b"\0\0\0\1")) or (before == _MAPPED and _is_here(last))


def _is_here(number: bytes) -> bool:
    return number[0] == 127 or number == bytes(4)


def may_lead(here: str, there: str) -> bool:
    """Whether a redirect from one address to another is one to follow, for what carries no key."""
    try:
        before, after = urlsplit(here), urlsplit(there)
        inwards = _is_near(after.hostname or "") and not _is_near(before.hostname or "")
    except ValueError:
        return False
    return not inwards and after.scheme in ("https", before.scheme)


def _is_near(host: str) -> bool:
    """Whether *host* is this machine or one of this network, by its name or however its number is written."""
    import socket
    from ipaddress import ip_address

    from llmpool.core.hosts import dotted, is_near

    host = dotted(host).partition("%")[0].rstrip(".")
    if is_near(host):
        return True
    try:
        number = ip_address(host)
    except ValueError:
        try:
            number = ip_address(socket.inet_aton(host))  # 0x7f.1 and 2130706433 are numbers, too
        except (OSError, ValueError):
            return False
    number = getattr(number, "ipv4_mapped", None) or number
    return not number.is_global


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
