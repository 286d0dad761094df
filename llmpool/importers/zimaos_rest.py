"""What ZimaOS keeps beside its providers: prices, the pool's settings, models switched off, logins."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from llmpool.core.policy import Policy
from llmpool.formats.base import mapping, usable_name
from llmpool.importers.found import first_text
from llmpool.importers.moved import Account, Gathering, Opened, names
from llmpool.importers.zimaos_provider import secret_of
from llmpool.importers.zimaos_time import instant

TOKEN = (
    "id",
    "provider_id",
    "provider_type",
    "access_token",
    "refresh_token",
    "token_expiry",
    "scopes",
    "email",
    "project_id",
    "updated_at",
)
_DEFAULT = {"input": Decimal(5), "output": Decimal(15), "cache_read": Decimal("0.5")}
_RATES = {"input_price": "input", "output_price": "output", "cache_price": "cache_read"}
_SWITCHED_OFF = "switched off in ZimaOS"
_MOST_DIGITS = 24


def parsed(text: str) -> Any:
    """Read JSON; None for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def pricing(content: dict[str, Any], gathering: Gathering) -> None:
    """Take the prices that the owner set; the default price where it is not the one ZimaOS came with."""
    default = {ours: _amount(content.get(f"default_{theirs}")) for theirs, ours in _RATES.items()}
    known = {name: value for name, value in default.items() if value is not None}
    if known and known != _DEFAULT | {"cache_read": known.get("cache_read", _DEFAULT["cache_read"])}:
        _put_price("", default, gathering)
    for key, value in mapping(content.get("custom_pricing")).items():
        entry = mapping(value)
        provider, model = entry.get("provider_id"), entry.get("model_id")
        if not isinstance(model, str) or not model.strip():
            provider, model = "", key
        target = f"{provider}/{model}" if isinstance(provider, str) and provider.strip() else str(model)
        _put_price(target, {ours: _amount(entry.get(theirs)) for theirs, ours in _RATES.items()}, gathering)


def _put_price(target: str, rates: dict[str, Decimal | None], gathering: Gathering) -> None:
    """Note a price; a cached token that costs nothing there is one whose price nobody gave."""
    known = {name: f"{value:f}" for name, value in rates.items() if value is not None}
    if not known.keys() >= {"input", "output"}:
        gathering.leave(f"price of {target or 'what has none'}", "an amount is missing, or is no amount")
        return
    if rates["cache_read"] == 0:
        known.pop("cache_read")
    gathering.prices[target] = known


def _amount(value: object) -> Decimal | None:
    """Return an amount in USD per million tokens as it stands in the file; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    amount = (
        Decimal(str(value)) if isinstance(value, float) else Decimal(value) if abs(value) < 10**15 else None
    )
    if amount is None or not amount.is_finite() or amount < 0 or len(f"{amount:f}") > _MOST_DIGITS:
        return None
    return amount.normalize() + 0


def config(content: dict[str, Any], gathering: Gathering) -> None:
    """Take the settings of the pool that count here."""
    for theirs, path in (
        ("default_strategy", ("routing", "strategy")),
        ("default_routing_mode", ("routing", "mode")),
    ):
        value = content.get(theirs)
        if isinstance(value, str) and value.strip():
            gathering.settings[path] = value.strip()
    days = content.get("usage_retention_days")
    if isinstance(days, int) and not isinstance(days, bool) and days > 0:
        gathering.settings[("usage", "retention")] = f"{days}d"
    if content.get("usage_tracking_enabled") is False:
        gathering.leave(
            "usage_tracking_enabled = false",
            "usage is always recorded here; chat --no-log leaves the text out",
        )


def models(provider: str, content: object, gathering: Gathering) -> None:
    """Take which models are switched off; the rest of a listing is observed anew by `refresh`."""
    listed = [mapping(entry) for entry in content] if isinstance(content, list) else []
    off = [str(each["id"]) for each in listed if each.get("enabled") is False and usable_name(each.get("id"))]
    for model in off:
        gathering.policies[f"{provider.strip()}/{model}"] = Policy(state="inactive", reason=_SWITCHED_OFF)
    deviating = len(listed) - len(off)
    if deviating:
        gathering.leave(
            f"{deviating} model{'s' * (deviating != 1)} of {provider}", "listed anew by: llmpool refresh"
        )


def token(provider: str, fields: dict[str, Any], gathering: Gathering) -> None:
    """Take a login of its token store; it is opened and compared with others in `settle`."""

    def text(name: str) -> str:
        return first_text(fields.get(name))

    scopes = fields.get("scopes")
    listed = scopes.split(",") if isinstance(scopes, str) else scopes if isinstance(scopes, list) else []
    gathering.accounts.append(
        Account(
            provider=text("provider_id") or provider.strip(),
            type=text("provider_type"),
            access=text("access_token"),
            refresh=text("refresh_token"),
            email=text("email"),
            project=text("project_id"),
            expires=fields.get("token_expiry"),
            scopes=tuple(each.strip() for each in listed if isinstance(each, str) and each.strip()),
        )
    )


def settle(gathering: Gathering, opened: Opened) -> None:
    """Open the tokens, and keep of those of one person at one provider the one that lasts longest.

    Logins without an e-mail address are all kept, for nothing says that they are one (ibid. 5.7).
    """
    kept: dict[object, Account] = {}
    named = {account.access for account in gathering.accounts if account.email and account.access}
    for number, account in enumerate(gathering.accounts):
        what = f"login {account.email or number + 1} of {account.provider}"
        access = secret_of(account.access, what, gathering, opened)
        refresh = secret_of(account.refresh, what, gathering, opened)
        if not (access or refresh) or (not account.email and account.access in named):
            continue
        ours = account.replace(access=access, refresh=refresh, expires=instant(account.expires) or None)
        person = (account.provider, account.email or access or refresh)
        before = kept.get(person)
        if before is None or _lasts(ours) > _lasts(before):
            kept[person] = ours
    dropped = len(gathering.accounts) - len(kept)
    gathering.accounts[:] = kept.values()
    if dropped:
        every = {account.provider for account in kept.values()}
        gathering.leave(
            f"{dropped} older logins", f"another of the same person lasts longer ({names(every)})"
        )


def _lasts(account: Account) -> float:
    return account.expires if isinstance(account.expires, float) else float("inf")
