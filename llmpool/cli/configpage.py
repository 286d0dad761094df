"""The man page llmpool.toml(5): every table and key of the config, then the files beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from llmpool.cli import statewords
from llmpool.cli.configwords import HEADINGS, SHARED, TABLES, TOP
from llmpool.cli.editor_schema import described, inside, written_default
from llmpool.cli.frontpage import FILE_VARIABLES
from llmpool.cli.keywords import Key, Table
from llmpool.cli.providerwords import KEY
from llmpool.cli.roff import also, item, page, paragraphs, prose, section, terms, text, verbatim
from llmpool.config.schema import CONFIG

NAME = "llmpool.toml"
ABOUT = """
`config.toml` is what you declare: providers, models, how one is chosen, what may be spent. It is TOML, and
none of it is required. Where it is, `llmpool config path` prints; another one is named by `--config` or
`LLMPOOL_CONFIG`. A file that is not there is an empty one.

It is yours to write by hand. Commands that change it keep comments and layout. An unknown key is an error,
with the nearest known one; `llmpool config check` lists every mistake with its line, and what is wrong with
the file ends every command that goes by it with 4. `llmpool config path --schema` prints the path of a JSON
schema for editors.

Durations are a whole number and a unit, in quotes: `"500ms"`, `"90s"`, `"10m"`, `"5h"`, `"7d"`. Money is
USD, as text: `"5.00"`. Below, each key stands with an example, then what it means, what it takes and what
holds where it is left out.
"""
SHARED_TITLES = {"rate_limit": "RATE LIMITS", "params": "PARAMETERS"}
EXITS = """
4 for a config with mistakes, 5 for a key that is not where the config says, 10 for a state file that is
corrupt, cannot be written or comes from a newer version. All of them: `llmpool`(1).
"""
ENVIRONMENT = """
The variables that keys are in are those the config names, and those of the presets. A variable for nearly
every routing option, such as `LLMPOOL_LOCAL_ONLY`, goes before `[routing]`: `llmpool`(1) lists them.
"""
FILES = {
    "~/.config/llmpool/config.toml": "The config; below `XDG_CONFIG_HOME` where that is set.",
    "~/.config/llmpool/secrets.json": "Keys that no keyring holds, beside the config.",
    "~/.local/state/llmpool/": "The state directory; below `XDG_STATE_HOME` where that is set.",
}


def config_page() -> str:
    """Write the page."""
    tables: dict[str, Any] = CONFIG.schema["properties"]
    sections = [
        section("DESCRIPTION", paragraphs(ABOUT)),
        section("TOP LEVEL", [prose(TOP.about), *_keys(CONFIG.schema, "", TOP)]),
        section("TABLES", (line for name in TABLES for line in _table(name, inside(tables[name])))),
        section("KEYS", [prose(KEY.about), *_keys(_key_schema(), "key", KEY)]),
        *(_shared(name) for name in SHARED),
        section("EXAMPLES", verbatim(_whole().splitlines())),
        section("STATE DIRECTORY", _state()),
        section("SECRETS", paragraphs(statewords.SECRETS)),
        section("FILES", terms(FILES)),
        section("ENVIRONMENT", [*terms(FILE_VARIABLES), ".PP", *paragraphs(ENVIRONMENT)]),
        section("EXIT STATUS", paragraphs(EXITS)),
        also(("llmpool", "llmpool-config", "llmpool-providers", "llmpool-route", "llmpool-policy")),
    ]
    return page(NAME, "the config of llmpool, its state directory and its secrets", sections, number=5)


def _table(name: str, node: dict[str, Any]) -> list[str]:
    words = TABLES[name]
    heading = HEADINGS.get(name, f"[{name}]")
    if name == "trial":  # its one key is a table by itself, as people write it
        return [f".SS {text(heading)}", prose(f"{words.about} {words.keys['keys'].about}")]
    return [f".SS {text(heading)}", prose(words.about), *_keys(node, name, words)]


def _keys(node: dict[str, Any], table: str, words: Table) -> list[str]:
    found = described(node, words)
    return [line for name, inner, key in found for line in _key(table, name, inner, key)]


def _key(table: str, name: str, node: dict[str, Any], key: Key) -> list[str]:
    head = rf"\fB{text(name)}\fR = {text(key.example)}"
    return item(head, prose(f"{key.about} {' '.join(_facts(table, name, node, key))}"))


def _facts(table: str, name: str, node: dict[str, Any], key: Key) -> Iterator[str]:
    """Say what a key takes, and what holds without it."""
    yield f"{takes(node)}."
    default = key.default or _shown(written_default(table, name, node))
    if default:
        yield f"Default: {default}."


def _shown(value: object) -> str:
    return "" if value is None else f"`{json.dumps(value)}`"


def takes(node: dict[str, Any]) -> str:
    """Say in words what a schema lets through."""
    if "enum" in node:
        return "One of " + ", ".join(f"`{json.dumps(word)}`" for word in node["enum"])
    if "anyOf" in node:
        return "Text, or a table"
    kind = node.get("type", "boolean" if node.get("const") is True else "")
    if isinstance(kind, list):
        return _BOTH[tuple(kind)]
    if kind == "string":
        return _text(node)
    if kind in ("integer", "number"):
        return _number(node)
    if kind == "array":
        return (
            "An array of tables"
            if "properties" in node["items"]
            else f"An array of {_several(node['items'])}"
        )
    return "`true`" if "const" in node else _KINDS[kind]


_KINDS = {"boolean": "`true` or `false`", "object": "A table"}
_BOTH = {
    ("integer", "string"): "A whole number, or text",
    ("string", "integer"): "A word, or a number of tokens",
    ("number", "string"): "An amount of USD",
}


def _text(node: dict[str, Any]) -> str:
    pattern = str(node.get("pattern", ""))
    if pattern.endswith("(ms|s|m|h|d)$"):
        return "A duration"
    return "A URL" if pattern.startswith("^https") else "Text"


def _several(node: dict[str, Any]) -> str:
    if "enum" in node:
        return "words: " + ", ".join(node["enum"])
    return "URLs" if _text(node) == "A URL" else "texts"


def _number(node: dict[str, Any]) -> str:
    low, high = node["minimum"], node["maximum"]
    kind = "A whole number" if node["type"] == "integer" else "A number"
    return f"{kind} from {low:g} to {high:g}" if high < 10**12 else f"{kind} of at least {low}"


def _key_schema() -> dict[str, Any]:
    node: dict[str, Any] = inside(CONFIG.schema["properties"]["providers"])["properties"]["key"]
    return node


def _shared(name: str) -> list[str]:
    node = inside(CONFIG.schema["properties"]["providers"])["properties"][name]
    words = SHARED[name]
    return section(SHARED_TITLES[name], [prose(words.about), *_keys(node, name, words)])


def _whole() -> str:
    """Return an example of a whole file."""
    return "\n\n".join(words.example for words in TABLES.values() if words.example)


def _state() -> list[str]:
    lines = paragraphs(statewords.ABOUT)
    for told, files in statewords.GROUPS:
        lines += [".PP", prose(told), *terms(files)]
    return lines
