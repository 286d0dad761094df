"""The key and the address that a tool's own settings name, wherever in them tools put such things."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.formats.base import mapping
from llmpool.importers.found import Found, Tool, first_text, key_of, variable_of, vendor_of

_KEYS = ("api_key", "apiKey", "key", "anthropic_api_key", "openai_api_key")
_URLS = ("base_url", "api_base_url", "apiBaseUrl")
_PROXIES = ("proxy_url", "base_url", "api_url")


def settings(tool: Tool, path: Path, content: dict[str, Any], inner: dict[str, Any] | None = None) -> Found:
    """Return what *content* says of a tool; *inner* is a second place in it to look, under the same names."""
    further = inner or {}
    named = ((name, first_text(place.get(name))) for place in (content, further) for name in _KEYS)
    field, given = next(((name, value) for name, value in named if value), ("", ""))
    return Found(
        tool=tool.id,
        name=tool.name,
        source="config",
        path=str(path),
        provider=vendor_of(field, given) or tool.bare or tool.provider,
        url=first_text(*(place.get(name) for place in (content, further) for name in _URLS)),
        format=tool.format,
        key=key_of(given),
        key_env=variable_of(given),
        label=f"Imported from {tool.id}",
        proxy=first_text(*(content.get(name) for name in _PROXIES)),
    )


def anthropic_part(content: dict[str, Any]) -> dict[str, Any]:
    """Return `providers.anthropic` of settings, where they have it."""
    return mapping(mapping(content.get("providers")).get("anthropic"))
