"""Whether the providers answer: all are asked for their listing at once; nothing is kept, no token spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from llmpool.core.inventory import ProviderInventory
from llmpool.core.provider import Provider
from llmpool.discovery.observe import BAD_KEY, NO_KEY, observe
from llmpool.discovery.workers import side_by_side
from llmpool.net.address import host_of
from llmpool.net.client import Client
from llmpool.pool import Pool
from llmpool.registry.official import CATALOG
from llmpool.registry.readiness import AUTH, UNREACHABLE, kind_of
from llmpool.setup.doctor_case import ERROR, NOTE, WARNING, Case, Finding, quoted
from llmpool.setup.doctor_keys import taking_part

AREA = "reachability"
SECONDS, JOBS = 8.0, 32
_EMBEDDED = "embedded"


def ask(
    case: Case, heard: dict[str, ProviderInventory], progress: Callable[[str], None]
) -> Iterator[Finding]:
    """Ask every provider that takes part and has a key, and tell of those that failed.

    What each said is put into *heard*.
    """
    if case.pool is None:
        return
    asked = [p for p in taking_part(case.pool) if p.preset != _EMBEDDED and p.metadata != CATALOG]
    providers = [provider for provider in asked if provider.id not in case.keyless]
    _ask_all(case.pool, providers, heard, progress)
    for provider in providers:
        seen = heard.get(provider.id)
        if (
            seen is not None and seen.error and seen.error_kind not in (NO_KEY, BAD_KEY)
        ):  # the keys' own findings
            yield _failed(provider, seen)


def _ask_all(
    pool: Pool,
    providers: list[Provider],
    heard: dict[str, ProviderInventory],
    progress: Callable[[str], None],
) -> None:
    def hear(seen: ProviderInventory) -> None:
        heard[seen.provider] = seen
        waiting = [provider.id for provider in providers if provider.id not in heard]
        progress(f"asked {len(heard)} of {len(providers)}; waiting for {', '.join(waiting[:3])}")

    if not providers:
        return
    progress(f"asking {len(providers)} providers")
    with Client() as client:
        side_by_side(
            providers,
            lambda provider: observe(pool, provider, client, SECONDS),
            jobs=JOBS,
            heard=hear,
            stop=client.close,
        )


def _failed(provider: Provider, seen: ProviderInventory) -> Finding:
    """Tell of one that failed: a refused key is an error, one that is away may be back tomorrow."""
    kind = kind_of(seen.error, seen.error_kind)
    if kind == AUTH:
        fact, mend = f"refuses the key: {seen.error}", ("llmpool", "providers", "verify", provider.id)
        if provider.key_page:
            fact += f"; another: {provider.key_page}"
        return Finding(ERROR, AREA, provider.id, fact, quoted(*mend))
    severity = NOTE if provider.optional else WARNING
    if kind == UNREACHABLE:
        where = f" ({provider.url})" if host_of(provider.url) not in seen.error else ""
        wake = "; is it running?" if provider.location == "local" else ""
        fact = f"does not answer{where}: {seen.error}{wake}"
        return Finding(severity, AREA, provider.id, fact, quoted("llmpool", "refresh", provider.id))
    fact = f"answers, but not with a list of models: {seen.error}"
    return Finding(severity, AREA, provider.id, fact, quoted("llmpool", "providers", "verify", provider.id))
