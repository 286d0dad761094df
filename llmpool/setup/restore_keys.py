"""The keys of this machine while another config comes: none goes elsewhere, none is lost half-way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from llmpool.config.presets import presets
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.word import word
from llmpool.errors import ConfigInvalid, LlmpoolError, Misuse
from llmpool.net.address import canonical
from llmpool.pool import Pool
from llmpool.registry.catalog import build_catalog
from llmpool.setup import configfile, keys, keystore
from llmpool.setup.keystore import Keys


def refuse_misled(pool: Pool, config: str, coming: Keys, whose: str = "the config of the export") -> None:
    """Raise Misuse where *config* would send a key or a login of here, which stays, to another address.

    It is kept by the provider's id and its label, and those are the same on many machines, and were before.
    """
    here: dict[str, Provider] = {}
    with suppress(ConfigInvalid):  # one that is broken is replaced all the same
        here = {provider.id: provider for provider in pool.catalog.providers}
    for new in build_catalog(configfile.parsed(pool, config), presets()).providers:
        old = here.get(new.id)
        strange = _addresses(new).keys() - _addresses(old).keys() if old else ()
        if old is None or not strange:
            continue
        fate = f"{whose} it would go to {_addresses(new)[min(strange)]}"
        for ref in new.keys:
            if (new.id, ref.label) not in coming and _is_here(pool, new.id, ref):
                again = f"llmpool providers keys remove {new.id} {word(ref.label)}"
                raise _misled(f'key "{ref.label}" of {new.id}', old, fate, again)
        if new.id in pool.accounts:
            raise _misled(f"the login of {new.id}", old, fate, f"llmpool providers logout {new.id}")


def _addresses(provider: Provider) -> dict[str, str]:
    """Name the servers that a provider's keys go to, each with its address as it is written."""
    return {canonical(url): url for url in (provider.url, *provider.alternate_urls) if url}


def _is_here(pool: Pool, provider: str, ref: KeyRef) -> bool:
    return ref.source in keys.HERE and bool(keys.readable(pool, provider, ref))


def _misled(what: str, old: Provider, fate: str, way: str) -> Misuse:
    return Misuse(
        f"{what} is kept here for {old.url}; with {fate}",
        hint=f"nothing was changed; first: {way};  or: llmpool providers set {old.id} --url URL",
    )


@contextmanager
def put_back(pool: Pool, into_keyring: Keys, into_file: Keys, config: str) -> Iterator[None]:
    """Put what lay in the places of keys back where *config* has not come to be in force."""
    places = [(*name, keystore.KEYRING) for name in into_keyring]
    places += [(*name, keystore.FILE) for name in into_file]
    before = {place: _lying(pool, *place) for place in places}
    try:
        yield
    except BaseException:
        if configfile.read(pool) != config:
            for place, key in before.items():
                if _lying(pool, *place) != key:
                    with suppress(LlmpoolError):  # the others are put back all the same
                        _lay(pool, *place, key)
        raise


def _lying(pool: Pool, provider: str, label: str, where: str) -> str:
    return keys.readable(pool, provider, KeyRef(label=label, source=where))


def _lay(pool: Pool, provider: str, label: str, where: str, key: str) -> None:
    if key:
        keystore.keep(pool, provider, label, key, where=where, plaintext=True)  # as it lay there before
    else:
        keystore.let_go(pool, provider, label, where)
