"""Usage records of this program and of others as this program keeps them, or why one is none.

Both kinds are told apart line by line, so a file may hold either. Nothing is repaired silently: a figure or
a name that cannot be right makes the line a broken one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

from llmpool.core.ids import is_provider_id
from llmpool.core.text import one_line
from llmpool.formats.base import usable_name
from llmpool.usage.fields import FIELDS, LONGEST, is_amount, is_count, is_flag, is_id, is_moment, is_text


class NotARecord(ValueError):
    """A line that is no usage record; the text says why, in words that many lines can share."""


def parse(text: bytes) -> dict[str, Any]:
    """Read a line as a JSON object, numbers with a point as decimals; raises NotARecord."""
    try:
        value = json.loads(text.decode(), parse_float=Decimal, parse_constant=_no_number)
    except NotARecord:
        raise
    except (ValueError, RecursionError, ArithmeticError):
        raise NotARecord("not JSON") from None
    if not isinstance(value, dict):
        raise NotARecord("not a JSON object")
    return value


def own(source: dict[str, Any]) -> dict[str, Any]:
    """Check a record of this program's own export, without fields of a later version; raises NotARecord."""
    for name, why in (("id", "no id that a record can have"), ("at", "no time in UTC from 1970 on")):
        if not FIELDS[name](source.get(name)):
            raise NotARecord(why)
    if not is_flag(source.get("success")):
        raise NotARecord("success is neither true nor false")
    named = names(source.get("provider"), source.get("model"))
    if source.get("deployment", named["deployment"]) != named["deployment"]:
        raise NotARecord("its deployment is not its provider and model")
    given = {"cost": None} | source | named
    return {name: _fitting(name, given[name]) for name in FIELDS if name in given}


def names(provider: object, model: object) -> dict[str, Any]:
    """Return provider, model and deployment; raises NotARecord for names that cannot be."""
    if not (isinstance(provider, str) and is_provider_id(provider)):
        raise NotARecord("its provider is no provider id")
    if not (isinstance(model, str) and usable_name(model)):
        raise NotARecord("its model is no name")
    return {"provider": provider, "model": model, "deployment": f"{provider}/{model}"}


def _fitting(name: str, value: Any) -> Any:
    """Return a field's value, text made harmless; raises NotARecord for what does not fit the field."""
    if not FIELDS[name](value):
        raise NotARecord(_WRONG.get(FIELDS[name], f"its {name} is not what it should be"))
    return one_line(value) if isinstance(value, str) and not value.isprintable() else value


def _no_number(_name: str) -> NoReturn:
    raise NotARecord("NaN and Infinity are no numbers")


_WRONG: dict[Callable[[Any], bool], str] = {
    is_count: "a count is no whole number from 0",
    is_amount: "its cost is no amount of money",
    is_flag: "a flag is neither true nor false",
    is_text: f"a text is none, or longer than {LONGEST} characters",
    is_id: "no id that a record can have",
    is_moment: "no time in UTC from 1970 on",
}
