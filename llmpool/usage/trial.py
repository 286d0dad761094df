"""The rules of a trial: how a run finds it, and what is counted (pool-ledger-credentials 8.3, 8.4)."""

from __future__ import annotations

from typing import NamedTuple

from llmpool.core.times import rfc3339
from llmpool.core.trial import OVER, Quota, Terms

MOST = (1 << 63) - 1  # tokens: what is counted stays a count that can be read back
TOLERANCE = 300  # seconds that a clock may go back between two runs, as one that is set right does
NO_LICENSE, INVALID, EXPIRED = "no_license", "invalid_license", "license_expired"
TAMPERED, ROLLBACK, LIMIT = "state_tampered", "clock_rollback", "token_limit"
_CODES = {
    LIMIT: "trial_quota_exhausted_tokens",
    EXPIRED: "trial_expired_update_available",
    ROLLBACK: "trial_clock_tampered",
}
NEWER = "llmpool providers trial install FILE   (a newer licence)"
_WAYS = {
    NO_LICENSE: "llmpool providers trial install FILE",
    INVALID: "llmpool providers trial install FILE   (a licence that [trial.keys] verifies)",
}


class Found(NamedTuple):
    """What a run finds of a trial: the quota (None: tampered with), and the issue time of its licence.

    *missing*: there is no state. *activated*: this very licence was installed here before, so there was one.
    """

    quota: Quota | None = None
    issued: int = 0
    missing: bool = False
    activated: bool = False


def started(terms: Terms, found: Found, now: float) -> Quota:
    """Say how a trial stands at the start of a run.

    A newer licence begins at nothing; going back to an older one would let two of them take turns, so that is
    none. Whatever ends a trial otherwise stays: its state says so from then on.
    """
    known = found.quota or Quota()
    if is_expired(terms, now):
        return known.replace(exhausted=True, reason=EXPIRED)
    if found.issued > terms.issued:
        return _closed(Quota(issued=found.issued), INVALID, now)
    if found.missing or found.issued < terms.issued:
        fresh = _fresh(terms, now)
        return _closed(fresh, TAMPERED, now) if found.activated else fresh
    if found.quota is None:
        return _closed(_fresh(terms, now), TAMPERED, now)
    if is_rolled_back(known, now):
        return _closed(known, ROLLBACK, now) if known.reason != ROLLBACK else known
    return known


def counted(quota: Quota, terms: Terms, tokens: int, now: float) -> Quota:
    """Add what a request used; it goes on after the end, and the first reason for the end stays."""
    used = min(quota.tokens_used + tokens, MOST)
    over = quota.exhausted or used >= terms.limit
    return quota.replace(
        tokens_used=used,
        exhausted=over,
        reason=quota.reason if quota.exhausted else LIMIT if over else "",
        last_updated=rfc3339(now),
        hwm=max(quota.hwm, int(now)),
    )


def is_expired(terms: Terms, now: float) -> bool:
    """Say whether the time of a licence is over; one of 0 never ends."""
    return 0 < terms.expires < now


def is_rolled_back(quota: Quota, now: float) -> bool:
    """Say whether the clock was set back by more than a correction since the trial was last counted."""
    return quota.hwm > 0 and now < quota.hwm - TOLERANCE


def standing(terms: Terms | None, quota: Quota | None, now: float) -> Quota:
    """Say how a trial stands by what its state says, unproven: for routing, which reads no licence."""
    if terms is None:
        return Quota(exhausted=True, reason=NO_LICENSE)
    return started(terms, Found(quota, terms.issued), now)


def code(reason: str) -> str:
    """Name the message of a reason for which a trial is over."""
    return _CODES.get(reason, "trial_quota_exhausted")


def told(terms: Terms | None, quota: Quota) -> str:
    """Say in words why a trial is over; the reason that routing gives."""
    limit, ends = (terms.limit, terms.expires) if terms else (0, 0)
    words = {
        NO_LICENSE: "no licence is installed",
        INVALID: "its licence is not valid here",
        EXPIRED: f"it ended on {rfc3339(ends)}",
        TAMPERED: "it is closed, for its state was changed or deleted by something else than llmpool",
        ROLLBACK: "it is closed, for the clock of this machine was set back",
        LIMIT: f"its {limit} tokens are used up ({quota.tokens_used} were used)",
    }
    return OVER + words.get(quota.reason, "its quota is exhausted")


def way_out(reason: str) -> str:
    """Name what to do once a trial is over."""
    return f"{_WAYS.get(reason, NEWER)}    or a key of your own: llmpool providers add PRESET"


def _fresh(terms: Terms, now: float) -> Quota:
    return Quota(last_updated=rfc3339(now), hwm=int(now), issued=terms.issued)


def _closed(quota: Quota, reason: str, now: float) -> Quota:
    return quota.replace(exhausted=True, reason=reason, last_updated=rfc3339(now))
