"""Put what a verification recommends into force (pool-routing-formats 9, Apply).

Differences from the source: nothing is applied on the word of a server that only refused the key; an
alternate address that took the key is remembered, not written in place of the configured one; a URL that
leads to the same place is left as its owner wrote it, a pin on the recommended format stays, and the address
of a vendor's row is never replaced.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

from llmpool import ways
from llmpool.config import edit
from llmpool.config.presets import presets
from llmpool.core.provider import Provider
from llmpool.discovery.verify import candidate
from llmpool.discovery.verify_rules import CANDIDATE, Verification
from llmpool.errors import Busy
from llmpool.formats.families import third_party
from llmpool.formats.plan import AUTO, GENERIC, PINNED, effective_mode, endpoint_lock
from llmpool.formats.urls import clean, without
from llmpool.pool import Pool
from llmpool.registry.catalog import build_catalog
from llmpool.setup import configfile
from llmpool.state import formats


class Change(NamedTuple):
    """One key of a provider's table in the config; *before* is empty where it is not set."""

    key: str
    before: str
    after: str


def changes(provider: Provider, found: Verification) -> tuple[Change, ...]:
    """List what applying *found* changes in the config.

    Nothing when nothing was there to recommend it, when all that is there refused the key, or for an address
    that nobody configured. A preset that does not fit is overruled by the format written beside it.
    """
    if not found.there or found.refused or provider.id == CANDIDATE:
        return ()
    plain = provider.replace(preset="", format="", format_mode="") if found.misfit else provider
    wanted = _of_third_party(plain, found) if third_party(plain) else _of_vendor(provider, found)
    return tuple(
        Change(key, getattr(provider, key), after)
        for key, after in wanted.items()
        if after != getattr(provider, key)
    )


def elsewhere(provider: Provider, found: Verification) -> str:
    """Return the alternate address that took the key, nothing where that is the configured one."""
    known = (url.rstrip("/") for url in provider.alternate_urls)
    return ways.elsewhere(provider, found.url) if found.ready and found.url in known else ""


def apply(pool: Pool, provider: Provider, found: Verification) -> tuple[Change, ...]:
    """Write the changes into the config, remember format and capabilities, and return what changed.

    Raises Busy where the provider has another address by now, or is gone: that was not asked.
    """
    made = changes(provider, found)
    if made:
        fields = {change.key: change.after for change in made}

        def applied(text: str) -> str:
            _check_same(pool, text, provider)
            return edit.with_provider(text, provider.id, fields)

        configfile.change(pool, applied)
    if found.there and not found.refused:
        now, after = pool.clock(), pool.provider(provider.id)
        formats.update(pool.paths.state, lambda known: _learn(known, after, found, now))
        pool.forget()
    return made


def _check_same(pool: Pool, text: str, asked: Provider) -> None:
    """Raise unless the config says of a provider what it said when that was asked."""
    known = build_catalog(configfile.parsed(pool, text), presets()).providers
    now = next((each for each in known if each.id == asked.id), None)
    said = (asked.url, asked.format, asked.format_mode)
    if now is None or (now.url, now.format, now.format_mode) != said:
        raise Busy(f"{asked.id} was changed meanwhile; nothing was applied", hint="verify it again")


def _learn(known: formats.Memories, provider: Provider, found: Verification, now: float) -> None:
    formats.detected(known, provider, found.recommended, now, profile=dict(found.profile))
    formats.use_endpoint(known, provider, elsewhere(provider, found), now)


def _of_third_party(provider: Provider, found: Verification) -> dict[str, str]:
    """Settle format, mode and URL of an address that is its owner's word."""
    name, url = found.recommended, _settled(found.recommended_url or provider.url)
    mode = PINNED if endpoint_lock(candidate(provider.url), found.recommended_url) else AUTO
    if name == provider.format and (provider.format_mode == PINNED or effective_mode(provider) == mode):
        mode = provider.format_mode
    stays = elsewhere(provider, found) or _same_place(url, provider.url)
    return {"format": name, "format_mode": mode, "url": provider.url if stays else url}


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
