"""Read a compiled routing document back: the only part of the registry that hot commands load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from llmpool.core.config import Group, Profile, Routing
from llmpool.core.provider import KeyRef, Params, Provider, RateLimit
from llmpool.core.routing import RoutingRow, RoutingTable


def table(document: Mapping[str, Any]) -> RoutingTable:
    """Read a routing document back as the router's table."""
    return RoutingTable(
        generation=document["generation"],
        providers=tuple(document["providers"]),
        rows=list(map(RoutingRow._make, document["rows"])),
        aliases=document["aliases"],
        default_model=document["default_model"],
        recovery_model=document["recovery_model"],
        local_first=document["local_first"],
        routing=Routing(**_tupled(document["routing"])),
        profiles=tuple(Profile(**_tupled(p)) for p in document["profiles"]),
        groups=tuple(Group(**_tupled(g)) for g in document["groups"]),
        dear=document["dear"],
    )


def provider(entry: Mapping[str, Any]) -> Provider:
    """Read a provider of a routing document back as a record."""
    values = _tupled({name: value for name, value in entry.items() if name in Provider.__record_fields__})
    values["keys"] = tuple(KeyRef(**_tupled(key)) for key in entry["keys"])
    values["params"] = Params(**entry["params"])
    values["rate_limit"] = RateLimit(**entry["rate_limit"]) if entry["rate_limit"] else None
    return Provider(**values)


def labels(
    entry: Mapping[str, Any], env: Mapping[str, str], accounts: Mapping[str, list[str]] = MappingProxyType({})
) -> list[str]:
    """Name the keys of a provider, as `credentials.keys_of` does: `none` where it needs none."""
    if entry["keys"]:
        return [key["label"] for key in entry["keys"] if key["enabled"]]
    if entry.get("oauth"):
        return accounts.get(entry["id"]) or ["none"]
    return [name for name in entry["key_env"] if env.get(name)][:1] or ["none"]


def keyless(entries: Iterable[Mapping[str, Any]], env: Mapping[str, str]) -> dict[str, str]:
    """Name the providers that have no usable key, as far as the environment alone can tell."""
    missing = {}
    for entry in entries:
        names = [key["env"] for key in entry["keys"] if key["enabled"]] if entry["keys"] else entry["key_env"]
        wanted = entry["keys"] or (entry["needs_key"] and not entry.get("oauth"))
        if wanted and all(names) and not any(env.get(name) for name in names):
            fact = f"{' or '.join(names)} is not set" if names else "every key is disabled"
            missing[entry["id"]] = f"no key: {fact}"
        unset = [variable for _, variable in entry["header_env"] if not env.get(variable)]
        if unset:
            missing[entry["id"]] = f"no key: {unset[0]} is not set"
    return missing


def _tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the lists of a JSON object into tuples, pairs of pairs included."""
    return {name: _tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _tuple(value: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(item) if isinstance(item, list) else item for item in value)
