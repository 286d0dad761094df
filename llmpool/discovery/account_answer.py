"""Reads what vendors answer about an account; money stays the decimal number that was sent."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

from llmpool.core.wire import Answer
from llmpool.formats.base import mapping, shown
from llmpool.state.accounts import Item

MOST_DIGITS = 30  # of an amount of money, before and behind the point; nobody owns more
_NUMBER = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?([eE][+-]?[0-9]{1,3})?")


class Unusable(Exception):
    """An account that cannot be told; *code* is why in a word, *message* in a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def parsed(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of *answer*; its numbers keep the digits they came with."""
    text = answer.body.decode("utf-8", "replace").removeprefix("\ufeff")
    try:
        payload = json.loads(text, parse_float=_Digits, parse_constant=_refuse)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        raise _invalid(f"not the JSON that was expected: {shown(text, 80)}")
    return payload


def openrouter(payload: dict[str, Any], _host: str) -> tuple[Item, ...]:
    """Read a key's credits: `{"data": {limit, limit_remaining, usage}}`, or the same without `data`."""
    data = payload.get("data")
    facts = data if isinstance(data, dict) else payload
    names = {"remaining": "limit_remaining", "used": "usage", "limit": "limit"}
    return _items(facts, names, "USD")


def openrouter_credits(payload: dict[str, Any]) -> tuple[Item, ...]:
    """Read an account's credits: what was bought less what was used."""
    data = mapping(payload.get("data"))
    bought, used = _amount(data.get("total_credits")), _amount(data.get("total_usage"))
    if bought is None or used is None:
        return ()
    return (Item("balance", _plain(Decimal(bought) - Decimal(used)), "USD"),)


def deepseek(payload: dict[str, Any], _host: str) -> tuple[Item, ...]:
    """Read a balance; all amounts are texts, and the first currency is the account's."""
    infos = payload.get("balance_infos")
    if infos is None or infos == []:
        return ()
    first = infos[0] if isinstance(infos, list) else None
    if not isinstance(first, dict):
        raise _invalid("balance_infos is no list of objects")
    names = ("total_balance", "granted_balance", "topped_up_balance", "currency")
    texts = {name: "" if first.get(name) is None else first[name] for name in names}
    if not all(type(text) is str for text in texts.values()):
        raise _invalid("an amount is no text")
    total = _amount(texts["total_balance"])
    if total is None:
        raise _invalid("total_balance is no number")
    currency = shown(texts["currency"].strip(), 12)
    return (
        Item("remaining", total, currency),
        Item("granted", _amount(texts["granted_balance"]) or "0", currency),
        Item("topped_up", _amount(texts["topped_up_balance"]) or "0", currency),
    )


def moonshot(payload: dict[str, Any], host: str) -> tuple[Item, ...]:
    """Read a balance; its currency is that of the site, told nowhere."""
    if payload.get("code", 0) != 0:
        raise _invalid(f"code {shown(str(payload['code']), 20)}")
    names = {"remaining": "available_balance", "voucher": "voucher_balance", "cash": "cash_balance"}
    currency = "USD" if host.endswith(".ai") else "CNY" if host.endswith(".cn") else ""
    return _items(mapping(payload.get("data")), names, currency)


def siliconflow(payload: dict[str, Any], host: str) -> tuple[Item, ...]:
    """Read a balance: `balance` is what was granted, `chargeBalance` what was paid for."""
    names = {"remaining": "totalBalance", "granted": "balance", "topped_up": "chargeBalance"}
    return _items(mapping(payload.get("data")), names, "CNY" if host.endswith(".cn") else "")


class _Digits(str):
    """A JSON number with a fraction, as it was written."""

    __slots__ = ()


def _refuse(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are no JSON


def _invalid(message: str) -> Unusable:
    return Unusable("invalid_response", f"the answer cannot be read: {message}")


def _items(facts: dict[str, Any], names: dict[str, str], currency: str) -> tuple[Item, ...]:
    """Return the figures that are there, in the order of *names*."""
    amounts = {key: _amount(facts.get(name)) for key, name in names.items()}
    return tuple(Item(key, value, currency) for key, value in amounts.items() if value is not None)


def _amount(value: object) -> str | None:
    """Return a number, or a text that is one, as a plain decimal; null, true and all else are none."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    text = str(value).strip() if isinstance(value, str) or abs(value) < 10**MOST_DIGITS else ""
    number = Decimal(text) if _NUMBER.fullmatch(text) else None
    return None if number is None or abs(number.adjusted()) > MOST_DIGITS else _plain(number)


def _plain(number: Decimal) -> str:
    """Write an amount without an exponent, and without noughts that say nothing."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text
