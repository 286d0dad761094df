"""prices.json: the prices that the owner set, by deployment, model or pattern, and for all that has none.

Amounts are USD per million tokens as decimal texts. It may be lost without harm: a corrupt file is set aside
with a warning, and costs go by the price book until the prices are set anew.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from llmpool.pricing.lookup import Own
from llmpool.state import jsonfile, shape

NAME = "prices.json"
AMOUNTS = ("input", "output", "cache_read", "cache_write", "cache_write_1h", "per_request")
"""What a price can have; the first two are always there."""


def read(state: Path) -> Own:
    """Read the owner's prices; a missing or quarantined file has none."""
    return jsonfile.read(state / NAME, decode=decoded)


def update(state: Path, change: Callable[[Own], Own]) -> Own:
    """Replace the owner's prices by what *change* makes of the newest ones, under the lock."""
    kept: list[Own] = []

    def changed(own: Own) -> dict[str, Any]:
        kept[:] = [change(own)]
        return document(kept[0])

    jsonfile.update(state / NAME, changed, decode=decoded)
    return kept[0]


def document(own: Own) -> dict[str, Any]:
    """Return prices as JSON has them, nothing for none."""
    return {name: value for name, value in (("custom", dict(own.custom)), ("default", own.default)) if value}


def decoded(data: Any) -> Own:
    """Read prices from JSON, None of no file; raises what a wrong type or amount does."""
    known = {} if data is None else shape.mapping(data)
    custom = {shape.text(key): _entry(entry) for key, entry in shape.mapping(known.get("custom", {})).items()}
    default = known.get("default")
    return Own(custom=custom, default=None if default is None else _entry(default))


def _entry(value: Any) -> dict[str, str]:
    entry = shape.fields(value, dict.fromkeys(AMOUNTS, _amount) | {"set_at": shape.moment})
    if not {"input", "output"} <= entry.keys():
        raise KeyError("an amount is missing")
    return entry


def _amount(value: Any) -> str:
    """Return an amount of money: a decimal text, finite and not negative."""
    try:
        amount = Decimal(shape.text(value))
    except InvalidOperation as error:
        raise ValueError("not an amount") from error
    if not amount.is_finite() or amount < 0:
        raise ValueError("not an amount")
    return str(value)
