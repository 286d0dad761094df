"""Find what a person already has: key variables and servers; spends no tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import Preset
from llmpool.core.wire import Answer, Call, Target, Timeouts
from llmpool.formats import FORMATS, wire_format
from llmpool.net.client import Client

_LIMITS = Timeouts(connect=1.0, first_token=3.0, read=3.0, total=4.0)

# A path only one kind of server answers, tried in this order; the OpenAI-compatible side is what is used.
_SIGNS = (("ollama", "/api/version"), ("lmstudio", "/api/v0/models"), ("llamacpp", "/props"))


class KeyFound(NamedTuple):
    """A key variable that is set, and the preset it belongs to."""

    preset: Preset
    variable: str
    usable: bool


class Place(NamedTuple):
    """Where a server may be: the preset to call it when unsure, its URL, and the variable that names it."""

    preset: str
    url: str
    variable: str = ""


class ServerFound(NamedTuple):
    """A server that answered: what it is, where its OpenAI-compatible side starts, and what it lists."""

    preset: str
    url: str
    models: int


def keys(env: Mapping[str, str], presets: Mapping[str, Preset]) -> list[KeyFound]:
    """List the presets whose key variable is set, a variable once.

    Only names that say API key count: tokens for code hosting and model hubs are set for other reasons, and
    nobody asked to have them sent to a chat endpoint.
    """
    found: dict[str, KeyFound] = {}
    for preset in presets.values():
        names = (name for name in preset.env if name.endswith("_KEY") and env.get(name, "").strip())
        variable = next(names, "")
        if variable and preset.url and preset.location == "cloud" and not preset.oauth:
            usable = preset.format in FORMATS or bool(preset.openai_path)
            found.setdefault(variable, KeyFound(preset, variable, usable))
    return list(found.values())


def places(env: Mapping[str, str], presets: Mapping[str, Preset]) -> list[Place]:
    """List where to look for servers: what variables name, then the loopback ports of presets."""
    named = [
        Place(preset.id, _http(env[name].strip(), preset.port), name)
        for preset in presets.values()
        for name in preset.url_env
        if env.get(name, "").strip()
    ]
    ports = [Place(p.id, f"http://127.0.0.1:{p.port}") for p in presets.values() if p.port]
    once = {same_server(place.url): place for place in reversed([*named, *ports])}
    return [place for place in (*named, *ports) if once.get(same_server(place.url)) is place]


def same_server(url: str) -> str:
    """Reduce a URL to what tells servers apart: this machine has several names, `/v1` is no other place."""
    scheme, _, rest = url.rstrip("/").removesuffix("/v1").partition("://")
    for name in ("localhost", "[::1]"):
        rest = "127.0.0.1" + rest.removeprefix(name) if rest.startswith(name) else rest
    return f"{scheme}://{rest}"


def _http(value: str, port: int) -> str:
    """Read an address as people put it into OLLAMA_HOST: a URL, host:port, or a host alone."""
    text = value if "://" in value else f"http://{value}"
    scheme, _, rest = text.rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    host = host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - a server's bind address is not where to call it
    if ":" not in host.rpartition("]")[2] and port and scheme == "http":
        host = f"{host}:{port}"
    return f"{scheme}://{host}{slash}{path}"


def servers(client: Client, wanted: list[Place]) -> list[tuple[Place, ServerFound | str]]:
    """Ask all places side by side; each gets what was found there, or why nothing was."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=max(1, len(wanted))) as threads:
        found = threads.map(lambda place: server(client, place.url, place.preset), wanted)
        return list(zip(wanted, found, strict=True))


def server(client: Client, url: str, guess: str = "") -> ServerFound | str:
    """Ask what answers at *url*, or say why nothing does; *guess* is what to call it when unsure."""
    root, why = url.rstrip("/").removesuffix("/v1"), ""
    for base in dict.fromkeys((f"{root}/v1", url.rstrip("/"))):
        try:
            target = Target(provider="", url=base, timeouts=_LIMITS)
            listing = client.run(wire_format("openai").list_models(target))
        except UpstreamError as error:
            why = why or error.failure.message
            if error.failure.kind in ("connect", "timeout", "bad_request"):
                break
            continue
        return ServerFound(_kind(client, root) or guess, base, len(listing.models))
    return why


def _kind(client: Client, root: str) -> str:
    for preset, path in _SIGNS:
        answer = _get(client, root + path)
        if answer is not None and answer.status == 200 and answer.body.lstrip()[:1] == b"{":
            return preset
    return ""


def _get(client: Client, url: str) -> Answer | None:
    try:
        return client.send(Call(method="GET", url=url, timeouts=_LIMITS))
    except UpstreamError:
        return None  # whatever this path says or does not say, only a good answer means something
