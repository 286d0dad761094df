"""Readers of what goes onto the wire: URLs and headers."""

# mypy: disable-error-code="func-returns-value"
# `return spot.fault(...)` notes the problem and leaves with None in one line.

from __future__ import annotations

import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from llmpool.config.problems import Spot, escaped, looks_secret
from llmpool.config.values import Kind, array, has_controls, unfit

_HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+(%[\w.-]+)?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_EXAMPLE = 'write it as "https://host/v1"'


def _url(value: object, spot: Spot) -> str | None:
    if not isinstance(value, str):
        return unfit(value, "a URL", spot, _EXAMPLE)
    if has_controls(value) or value != value.strip() or " " in value:
        return spot.fault("the URL contains spaces or control characters", "remove them")
    try:
        parts = urlsplit(value)
        fault = _url_fault(parts, parts.port)
    except ValueError:  # a port out of range, half an IPv6 address
        fault = ("is not a valid URL", _EXAMPLE)
    return spot.fault(*fault) if fault else value


def _url_fault(parts: SplitResult, port: int | None) -> tuple[str, str] | None:
    """Find the first thing wrong with a URL. It may hold a password, so it is repeated only in part."""
    if "@" in parts.netloc:
        return "a user name or password in the URL is a secret", "move it to key or to a header"
    if parts.scheme not in ("http", "https"):
        return "the URL has to start with http:// or https://", _EXAMPLE
    host = parts.hostname or ""
    if not host or port == 0:
        return "the URL has no host", "an unset variable? " + _EXAMPLE
    if "$" in parts.netloc + parts.path or "{" in parts.netloc + parts.path:
        return "the URL contains a variable, and variables are not expanded here", _EXAMPLE
    if not _HOST.fullmatch(host):
        return "the host of the URL has characters no host has", _EXAMPLE
    if "//" in parts.path:
        return "the path of the URL contains //", "an unset variable? write each / once"
    if parts.query or parts.fragment:
        return "the URL ends in a query or a fragment", "leave off everything from ? or #"
    return ("the URL contains what looks like a key", "remove it") if looks_secret(parts.path) else None


url = Kind(_url, {"type": "string", "pattern": "^https?://[^/]+"})
urls = array(url, 'an array of URLs, such as ["https://host/v1"]')


def _headers(value: object, spot: Spot) -> tuple[tuple[str, str], ...] | None:
    """Read a table of headers; their values may be secrets and are never repeated."""
    if not isinstance(value, dict):
        return unfit(value, "a table of headers", spot)
    found: dict[str, tuple[str, str]] = {}
    for name, content in value.items():
        fault = _header_fault(name, content)
        if not fault and name.lower() in found:
            fault = f"the header is given twice, as {found[name.lower()][0]} too"
        if fault:
            spot.at(name).fault(fault, 'write it as "X-Team" = "search"')
        else:
            found[name.lower()] = (name, content)
    return tuple(found.values())


def _header_fault(name: str, content: Any) -> str:
    if not _HEADER_NAME.fullmatch(name):
        return f'"{escaped(name)}" cannot name a header'
    if not isinstance(content, str):
        return "the value of a header is text"
    if has_controls(content) or not content.isascii():
        return "the value contains control or non-ASCII characters"
    return "the value begins or ends with a space" if content != content.strip() else ""


headers = Kind(_headers, {"type": "object", "additionalProperties": {"type": "string"}})
