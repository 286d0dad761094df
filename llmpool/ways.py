"""The ways to ask a provider: addresses, formats, what to leave out; as configured and learnt (ruling 14).

What chat, probes and observation share: each asks in its own manner, but all go the same ways, and what one
learns serves the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from llmpool import credentials
from llmpool.core.outcome import FORWARDED, Failure, UpstreamError
from llmpool.core.provider import Provider
from llmpool.core.wire import Target, Timeouts
from llmpool.credentials import Credential
from llmpool.errors import NoCredential
from llmpool.formats import plan as plans
from llmpool.formats.plan import Plan
from llmpool.pool import Pool
from llmpool.state import formats

T = TypeVar("T")
NOT_THINKING = "thinking off"  # how it is remembered that a server would not be told so
SIGN_IN = "sign in on the machine of its server: ollama signin"
OFF = (None, "off", "0")
_ENDPOINTS = {"openai": "/chat/completions", "responses": "/responses"}


def addresses(pool: Pool, provider: Provider) -> list[str]:
    """List where to ask: the address that worked last, the configured one, then its alternates."""
    known = pool.memories.endpoint(provider)
    places = (known, provider.url, *provider.alternate_urls)
    return list(dict.fromkeys(url.rstrip("/") for url in places if url))


def elsewhere_may_help(provider: Provider, url: str, place: int, failure: Failure) -> bool:
    """Say whether the next address is worth asking after *failure* at *url*, the one at *place*.

    A refused key is tried at the others (pool-routing-formats 9.1). An address that was only learnt, and is
    not there any more, must not stand before the configured one; and an alternate that fails is none.
    """
    if place:
        return True
    if failure.kind == "auth" and failure.status in (401, 403):
        return True
    return bool(elsewhere(provider, url)) and failure.kind in ("connect", "timeout", "wrong_format")


def first_taken(pool: Pool, provider: Provider, work: Callable[[Credential, str], T]) -> T:
    """Do *work* with the first key, at the first address, that are taken.

    Raises UpstreamError, the first one where several said no, and NoCredential.
    """
    refused: UpstreamError | None = None
    for credential in credentials.usable(provider, pool):
        for place, url in enumerate(addresses(pool, provider)):
            try:
                return work(credential, url)
            except UpstreamError as error:
                if not elsewhere_may_help(provider, url, place, error.failure):
                    raise
                refused = refused or error
    raise refused or NoCredential(f"{provider.id}: no key could be tried")


def plan(pool: Pool, provider: Provider, model: str, url: str) -> Plan:
    """Plan the formats for *model* at *url*, one of the provider's addresses."""
    memory = pool.memories.memory(provider, model, pool.clock())
    return plans.plan(provider, model, memory, url=elsewhere(provider, url))


def is_settled(provider: Provider, url: str) -> bool:
    """Say whether the format at *url* needs no finding out: owner, path or vendor settle it."""
    return plans.effective_mode(provider, elsewhere(provider, url)) == plans.PINNED


def target(
    pool: Pool, provider: Provider, credential: Credential, url: str, limits: Timeouts | None = None
) -> Target:
    """Make the target of calls at *url*; models may have been listed under a base of its own there."""
    other = elsewhere(provider, url)
    base = "" if other else pool.memories.base(provider)
    limits = limits or credentials.timeouts_of(provider, pool.table)
    return credentials.target(provider, credential, limits, url=base or other, exact=bool(base))


def bare(provider: Provider, target: Target, wire: str) -> Target | None:
    """Return the target of a server that has no version in its paths, where *target* would add one."""
    from llmpool.formats import urls

    if wire not in ("openai", "responses") or target.exact or provider.exact:
        return None
    unversioned = urls.openai_base(target.url, exact=True) != urls.openai_base(target.url, exact=False)
    return target.replace(exact=True) if unversioned else None


def unverified(provider: Provider) -> str:
    """Return the warning that a provider's certificate is not looked at, or nothing."""
    if provider.verify_tls or not provider.url.startswith("https:"):
        return ""
    return f"{provider.id}: its TLS certificate is not verified (verify_tls = false)"


def refused(pool: Pool, ref: str, thinking: str | None) -> tuple[str, ...]:
    """Name what the deployment *ref* would not take before, in the words of `formats.refused`.

    One that would not be told to leave off *thinking* may well think when it is asked to.
    """
    names = pool.memories.refused(ref, pool.clock())
    if NOT_THINKING not in names:
        return names
    rest = tuple(name for name in names if name not in (NOT_THINKING, "thinking"))
    return (*rest, "thinking") if thinking in OFF or "thinking" in names else rest


def of_whom(pool: Pool, provider: Provider, model: str, failure: Failure) -> Failure:
    """Say of a refused account whose it is, at a local provider (ruling 5).

    Where the model runs elsewhere, as those of Ollama's cloud do, the account is its server's there; what the
    server runs itself needs none.
    """
    if provider.location != "local" or failure.kind not in ("auth", "quota") or not failure.status:
        return failure
    from llmpool.core.routing import LOCAL
    from llmpool.registry.kinds import runs_elsewhere

    flags = next((row.flags for row in pool.table.rows if row.id == f"{provider.id}/{model}"), LOCAL)
    if flags & LOCAL and not runs_elsewhere(model):
        return failure
    hint = failure.hint or (SIGN_IN if failure.kind == "auth" else "")
    return failure.replace(code=FORWARDED, hint=hint)


def learn_format(  # noqa: PLR0917 - who, where, what, and how it went
    pool: Pool, provider: Provider, url: str, model: str, wire: str, served: str = ""
) -> None:
    """Remember the format that worked, unless it is known or settled, and the model that *served* it."""
    now = pool.clock()
    if not pool.memories.remembers(provider, url, model, wire, now):
        pool.learn(lambda known: formats.worked(known, provider, url, model, wire, now=now, actual=served))


def learn_base(pool: Pool, provider: Provider, url: str, wire: str) -> None:
    """Remember that the paths of a provider's format begin right at *url*: its whole endpoint says so."""
    now, base = pool.clock(), url.rstrip("/") + _ENDPOINTS[wire]
    if base != pool.memories.base(provider):
        pool.learn(lambda known: formats.use_base(known, provider, base, now))


def learn_refusal(pool: Pool, ref: str, parameter: str, thinking: str | None) -> None:
    """Remember that the deployment *ref* does not take *parameter*; of *thinking*, whether to or not to."""
    now = pool.clock()
    name = NOT_THINKING if parameter == "thinking" and thinking in OFF else parameter
    pool.learn(lambda known: formats.refuse(known, ref, name, now))


def learn_address(pool: Pool, provider: Provider, url: str) -> None:
    """Remember that a key is taken at *url*, when that is not where the provider is asked already."""
    now = pool.clock()
    if url != (pool.memories.endpoint(provider) or provider.url.rstrip("/")):
        pool.learn(lambda known: formats.use_endpoint(known, provider, url, now))


def elsewhere(provider: Provider, url: str) -> str:
    """Return *url* when it is not the configured one, which needs no saying, else nothing."""
    return "" if url.rstrip("/") == provider.url.rstrip("/") else url
