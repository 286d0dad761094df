"""Readers of what goes onto the wire: URLs and headers."""

# mypy: disable-error-code="func-returns-value"
# `return spot.fault(...)` notes the problem and leaves with None in one line.

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urlsplit

from llmpool.config.keys import VARIABLE, variable
from llmpool.config.problems import Spot, escaped, looks_secret
from llmpool.config.values import Kind, array, has_controls, unfit
from llmpool.core.wire import SECRET_WORDS

_HOST = re.compile(r"[\w.-]+|[0-9a-fA-F:.]+(%[\w.-]+)?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_EXAMPLE = 'write it as "https://host/v1"'
_ELSEWHERE = 'leave it off; a key\'s variable is named by key = { env = "NAME" }, or --key-env NAME'
_CLIENTS_WAY = 'these headers only name your client; its secret goes into client_secret = { env = "NAME" }'
_HEADER_EXAMPLE = 'write it as "X-Team" = "search", or "X-Team" = { env = "NAME" }'
# They have a word of secrets in them by chance: names of gateways and tunnels that are no secret.
_HARMLESS = re.compile("portkey|bypass")


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
        return (
            "a user name or password in the URL is a secret",
            _ELSEWHERE,
        )
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


class Headers(NamedTuple):
    """The headers of a provider: as they are sent, and those whose values are in variables."""

    plain: tuple[tuple[str, str], ...] = ()
    env: tuple[tuple[str, str], ...] = ()


def _headers(value: object, spot: Spot) -> Headers | None:
    """Read a provider's headers; what looks like a secret has to come from a variable."""
    if not isinstance(value, dict):
        return unfit(value, "a table of headers", spot)
    named = {name: item["env"] for name, item in value.items() if _is_reference(item, spot.at(name))}
    literal = {name: item for name, item in value.items() if not isinstance(item, dict)}
    for name, content in literal.items():
        if isinstance(content, str) and _is_secret(name, content):
            _refuse_secret(name, spot.at(name))
    _read_pairs({name: literal.get(name, "") for name in value}, spot)  # a name is one, wherever its value is
    return Headers(tuple(literal.items()), tuple(named.items()))


def _is_reference(item: object, spot: Spot) -> bool:
    """Say whether a header's value is `{ env = "NAME" }`; any other table is a problem."""
    if not isinstance(item, dict):
        return False
    if set(item) != {"env"}:
        spot.fault("the value of a header is text or the name of a variable", _HEADER_EXAMPLE)
        return False
    return variable(item["env"], spot.at("env")) is not None


def _is_secret(name: str, content: str) -> bool:
    """Say whether a header keeps a secret, by its name or by the shape of its value."""
    telling = _HARMLESS.sub("", name.lower())
    return bool(content.strip()) and (any(word in telling for word in SECRET_WORDS) or looks_secret(content))


def _refuse_secret(name: str, spot: Spot) -> None:
    shown = name if _HEADER_NAME.fullmatch(name) and not looks_secret(name) else "NAME"
    way = f'write headers = {{ {shown} = {{ env = "NAME" }} }}, or name a key: key = {{ env = "NAME" }}'
    spot.fault("a secret in the clear is refused", way)


def _read_pairs(value: object, spot: Spot) -> tuple[tuple[str, str], ...] | None:
    """Read a table of headers; their values may be secrets and are never repeated."""
    if not isinstance(value, dict):
        return unfit(value, "a table of headers", spot)
    found: dict[str, tuple[str, str]] = {}
    for name, content in value.items():
        fault = _header_fault(name, content)
        if not fault and name.lower() in found:
            fault = f"the header is given twice, as {found[name.lower()][0]} too"
        if fault:
            spot.at(name).fault(fault, _HEADER_EXAMPLE)
        else:
            found[name.lower()] = (name, content)
    return tuple(found.values())


def _public_pairs(value: object, spot: Spot) -> tuple[tuple[str, str], ...] | None:
    """Read headers that name a client and keep no secret."""
    if isinstance(value, dict):
        for name, content in value.items():
            if isinstance(content, str) and _is_secret(name, content):
                spot.at(name).fault("a secret in the clear is refused", _CLIENTS_WAY)
    return _read_pairs(value, spot)


def _header_fault(name: str, content: Any) -> str:
    if not _HEADER_NAME.fullmatch(name):
        return f'"{escaped(name)}" cannot name a header'
    if not isinstance(content, str):
        return "the value of a header is text"
    if has_controls(content) or not content.isascii():
        return "the value contains control or non-ASCII characters"
    return "the value begins or ends with a space" if content != content.strip() else ""


_PLAIN: dict[str, Any] = {"type": "string"}
_REFERENCE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"env": {"type": "string", "pattern": VARIABLE, "description": "the variable with it"}},
    "required": ["env"],
}
headers = Kind(_headers, {"type": "object", "additionalProperties": {"anyOf": [_PLAIN, _REFERENCE]}})
plain_headers = Kind(_public_pairs, {"type": "object", "additionalProperties": _PLAIN})
