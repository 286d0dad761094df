"""Thane: `config.yaml` and the decisions in its databases (catalog-registry-router 1.1-1.5, 4.3, 4.5)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from llmpool.errors import Misuse
from llmpool.formats.base import mapping
from llmpool.importers import files, thane_models, thane_policies, yaml_subset
from llmpool.importers.files import Unreadable
from llmpool.importers.found import first_text
from llmpool.importers.moved import Arrival, Gathering, Moved, given, names
from llmpool.registry.catalog import is_private

SOURCE = "thane"
CONFIGS = ("config.yaml", "config.yml", "config.json")
_OLLAMA = "http://localhost:11434"  # its default where nothing is configured
_PROVIDERS = {
    "ollama": {"preset": "ollama"},
    "lmstudio": {"preset": "lmstudio"},
    "anthropic": {"preset": "anthropic"},
    "openai_compat": {"format": "openai"},
}
_READ = ("url", "provider", "api_key", "idle_ttl_seconds", "stream_idle_timeout")
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)", re.ASCII)
_HINT = "name its config.yaml, the directory of that, or its database"


def read(place: Path, env: Mapping[str, str]) -> Moved:
    """Read its config and what was decided about its models; raises Misuse where nothing is there."""
    gathering = Gathering()
    config = _config(place)
    if config is None and not place.is_dir() and not place.is_file():
        raise Misuse(f"{place} does not exist", hint=_HINT)
    content = _content(config) if config else {}
    if config:
        gathering.files.append(str(config))
        if not isinstance(content.get("models"), dict):
            raise Misuse(f"{config} is no config of Thane: it has no models", hint=_HINT)
    said = mapping(content.get("models"))
    kinds = _named_providers(said, content, env, gathering) if config else {}
    ids = thane_models.gather(said, kinds, gathering)
    rest(content, gathering)
    data = first_text(content.get("data_dir")) or "db"
    thane_policies.gather(place, config.parent / data if config else None, ids, gathering)
    if not gathering.files:
        raise Misuse(f"nothing of Thane is in {place}", hint=_HINT)
    return gathering.moved(SOURCE)


def _config(place: Path) -> Path | None:
    if place.is_dir():
        return next((place / name for name in CONFIGS if (place / name).is_file()), None)
    return place if place.suffix in (".yaml", ".yml", ".json") and place.is_file() else None


def _content(path: Path) -> dict[str, Any]:
    """Read the config; JSON is YAML as well."""
    text = files.text(path)
    try:
        return mapping(json.loads(text))
    except (ValueError, RecursionError):
        pass
    try:
        return mapping(yaml_subset.parse(text))
    except yaml_subset.NotYaml as error:
        raise Unreadable(f"{path} cannot be read as YAML: {error}") from None


def _named_providers(
    said: dict[str, Any], content: dict[str, Any], env: Mapping[str, str], gathering: Gathering
) -> dict[str, str]:
    """Take what it calls resources as providers; return which kind each of them is."""
    kinds: dict[str, str] = {}
    anthropic = first_text(mapping(content.get("anthropic")).get("api_key"))
    for name, value in _listed(said, env).items():
        entry = mapping(value)
        kind = (first_text(entry.get("provider")) or "ollama").lower()
        if kind not in _PROVIDERS:
            gathering.leave(f"provider {name}", f"Thane has no client for {kind} either")
            continue
        kinds[name] = kind
        key = anthropic if kind == "anthropic" else first_text(entry.get("api_key"))
        url = "" if kind == "anthropic" else _expanded(first_text(entry.get("url")), env)
        fields = {"url": url} | _PROVIDERS[kind] | _waits(name, entry, gathering)
        if kind == "openai_compat" and is_private(url):
            fields["location"] = "local"  # Thane counts what costs nothing as local
        if name == fields.get("preset"):
            fields.pop("preset")
        gathering.providers[name] = Arrival(
            id=name, fields=given(fields), keys=gathering.keys(name, key), vendor=kind == "anthropic"
        )
        for field in sorted(entry.keys() - set(_READ)):
            gathering.leave(f"{name}: {field}", "no setting of a provider here")
    if anthropic and "anthropic" in kinds and "anthropic" not in kinds.values():
        gathering.leave("key of anthropic", f"anthropic is a server of {kinds['anthropic']} there")
    elif anthropic and "anthropic" not in kinds.values():
        kinds["anthropic"] = "anthropic"
        keys = gathering.keys("anthropic", anthropic)
        gathering.providers["anthropic"] = Arrival(id="anthropic", keys=keys, vendor=True)
    return kinds


def _listed(said: dict[str, Any], env: Mapping[str, str]) -> dict[str, Any]:
    """Return what it has by name; without anything, the one that its shorthand means."""
    found = mapping(said.get("resources"))
    if found:
        return found
    return {"default": {"url": _expanded(first_text(said.get("ollama_url")), env) or _OLLAMA}}


def _waits(name: str, entry: dict[str, Any], gathering: Gathering) -> dict[str, str]:
    """Read how long models stay loaded, and how long a stream may be silent."""
    found = {}
    idle = thane_models.number(entry.get("idle_ttl_seconds"))
    if idle:
        found["idle_ttl"] = f"{idle}s"
    silence = first_text(entry.get("stream_idle_timeout"))
    if silence and silence != "0":
        parts = _PART.findall(silence)
        if "".join(number + unit for number, unit in parts) != silence:
            gathering.leave(f"{name}: stream_idle_timeout", "no length of time")
        else:
            seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
            found["read_timeout"] = (
                f"{max(round(seconds * 1000), 1)}ms" if seconds % 1 else f"{int(seconds)}s"
            )
    return found


def _expanded(text: str, env: Mapping[str, str]) -> str:
    """Put variables into an address, as Thane does; one that is not set leaves nothing."""
    return _VARIABLE.sub(lambda found: env.get(found[1] or found[2], ""), text)


def rest(content: dict[str, Any], gathering: Gathering) -> None:
    """Name the parts of the config that are not about models."""
    other = content.keys() - {"models", "anthropic", "data_dir"}
    if other:
        gathering.leave(f"settings of {names(other)}", "not about providers or models")
