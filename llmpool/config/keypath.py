"""Keys as a person names them: `routing.mode`, `providers.den.url`, `models."den/qwen3:8b".quality`.

Shells take quotes away, so a model's id is understood without them too: it ends where a key of a model
begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from llmpool.config.problems import escaped
from llmpool.config.schema import CONFIG, MODEL
from llmpool.config.written import key_text
from llmpool.core.near import meant, near
from llmpool.errors import Misuse, UnknownName

_PART = re.compile(r"""\s*(?:"((?:\\.|[^"\\])*)"|'([^']*)'|([^.\s"']+))\s*(\.|\Z)""")
_PLAIN = tuple(name for name, node in CONFIG.schema["properties"].items() if "properties" in node)
_MODELS = "models"
NAMED = ("providers", "profiles", "groups", "budgets", "oauth", _MODELS)


class Key(NamedTuple):
    """A key that the schema knows: its path, and what may stand there as a JSON schema."""

    path: tuple[str, ...]
    schema: dict[str, Any]

    @property
    def name(self) -> str:
        """The key as TOML writes it, quoted where it must be."""
        return key_text(self.path)

    @property
    def is_table(self) -> bool:
        """Whether it is a table with a header of its own, whose keys are set one by one."""
        head, depth = self.path[0], len(self.path)
        named = head in NAMED
        return depth <= (2 if named else 1) and ("properties" in self.schema or (named and depth == 1))

    @property
    def holds_names(self) -> bool:
        """Whether it is a table of tables that a person has named, such as `providers`."""
        return len(self.path) == 1 and self.path[0] in NAMED


def read(text: str) -> Key:
    """Read a key; raises UnknownName with the nearest key for one the schema does not know."""
    path = _path(text)
    node = CONFIG.schema
    for depth, part in enumerate(path):
        inner = _inside(node, path[:depth], part)
        if inner is None:
            raise _unknown(path, depth, node)
        node = inner
    return Key(path, node)


def known(incomplete: str = "") -> list[str]:
    """List the keys that have no names in them, for completion; those of tables of tables end in a dot."""
    names = [f"{name}." if name in NAMED else name for name in _fixed()]
    return [name for name in names if name.startswith(incomplete)]


def _fixed() -> Iterator[str]:
    for name, node in CONFIG.schema["properties"].items():
        yield from (f"{name}.{key}" for key in node["properties"]) if name in _PLAIN else (name,)


def _path(text: str) -> tuple[str, ...]:
    """Split a dotted key at dots outside of quotes."""
    start, rest = text.partition(".")[::2]
    if start.strip() == _MODELS and "/" in rest and not rest.lstrip().startswith(('"', "'")):
        return (_MODELS, *_model(rest.strip()))
    path: list[str] = []
    at = 0
    while at < len(text) or not path:
        part = _PART.match(text, at)
        if part is None or (part[4] and part.end() == len(text)):
            raise Misuse(
                f'"{escaped(text)}" is no key', hint='write routing.mode, or models."den/qwen3:8b".quality'
            )
        path.append(part[1] if part[1] is not None else part[2] if part[2] is not None else part[3])
        at = part.end()
    return tuple(path)


def _model(rest: str) -> tuple[str, ...]:
    """Split `den/qwen3:8b.quality`: names of models have dots of their own."""
    words = rest.split(".")
    for size in (2, 1):
        tail = words[-size:]
        inner = MODEL[tail[0]].kind.schema if len(words) > size and tail[0] in MODEL else {}
        if inner and (size == 1 or tail[1] in inner.get("properties", {})):
            return (".".join(words[:-size]), *tail)
    return (rest,)


def _inside(node: dict[str, Any], above: tuple[str, ...], part: str) -> dict[str, Any] | None:
    """Step into a table of the schema."""
    if above == (_MODELS,):
        return dict(node["items"])
    inner = node.get("properties", {}).get(part) or node.get("additionalProperties")
    return inner if isinstance(inner, dict) else None


def _unknown(path: tuple[str, ...], depth: int, node: dict[str, Any]) -> UnknownName:
    """Build the error for a key that is not there: the nearest one, or all there are."""
    above, part = path[:depth], path[depth]
    here = [key_text((*above, name)) for name in node.get("properties", {})]
    there = ", ".join(here)
    if depth == 0:  # `mode` alone may be meant as routing.mode
        here += [name for name in _fixed() if "." in name]
    same = [name for name in here if name.rpartition(".")[2] == part]
    alike = same or near(key_text(path[: depth + 1]), here)
    hint = meant(alike, f"there are: {there}")
    if not here:
        hint = f"{key_text(above)} is set as a whole"
    return UnknownName(f"there is no key {escaped(key_text(path))}", hint=hint, details={"candidates": alike})
