"""Proxies of the environment: which one a call goes through, and which setting cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from llmpool.core.hosts import is_near
from llmpool.net.address import UNREADABLE, host_of, is_loopback

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")  # the first that is set counts


class Via:
    """The proxy of one call, learnt from its trace; `target` is the host and port the call is for."""

    def __init__(self) -> None:
        self.proxy = ""  # its host:port, when there is one
        self.target = ("", 0)
        self.status = 0  # of the answer, as soon as it is known
        self._passed = False

    @property
    def ahead(self) -> str:
        """The proxy while it is the one that is spoken to; nothing once the call is past it."""
        return "" if self._passed else self.proxy

    def trace(self, event: str, info: dict[str, Any]) -> None:
        """Follow the call: what it connects to first may be a proxy, its own request is past that."""
        if event.endswith("connect_tcp.started"):
            host, port = info["host"], info["port"]
            self.proxy = "" if (host, port) == self.target else f"{_bracketed(host) or '?'}:{port}"
        elif event.endswith("start_tls.started") and not event.startswith("connection."):
            self._passed = True  # TLS with the target, through the tunnel
        elif event.endswith("send_request_headers.started") and info["request"].method != b"CONNECT":
            self._passed = True
        elif event.endswith("receive_response_headers.complete") and self._passed:
            self.status = info["return_value"][1]


def is_for(env: Mapping[str, str], scheme: str, host: str) -> bool:
    """Say whether a call may take a proxy of the environment.

    None does to this machine. What is for the own network does not leave it for a proxy elsewhere, which
    `--local-only` promises; one on this machine or network is a way of its owner's, as a tunnel home.
    """
    if is_loopback(host):
        return False
    proxies = {name.lower(): value for name, value in _proxies(env).items()}
    via = _host(proxies.get(f"{scheme}_proxy") or proxies.get("all_proxy", ""))
    return not is_near(host) or (via != "" and is_near(via))


def unusable(env: Mapping[str, str], works: Callable[[str], bool]) -> str:
    """Name the setting that keeps calls from being made; *works* tries a proxy's URL."""
    for variable, value in _proxies(env).items():
        url = value if "://" in value else f"http://{value}"
        if not works(url):
            socks = url.lower().startswith("socks")
            why = "no support for SOCKS is installed (httpx[socks])" if socks else "not a proxy's address"
            return f"the proxy that {variable} names{_shown(url)} cannot be used: {why}"
    named = next((variable for variable in CERTIFICATES if env.get(variable)), "")
    if named:
        return f"the certificates that {named} names cannot be used"
    return "the proxy or the certificates that the environment names cannot be used"


def _proxies(env: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy variables that are set; the lower-case spelling counts where both are."""
    found: dict[str, str] = {}
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        spelling = next((each for each in (name, name.upper()) if env.get(each)), "")
        if spelling:
            found[spelling] = env[spelling]
    return found


def _host(url: str) -> str:
    try:
        return urlsplit(url if "://" in url else f"http://{url}").hostname or ""
    except ValueError:
        return ""


def _shown(url: str) -> str:
    """Show scheme, host and port: user and password may stand beside them."""
    scheme, _, rest = url.partition("://")
    host = host_of(f"{scheme}://{rest.rpartition('@')[2]}")
    try:
        port = urlsplit(f"//{rest.rpartition('@')[2]}").port
    except ValueError:
        return ""
    return f" ({scheme}://{host if port else host.rpartition(':')[0]})" if host != UNREADABLE else ""


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
