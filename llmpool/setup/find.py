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
    supported: bool


class ServerFound(NamedTuple):
    """A server that answered: what it is, where its OpenAI-compatible side starts, and what it lists."""

    preset: str
    url: str
    models: int


def keys(env: Mapping[str, str], presets: Mapping[str, Preset]) -> list[KeyFound]:
    """List the presets whose key variable is set; only the first variable of each counts."""
    found = []
    for preset in presets.values():
        variable = next((name for name in preset.env if env.get(name, "").strip()), "")
        if variable and preset.url and preset.location == "cloud" and not preset.oauth:
            found.append(KeyFound(preset, variable, preset.format in FORMATS))
    shared: set[str] = set()
    return [key for key in found if not (key.variable in shared or shared.add(key.variable))]  # type: ignore[func-returns-value]


def addresses(env: Mapping[str, str], presets: Mapping[str, Preset]) -> list[tuple[str, str]]:
    """List where to look for servers: (preset, URL) from variables, then the loopback ports of presets."""
    found: dict[str, str] = {}
    for preset in presets.values():
        for name in preset.url_env:
            if value := env.get(name, "").strip():
                found.setdefault(_http(value, preset.port), preset.id)
    for preset in presets.values():
        if preset.port:
            found.setdefault(f"http://127.0.0.1:{preset.port}", preset.id)
    return [(preset, url) for url, preset in found.items()]


def _http(value: str, port: int) -> str:
    """Read an address as people put it into OLLAMA_HOST: a URL, host:port, or a host alone."""
    text = value if "://" in value else f"http://{value}"
    scheme, _, rest = text.rstrip("/").partition("://")
    host, slash, path = rest.partition("/")
    host = host.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - a server's bind address is not where to call it
    if ":" not in host.rpartition("]")[2] and port and scheme == "http":
        host = f"{host}:{port}"
    return f"{scheme}://{host}{slash}{path}"


def server(client: Client, url: str, guess: str = "") -> ServerFound | None:
    """Ask what answers at *url*; None when nothing does. *guess* is the preset to call it when unsure."""
    root = url.rstrip("/").removesuffix("/v1")
    for base in dict.fromkeys((f"{root}/v1", url.rstrip("/"))):
        try:
            target = Target(provider="", url=base, timeouts=_LIMITS)
            listing = client.run(wire_format("openai").list_models(target))
        except UpstreamError as error:
            if error.failure.kind in ("connect", "timeout"):
                return None
            continue
        return ServerFound(_kind(client, root) or guess, base, len(listing.models))
    return None


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
