"""What a key or an address of another tool becomes here: which provider, and which lines of the config.

An address of a tool's own makes a provider of its own, `custom-TOOL`; without one, and where the address is
the vendor's, it is the vendor's preset (pool-ledger-credentials 7.6, 7.7).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llmpool.config import addresses
from llmpool.config.presets import find_preset, presets
from llmpool.core.ids import is_provider_id
from llmpool.core.provider import Preset
from llmpool.formats.base import shown
from llmpool.importers.found import Found, Wanted
from llmpool.net.address import canonical
from llmpool.registry.catalog import is_private
from llmpool.setup.provider_edit import problem

PRIORITY = 45  # of what came in from elsewhere: after vendors that their owner chose
_NAME = 80  # characters


class Target(NamedTuple):
    """The provider that a find becomes, its lines where it is new; or *why* it cannot be one."""

    provider: str = ""
    url: str = ""
    fields: tuple[tuple[str, Any], ...] = ()
    why: str = ""


def target(found: Found) -> Target:
    """Say what a find becomes."""
    if found.url:
        wrong = problem(addresses.url, found.url)
        if wrong:
            return Target(why=f"its address is none: {wrong.message}")
    vendor, home = find_preset(found.provider), _at(found.url)
    if home and (home.location == "cloud" or vendor is home):
        return Target(home.id, home.url, why=_keyless(found, home.url))
    if not found.url:
        return _vendors(found, vendor)
    return _own(found, vendor)._replace(why=_keyless(found, found.url))


def wanted(found: Found, aim: Target, label: str = "") -> Wanted:
    """Make the order for what a find becomes."""
    return Wanted(
        source=found.tool,
        provider=aim.provider,
        fields=aim.fields,
        label=label or found.label,
        key=found.key,
        key_env=found.key_env,
    )


def _vendors(found: Found, vendor: Preset | None) -> Target:
    """Return the preset that a key without an address is for."""
    if vendor is None or vendor.oauth:
        whose = f'"{shown(found.provider, 40)}"' if found.provider not in ("", "custom") else "it"
        return Target(why=f"no address, and {whose} is no vendor that llmpool knows")
    if not vendor.url:
        return Target(vendor.id, why=f"{vendor.name} has no address of its own, and none is set")
    return Target(vendor.id, vendor.url, why=_keyless(found, vendor.url))


def _own(found: Found, vendor: Preset | None) -> Target:
    """Return a provider with an address of its own; the tool's word for how it is spoken to is a guess."""
    url = found.url.rstrip("/")
    nearby = vendor if vendor and vendor.location == "local" else None
    name = found.wanted if is_provider_id(found.wanted) else nearby.id if nearby else f"custom-{found.tool}"
    if find_preset(name):
        name = f"{name}-{found.tool}"
    if nearby:
        kind: tuple[tuple[str, Any], ...] = (("preset", nearby.id),)
    else:
        kind = (("format", found.format or "openai"), ("format_mode", "auto"))
    title = shown(found.title, _NAME) or f"{found.tool} (Custom API)"
    sent = (("auth", found.auth),) if found.auth else ()
    return Target(name, url, (("name", title), *kind, ("url", url), *sent, ("priority", PRIORITY)))


def _at(url: str) -> Preset | None:
    """Return the vendor whose address *url* is."""
    same = canonical(url) if url else ""
    return next((row for row in presets().values() if same and canonical(row.url) == same), None)


def _keyless(found: Found, url: str) -> str:
    """Say that a key is missing, unless the server is nearby and may want none."""
    if found.key or found.key_env or (found.url and is_private(url)):
        return ""
    return "no key"
