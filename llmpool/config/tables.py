"""Readers of tables: a table is a mapping from key to Field, so that a schema is data."""

# mypy: disable-error-code="func-returns-value"
# `return spot.fault(...)` notes the problem and leaves with None in one line.

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from llmpool.config.keys import is_secret_name, refuse_literal
from llmpool.config.problems import Spot, nearest, shown
from llmpool.config.values import Kind, text, unfit

# What other programs call our keys.
_ELSEWHERE = {
    **dict.fromkeys(("base_url", "baseurl", "api_base", "api_url", "endpoint", "host", "address"), "url"),
    **dict.fromkeys(("type", "protocol", "api_type", "wire_api"), "format"),
    **dict.fromkeys(("context_length", "context_size", "max_context", "n_ctx", "num_ctx"), "context_window"),
    **dict.fromkeys(("models", "model_allowlist"), "allowed_models"),
    **dict.fromkeys(("model", "name"), "id"),
    **dict.fromkeys(("amount", "max", "cap"), "limit"),
    "members": "models",
    "disabled": "enabled",
}
_AT_TOP = ("default_model", "recovery_model", "local_first")  # below a header TOML takes them for its own


class Field(NamedTuple):
    """One key of a table: how its value is read, and what it is for (the hint an editor shows)."""

    kind: Kind
    about: str


Fields = Mapping[str, Field]
Make = Callable[..., Any]
Finish = Callable[[dict[str, Any], Spot], None]


def table(
    fields: Fields, make: Make, *, required: tuple[str, ...] = (), finish: Finish | None = None
) -> Kind:
    """Read a table of *fields* and hand its values to *make* by name.

    *finish* may rewrite the values in between, where the file and the record differ in shape.
    """

    def read(value: object, spot: Spot) -> Any:
        before = len(spot.problems)
        values = read_fields(value, fields, spot, required)
        if values is None:
            return None
        if finish is not None:
            finish(values, spot)
        incomplete = any(key not in values for key in required)
        return None if incomplete and len(spot.problems) > before else make(**values)

    return Kind(read, _schema(fields, required))


def named(
    fields: Fields,
    make: Make,
    *,
    name: Kind = text,
    key: str = "name",
    required: tuple[str, ...] = (),
    finish: Finish | None = None,
) -> Kind:
    """Read a table of tables as a tuple of records, each knowing its name as *key*."""

    def read(value: object, spot: Spot) -> tuple[Any, ...] | None:
        if not isinstance(value, dict):
            return unfit(value, f"tables such as [{spot.path[-1]}.NAME]", spot)
        found = []
        for label, item in value.items():
            own = name.read(label, spot.at(label))
            one = table(fields, dict, required=required, finish=finish).read(item, spot.at(label))
            if own is not None and one is not None:
                found.append(make(**{key: own}, **one))
        return tuple(found)

    return Kind(read, {"type": "object", "additionalProperties": _schema(fields, required)})


def read_fields(
    value: object, fields: Fields, spot: Spot, required: tuple[str, ...] = ()
) -> dict[str, Any] | None:
    """Read what *fields* know of a table; unknown, missing and bad keys are noted and left out."""
    if not isinstance(value, dict):
        return unfit(value, "a table", spot)
    values = {}
    for key, item in value.items():
        if key not in fields:
            _unknown(key, item, fields, spot.at(key))
        elif (found := fields[key].kind.read(item, spot.at(key))) is not None:
            values[key] = found
    for key in required:
        if key not in value:
            spot.at(key).fault("is missing", fields[key].about)
    return values


def _unknown(key: str, value: object, fields: Fields, spot: Spot) -> None:
    if isinstance(value, str) and is_secret_name(key):
        return refuse_literal(spot)
    known = "known keys: " + ", ".join(fields)
    return spot.fault("unknown key " + shown(key), _meant(key, fields) or known)


def _meant(key: str, fields: Fields) -> str:
    """Suggest a key of the table, what others call one, or the same in a table inside it; else nothing."""
    if key in _AT_TOP:
        return "it belongs at the top, ahead of all tables"
    elsewhere = _ELSEWHERE.get(key.lower(), "")
    near = nearest(elsewhere if elsewhere in fields else key, list(fields))
    if near:
        return near
    inner = {
        name: f"{table}.{name}"
        for table, field in fields.items()
        for name in field.kind.schema.get("properties", ())
    }
    found = nearest(key, list(inner))
    return next(
        (found.replace(f'"{name}"', f'"{path}"') for name, path in inner.items() if f'"{name}"' in found), ""
    )


def _schema(fields: Fields, required: tuple[str, ...]) -> dict[str, Any]:
    properties = {key: field.kind.schema | {"description": field.about} for key, field in fields.items()}
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | ({"required": list(required)} if required else {})
