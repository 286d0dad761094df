"""Readers of single values: each is a Kind, a function that checks one TOML value and its JSON schema.

A reader returns the value as the records want it, or None after it has noted a problem.
"""

# mypy: disable-error-code="func-returns-value"
# `return spot.fault(...)` notes the problem and leaves with None in one line.

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from llmpool.config.problems import Spot, looks_secret, nearest, noun, shown
from llmpool.core.ids import is_provider_id, split_ref

_DURATION = re.compile(r"([0-9]{1,12})(ms|s|m|h|d)\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]{1,10})([kKmM]?)\Z")
_FACTOR = {"": 1, "k": 1024, "m": 1024 * 1024}
_MONEY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?\Z")
_HUNDRED_YEARS = 36525 * 86400.0
_LARGEST = 10**12


class Kind(NamedTuple):
    """A kind of value: how it is read, and the JSON schema an editor can check it with."""

    read: Callable[[object, Spot], Any]
    schema: dict[str, Any]


def unfit(value: object, wanted: str, spot: Spot, suggestion: str = "") -> None:
    """Note that *value* is of the wrong type: what was found, and what is wanted."""
    found = noun(value) if isinstance(value, (dict, list)) else f"{shown(value)} ({noun(value)})"
    spot.fault(f"found {found}, wanted {wanted}", suggestion)


def has_controls(text: str, allowed: str = "") -> bool:
    """Whether *text* holds a control character or an invisible override."""
    return any(not (c.isprintable() or c == " " or c in allowed) for c in text)


def _flag(value: object, spot: Spot) -> bool | None:
    if isinstance(value, bool):
        return value
    return unfit(value, "true or false", spot, "write true or false, without quotes")


def _text(value: object, spot: Spot) -> str | None:
    if not isinstance(value, str):
        return unfit(value, "text", spot, "put it in quotes" if not isinstance(value, (dict, list)) else "")
    if not value.strip():
        return spot.fault("is blank", "write something or leave the key out")
    if has_controls(value):
        return spot.fault(f"{shown(value)} contains control characters", "remove them")
    if looks_secret(value):
        return spot.fault("holds what looks like a key", "a secret never belongs into this file")
    return value


def _passage(value: object, spot: Spot) -> str | None:
    if not isinstance(value, str):
        return unfit(value, "text", spot)
    if has_controls(value, "\n\t\r"):
        return spot.fault(f"{shown(value)} contains control characters", "remove them")
    return value


flag = Kind(_flag, {"type": "boolean"})
text = Kind(_text, {"type": "string", "minLength": 1})
passage = Kind(_passage, {"type": "string"})


# an editor and `config set` hold it to its form; a file may still have the words of an example there
public_key = Kind(_text, {"type": "string", "contentEncoding": "base64", "pattern": "^[A-Za-z0-9+/]{43}=$"})


def matching(pattern: str, wanted: str) -> Kind:
    """Read text that matches the regular expression *pattern* from end to end; *wanted* says so in words."""
    rule = re.compile(pattern)

    def read(value: object, spot: Spot) -> str | None:
        found = _text(value, spot)
        if found is None or rule.fullmatch(found):
            return found
        return spot.fault(f"{shown(found)} is not {wanted}")

    return Kind(read, {"type": "string", "pattern": f"^(?:{pattern})$"})


def one_of(*words: str) -> Kind:
    """Read one of a few words."""
    listed = "use one of: " + ", ".join(words)

    def read(value: object, spot: Spot) -> str | None:
        if not isinstance(value, str):
            return unfit(value, "text", spot, listed)
        if value in words:
            return value
        meant = nearest(value, list(words))
        return spot.fault(f"{shown(value)} is not known here", f"{meant} {listed}" if meant else listed)

    return Kind(read, {"enum": list(words)})


def whole(low: int, high: int = _LARGEST) -> Kind:
    """Read a whole number from *low* to *high*."""

    def read(value: object, spot: Spot) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int):
            digits = "write it in digits, such as 9000" if isinstance(value, str) else ""
            return unfit(value, "a whole number", spot, digits)
        if low <= value <= high:
            return value
        limits = f"from {low} to {high}" if high < _LARGEST else f"of at least {low}"
        return spot.fault(f"{shown(value)} is out of range", f"use a whole number {limits}")

    return Kind(read, {"type": "integer", "minimum": low, "maximum": high})


def number(low: float, high: float) -> Kind:
    """Read a number from *low* to *high*, whole or not."""

    def read(value: object, spot: Spot) -> float | None:
        if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
            return unfit(value, "a number", spot)
        if Decimal(value).is_finite() and low <= value <= high:
            return float(value)
        return spot.fault(f"{shown(value)} is out of range", f"use a number from {low:g} to {high:g}")

    return Kind(read, {"type": "number", "minimum": low, "maximum": high})


def duration(*, zero: bool = False) -> Kind:
    """Read a duration such as `10m` as seconds; *zero* says whether none at all is allowed."""

    def read(value: object, spot: Spot) -> float | None:
        match = _DURATION.match(value) if isinstance(value, str) else None
        if match is None:
            wrong = f"{shown(value)} is not a duration"
            return spot.fault(wrong, 'write a whole number and ms, s, m, h or d, such as "90s"')
        seconds = int(match[1]) * _SECONDS[match[2]]
        if seconds > _HUNDRED_YEARS:
            return spot.fault(f"{shown(value)} is over a hundred years", "use a shorter duration")
        if not seconds and not zero:
            return spot.fault(f"{shown(value)} is no time at all", "use a longer duration")
        return seconds

    return Kind(read, {"type": "string", "pattern": "^[0-9]+(ms|s|m|h|d)$"})


def _size(value: object, spot: Spot) -> int | None:
    if isinstance(value, str) and (match := _SIZE.match(value)):
        return int(match[1]) * _FACTOR[match[2].lower()]
    if isinstance(value, str):
        return spot.fault(f"{shown(value)} is not a size", 'write tokens as 32768, "32k" (1024) or "1M"')
    return _count.read(value, spot)  # type: ignore[no-any-return]


def _money(value: object, spot: Spot) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        return unfit(value, "an amount of USD", spot, 'write it as "5.00"')
    if isinstance(value, Decimal):  # only then: written out, 1e999999 has a million digits
        amount = format(value, "f") if value.is_finite() and -13 < value.adjusted() < 13 else ""
    else:
        amount = value if isinstance(value, str) else shown(value)
    if _MONEY.match(amount):
        return amount
    return spot.fault(f"{shown(value)} is not an amount of USD", 'write it as "5.00"')


_count = whole(0)
size = Kind(_size, {"type": ["integer", "string"], "minimum": 0, "pattern": "^[0-9]+[kKmM]?$"})
money = Kind(_money, {"type": ["number", "string"], "minimum": 0, "pattern": r"^[0-9]+(\.[0-9]+)?$"})


def _deployment_id(value: object, spot: Spot) -> str | None:
    found = _text(value, spot)
    if found is None:
        return None
    provider, model = split_ref(found)
    if not provider or not model.strip() or not is_provider_id(provider):
        return spot.fault(f"{shown(found)} is not a deployment id", "write it as provider/model")
    return found


def _zone(value: object, spot: Spot) -> str | None:
    import zoneinfo  # only a config that names a zone pays for it

    found = _text(value, spot)
    if found is None or found == "UTC":
        return found
    try:
        zoneinfo.ZoneInfo(found)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: the name of a directory
        known = sorted(zoneinfo.available_timezones())
        if not known:  # as on Windows, which has none of its own
            return spot.fault(
                f"{shown(found)} cannot be looked up: no time zones here", "pip can install tzdata"
            )
        meant = nearest(found, known)
        return spot.fault(f"{shown(found)} is not a known time zone", meant or 'write it as "Europe/Paris"')
    return found


deployment_id = Kind(_deployment_id, {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]*/.+$"})
zone = Kind(_zone, {"type": "string"})


def array(item: Kind, wanted: str = "an array") -> Kind:
    """Read an array of *item* as a tuple; a bad item is noted and left out."""

    def read(value: object, spot: Spot) -> tuple[Any, ...] | None:
        if not isinstance(value, list):
            return unfit(value, wanted, spot)
        found = (item.read(each, spot.at(index)) for index, each in enumerate(value))
        return tuple(each for each in found if each is not None)

    return Kind(read, {"type": "array", "items": item.schema})


def words(known: Sequence[str], also: dict[str, str]) -> Kind:
    """Read an array of words out of *known*; *also* are other spellings of them."""
    single = one_of(*known, *also)
    many = array(single)

    def read(value: object, spot: Spot) -> tuple[str, ...] | None:
        found = many.read(value, spot)
        return None if found is None else tuple(dict.fromkeys(also.get(word, word) for word in found))

    return Kind(read, many.schema)


def pairs(item: Kind) -> Kind:
    """Read a table of the owner's own keys as (key, value) pairs."""

    def read(value: object, spot: Spot) -> tuple[tuple[str, Any], ...] | None:
        if not isinstance(value, dict):
            return unfit(value, "a table", spot)
        found = []
        for key, each in value.items():
            read_key, read_value = _text(key, spot.at(key)), item.read(each, spot.at(key))
            if read_key is not None and read_value is not None:
                found.append((read_key, read_value))
        return tuple(found)

    return Kind(read, {"type": "object", "additionalProperties": item.schema})


def _hint(value: object, spot: Spot) -> str | None:
    """Accept a hint's value as it comes to mind: text, a number, true or false."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return shown(value) if isinstance(value, (int, Decimal)) else _text(value, spot)


hint = Kind(_hint, {"type": ["string", "number", "boolean"]})
