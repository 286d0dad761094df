"""From a provider to what a call needs: which keys to try, and the target they make."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from llmpool.core.provider import KeyRef, Provider
from llmpool.core.routing import RoutingTable
from llmpool.core.wire import Hidden, Target, Timeouts
from llmpool.errors import NoCredential, UnusableCredential
from llmpool.formats.families import host
from llmpool.pool import Pool

BEARER_HOSTS = ("minimaxi.com", "minimax.io")  # they speak a format of another's, but take keys as most do
NO_KEY = KeyRef(label="none", source="env")


class Credential(NamedTuple):
    """A key ready for use, and the headers that are kept where keys are. Its repr hides them."""

    label: str
    secret: str
    headers: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"Credential({self.label!r})"


def keys_of(provider: Provider, pool: Pool) -> list[KeyRef]:
    """List the keys to try, in order; the preset's variable only where none is configured.

    A provider that needs no key yields one that says so. Raises NoCredential when none can be tried.
    """
    if provider.keys:
        enabled = [key for key in provider.keys if key.enabled]
        if enabled:
            return enabled
        raise NoCredential(
            f"{provider.id}: every key is disabled", hint=f"llmpool providers show {provider.id}"
        )
    found = [KeyRef(label=name, source="env", env=name) for name in provider.key_env if pool.env.get(name)]
    if found or not provider.needs_key:
        return found[:1] or [NO_KEY]
    names = " or ".join(provider.key_env)
    hint = f"export {names.partition(' ')[0]}=..." + (
        f"    get one: {provider.key_page}" if provider.key_page else ""
    )
    raise NoCredential(f"{provider.id}: no key; {names} is not set", hint=hint)


def resolve(key: KeyRef, provider: Provider, pool: Pool) -> Credential:
    """Read one key, and what the provider's headers keep in variables; raises NoCredential."""
    headers = tuple((name, _value(name, variable, provider, pool)) for name, variable in provider.header_env)
    if key is NO_KEY:
        return Credential(NO_KEY.label, "", headers)
    from llmpool.auth import secrets

    secret = secrets.read_key(key, provider.id, pool.env, pool.paths.secrets)
    return Credential(key.label, secret, headers)


def _value(header: str, variable: str, provider: Provider, pool: Pool) -> Hidden:
    """Return what a header keeps in a variable; raises NoCredential, which never says what was read."""
    value = pool.env.get(variable, "").strip()
    if not value:
        fact = f"{provider.id}: {variable} is not set (header {header})"
        raise NoCredential(fact, hint=f"export {variable}=...")
    if not value.isprintable() or not value.isascii():
        raise UnusableCredential(
            f"{provider.id}: header {header} contains a line break or another character no header has",
            hint=f"look at variable {variable}",
        )
    return Hidden(value)


def usable(provider: Provider, pool: Pool, keys: list[KeyRef] | None = None) -> Iterator[Credential]:
    """Yield the provider's keys, or *keys*, in order, passing over what cannot be read while another can.

    Raises NoCredential when none can, in the words of one that is faulty rather than missing.
    """
    found = False
    fault: NoCredential | None = None
    for key in keys_of(provider, pool) if keys is None else keys:
        try:
            credential = resolve(key, provider, pool)
        except NoCredential as error:
            fault = fault if isinstance(fault, UnusableCredential) else error
        else:
            found = True
            yield credential
    if fault is not None and not found:
        raise fault


def target(
    provider: Provider, credential: Credential, timeouts: Timeouts, *, url: str = "", exact: bool = False
) -> Target:
    """Make the target of a provider's calls with this credential; *url* is where it was found instead."""
    place = url or provider.url
    return Target(
        provider=provider.id,
        url=place,
        key=credential.secret,
        headers=(*provider.headers, *credential.headers),
        timeouts=timeouts,
        verify_tls=provider.verify_tls,
        auth=provider.auth or ("bearer" if host(place).endswith(BEARER_HOSTS) else ""),
        api_version=provider.api_version,
        project=provider.project,
        exact=exact or (provider.exact and not url),
        max_tokens_field=provider.max_tokens_field,
    )


def timeouts_of(provider: Provider, table: RoutingTable) -> Timeouts:
    """Take the config's time-outs; a provider's own come first, its `timeout` where it has nothing finer."""
    routing, own = table.routing, provider.timeout
    connect = min(routing.connect_timeout, own) if own else routing.connect_timeout
    return Timeouts(
        connect=provider.connect_timeout or connect,
        first_token=provider.first_token_timeout or own or routing.first_token_timeout,
        read=provider.read_timeout or own or routing.read_timeout,
        total=provider.total_timeout,
    )


def short_timeouts(provider: Provider, table: RoutingTable, seconds: float) -> Timeouts:
    """Give a small call *seconds* for everything, and no longer to connect than any call."""
    connect = min(timeouts_of(provider, table).connect, seconds)
    return Timeouts(connect=connect, first_token=seconds, read=seconds, total=seconds)
