"""The proxy that a tool runs on this machine: find it, ask it what it has (pool-ledger-credentials 7.2)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from llmpool.config import addresses
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Answer, Call, Timeouts
from llmpool.errors import Misuse, UpstreamFailed, offline_forbids
from llmpool.formats.base import mapping, parse_body, usable_name
from llmpool.importers.found import Found, Tool, Wanted
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.setup.import_targets import PRIORITY
from llmpool.setup.provider_edit import problem

_LIMITS = Timeouts(connect=2.0, first_token=2.0, read=2.0, total=2.0)
_LISTING = Timeouts(connect=2.0, first_token=10.0, read=10.0, total=10.0)
_LET_IN = (200, 401)  # who asks for a key is there as well


class Proxy(NamedTuple):
    """A proxy that answers: its address, how many models it lists, and whether it wanted the tool's key."""

    url: str
    models: int
    keyed: bool


def order(pool: Pool, tool: Tool, found: Found | None, label: str = "") -> tuple[Wanted, Proxy]:
    """Find the proxy of a tool and make the order for a provider of it.

    Raises Misuse for one that is elsewhere, Refused offline, UpstreamFailed where none answers.
    """
    if pool.offline:
        raise offline_forbids(f"asking for the proxy of {tool.name}")
    key = (found.key or pool.env.get(found.key_env, "").strip()) if found else ""
    with Client() as client:
        proxy = connect(client, _address(client, tool, found), key)
    fields = (
        ("name", f"{tool.id} (its proxy on this machine)"),
        ("format", tool.format),
        ("format_mode", "auto"),
        ("url", proxy.url),
        ("optional", True),  # it is there while the tool runs
        ("priority", PRIORITY),
    )
    named = found.key_env if found and proxy.keyed else ""
    return Wanted(
        source=tool.id,
        provider=f"custom-{tool.id}",
        fields=fields,
        label=label or f"Imported from {tool.id}",
        key=key if proxy.keyed and not named else "",
        key_env=named,
    ), proxy


def _address(client: Client, tool: Tool, found: Found | None) -> str:
    """Return the address that the tool's settings name, else that of the first port where one answers."""
    named = found.proxy if found else ""
    if not named:
        return _probed(client, tool)
    wrong = problem(addresses.url, named)
    if wrong or not _is_here(urlsplit(named).hostname or ""):
        raise Misuse(
            f"the proxy in the settings of {tool.name} is not on this machine",
            hint=f"llmpool providers import {tool.id}    takes an address elsewhere with its key",
        )
    return named


def _is_here(host: str) -> bool:
    """Whether a host is this machine: `127.0.0.1.example` is a name of somebody else's."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _probed(client: Client, tool: Tool) -> str:
    for port in tool.ports:
        url = f"http://127.0.0.1:{port}/v1"
        if _status(client, f"{url}/models") in _LET_IN:
            return url
    ports = ", ".join(map(str, tool.ports)) or "none"
    raise UpstreamFailed(f"no proxy of {tool.name} answers on this machine (ports tried: {ports})")


def _status(client: Client, url: str) -> int:
    try:
        return client.send(Call(method="GET", url=url, timeouts=_LIMITS)).status
    except UpstreamError:
        return 0


def connect(client: Client, url: str, key: str) -> Proxy:
    """Ask a proxy what it has: without a key first, then as a bearer token, then as x-api-key."""
    place = url.removesuffix("/")
    keyed = False
    for headers in _ways_in(key):
        keyed = bool(headers)
        answer = _asked(client, f"{place}/models", headers)
        if answer.status not in (401, 403):
            break
    if answer.status != 200:
        raise UpstreamFailed(f"the proxy at {place} answered {answer.status} when asked for its models")
    return Proxy(place, _count(answer), keyed)


def _ways_in(key: str) -> Iterator[tuple[tuple[str, str], ...]]:
    yield ()
    if key:
        yield (("authorization", f"Bearer {key}"),)
        yield (("x-api-key", key),)


def _asked(client: Client, url: str, headers: tuple[tuple[str, str], ...]) -> Answer:
    try:
        return client.send(Call(method="GET", url=url, headers=headers, timeouts=_LISTING))
    except UpstreamError as error:
        raise UpstreamFailed(f"no proxy answers at {url}: {error.failure.message}") from None


def _count(answer: Answer) -> int:
    """Count the models in an answer."""
    try:
        listed = mapping(parse_body(answer)).get("data")
    except UpstreamError:
        return 0
    rows = listed if isinstance(listed, list) else []
    return sum(usable_name(mapping(row).get("id")) for row in rows)
