"""What a provider of another pool is in this config: its id, and the fields that say more than its preset."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from llmpool.config.presets import find_preset
from llmpool.config.problems import looks_secret
from llmpool.config.schema import PROVIDER
from llmpool.core.ids import is_provider_id
from llmpool.core.provider import Preset
from llmpool.importers.moved import Arrival, Left, name_of
from llmpool.net.address import canonical
from llmpool.registry.catalog import location
from llmpool.setup.provider_edit import problem

_BARE = Preset(id="", name="", format="", needs_key=False, priority=50)
_TABLES = ("headers", "rate_limit", "params")


class Fitted(NamedTuple):
    """A provider as it goes into the config; *id* is empty where it cannot, and *left* says why.

    *url* is where its keys are sent, whether the config says that or the preset.
    """

    id: str
    fields: dict[str, Any]
    url: str
    left: list[Left]


def fit(arrival: Arrival) -> Fitted:
    """Fit one provider in."""
    left: list[Left] = []
    name = arrival.id.strip()
    if not is_provider_id(name) or looks_secret(name):
        shown = (
            "a provider" if looks_secret(name) else f"provider {name_of(arrival.was or name) or '(no name)'}"
        )
        return _out(shown, "its id cannot name a provider: letters, digits, _ and -, 128 at most")
    said = dict(arrival.fields)
    preset = find_preset(str(said.get("preset") or name)) or _BARE
    target = preset.id if arrival.vendor and preset.id and "preset" not in said else name
    url = _url(said, preset, vendor=arrival.vendor)
    if not url and not preset.url:
        return _out(
            f"provider {name}", f"it has no address; with one: llmpool providers add {name} --url URL"
        )
    wrong = problem(PROVIDER["url"].kind, url) if url else None
    if wrong:
        return _out(f"provider {name}", f"its address: {wrong.message}")
    said["url"] = url
    fields = {
        field: value
        for field, value in _fitting(target, said, left)
        if not _goes_without_saying(field, said, target, preset)
    }
    if fields.get("format_mode") == "auto" and "format" not in fields:
        del fields["format_mode"]
    return Fitted(target, fields, url or preset.url, left)


def _out(what: str, why: str) -> Fitted:
    return Fitted("", {}, "", [Left(what, why)])


def _url(said: dict[str, Any], preset: Preset, *, vendor: bool) -> str:
    """Return the address to write; nothing where it is the preset's, however the other pool wrote it."""
    url = str(said.get("url") or "")
    if not preset.url or not url:
        return url
    same = _server(url) == _server(preset.url) if vendor else canonical(url) == canonical(preset.url)
    return "" if same else url


def _server(url: str) -> tuple[str, int | None]:
    """Return host and port; that of http or https is none, for vendors have both."""
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").lower(), None if parts.port in (80, 443) else parts.port
    except ValueError:
        return url, None


def _fitting(name: str, said: dict[str, Any], left: list[Left]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that the config takes; of a table those of its entries that it takes."""
    for field, value in said.items():
        if value in (None, "", [], {}):
            continue
        if field in _TABLES and isinstance(value, dict):
            parts = {key: each for key, each in value.items() if _taken(name, field, {key: each}, left, key)}
            if parts:
                yield field, parts
        elif _taken(name, field, value, left):
            yield field, value


def _taken(name: str, field: str, value: Any, left: list[Left], part: str = "") -> bool:
    """Say whether the config takes a value; where not, note why, and never the value."""
    wrong = problem(PROVIDER[field].kind, value)
    if wrong:
        where = f"{field} {name_of(part)}" if part else field
        left.append(Left(f"{name}: {where}", wrong.message))
    return wrong is None


def _goes_without_saying(field: str, said: dict[str, Any], name: str, preset: Preset) -> bool:
    """Tell whether the config says a thing already by the id or the preset."""
    value, url = said[field], str(said["url"])
    plain = {
        "name": (name, preset.name),
        "priority": (preset.priority,),
        "enabled": (True,),
        "location": (location(preset, url or preset.url),),
        "metadata": (preset.metadata or "dynamic",),
        "api_version": (preset.api_version,),
        "verify_tls": (True,),
    }
    if field == "format" and preset.format == value:
        return said.get("format_mode") != "pinned"
    if field == "alternate_urls":
        return not url and set(value) <= set(preset.alternate_urls)
    return value in plain.get(field, ())
