"""What a vendor says of an account: balance or credits (pool-ledger-credentials 6).

Errors never raise: they are a code in the answer, and a sentence. OpenRouter and DeepSeek are documented by
their vendors; Moonshot and SiliconFlow are as other programs use them, and nobody here has seen them answer.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from llmpool import credentials, ways
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.wire import Answer, Call, Target, Timeouts
from llmpool.credentials import Credential
from llmpool.discovery import account_answer as answers
from llmpool.discovery.account_answer import Unusable
from llmpool.discovery.told import Subject, of_each
from llmpool.errors import NoCredential, UnknownName
from llmpool.formats.base import get, join_url, with_key
from llmpool.formats.errors import read_error
from llmpool.formats.urls import root_of
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.state import accounts as cache
from llmpool.state.accounts import Account, Item

FRESH_SECONDS = 120.0
SECONDS = 10.0  # for the whole answer
MAX_BYTES = 1024 * 1024
JOBS = 16
PRIMARY = "remaining"
UNSUPPORTED = "balance unsupported: its vendor tells none that is known here"


class Vendor(NamedTuple):
    """Where a vendor tells of accounts, and how to read it; *read* gets the answer's JSON and the host."""

    kind: str
    path: str
    read: Callable[[Any, str], tuple[Item, ...]]


VENDORS = {
    "openrouter": Vendor("credits", "/v1/key", answers.openrouter),
    "deepseek": Vendor("balance", "/user/balance", answers.deepseek),
    "moonshot": Vendor("balance", "/v1/users/me/balance", answers.moonshot),
    "siliconflow": Vendor("balance", "/v1/user/info", answers.siliconflow),
}
_BY_PRESET = {"openrouter-free": "openrouter"} | {name: name for name in VENDORS}
_BY_HOST = {
    "openrouter.ai": "openrouter",
    "api.deepseek.com": "deepseek",
    "api.moonshot.ai": "moonshot",
    "api.moonshot.cn": "moonshot",
    "api.siliconflow.cn": "siliconflow",
    "api.siliconflow.com": "siliconflow",
}
_FETCHED = ("http_", "request_", "response_", "invalid_response", "no_account_status_data")


def vendor_of(provider: Provider) -> Vendor | None:
    """Return the vendor whose account endpoint *provider* has: by its preset, else by its host."""
    name = _BY_PRESET.get(provider.preset) or _BY_HOST.get(_host(provider.url))
    return VENDORS[name] if name else None


def accounts(
    pool: Pool,
    wanted: Iterable[tuple[str, str]],
    *,
    refresh: bool = False,
    heard: Callable[[Account], None] = lambda _account: None,
) -> list[Account]:
    """Return the accounts of *wanted*, pairs of a provider's id and a key's label, in their order.

    What was told less than two minutes ago is not asked for again unless *refresh*; offline, only what is
    known is told, however old.
    """
    state = pool.paths.state
    subject = Subject(
        known=cache.read(state),
        ask=lambda pair, client: account(pool, *pair, client=client),
        keep=lambda asked: cache.remember(state, filter(was_asked, asked), pool.clock()),
        seconds=FRESH_SECONDS,
        jobs=JOBS,
    )
    return of_each(pool, wanted, subject, refresh=refresh, heard=heard)


def was_asked(account: Account) -> bool:
    """Say whether somebody was asked for this, rather than that there was no way to ask."""
    return not account.error or account.error.startswith(_FETCHED)


def unsupported(pool: Pool, name: str, label: str = "") -> Account:
    """Say of a provider that its vendor tells no accounts, without asking for anything."""
    return Account(
        provider=name, key=label, error="unsupported_provider", message=UNSUPPORTED, at=pool.clock()
    )


def account(pool: Pool, name: str, label: str = "", *, client: Client) -> Account:
    """Ask for the account of one key of the provider *name*, of its first usable key without *label*."""
    failed = Account(provider=name, key=label, at=pool.clock())
    try:
        vendor, items = _told(pool, pool.provider(name), label, client)
    except UnknownName as error:
        return failed.replace(error="provider_not_found", message=error.message)
    except Unusable as error:
        return failed.replace(error=error.code, message=error.message)
    return failed.replace(kind=vendor.kind, items=items, primary=PRIMARY)


def _credential(pool: Pool, provider: Provider, label: str) -> Credential:
    """Resolve the key *label*, or the first that works; a disabled one is never used (ruling 13)."""
    if label:
        return _labelled(pool, provider, label)
    try:
        keys = [key for key in credentials.keys_of(provider, pool) if key is not credentials.NO_KEY]
    except NoCredential as error:
        code = "api_key_disabled" if provider.keys else "api_key_not_configured"
        raise Unusable(code, error.message) from None
    words = f"{provider.id}: no key is configured"
    for key in keys:
        try:
            return credentials.resolve(key, provider, pool)
        except NoCredential as error:
            words = error.message
    raise Unusable("api_key_not_configured", words)


def _labelled(pool: Pool, provider: Provider, label: str) -> Credential:
    known = provider.keys or tuple(
        KeyRef(label=name, source="env", env=name) for name in provider.key_env if pool.env.get(name)
    )
    key = next((key for key in known if key.label == label), None)
    if key is None:
        raise Unusable("api_key_not_found", f'{provider.id}: there is no key "{label}"')
    if not key.enabled:
        raise Unusable("api_key_disabled", f'{provider.id}: key "{label}" is disabled')
    try:
        return credentials.resolve(key, provider, pool)
    except NoCredential as error:
        raise Unusable("api_key_disabled", error.message) from None


def _told(pool: Pool, provider: Provider, label: str, client: Client) -> tuple[Vendor, tuple[Item, ...]]:
    """Ask, in the order of the source: a key that is no good is told before a vendor that tells nothing."""
    credential = _credential(pool, provider, label)
    vendor = vendor_of(provider)
    if vendor is None:
        raise Unusable("unsupported_provider", UNSUPPORTED)
    limits = Timeouts(connect=SECONDS, first_token=SECONDS, read=SECONDS, total=SECONDS)
    target = credentials.target(provider, credential, limits, url=_base(pool, provider))
    return vendor, client.run(_flow(vendor, target), within=SECONDS)


def _base(pool: Pool, provider: Provider) -> str:
    """Return the server's root: the address in use, without the `/v1` a path of the vendor's begins with."""
    base = root_of(next(iter(ways.addresses(pool, provider)), ""))
    if not base.startswith(("http://", "https://")) or not _host(base):
        raise Unusable("invalid_base_url", f"{provider.id}: {base or 'no url'} is no address to ask at")
    return base


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower()
    except ValueError:  # half an IPv6 address
        return ""


def _flow(vendor: Vendor, target: Target) -> Generator[Call, Answer, tuple[Item, ...]]:
    payload = yield from _asked(target, vendor.path)
    items = vendor.read(payload, _host(target.url))
    if vendor is VENDORS["openrouter"] and not any(item.key == PRIMARY for item in items):
        items += yield from _credits(target)  # a key without a limit of its own spends the account's credits
    if not items:
        raise Unusable("no_account_status_data", "the answer tells no figures")
    return items


def _credits(target: Target) -> Generator[Call, Answer, tuple[Item, ...]]:
    """Ask OpenRouter for the account's credits; not every key may know them."""
    try:
        payload = yield from _asked(target, "/v1/credits")
    except Unusable:
        return ()
    return answers.openrouter_credits(payload)


def _asked(target: Target, path: str) -> Generator[Call, Answer, Any]:
    """Ask for *path* and return the answer's JSON; every failure has its code."""
    call = get(target, join_url(target.url, path), with_key(target)).replace(max_bytes=MAX_BYTES)
    try:
        answer = yield call
    except UpstreamError as error:
        raise Unusable(_code(error.failure), error.failure.message) from None
    if answer.status != 200:
        raise Unusable(f"http_{answer.status}", f"{answer.status}: {read_error(answer).message}")
    return answers.parsed(answer)


def _code(failure: Failure) -> str:
    """Name what kept an answer from coming."""
    if failure.status and failure.status != 200:
        return f"http_{failure.status}"
    if failure.status == 200 or "in the middle" in failure.message:
        return "response_read_failed"
    return "request_build_failed" if failure.kind == "bad_request" else "request_failed"
