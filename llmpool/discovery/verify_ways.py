"""Verify a provider: with each of its keys and at each of its addresses, until one takes the other.

As in a chat, a refused key is tried at the alternate addresses (pool-routing-formats 9.1), then the next key.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmpool import credentials, ways
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.wire import Target
from llmpool.credentials import Credential
from llmpool.discovery import verify_rules as rules
from llmpool.discovery.detect_calls import LIMITS
from llmpool.discovery.verify import Progress, verify
from llmpool.discovery.verify_rules import Verification
from llmpool.errors import Misuse, NoCredential, UnknownName, offline_forbids
from llmpool.net.client import Client
from llmpool.pool import Pool


def verify_provider(
    pool: Pool, provider: Provider, *, model: str = "", key: str = "", key_env: str = "", progress: Progress
) -> Verification:
    """Verify *provider* with its keys, one after the other for as long as they are refused.

    *key* is the label of the only one to try, *key_env* a variable whose key is used instead. Raises
    NoCredential when there is no key to try, UnknownName when none is called *key*.
    """
    if pool.offline:
        raise offline_forbids("asking providers")
    if provider.preset == "embedded":
        raise Misuse("the embedded server is llmpool's own; there is nothing to verify")
    pool.warnings += filter(None, [_in_its_words(provider, ways.unverified(provider))])
    found = Verification(url=provider.url)
    with Client(offline=pool.offline) as client:
        for credential in _credentials(pool, provider, key, key_env):
            asked = [
                (here, credentials.target(here, credential, LIMITS)) for here in _addresses(pool, provider)
            ]
            seen = _first_that_takes_it(client, asked, model, progress)
            seen = seen.replace(key=credential.label if credential.secret else "")
            if not seen.refused and not seen.shut:
                return seen
            found = found if found.probes else seen  # told of the first key
    return found


def _credentials(pool: Pool, provider: Provider, key: str, key_env: str) -> Iterator[Credential]:
    """Yield the keys to try; an address nobody configured is not named by the id it has in here."""
    named = [KeyRef(label=key_env, source="env", env=key_env)] if key_env else None
    if key_env and not pool.env.get(key_env, "").strip():
        raise NoCredential(f"{key_env} is not set", hint=f"export {key_env}=...")
    if key:
        known = provider.keys or tuple(credentials.keys_of(provider, pool))
        named = [ref for ref in known if ref.label == key and ref is not credentials.NO_KEY]
        if not named:
            labels = [ref.label for ref in known if ref is not credentials.NO_KEY]
            hint = f"its keys: {', '.join(labels) or 'none'}"
            raise UnknownName(f'{provider.id} has no key "{key}"', hint=hint, details={"candidates": labels})
    try:
        yield from credentials.usable(provider, pool, named)
    except NoCredential as error:
        if provider.id != rules.CANDIDATE:
            raise
        raise type(error)(_in_its_words(provider, error.message), hint=f"look at {key_env}") from None


def _in_its_words(provider: Provider, message: str) -> str:
    """Return *message* with the address of a candidate for its id, which nobody knows."""
    if provider.id != rules.CANDIDATE or not message:
        return message
    return f"{provider.url}: {message.removeprefix(f'{provider.id}: ').removesuffix(' (verify_tls = false)')}"


def _addresses(pool: Pool, provider: Provider) -> list[Provider]:
    """Return *provider* as it is at each of its addresses, the configured one first."""
    others = [url for url in ways.addresses(pool, provider) if ways.elsewhere(provider, url)]
    return [provider, *(provider.replace(url=url) for url in others)]


def _first_that_takes_it(
    client: Client, asked: list[tuple[Provider, Target]], model: str, progress: Progress
) -> Verification:
    """Verify one address after the other while the key is refused; told in the words of the first one."""
    first = Verification(url=asked[0][0].url)
    for place, (here, target) in enumerate(asked):
        if place:
            progress(f"the key is refused; trying {here.url}")
        seen = verify(client, here, target, model=model, progress=progress)
        is_good = seen.ready if place else not seen.refused
        if is_good and not seen.shut:
            return seen
        first = first if place else seen
    return first
