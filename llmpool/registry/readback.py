"""Read a compiled routing document back: the only part of the registry that hot commands load."""

from __future__ import annotations

from collections.abc import Mapping
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
    )


def provider(entry: Mapping[str, Any]) -> Provider:
    """Read a provider of a routing document back as a record."""
    values = _tupled({name: value for name, value in entry.items() if name in Provider.__record_fields__})
    values["keys"] = tuple(KeyRef(**_tupled(key)) for key in entry["keys"])
    values["params"] = Params(**entry["params"])
    values["rate_limit"] = RateLimit(**entry["rate_limit"]) if entry["rate_limit"] else None
    return Provider(**values)


def _tupled(values: Mapping[str, Any]) -> dict[str, Any]:
    """Turn the lists of a JSON object into tuples, pairs of pairs included."""
    return {name: _tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def _tuple(value: list[Any]) -> tuple[Any, ...]:
    return tuple(_tuple(item) if isinstance(item, list) else item for item in value)
