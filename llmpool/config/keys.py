"""Key references: where a key comes from. A key itself is refused, and nothing written here is echoed."""

# mypy: disable-error-code="func-returns-value"
# `return spot.fault(...)` notes the problem and leaves with None in one line.

from __future__ import annotations

import re
from typing import Any

from llmpool.config.problems import Spot, is_dense, looks_secret
from llmpool.config.values import Kind, flag, text
from llmpool.core.ids import is_provider_id
from llmpool.core.provider import KeyRef

SOURCES = ("env", "command", "keyring", "file")
_REMEDY = 'write one of env = "NAME", command = ["pass", "show", "x"], keyring = true, file = true'
_SECRET_NAMES = re.compile(
    r"(x[-_])?(api|access|auth|secret|bearer)?[-_]?(key|token|secret|password|bearer)s?",
    re.IGNORECASE,
)
VARIABLE = "^[A-Za-z_][A-Za-z0-9_]{0,127}$"  # as JSON schemas write it
_VARIABLE = re.compile(VARIABLE.removeprefix("^").removesuffix("$"))


def is_secret_name(key: str) -> bool:
    """Whether someone who writes *key* means to write the secret itself."""
    return _SECRET_NAMES.fullmatch(key) is not None


def refuse_literal(spot: Spot) -> None:
    """Note that a secret stands in the file, and where to keep it; the secret is never repeated."""
    owner = str(spot.path[1]) if spot.path[:1] == ("providers",) and len(spot.path) > 1 else "ID"
    owner = owner if is_provider_id(owner) and not looks_secret(owner) else "ID"
    spot.fault(
        "a key in the clear is refused",
        'write { env = "NAME" } for a variable that has it, { command = ["pass", "show", "x"] } for a '
        "program that prints it, or { keyring = true } for the system's keyring (service llmpool, user "
        f"{owner}/default)",
    )


def read_key(value: object, spot: Spot, label: str) -> KeyRef | None:
    """Read one key table; *label* names it where it does not name itself."""
    if isinstance(value, str):
        return refuse_literal(spot)
    if not isinstance(value, dict):
        return spot.fault("is not a key table", _REMEDY)
    before = len(spot.problems)
    common: dict[str, Any] = {"label": text.read(value.get("label", label), spot.at("label"))}
    common["enabled"] = flag.read(value.get("enabled", True), spot.at("enabled"))
    for key in value:
        if key not in (*SOURCES, "label", "enabled"):
            _refuse_unknown(key, spot)
    if len(spot.problems) > before:
        return None
    return _with_source(value, spot, common)


def _refuse_unknown(key: str, spot: Spot) -> None:
    """Refuse a key of a key table; its name is shown only when it cannot be the secret itself."""
    if is_secret_name(key) or key in ("value", "literal"):
        return refuse_literal(spot.at(key))
    shape = re.fullmatch(r"[a-z_]{1,16}", key)
    return (spot.at(key) if shape else spot).fault("has an unknown key", _REMEDY)


def _with_source(value: dict[str, object], spot: Spot, common: dict[str, Any]) -> KeyRef | None:
    """Make the reference from the one source the table names."""
    sources = [name for name in SOURCES if name in value]
    if len(sources) != 1:
        fact = "names no source" if not sources else "names several sources: " + ", ".join(sources)
        return spot.fault(fact, _REMEDY)
    source = sources[0]
    found = _READ[source](value[source], spot.at(source))
    if found is None:
        return None
    details: dict[str, Any] = {source: found} if source in ("env", "command") else {}
    return KeyRef(**common, source=source, **details)


def variable(value: object, spot: Spot) -> str | None:
    """Read the name of a variable; a secret in its place is refused unseen."""
    if isinstance(value, str) and (looks_secret(value) or is_dense(value)):
        return refuse_literal(spot)
    if isinstance(value, str) and _VARIABLE.fullmatch(value):
        return value
    return spot.fault("is not the name of a variable", 'write it without $, as in env = "OPENAI_API_KEY"')


def _command(value: object, spot: Spot) -> tuple[str, ...] | None:
    remedy = 'write the words one by one, as in ["pass", "show", "work/key"]'
    if not isinstance(value, list) or not value:
        return spot.fault("is not an array of words", remedy)
    if not all(isinstance(word, str) and word.strip() and "\0" not in word for word in value):
        return spot.fault("has a word that is empty or not text", remedy)
    if any(looks_secret(word) for word in value):
        return refuse_literal(spot)
    return tuple(value)


def _true(value: object, spot: Spot) -> bool | None:
    return True if value is True else spot.fault("can only be true", _REMEDY)


_READ = {"env": variable, "command": _command, "keyring": _true, "file": _true}
_TABLE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "label": text.schema,
        "enabled": flag.schema,
        "env": {"type": "string", "pattern": VARIABLE},
        "command": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "keyring": {"const": True},
        "file": {"const": True},
    },
    "oneOf": [{"required": [source]} for source in SOURCES],
}


def _single(value: object, spot: Spot) -> KeyRef | None:
    return read_key(value, spot, "default")


def _several(value: object, spot: Spot) -> tuple[KeyRef, ...] | None:
    if isinstance(value, str):
        return refuse_literal(spot)
    if not isinstance(value, list):
        return spot.fault("is not an array of key tables", 'write keys = [ { env = "NAME" } ]')
    read = [read_key(item, spot.at(index), str(index + 1)) for index, item in enumerate(value)]
    found: dict[str, KeyRef] = {}
    for index, key in enumerate(read):
        if key is not None and found.setdefault(key.label, key) is not key:
            spot.at(index).fault(f'label "{key.label}" is taken by another key', "give it a label of its own")
    return tuple(found.values())


single = Kind(_single, _TABLE)
several = Kind(_several, {"type": "array", "items": _TABLE})
