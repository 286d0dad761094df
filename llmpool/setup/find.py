"""Find what a person already has: key variables and servers; spends no tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from llmpool.config import addresses
from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import Preset
from llmpool.core.wire import Call, Target, Timeouts
from llmpool.discovery import listing
from llmpool.formats import urls
from llmpool.net.address import canonical, host_of
from llmpool.net.client import Client
from llmpool.registry.catalog import is_private
from llmpool.setup.provider_edit import problem

_LIMITS = Timeouts(connect=1.0, first_token=3.0, read=3.0, total=4.0)
_SECONDS = 8.0
_NATIVE = {"ollama": "ollama", "lmstudio": "lmstudio"}  # a format that only one program speaks -> its preset


class KeyFound(NamedTuple):
    """A key variable that is set, the preset it belongs to, and the address it is for if not the vendor's."""

    preset: Preset
    variable: str
    url: str = ""


class Place(NamedTuple):
    """Where a server may be: the preset to call it when unsure, its URL, and the variable that names it."""

    preset: str
    url: str
    variable: str = ""


class ServerFound(NamedTuple):
    """A server that answered: its preset if it is a known program, its address, and how many models it lists.

    *format* is empty where the listing does not settle it: then it is detected when it is used.
    """

    preset: str
    url: str
    models: int
    format: str = ""


def keys(env: Mapping[str, str], presets: Mapping[str, Preset]) -> list[KeyFound]:
    """List the presets whose key variable is set, a variable once.

    Only names that say API key count: tokens for code hosting and model hubs are set for other reasons, and
    nobody asked to have them sent to a chat endpoint. A key beside a variable with an address is that
    server's: the vendor never gets it.
    """
    found: dict[str, KeyFound] = {}
    for preset in presets.values():
        names = (name for name in preset.env if name.endswith("_KEY") and env.get(name, "").strip())
        variable = next(names, "")
        if variable and preset.url and preset.location == "cloud" and not preset.oauth:
            found.setdefault(variable, KeyFound(preset, variable, _elsewhere(env, preset)))
    return [key for key in found.values() if not (key.url and problem(addresses.url, key.url))]


def _elsewhere(env: Mapping[str, str], preset: Preset) -> str:
    """Return the address that variables name instead of a preset's own."""
    url = next((place.url for place in _named(env, {preset.id: preset})), "")
    return "" if not url or canonical(url) == canonical(preset.url) else url


def places(env: Mapping[str, str], presets: Mapping[str, Preset]) -> list[Place]:
    """List where to look for servers: what variables name, then the loopback ports of presets.

    An address with a secret in it is left out: no provider may have it.
    """
    named = [place for place in _named(env, presets) if not _has_secret(place.url)]
    ports = [Place(p.id, f"http://127.0.0.1:{p.port}") for p in presets.values() if p.port]
    once = {canonical(place.url): place for place in reversed([*named, *ports])}
    return [place for place in (*named, *ports) if once.get(canonical(place.url)) is place]


def unspeakable(env: Mapping[str, str], presets: Mapping[str, Preset]) -> list[tuple[Place, str]]:
    """List what variables name with a secret in it, each without that, and why it is not asked."""
    why = "it has a user, a password or a query in it, which no address here may have; set it without"
    found = [place for place in _named(env, presets) if _has_secret(place.url)]
    return [(place._replace(url=host_of(place.url)), why) for place in found]


def _named(env: Mapping[str, str], presets: Mapping[str, Preset]) -> list[Place]:
    return [
        Place(preset.id, _http(env[name].strip(), preset.port), name)
        for preset in presets.values()
        for name in preset.url_env
        if env.get(name, "").strip()
    ]


def _has_secret(url: str) -> bool:
    """Say whether an address may have a secret in it: ahead of its host, or behind its path."""
    return "@" in url.partition("://")[2].partition("/")[0] or "?" in url or "#" in url


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


def server(client: Client, url: str, guess: str = "", key: str = "") -> ServerFound | str:
    """Ask what answers at *url*, or say why nothing does; *guess* is what to call it when unsure."""
    root = urls.root_of(url)
    target = Target(provider="", url=url.rstrip("/"), key=key, timeouts=_LIMITS)
    try:
        found = listing.first_that_answers(client, target, nearby=is_private(url), seconds=_SECONDS)
    except UpstreamError as error:
        return error.failure.message
    models = len(found.listing.models)
    if found.format != "openai":
        return ServerFound(_NATIVE.get(found.format, ""), root, models, found.format)
    base = found.listing.base or urls.openai_base(url, exact=False)
    guess = "" if guess in _NATIVE else guess  # whatever a variable calls it, it does not speak so
    return ServerFound(_kind(client, root) or guess, base, models)


def by_asking(client: Client, url: str, key: str) -> ServerFound | None:
    """Find out what a server that lists nothing speaks by asking it; costs a few tokens where it answers."""
    from llmpool.discovery.detect import detect

    found = detect(client, Target(provider="", url=url.rstrip("/"), key=key, timeouts=_LIMITS))
    hit = any(score for _, score in found.scores)
    return ServerFound("", found.url or url.rstrip("/"), 0, found.format) if hit else None


def _kind(client: Client, root: str) -> str:
    """Tell a llama.cpp server by the page only it has."""
    try:
        answer = client.send(Call(method="GET", url=f"{root}/props", timeouts=_LIMITS))
    except UpstreamError:
        return ""  # whatever this path says or does not say, only a good answer means something
    return "llamacpp" if answer.status == 200 and answer.body.lstrip()[:1] == b"{" else ""
