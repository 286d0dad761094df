"""The committed schemas of JSON documents; a test holds documents to them, and lets no other field pass."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import fastjsonschema

from llmpool.cli.documents import VARIANTS
from llmpool.cli.manpage import Entry, leaves
from llmpool.cli.manual import tree
from llmpool.data.schemas import config_schema, output_schemas

_GLOBAL_VALUES = ("--config", "--state", "--color")


def read(name: str) -> dict[str, Any]:
    """Read the committed schema of a document."""
    found: dict[str, Any] = json.loads((output_schemas() / f"{name}.json").read_text(encoding="utf-8"))
    return found


def names() -> set[str]:
    """Name every document that has a committed schema."""
    return {path.stem for path in output_schemas().glob("*.json")}


@cache
def config_validator() -> Callable[[Any], Any]:
    """Return what raises JsonSchemaException for a config that an editor would underline."""
    return _compiled(json.loads(config_schema().read_text(encoding="utf-8")))


@cache
def validator(name: str) -> Callable[[Any], Any]:
    """Return what raises JsonSchemaException for a document the schema does not describe, field by field."""
    return _compiled(strict(read(name)))


@cache
def loose(name: str) -> Callable[[Any], Any]:
    """Return what raises JsonSchemaException as the shipped schema does: further fields pass."""
    return _compiled(read(name))


def commands() -> set[str]:
    """Name the documents of all commands that have `--json`, as the command tree knows them."""
    having = (
        entry for entry in leaves(_top()) if any("--json" in param.opts for param in entry.command.params)
    )
    return {"-".join(entry.words) for entry in having}


def variants() -> set[str]:
    """Name the documents that an option makes of a command's."""
    return {f"{name}{option[1:]}" for name, options in VARIANTS.items() for option in options}


def fields(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Go through every field that a schema describes, however deep."""
    for form in node.get("anyOf", [node]):
        for name, inner in form.get("properties", {}).items():
            yield f"{path}.{name}", inner
            yield from fields(inner, f"{path}.{name}")
        for inner in (form.get("items"), form.get("additionalProperties")):
            if isinstance(inner, dict):
                yield from fields(inner, f"{path}[]")


def strict(node: Any) -> Any:
    """Let a schema refuse fields that it does not name; as it is shipped, those of later versions pass."""
    if isinstance(node, list):
        return [strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    closed = {"additionalProperties": False} if "required" in node and "properties" in node else {}
    return {key: strict(item) for key, item in node.items()} | closed


def document_of(arguments: Sequence[str]) -> str:
    """Name the document that a command line prints: for its command, and for an option that makes another."""
    name = "-".join(_words(arguments))
    given = {word.partition("=")[0] for word in arguments}
    return next((f"{name}{option[1:]}" for option in VARIANTS.get(name, ()) if option in given), name)


def check(arguments: Sequence[str], document: Any) -> Any:
    """Hold the document of a command line to its schema, and hand it on."""
    name = document_of(arguments)
    try:
        validator(name)(document)
    except fastjsonschema.JsonSchemaException as wrong:
        told = f"{wrong}\n  describe it in llmpool/cli/documents, then: python -m llmpool.cli.manual"
        raise AssertionError(f"{name}.json does not describe what was printed: {told}") from None
    return document


def check_error(document: Any) -> Any:
    """Hold an error document to its schema, and hand it on."""
    validator("error")(document)
    return document


@cache
def _top() -> Entry:
    return tree()


def _words(arguments: Sequence[str]) -> list[str]:
    """Follow the words of a command line down to the command that runs."""
    node, words = _top(), list(arguments)
    while words and node.verbs:
        word = words.pop(0)
        if word in _GLOBAL_VALUES:
            words = words[1:]
        found = {verb.words[-1]: verb for verb in node.verbs}.get(word)
        if found is None and not word.startswith("-"):
            break
        node = found or node
    while node.verbs:
        node = node.verbs[0]
    return list(node.words)


def _compiled(schema: dict[str, Any]) -> Callable[[Any], Any]:
    made: Callable[[Any], Any] = fastjsonschema.compile(schema)
    return made
