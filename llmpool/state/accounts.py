"""account-status.json: balances and credits as vendors last told them, failures included.

A cache, not a record of money: what is older than a day is dropped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.record import Record, plain
from llmpool.state import jsonfile, recent, shape

NAME = "account-status.json"

_DECIMAL = re.compile(r"-?[0-9]{1,40}(\.[0-9]{1,100})?")


class Item(NamedTuple):
    """One figure of an account, such as `remaining`; *value* is a decimal number as text."""

    key: str
    value: str
    currency: str = ""


class Account(Record):
    """What a vendor said of one key's account (pool-ledger-credentials 6).

    *kind* is balance, credits, or unsupported where nothing is known: then *error* says why in a word and
    *message* in a sentence. *primary* names the item that matters most, even if it is absent: no limit, then.
    """

    provider: str
    key: str = ""
    kind: str = "unsupported"
    items: tuple[Item, ...] = ()
    primary: str = ""
    error: str = ""
    message: str = ""
    at: float = 0.0


def read(state: Path) -> dict[tuple[str, str], Account]:
    """Read the accounts by provider and key; a missing or quarantined file is an empty cache."""
    return jsonfile.read(state / NAME, decode=_accounts)


def remember(state: Path, accounts: Iterable[Account], now: float) -> None:
    """Take *accounts* into the cache under the lock; the later answer counts."""
    fresh = {(account.provider, account.key): account for account in accounts}
    recent.remember(state / NAME, fresh, now, decode=_accounts, encode=_as_data)


def _as_data(account: Account) -> dict[str, Any]:
    return plain(account) | {"items": [item._asdict() for item in account.items]}  # type: ignore[no-any-return]


def _accounts(data: Any) -> dict[tuple[str, str], Account]:
    entries = [] if data is None else shape.listed(_account)(data)
    return {(entry.provider, entry.key): entry for entry in entries}


def _account(value: Any) -> Account:
    known = shape.fields(value, _ACCOUNT)
    return Account(**known | {"items": tuple(known.get("items", ()))})


def _item(value: Any) -> Item:
    return Item(**shape.fields(value, {"key": shape.text, "value": _decimal, "currency": shape.text}))


def _decimal(value: Any) -> str:
    if not _DECIMAL.fullmatch(shape.text(value)):
        raise ValueError("not a number")
    return str(value)


_ACCOUNT = {
    **dict.fromkeys(("provider", "key", "kind", "primary", "error", "message"), shape.text),
    "items": shape.listed(_item),
    "at": shape.instant,
}
