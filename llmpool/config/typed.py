"""Values as a person types them on a command line: words, read by what the key takes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from llmpool.errors import Misuse

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}\Z")
_NUMBER = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?\Z")
_PUBLIC_KEY = "write its 32 bytes in base64, 44 characters that end in ="
_FLAGS = {"true": True, "false": False, "yes": True, "no": False, "on": True, "off": False}


def read(schema: dict[str, Any], words: Sequence[str], key: str) -> Any:
    """Read *words* as a value of the kind that *schema* wants; what does not fit is left for the check.

    An array takes one word for each item, a table words such as `env=NAME`; both may be written as TOML in
    one word. Raises Misuse, in which nothing typed is repeated: it may be a secret.
    """
    kinds = _kinds(schema)
    if len(words) == 1 and words[0].lstrip()[:1] in ("{", "[") and kinds & {"array", "object", ""}:
        return _toml(words[0], key)
    if "array" in kinds:
        return [_item(schema["items"], word, key) for word in words]
    if "object" in kinds and all("=" in word for word in words):
        return _table(schema, words, key)
    if len(words) != 1:
        raise Misuse(f"{key} takes one value, not {len(words)}", hint="put a text with spaces in quotes")
    if "contentEncoding" in schema and not re.search(schema["pattern"], words[0]):
        raise Misuse(f"{key}: what is given is no Ed25519 public key", hint=_PUBLIC_KEY)
    return _scalar(schema, words[0])


def _kinds(schema: dict[str, Any]) -> set[str]:
    """Return the types a schema allows; the empty one stands for several tables or words."""
    if "anyOf" in schema:
        return set().union(*map(_kinds, schema["anyOf"])) | {""}
    found = schema.get("type", "string" if "enum" in schema else "")
    return set(found) if isinstance(found, list) else {found}


def _item(schema: dict[str, Any], word: str, key: str) -> Any:
    """Read one item of an array: a scalar, or a table written as `env=NAME`."""
    if "object" in _kinds(schema):
        return read(schema, [word], key)
    return _scalar(schema, word)


def _table(schema: dict[str, Any], words: Sequence[str], key: str) -> dict[str, Any]:
    """Read `NAME=VALUE` words; a name given twice is a mistake."""
    found: dict[str, Any] = {}
    for word in words:
        name, _, value = word.partition("=")
        inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
        if name in found:
            raise Misuse(f"{key}: a name is given twice", hint="write each NAME=VALUE once")
        found[name] = read(inner, [value], key) if isinstance(inner, dict) else value
    return found


def _scalar(schema: dict[str, Any], word: str) -> Any:
    """Read a word as the kind a schema prefers; an amount of money stays text, so that no digit is lost."""
    kinds = _kinds(schema)
    if "boolean" in kinds and "string" not in kinds:
        return _FLAGS.get(word.strip().lower(), word)
    if "integer" in kinds and _WHOLE.match(word):
        return int(word)
    if "number" in kinds and "string" not in kinds and _NUMBER.match(word):
        return int(word) if _WHOLE.match(word) else Decimal(word)
    return word == "true" if schema.get("const") is True and word in ("true", "yes") else word


def _toml(word: str, key: str) -> Any:
    try:
        return tomllib.loads(f"value = {word}", parse_float=Decimal)["value"]
    except (ValueError, ArithmeticError, RecursionError):
        raise Misuse(
            f"{key}: what is given is no TOML", hint="""write it as '["a", "b"]' or '{ env = "NAME" }'"""
        ) from None
