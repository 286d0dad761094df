"""The places of keys that this config does not name: what lies there is somebody's, and not written over.

All configs of a person share the keyring, and those of one folder secrets.json; what a run that was stopped
has left there is told from that by nobody.
"""

from __future__ import annotations

from contextlib import suppress

from llmpool.auth import keyfile, secrets
from llmpool.core.provider import KeyRef, Provider
from llmpool.errors import Busy, Misuse, NoCredential
from llmpool.pool import Pool
from llmpool.setup import configfile, key_refs, keystore


def look_again(pool: Pool, before: Provider) -> None:
    """Read the config anew; raises Busy where a provider has moved since its key was asked for or tried.

    Its key would go there. Raises UnknownName where it is gone.
    """
    pool.forget()
    now = pool.provider(before.id)
    if (now.url, now.alternate_urls) != (before.url, before.alternate_urls):
        raise Busy(f"{before.id} has another address meanwhile; the key was not kept", hint="try again")


def beside(pool: Pool, provider: str, label: str, key: str, where: str) -> tuple[str, ...]:
    """Return the labels that a new key cannot have; raises Misuse where it is to have such a one.

    *where* is where it would be kept, or empty for either place.
    """
    text, found = configfile.read(pool), list[str]()
    if label:
        if label not in key_refs.labels(text, provider):
            refuse_taken(pool, provider, label, key, where)
        return ()
    while lying(pool, provider, free := key_refs.free_label(text, provider, found), where):
        found.append(free)
    return tuple(found)


def refuse_taken(pool: Pool, provider: str, label: str, key: str, where: str) -> None:
    """Raise Misuse where a key other than *key* lies in a place that the config does not name."""
    if any(other != key for other in lying(pool, provider, label, where)):
        raise Misuse(
            f'another key of {provider} is kept as "{label}" by another config, or was left there',
            hint=f"give it a label of its own: llmpool providers keys add {provider} --label NAME",
        )


def lying(pool: Pool, provider: str, label: str, where: str) -> list[str]:
    """Return the keys that lie under a label; one that cannot be read is none of those that are known."""
    return [
        key
        for source in ([where] if where else [keystore.KEYRING, keystore.FILE])
        if (key := _lying(pool, provider, KeyRef(label=label, source=source)))
    ]


def _lying(pool: Pool, provider: str, ref: KeyRef) -> str:
    with suppress(NoCredential):
        return secrets.read_key(ref, provider, pool.env, pool.paths.secrets)
    held = ref.source == keystore.FILE and ref.label in keyfile.labels(pool.paths.secrets).get(provider, ())
    return "(shut)" if held else ""
