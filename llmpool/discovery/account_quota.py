"""What an OAuth account may use: its tier, and how much of each model is left (pool-ledger-credentials 5.8).

Errors never raise: they are a code in the answer, and a sentence. Neither vendor describes this; it is tested
against fakes only.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable
from typing import Any

from llmpool import credentials
from llmpool.auth import oauth_copilot
from llmpool.auth.oauth import fields_of
from llmpool.auth.oauth_kinds import COPILOT, GOOGLE
from llmpool.core.outcome import UpstreamError
from llmpool.core.provider import KeyRef
from llmpool.core.wire import Answer, Call, Target, Timeouts
from llmpool.discovery.told import Subject, of_each
from llmpool.errors import NoCredential
from llmpool.formats import cloudcode
from llmpool.formats.base import mapping, shown, usable_name, word
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.state import logins
from llmpool.state import quotas as cache
from llmpool.state.quotas import NOT_CONNECTED, UNSUPPORTED, ModelQuota, Quota

FRESH_SECONDS = 300.0
SECONDS = 10.0
JOBS = 8
FAMILIES = ("gemini", "claude")  # whose quotas are told, by a word of the model's name
_IDE = {"antigravity": "ANTIGRAVITY", "gemini-cli": "GEMINI_CLI"}


def quotas(
    pool: Pool,
    wanted: Iterable[tuple[str, str]],
    *,
    refresh: bool = False,
    heard: Callable[[Quota], None] = lambda _quota: None,
) -> list[Quota]:
    """Return the quotas of *wanted*, pairs of a provider's id and an account's, in their order.

    What was told less than five minutes ago is not asked for again unless *refresh*; offline, only what is
    known is told, however old.
    """
    state = pool.paths.state
    subject = Subject(
        known=cache.read(state),
        ask=lambda pair, client: quota(pool, *pair, client=client),
        keep=lambda asked: cache.remember(
            state, [each for each in asked if each.error != NOT_CONNECTED], pool.clock()
        ),
        seconds=FRESH_SECONDS,
        jobs=JOBS,
    )
    return of_each(pool, wanted, subject, refresh=refresh, heard=heard)


def quota(pool: Pool, name: str, account: str, *, client: Client) -> Quota:
    """Ask for tier and quotas of one account of the provider *name*."""
    login = logins.one(pool.paths.state, name, account)
    empty = Quota(provider=name, account=account, type=login.type if login else "", at=pool.clock())
    if login is None:
        return empty.replace(error=NOT_CONNECTED, message=f"{name}: nobody is logged in")
    if login.type not in (COPILOT, *GOOGLE):
        return empty.replace(error=UNSUPPORTED, message="its vendor tells no quota that is known here")
    provider = pool.provider(name)
    try:
        credential = credentials.resolve(KeyRef(label=account, source="account"), provider, pool)
    except NoCredential as error:
        if login.type != COPILOT:
            return empty.replace(error="token_refresh_failed", message=error.message)
        tier, tier_name = oauth_copilot.tier_of("")
        return empty.replace(tier=tier, tier_name=tier_name, error="sku_fetch_failed", message=error.message)
    if login.type == COPILOT:
        tier, tier_name = oauth_copilot.tier(credential.secret)
        return empty.replace(tier=tier, tier_name=tier_name)
    limits = Timeouts(connect=SECONDS, first_token=SECONDS, read=SECONDS, total=SECONDS)
    target = credentials.target(provider, credential, limits)
    return client.run(_of_google(target, empty), within=2 * SECONDS)


def _of_google(target: Target, empty: Quota) -> Generator[Call, Answer, Quota]:
    """Ask for the tier, then, where there is a project, for what is left of each model."""
    body = {"metadata": {"ideType": _IDE[empty.type]}}
    account, wrong = yield from _asked(cloudcode.asked(target, "loadCodeAssist", body))
    tiers = (mapping(account.get(name)) for name in ("paidTier", "currentTier"))
    tier = next((each for each in tiers if word(each.get("id"))), {})
    project = target.project or word(account.get("cloudaicompanionProject"))
    models: tuple[ModelQuota, ...] = ()
    if project:
        listed, _ = yield from _asked(cloudcode.asked(target, "fetchAvailableModels", {"project": project}))
        models = tuple(sorted(_models(listed.get("models"))))
    found = empty.replace(tier=word(tier.get("id")), tier_name=word(tier.get("name")), models=models)
    if wrong and not models:
        return found.replace(error="fetch_failed", message=wrong)
    return found


def _asked(call: Call) -> Generator[Call, Answer, tuple[dict[str, Any], str]]:
    """Return the JSON of a good answer, and what was wrong with any other."""
    try:
        answer = yield call
    except UpstreamError as error:
        return {}, error.failure.told
    if answer.status != 200:
        return {}, f"status {answer.status}"
    return fields_of(answer), ""


def _models(value: object) -> Iterable[ModelQuota]:
    """Read what is left of each model of the families whose quotas are told."""
    for name, line in mapping(value).items():
        info = mapping(mapping(line).get("quotaInfo"))
        left = _percent(info.get("remainingFraction"))
        if left is not None and usable_name(name) and any(family in name for family in FAMILIES):
            reset = info.get("resetTime")
            yield ModelQuota(name, left, shown(reset, 40) if isinstance(reset, str) else "")


def _percent(fraction: object) -> int | None:
    """Return a fraction in per cent, half a one rounded up; what is no fraction is not known."""
    if isinstance(fraction, bool) or not isinstance(fraction, (int, float)):
        return None
    if not 0 <= fraction <= 1:  # what is no number is not either
        return None
    return math.floor(fraction * 100 + 0.5)
