"""Put what a verification recommends into force (pool-routing-formats 9, Apply).

Differences from the source: a URL that leads to the same place is left as its owner wrote it, a pin on the
recommended format stays, and the address of a vendor's row is never replaced.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from llmpool.config import edit
from llmpool.core.provider import Provider
from llmpool.discovery.verify import candidate
from llmpool.discovery.verify_rules import CANDIDATE, Verification
from llmpool.formats.families import third_party
from llmpool.formats.plan import AUTO, GENERIC, PINNED, effective_mode, endpoint_lock
from llmpool.formats.urls import clean, without
from llmpool.pool import Pool
from llmpool.setup import configfile
from llmpool.state import formats


class Change(NamedTuple):
    """One key of a provider's table in the config; *before* is empty where it is not set."""

    key: str
    before: str
    after: str


def changes(provider: Provider, found: Verification) -> tuple[Change, ...]:
    """List what applying *found* changes in the config.

    Nothing when nothing was there to recommend it, or for an address that nobody configured.
    """
    if not found.there or provider.id == CANDIDATE:
        return ()
    wanted = _of_third_party(provider, found) if third_party(provider) else _of_vendor(provider, found)
    return tuple(
        Change(key, getattr(provider, key), after)
        for key, after in wanted.items()
        if after != getattr(provider, key)
    )


def apply(pool: Pool, provider: Provider, found: Verification) -> tuple[Change, ...]:
    """Write the changes into the config, remember format and capabilities, and return what changed."""
    made = changes(provider, found)
    if made:
        fields = {change.key: change.after for change in made}
        configfile.change(pool, lambda text: edit.with_provider(text, provider.id, fields))
    if found.there:
        now, after = pool.clock(), pool.provider(provider.id)
        formats.update(pool.paths.state, lambda known: _learn(known, after, found, now))
        pool.forget()
    return made


def _learn(known: formats.Memories, provider: Provider, found: Verification, now: float) -> None:
    formats.detected(known, provider, found.recommended, now, profile=dict(found.profile))
    if not found.refused:  # else an alternate address may be in use because of just that
        formats.use_endpoint(known, provider, "", now)


def _of_third_party(provider: Provider, found: Verification) -> dict[str, str]:
    """Settle format, mode and URL of an address that is its owner's word."""
    name, url = found.recommended, _settled(found.recommended_url or provider.url)
    mode = PINNED if endpoint_lock(candidate(provider.url), found.recommended_url) else AUTO
    if name == provider.format and (provider.format_mode == PINNED or effective_mode(provider) == mode):
        mode = provider.format_mode
    return {
        "format": name,
        "format_mode": mode,
        "url": provider.url if _same_place(url, provider.url) else url,
    }


def _of_vendor(provider: Provider, found: Verification) -> dict[str, str]:
    """Pin another format than the vendor's own; where the vendor is, its row knows best."""
    if found.recommended == provider.format:
        return {}
    return {"format": found.recommended, "format_mode": PINNED}


def _is_generic(url: str) -> bool:
    """Say whether the path of *url* is just an endpoint anybody has, such as `/v1/responses`."""
    return urlsplit(url).path.rstrip("/").lower() in GENERIC


def _settled(url: str) -> str:
    """Return *url* without a path that is just an endpoint."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if _is_generic(url) else clean(url)


def _same_place(one: str, other: str) -> bool:
    """Say whether two URLs lead to the same place: a version at the end is added where it is missing."""
    return without(one, "/v1") == without(other, "/v1")
