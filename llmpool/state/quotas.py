"""account-quotas.json: tier and quotas of OAuth accounts as their servers last told them, failures included.

A cache: what is older than a day is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.record import Record, plain
from llmpool.state import jsonfile, recent, shape

NAME = "account-quotas.json"
NOT_CONNECTED, UNSUPPORTED = UNASKED = ("oauth_not_connected", "unsupported_provider_type")


class ModelQuota(NamedTuple):
    """How much of one model's allowance is left, in per cent; *reset_time* is as the server wrote it."""

    model: str
    remaining_percent: int
    reset_time: str = ""


class Quota(Record):
    """What an account may use (pool-ledger-credentials 5.8); *error* says in a word why that is not known."""

    provider: str
    account: str
    type: str
    tier: str = ""
    tier_name: str = ""
    models: tuple[ModelQuota, ...] = ()
    error: str = ""
    message: str = ""
    at: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether somebody was asked for this and gave no answer."""
        return bool(self.error) and self.error not in UNASKED


def read(state: Path) -> dict[tuple[str, str], Quota]:
    """Read the quotas by provider and account; a missing or quarantined file is an empty cache."""
    return jsonfile.read(state / NAME, decode=_quotas)


def remember(state: Path, quotas: Iterable[Quota], now: float) -> None:
    """Take *quotas* into the cache under the lock; the later answer counts."""
    fresh = {(quota.provider, quota.account): quota for quota in quotas}
    recent.remember(state / NAME, fresh, now, decode=_quotas, encode=_as_data)


def _as_data(quota: Quota) -> dict[str, Any]:
    return plain(quota) | {"models": [model._asdict() for model in quota.models]}  # type: ignore[no-any-return]


def _quotas(data: Any) -> dict[tuple[str, str], Quota]:
    lines = [] if data is None else shape.listed(_quota)(data)
    return {(quota.provider, quota.account): quota for quota in lines}


def _quota(value: Any) -> Quota:
    known = shape.fields(value, _QUOTA)
    return Quota(**known | {"models": tuple(known.get("models", ()))})


def _model(value: Any) -> ModelQuota:
    return ModelQuota(**shape.fields(value, _MODEL))


_MODEL = {"model": shape.text, "remaining_percent": shape.whole, "reset_time": shape.text}
_QUOTA = {
    **dict.fromkeys(("provider", "account", "type", "tier", "tier_name", "error", "message"), shape.text),
    "models": shape.listed(_model),
    "at": shape.instant,
}
