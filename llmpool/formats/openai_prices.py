"""What a listing says its models cost, and which models are free.

OpenRouter and Vercel name prices per token, Chutes and Together per million, and two of them in each pair of
words: how large an amount is tells what it is for.
"""

from __future__ import annotations

import math
from typing import Any

from llmpool.core.deployment import ObservedModel
from llmpool.formats.base import Listing, mapping

MAX_DIGITS = 40
NAMES = ("prompt", "completion")
OTHER_NAMES = ("input", "output")
DEAREST_TOKEN = 0.002  # USD; no token costs a third of it yet, and no million of them as little


def prices(fields: dict[str, Any]) -> tuple[str, str]:
    """Return the prices of input and output, USD per million tokens; empty where a line does not tell.

    A price below zero is a variable one. Zeros count only where nothing else about the model costs: a picture
    or a search, say. Together writes zeros about models that are sold by the hour, so there they are unknown.
    """
    pricing = mapping(fields.get("pricing"))
    if not pricing:
        return "", ""
    names = NAMES if any(name in pricing for name in NAMES) else OTHER_NAMES
    told = tuple(pricing.get(name) for name in names)
    shift = 6 if max(map(_number, told)) < DEAREST_TOKEN else 0
    both = per_million(told[0], shift), per_million(told[1], shift)
    costs = any(_number(value) > 0 for name, value in pricing.items() if name not in names)
    free = set(both) <= {"0", ""} and (costs or names is OTHER_NAMES)
    return ("", "") if free else both


def is_free(model: ObservedModel) -> bool:
    """Say whether a model costs nothing: its name says so, or all its known prices are zero."""
    told = [price for price in (model.input_price, model.output_price) if price]
    return ":free" in model.name or (bool(told) and set(told) == {"0"})


def free_only(listing: Listing) -> Listing:
    """Return *listing* with its free models alone (pool-routing-formats 6.5: OpenRouter's free tier)."""
    return listing._replace(models=tuple(model for model in listing.models if is_free(model)))


def _number(value: object) -> float:
    """Return a number, or the one that a text is; 0 for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return 0.0
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) else 0.0


def per_million(value: object, shift: int = 6) -> str:
    """Write a price *shift* decimal places up, in full; what is no price is unknown, and empty."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)) or len(str(value)) > MAX_DIGITS:
        return ""
    from decimal import Decimal, InvalidOperation

    try:
        price = Decimal(str(value))
    except InvalidOperation:
        return ""
    if not price.is_finite() or price < 0 or price.adjusted() > MAX_DIGITS or price.adjusted() < -MAX_DIGITS:
        return ""
    text = format(price.scaleb(shift), "f") if price else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text
