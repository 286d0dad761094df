"""The pieces that the schemas of JSON documents are put together from (JSON Schema, draft-07).

A table is written as a mapping from field to shape; a field whose name ends in `?` may be absent. Tables let
further fields pass: a new version may add one.
"""

from __future__ import annotations

from typing import Any

Shape = dict[str, Any]
Fields = dict[str, Shape]

DRAFT = "http://json-schema.org/draft-07/schema#"
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"


def text(about: str) -> Shape:
    """Return the shape of text."""
    return {"type": "string", "description": about}


def one_of(about: str, *words: str) -> Shape:
    """Return the shape of one of a few words, which are all there are."""
    return {"type": "string", "enum": list(words), "description": about}


def whole(about: str) -> Shape:
    """Return the shape of a whole number."""
    return {"type": "integer", "description": about}


def number(about: str) -> Shape:
    """Return the shape of a number, whole or not."""
    return {"type": "number", "description": about}


def flag(about: str) -> Shape:
    """Return the shape of true and false."""
    return {"type": "boolean", "description": about}


def money(about: str) -> Shape:
    """Return the shape of an amount of USD: a decimal number as text."""
    return {"type": "string", "pattern": r"^-?\d+(\.\d+)?$", "description": f"{about}, USD as a decimal text"}


def time(about: str) -> Shape:
    """Return the shape of a time."""
    return {"type": "string", "pattern": _TIME, "description": f"{about}, RFC 3339 in UTC"}


def many(item: Shape, about: str) -> Shape:
    """Return the shape of a list."""
    return {"type": "array", "items": item, "description": about}


def texts(about: str) -> Shape:
    """Return the shape of a list of texts."""
    return many({"type": "string"}, about)


def by_name(value: Shape, about: str) -> Shape:
    """Return the shape of a table whose keys are names, not fields."""
    return {"type": "object", "additionalProperties": value, "description": about}


def anything(about: str) -> Shape:
    """Return the shape of a value of any type."""
    return {"description": about}


def table(fields: Fields, about: str = "") -> Shape:
    """Return the shape of a table with these fields."""
    made: Shape = {
        "type": "object",
        "required": [name for name in fields if not name.endswith("?")],
        "properties": {name.removesuffix("?"): shape for name, shape in fields.items()},
    }
    return made | ({"description": about} if about else {})


def maybe(shape: Shape) -> Shape:
    """Return a shape that may be null: unknown, or not there."""
    kinds = shape["type"] if isinstance(shape["type"], list) else [shape["type"]]
    enum = {"enum": [*shape["enum"], None]} if "enum" in shape else {}
    return shape | {"type": [*kinds, "null"]} | enum


def document(about: str, *forms: Fields) -> Shape:
    """Return the shape of a whole document: of one of these forms, each with its schema number."""
    number_ = {"const": 1, "description": "the version of the document; a renamed field would raise it"}
    made = [table({"schema": number_} | _told(form)) for form in forms]
    return {"description": about} | (made[0] if len(made) == 1 else {"anyOf": made})


def _told(form: Fields) -> Fields:
    """Say of a field that is the document's subject what it is, where nobody has: the model, the provider."""
    return {name: {"description": f"the {name.rstrip('?')}"} | shape for name, shape in form.items()}
