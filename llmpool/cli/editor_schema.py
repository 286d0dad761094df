"""The JSON schema of `config.toml` for editors: what reads the config, with the words of its man page."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from llmpool.cli.configwords import SHARED, TABLES, TEMPLATES, TOP
from llmpool.cli.keywords import Key, Table
from llmpool.cli.providerwords import KEY
from llmpool.config.schema import CONFIG, OAUTH_TYPES
from llmpool.core.config import Budget, Config, Profile, ProviderTable, Routing
from llmpool.core.deployment import DeclaredModel
from llmpool.core.provider import KeyRef, RateLimit
from llmpool.core.record import Record

DRAFT = "http://json-schema.org/draft-07/schema#"
RECORDS: Mapping[str, type[Record]] = {
    "": Config,
    "routing": Routing,
    "providers": ProviderTable,
    "models": DeclaredModel,
    "profiles": Profile,
    "budgets": Budget,
    "usage": Config,
    "key": KeyRef,
    "rate_limit": RateLimit,
}
KEY_TABLES = ("key", "keys", "client_secret")
TEXT = "The config of llmpool: providers, models, routing, budgets. See the man page llmpool.toml(5)."
ID = "^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$"


def schema() -> dict[str, Any]:
    """Return the whole schema."""
    made: dict[str, Any] = json.loads(json.dumps(CONFIG.schema))  # kinds share theirs; here each has its own
    _describe(made, "", TOP)
    for name, words in TABLES.items():
        node = made["properties"][name]
        node["description"] = _plain(words.about)
        _describe(inside(node), name, words)
    _tighten(made["properties"])
    head = {"$schema": DRAFT, "title": "llmpool config.toml", "description": _plain(TEXT)}
    return head | made


def document() -> str:
    """Write the schema as the file that is shipped."""
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


def inside(node: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of one table: of an array, of named tables, or of the one there is."""
    found: dict[str, Any] = node.get("items") or node
    if isinstance(node.get("additionalProperties"), dict):
        found = node["additionalProperties"]
    return found


def described(node: dict[str, Any], words: Table) -> Iterator[tuple[str, dict[str, Any], Key]]:
    """Go through the keys of a table that are no tables of their own; each has its words."""
    own = node.get("properties", {})
    for name, inner in own.items() if words is not TOP else _single(own):
        if name not in words.keys:
            msg = f"no sentence tells what the key {name} means: write it in configwords or providerwords"
            raise LookupError(msg)
        yield name, inner, words.keys[name]


def _single(own: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, inner) for name, inner in own.items() if name not in TABLES)


def default_of(table: str, name: str) -> Any:
    """Return the default of a key that a record has; None where that is nobody's or not fixed."""
    record = RECORDS.get(table)
    found = record.__record_defaults__.get(name) if record else None
    return None if isinstance(found, (Record, tuple)) or found == "" else found


def written_default(table: str, name: str, node: dict[str, Any]) -> Any:
    """Return a default as the file would have it: a duration with its unit."""
    found = default_of(table, name)
    if isinstance(found, float) and node.get("type") == "string":
        return _duration(found)
    return found


def _duration(seconds: float) -> str:
    for unit, length, least in (("d", 86400, 1), ("h", 3600, 1), ("m", 60, 5)):
        if not seconds % length and seconds >= length * least:
            return f"{int(seconds // length)}{unit}"
    return f"{seconds:g}s"


def _describe(node: dict[str, Any], table: str, words: Table) -> None:
    for name, inner, key in described(node, words):
        default = written_default(table, name, inner) if not key.default else None
        told = f" Default: {key.default}." if key.default else ""
        inner["description"] = _plain(key.about + told)
        if default is not None:
            inner["default"] = default
        inner["examples"] = [example(key)]
        if name in SHARED:
            _describe(inner, name, SHARED[name])
        if name in KEY_TABLES:
            _describe(inside(inner), "key", KEY)


def example(key: Key) -> Any:
    """Read the example of a key as JSON has it."""
    return tomllib.loads(f"value = {key.example}")["value"]


def _tighten(tables: dict[str, Any]) -> None:
    """Say what the readers check beside the form of each value."""
    provider, oauth = inside(tables["providers"]), inside(tables["oauth"])
    tables["providers"]["propertyNames"] = {"pattern": ID}
    tables["oauth"]["propertyNames"] = {"enum": list(OAUTH_TYPES)}
    provider["not"] = {"required": ["key", "keys"]}
    provider["properties"]["params"]["properties"]["thinking"] |= {
        "anyOf": [
            {"enum": ["off", "low", "medium", "high"]},
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": "^0*[1-9][0-9]{0,8}$"},
        ]
    }
    for each in oauth["properties"]["client_id"]["anyOf"]:
        if "properties" in each:
            _describe(each, "key", KEY)
    tables["templates"]["examples"] = [tomllib.loads(TEMPLATES.example)["templates"]]


def _plain(words: str) -> str:
    return " ".join(words.split())
