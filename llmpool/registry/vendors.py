"""What a downloaded catalog may change of a preset (pool-routing-formats 3.3, 12, under rulings 5 and 7).

Whoever writes a catalog could otherwise have an owner's key sent to a server of theirs, so an address counts
only where it is on the host the preset names itself, by the same scheme and port; the page to get a key at
likewise. Formats change only among those that talk to that address alone. Where a provider runs is for
preset, address and owner to say (ruling 5), and whether it is listed for the owner alone (ruling 7): a
catalog's `location` and `metadata_mode` are read by nobody. It cannot add vendors either.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from llmpool.core.provider import Preset
from llmpool.registry.official import Official, Override

_AT_THEIR_ADDRESS = ("openai", "responses", "anthropic", "google", "ollama", "lmstudio")  # and nowhere else


def amended(presets: Mapping[str, Preset], official: Official) -> Mapping[str, Preset]:
    """Return the presets with what the catalog says of them, as far as it may."""
    changed = {
        name: _amended(presets[name], said) for name, said in official.providers.items() if name in presets
    }
    return {**presets, **changed}


def foreign(presets: Mapping[str, Preset], official: Official) -> list[str]:
    """Name the addresses that a catalog gives for known vendors on hosts of others; they are not used."""
    return [
        f"{name}: {url}"
        for name, said in official.providers.items()
        if name in presets and (url := said.base_url) and not _same_host(url, presets[name].url)
    ]


def _amended(preset: Preset, said: Override) -> Preset:
    return preset.replace(
        url=_base(preset, said.base_url or ""),
        format=_format(preset, said.api_format or ""),
        website=_there(said.website, preset.website),
        key_page=_there(said.api_key_url, preset.key_page),
    )


def _format(preset: Preset, told: str) -> str:
    """Return the format to use: another one only where neither calls elsewhere."""
    return told if {told, preset.format} <= set(_AT_THEIR_ADDRESS) else preset.format


def _base(preset: Preset, url: str) -> str:
    """Return the address to use; catalogs leave a `/v1` to be guessed that presets write out."""
    path = url.rstrip("/")
    if not _same_host(url, preset.url) or preset.url.rstrip("/") in (path, f"{path}/v1"):
        return preset.url
    return path


def _there(url: str | None, known: str) -> str:
    return url if url and _same_host(url, known) else known


def _same_host(url: str, known: str) -> bool:
    """Whether two addresses are one server; what cannot be read, or says who asks, is none."""
    try:
        one, other = urlsplit(url), urlsplit(known)
        ports = (one.port, other.port)
    except ValueError:
        return False
    named = bool(one.hostname) and one.username is None and one.password is None
    same = (one.scheme, one.hostname) == (other.scheme, other.hostname)
    return named and same and ports[0] == ports[1] and not (one.query or one.fragment or "\\" in url)
