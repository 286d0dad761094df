"""What is known of every provider's limits: the config's, those its answers tell, and its account."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from llmpool import credentials, ways
from llmpool.core.ids import split_ref
from llmpool.core.provider import Provider, RateLimit
from llmpool.discovery.account import accounts, unsupported, vendor_of, was_asked
from llmpool.discovery.barred import out_of_service
from llmpool.errors import NoCredential
from llmpool.pool import Pool, unknown_provider
from llmpool.state import limits, rates
from llmpool.state.accounts import Account
from llmpool.state.limits import Seen
from llmpool.state.quotas import Quota
from llmpool.usage.rates import Scope

CONFIGURED = (
    ("rpm", "requests", "minute"),
    ("tpm", "tokens", "minute"),
    ("rpd", "requests", "day"),
    ("tpd", "tokens", "day"),
)


class Window(NamedTuple):
    """One allowance; *source* is `headers`, seen at *seen_at*, or `config`.

    *model* is set where it is one model's alone, *zone* where its days end; times are epoch seconds.
    """

    what: str
    per: str
    limit: int | None
    remaining: int | None
    resets_at: float | None
    source: str
    seen_at: float | None = None
    model: str = ""
    zone: str = ""


class Line(NamedTuple):
    """What is known of one key; *key* is empty for what holds for all keys of a provider together.

    Of an OAuth account *quota* is what it may use, and *name* what people call it.
    """

    provider: str
    key: str
    account: Account | None
    windows: tuple[Window, ...]
    quota: Quota | None = None
    name: str = ""


class Report(NamedTuple):
    """The lines in order of provider and key, and who could not be asked."""

    lines: tuple[Line, ...]
    failed: tuple[str, ...]


def survey(
    pool: Pool,
    name: str = "",
    *,
    refresh: bool = False,
    heard: Callable[[Account | Quota], None] = lambda _account: None,
) -> Report:
    """Collect what is known of the provider *name*, or of every one in service.

    Only vendors that tell accounts are asked, and only about keys that are there. Raises UnknownName, and
    NoCredential when the named provider needs a key and has none.
    """
    chosen = _chosen(pool, name)
    labels = {provider.id: _labels(pool, provider, needed=bool(name)) for provider in chosen}
    pool.warnings += [w for p in chosen if vendor_of(p) and (w := ways.unverified(p))]
    wanted = [(p.id, label) for p in chosen if vendor_of(p) for label in labels[p.id]]
    told = {(a.provider, a.key): a for a in accounts(pool, wanted, refresh=refresh, heard=heard)}
    logged_in = [(p.id, label) for p in chosen if p.oauth and not p.keys for label in labels[p.id]]
    quotas = _quotas(pool, logged_in, heard, refresh=refresh)
    if name and logged_in:
        told = {}
    elif name and not vendor_of(chosen[0]):
        told |= {(name, label): unsupported(pool, name, label) for label in labels[name] or [""]}
    elif name and told and all(a.error and not was_asked(a) for a in told.values()):
        raise NoCredential(next(iter(told.values())).message, hint=f"llmpool providers show {name}")
    seen = limits.read(pool.paths.state)
    lines = [line for p in chosen for line in _lines(pool, p, labels[p.id], told, seen.get(p.id, {}))]
    lines = _with_quotas(lines, quotas) if quotas else lines
    failed = dict.fromkeys(a.provider for a in told.values() if a.error and was_asked(a))
    failed |= dict.fromkeys(line.provider for line in lines if line.quota and line.quota.failed)
    return Report(tuple(lines), tuple(failed))


def _quotas(
    pool: Pool, wanted: list[tuple[str, str]], heard: Callable[[Quota], None], *, refresh: bool
) -> list[tuple[Quota, str]]:
    """Return tier and quotas of OAuth accounts, each with what people call it; most pools have none."""
    if not wanted:
        return []
    from llmpool.accounts import named
    from llmpool.discovery.account_quota import quotas
    from llmpool.state import logins

    names = {(login.provider, login.id): named(login) for login in logins.read(pool.paths.state)}
    found = quotas(pool, wanted, refresh=refresh, heard=heard)
    return [(each, names.get((each.provider, each.account), each.account)) for each in found]


def _with_quotas(lines: list[Line], quotas: list[tuple[Quota, str]]) -> list[Line]:
    """Put quotas to the lines of their accounts, or on lines of their own, in order of provider and key."""
    known = {(line.provider, line.key): line for line in lines}
    for quota, name in quotas:
        place = (quota.provider, quota.account)
        line = known.get(place) or Line(*place, None, ())
        known[place] = line._replace(quota=quota, name=name)
    return sorted(known.values(), key=lambda line: line.provider)


def _lines(
    pool: Pool,
    provider: Provider,
    labels: list[str],
    told: Mapping[tuple[str, str], Account],
    seen: Mapping[str, Seen],
) -> Iterator[Line]:
    """Yield what is known of each key, those in use first, then of all of them together."""
    configured = tuple(_configured(pool, provider))
    for label in dict.fromkeys((*labels, *seen, "")):
        account = told.get((provider.id, label))
        windows = _seen(seen[label], pool.clock()) if label in seen else ()
        windows += configured if not label else ()
        if account or windows:
            yield Line(provider.id, label, account, windows)


def _chosen(pool: Pool, name: str) -> list[Provider]:
    """Pick the providers to tell about; a disabled or an inactive one only when it is named."""
    known = list(pool.catalog.providers)
    if not name:
        idle = out_of_service(pool)
        return [provider for provider in known if provider.id not in idle]
    found = [provider for provider in known if provider.id == name]
    if not found:
        raise unknown_provider(name, [provider.id for provider in known])
    return found


def _labels(pool: Pool, provider: Provider, *, needed: bool) -> list[str]:
    """List the labels of the keys in use; that there is none is an error where one is *needed*."""
    try:
        keys = [key for key in credentials.keys_of(provider, pool) if key is not credentials.NO_KEY]
        present = [key.label for key in keys if key.source != "env" or pool.env.get(key.env, "").strip()]
        if needed and keys and not present:
            credentials.resolve(keys[0], provider, pool)
    except NoCredential:
        if needed and not pool.offline:
            raise
        return []
    return present


def _seen(seen: Seen, now: float) -> tuple[Window, ...]:
    """Return what headers told and is not too old to tell anything."""
    return tuple(
        Window(e.what, e.per, e.limit, e.remaining, e.resets_at, "headers", seen.at)
        for e in seen.entries
        if not limits.is_over(e, seen.at, now)
    )


def _configured(pool: Pool, provider: Provider) -> Iterator[Window]:
    """Yield the limits the owner set for a provider and for single models of it."""
    if provider.rate_limit:
        yield from _windows(pool, provider.id, provider.rate_limit)
    for model in pool.catalog.models:
        owner, name = split_ref(model.id)
        if owner == provider.id and isinstance(model.rate_limit, RateLimit):
            yield from (window._replace(model=name) for window in _windows(pool, model.id, model.rate_limit))


def _windows(pool: Pool, whose: str, limit: RateLimit) -> Iterator[Window]:
    spent = rates.spent(pool.paths.state, Scope(whose, limit), pool.clock())
    for field, what, per in CONFIGURED:
        most = getattr(limit, field)
        if most is not None:
            zone = limit.reset_tz if per == "day" else ""
            ends = _midnight(pool.clock(), zone) if zone else None
            used, free = spent[field]
            yield Window(what, per, most, max(0, most - used), ends or free, "config", zone=zone)


def _midnight(now: float, zone: str) -> float | None:
    """Return when the day ends in *zone*, None where this machine knows no such zone."""
    from datetime import datetime, time, timedelta
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        today = datetime.fromtimestamp(now, ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
    return datetime.combine(today.date() + timedelta(days=1), time(), today.tzinfo).timestamp()
