"""accounts.json: the OAuth accounts and what is known of each, never a token.

A login is something its owner did, so a corrupt file ends the run. Where the tokens of an account are kept,
`store` says; an account of another tool is *borrowed*: it is used, and refreshed by that tool alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from llmpool.core.record import Record, plain
from llmpool.state import jsonfile, shape

NAME = "accounts.json"
ID = "oat_"  # how the id of an account begins, and with it the label of each of its tokens


class Login(Record):
    """One account of a provider; *expires_at* 0 is never, times are seconds since the epoch.

    *store* is `keyring` or `file`; a *passing* access token is not there but in `state.tokens`.
    """

    provider: str
    id: str
    type: str
    email: str = ""
    project: str = ""
    endpoint: str = ""
    expires_at: float = 0.0
    scopes: tuple[str, ...] = ()
    created_at: float = 0.0
    updated_at: float = 0.0
    store: str = "keyring"
    refreshable: bool = False
    borrowed: bool = False
    passing: bool = False


def read(state: Path) -> list[Login]:
    """Read the accounts by provider, each one's in the order to try them: the oldest first, then by id."""
    return jsonfile.read(state / NAME, precious=True, decode=_logins)


def of(state: Path, provider: str) -> list[Login]:
    """Read the accounts of one provider, in the order to try them."""
    return [login for login in read(state) if login.provider == provider]


def one(state: Path, provider: str, name: str) -> Login | None:
    """Read the account of a provider that has this id; None where there is none."""
    return next((login for login in of(state, provider) if login.id == name), None)


def keep(state: Path, login: Login) -> list[Login]:
    """Take in an account, under its id; return those it takes the place of: same provider, same e-mail."""
    gone: list[Login] = []

    def change(known: list[Login]) -> Any:
        others = [each for each in known if (each.provider, each.id) != (login.provider, login.id)]
        kept = deduplicated([*others, login])
        gone[:] = [each for each in (*others, login) if each not in kept]
        return _as_data(kept)

    jsonfile.update(state / NAME, change, precious=True, decode=_logins)
    return gone


def change_one(state: Path, provider: str, name: str, **changes: Any) -> None:
    """Change fields of one account that is still there."""

    def change(known: list[Login]) -> Any:
        return _as_data(
            each.replace(**changes) if (each.provider, each.id) == (provider, name) else each
            for each in known
        )

    jsonfile.update(state / NAME, change, precious=True, decode=_logins)


def forget(state: Path, provider: str, names: Iterable[str]) -> list[Login]:
    """Forget accounts of *provider*; return those that were there."""
    wanted = set(names)
    gone: list[Login] = []

    def change(known: list[Login]) -> Any:
        gone[:] = [each for each in known if each.provider == provider and each.id in wanted]
        return _as_data(each for each in known if each not in gone)

    if (state / NAME).exists():
        jsonfile.update(state / NAME, change, precious=True, decode=_logins)
    return gone


def deduplicated(logins: Iterable[Login]) -> list[Login]:
    """Keep one account per provider and e-mail: that which lasts longest, then the newest (spec 5.7).

    Accounts without an e-mail are all kept; what never expires lasts longest.
    """
    best: dict[tuple[str, str], Login] = {}
    for login in logins:
        key = (login.provider, login.email or f" {login.id}")
        best[key] = max(best.get(key, login), login, key=_rank)
    return sorted(best.values(), key=_order)


def _rank(login: Login) -> tuple[float, float, float, str]:
    return login.expires_at or float("inf"), login.updated_at, login.created_at, login.id


def _order(login: Login) -> tuple[str, float, str]:
    return login.provider, login.created_at, login.id


def _as_data(logins: Iterable[Login]) -> dict[str, Any]:
    return {"accounts": [plain(login) for login in sorted(logins, key=_order)]}


def _logins(data: Any) -> list[Login]:
    lines = [] if data is None else shape.listed(_login)(shape.mapping(data)["accounts"])
    return sorted(lines, key=_order)


def _login(value: Any) -> Login:
    known = shape.fields(value, _LOGIN)
    return Login(**known | {"scopes": tuple(known.get("scopes", ()))})


_LOGIN: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("provider", "id", "type", "email", "project", "endpoint", "store"), shape.text),
    **dict.fromkeys(("expires_at", "created_at", "updated_at"), shape.instant),
    **dict.fromkeys(("refreshable", "borrowed", "passing"), shape.flag),
    "scopes": shape.listed(shape.text),
}
