"""Whether the keywords of a JSON schema have values that they can have: else an answer is paid for in vain.

What compiles a schema does not look; it fails when an answer comes to the keyword.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

DEEPEST = 40  # what is nested deeper is written into a program that Python cannot read
_MOST = 1e300  # and no infinity
_NUMBERS = ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum")
_COUNTS = ("maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties")
_TEXTS = ("$ref", "format", "pattern")
_DATA = ("const", "default", "enum", "examples")  # what stands there is no schema
_BY_NAME = ("$defs", "definitions", "dependencies", "patternProperties", "properties")


def misshapen(schema: Any, depth: int = 0) -> str:
    """Say which keyword has a value that makes no sense; an empty text where all do."""
    if depth > DEEPEST:
        return "it is nested too deeply"
    if not isinstance(schema, dict):
        return "" if isinstance(schema, bool) else f"{_noun(schema)} is no schema"
    wrong = (name for name, value in schema.items() if not _fits(name, value))
    inner = (misshapen(each, depth + 1) for each in _schemas(schema))
    told = (f"{name} has a value that it cannot have" for name in wrong)
    return next(told, "") or next(filter(None, inner), "")


def _fits(name: str, value: Any) -> bool:
    if name in _NUMBERS or name == "multipleOf":
        return _is_number(value) and (value > 0 or name != "multipleOf")
    if name in _COUNTS:
        return _is_number(value) and value >= 0 and value == int(value)
    if name == "required":
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    if name in _BY_NAME:
        return isinstance(value, dict)
    return _is_flat(value) if name in _DATA else isinstance(value, str) or name not in _TEXTS


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -_MOST < value < _MOST


def _is_flat(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        open_ones = [each for each in level if isinstance(each, (dict, list))]
        level = [inner for each in open_ones for inner in (each.values() if isinstance(each, dict) else each)]
    return not level


def _schemas(schema: dict[str, Any]) -> Iterator[Any]:
    """Yield the schemas in a schema, wherever a keyword has them."""
    for name, value in schema.items():
        if name in _BY_NAME:
            yield from (each for each in value.values() if name != "dependencies" or isinstance(each, dict))
        elif name not in _DATA and isinstance(value, dict):
            yield value
        elif name in ("allOf", "anyOf", "oneOf", "items") and isinstance(value, list):
            yield from value


def _noun(value: Any) -> str:
    return "a list" if isinstance(value, list) else "a text" if isinstance(value, str) else "a value"
