"""Pack a price list of genai-prices, as its project publishes it, into the document of `match.Book`.

Left out is what nobody here can use: how to read vendors' answers, addresses, notes, and *price variants*,
which hold for batches, service tiers and regions that llmpool does not ask for: the standard price is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any

from llmpool.pricing.book import plain
from llmpool.pricing.validate import SCHEMA, validated, word

TOKENS = {
    "input_mtok": "input",
    "output_mtok": "output",
    "cache_read_mtok": "cache_read",
    "cache_write_mtok": "cache_write",
    "cache_write_1h_mtok": "cache_write_1h",
    "output_reasoning_mtok": "reasoning",
}
REQUESTS = "requests_kcount"
_SIGNS = {"equals": "=", "starts_with": "^", "ends_with": "$", "contains": "*", "regex": "/"}


def packed(vendors: object, version: str) -> dict[str, Any]:
    """Return the document made of *vendors*, checked; raise ValueError with the place where it is not one."""
    if not isinstance(vendors, list):
        raise ValueError("not a list of vendors")  # noqa: TRY004 - it is what was downloaded that is wrong
    shelves: dict[str, Any] = {}
    for vendor in vendors:
        name = word(_at(vendor, "id", "a vendor"), "a vendor")
        if name in shelves:
            raise ValueError(f"{name}: there twice")
        try:
            shelves[name] = _shelf(vendor)
        except (KeyError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError) as error:
            raise ValueError(f"{name}: {error or type(error).__name__}") from None
    return validated({"schema": SCHEMA, "version": version, "vendors": shelves})


def _at(value: object, key: str, what: str) -> str:
    found = value.get(key) if isinstance(value, Mapping) else None
    if not isinstance(found, str) or not found:
        raise ValueError(f"{what} without {key}")
    return found


def _shelf(vendor: Mapping[str, Any]) -> dict[str, Any]:
    shelf: dict[str, Any] = {}
    if vendor.get("model_match"):
        shelf["match"] = _clause(vendor["model_match"])
    if vendor.get("fallback_model_providers"):
        shelf["sells"] = list(vendor["fallback_model_providers"])
    shelf["models"] = [_entry(model) for model in vendor["models"]]
    return shelf


def _entry(model: Mapping[str, Any]) -> list[Any]:
    identity = _at(model, "id", "a model")
    try:
        clause, price = _clause(model["match"]), _price(model["prices"])
    except (KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{word(identity, 'a model')}: {error or type(error).__name__}") from None
    return [identity, price] if clause == f"={identity}" else [identity, price, clause]


def _clause(clause: Mapping[str, Any]) -> Any:
    ((how, what),) = clause.items()
    if how == "or":
        return [_clause(each) for each in what]
    if how == "and":
        return {"and": [_clause(each) for each in what]}
    if how not in _SIGNS:
        raise ValueError(f"an unknown clause {how!r}")
    return _SIGNS[how] + what


def _price(prices: Any) -> Any:
    if isinstance(prices, Mapping):
        return _rates(prices)
    steps = [_rates(each["prices"]) | dict(_condition(each.get("constraint") or {})) for each in prices]
    return steps[0] if len(steps) == 1 and not steps[0].keys() & {"from", "hours"} else steps


def _condition(constraint: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    if constraint.keys() == {"start_date"}:
        yield "from", date.fromisoformat(constraint["start_date"]).isoformat()
    elif constraint.keys() == {"start_time", "end_time"}:
        yield "hours", [_utc(constraint["start_time"]), _utc(constraint["end_time"])]
    elif constraint:
        raise ValueError(f"an unknown condition {', '.join(sorted(constraint))}")


def _utc(text: str) -> str:
    moment = time.fromisoformat(text)
    if moment.tzinfo is not None:
        moment = datetime.combine(date(2000, 1, 2), moment).astimezone(UTC).time()
    return moment.isoformat("seconds" if moment.second else "minutes")


def _rates(prices: Mapping[str, Any]) -> dict[str, Any]:
    known = {ours: _rate(prices[name]) for name, ours in TOKENS.items() if prices.get(name) is not None}
    if prices.get(REQUESTS) is not None:
        known["per_request"] = _rate(prices[REQUESTS], 1000)
    other = {
        name: _rate(each)
        for name, each in prices.items()
        if name not in TOKENS and name != REQUESTS and each is not None
    }
    return known | ({"other": other} if other else {})


def _rate(rate: Any, per: int = 1) -> Any:
    if not isinstance(rate, Mapping):
        return _amount(rate, per)
    tiers = sorted(rate["tiers"], key=lambda tier: int(tier["start"]))
    base = _amount(rate["base"], per)
    return [base, *([tier["start"], _amount(tier["price"], per)] for tier in tiers)] if tiers else base


def _amount(amount: Any, per: int) -> str:
    known = isinstance(amount, (int, float, str, Decimal)) and not isinstance(amount, bool)
    try:
        exact = Decimal(str(amount)) if known else None
    except InvalidOperation:
        exact = None
    if exact is None or not exact.is_finite() or abs(exact.adjusted()) > 20:
        raise ValueError(f"not a price: {amount!r:.40}")
    return plain(exact / per)
