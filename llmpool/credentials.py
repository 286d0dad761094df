"""From a provider to what a call needs: which keys to try, and the target they make."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from itertools import groupby
from math import ceil
from pathlib import Path
from typing import NamedTuple

from llmpool.core.outcome import Attempt, TokenUsage
from llmpool.core.provider import KeyRef, Provider
from llmpool.core.routing import RoutingTable
from llmpool.core.trial import TRIAL
from llmpool.core.wire import Hidden, Target, Timeouts
from llmpool.errors import Busy, NoCredential, StateUnusable, UnusableCredential
from llmpool.formats.families import host
from llmpool.pool import Pool
from llmpool.router import failure as rules

_BEARER = (".minimaxi.com", ".minimax.io")
NO_KEY = KeyRef(label="none", source="env")


class Credential(NamedTuple):
    """A key ready for use, and the headers that are kept where keys are. Its repr hides them.

    *url* and *project* are those of an account, where it has its own.
    """

    label: str
    secret: str
    headers: tuple[tuple[str, str], ...] = ()
    url: str = ""
    project: str = ""

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
        from llmpool.core.word import word

        hint = f"llmpool providers keys enable {provider.id} {word(provider.keys[0].label)}"
        raise NoCredential(f"{provider.id}: every key is disabled", hint=hint)
    if provider.oauth and (provider.needs_key or provider.id in pool.accounts):
        from llmpool import accounts

        return accounts.refs(provider, pool)
    found = [KeyRef(label=name, source="env", env=name) for name in provider.key_env if pool.env.get(name)]
    if found or not provider.needs_key:
        return found[:1] or [NO_KEY]
    names = " or ".join(provider.key_env)
    hint = f"export {names.partition(' ')[0]}=...    or: llmpool providers keys add {provider.id}" + (
        f"    get one: {provider.key_page}" if provider.key_page else ""
    )
    raise NoCredential(f"{provider.id}: no key; {names} is not set", hint=hint)


def where_kept(key: KeyRef, provider: Provider, pool: Pool) -> KeyRef:
    """Return where a key is read from: an account's is that of the token that lasts longest."""
    if key.source != "account":
        return key
    from llmpool import accounts

    return accounts.where_kept(key, provider, pool)


def keys_in_turn(provider: Provider, pool: Pool) -> list[KeyRef]:
    """List the keys to ask with now, as `key_rotation` orders them; with that this request has had its turn.

    Keys that rest are passed over, and variables that are not set, for as long as there is another; when all
    rest it is the one that is free first. Raises NoCredential when none can be tried.
    """
    keys = keys_of(provider, pool)
    if len(keys) == 1:
        return keys
    present = [key for key in keys if key.source != "env" or pool.env.get(key.env, "").strip()] or keys
    awake = _awake(provider, present, pool)
    if provider.key_rotation == "first":
        return awake
    from llmpool.state import keys as counts

    by_label = {key.label: key for key in awake}
    try:
        order = counts.take(
            pool.paths.state,
            provider.id,
            [key.label for key in keys],
            by_label,
            rotation=provider.key_rotation,
            now=pool.clock(),
        )
    except (StateUnusable, Busy) as error:
        pool.warnings.append(f"the turns of {provider.id}'s keys are not kept: {error.message}")
        return awake
    return [by_label[label] for label in order]


def resting(provider: Provider, pool: Pool, refused: Container[tuple[str, str]]) -> list[KeyRef]:
    """Return the key that rests and is free first, but for those *refused* meanwhile; none is an empty list.

    With all others refused its provider is where it is with every key resting: that one is tried (ruling 10).
    """
    try:
        keys = [key for key in keys_of(provider, pool) if (provider.id, key.label) not in refused]
    except NoCredential:
        return []
    tired = [(key, seconds) for key, seconds in _left(provider, keys, pool) if seconds]
    return [min(tired, key=lambda pair: pair[1])[0]] if tired else []


def _awake(provider: Provider, keys: list[KeyRef], pool: Pool) -> list[KeyRef]:
    """Leave out the keys that rest; when all do, all but the one that is free first."""
    if not pool.health.cooldowns:
        return keys
    left = _left(provider, keys, pool)
    awake = [key for key, seconds in left if not seconds]
    return awake or [min(left, key=lambda pair: pair[1])[0]]


def _left(provider: Provider, keys: list[KeyRef], pool: Pool) -> list[tuple[KeyRef, float]]:
    """Return with each key the seconds that it rests yet."""
    from llmpool.router import cooldown

    now, cooldowns = pool.clock(), pool.health.cooldowns
    known = [(key, cooldowns.get(cooldown.of_key(provider.id, key.label))) for key in keys]
    return [(key, cooldown.read(entry).left(now) if entry else 0.0) for key, entry in known]


def count_uses(pool: Pool, attempts: Iterable[Attempt]) -> None:
    """Count the keys that a request was sent with, once it has ended."""
    found = uses(pool, attempts)
    if found:
        from llmpool.state import keys as counts

        counts.note(pool.paths.state, found, pool.clock())


def uses(pool: Pool, attempts: Iterable[Attempt]) -> dict[tuple[str, str], int]:
    """Return how often a request was sent with which key, by provider and label.

    A key whose turn it was is counted already: that is taken back where nothing was sent with it.
    """
    counted: Counter[tuple[str, str]] = Counter()
    for ref, visit in groupby(attempts, key=lambda attempt: attempt.deployment):
        provider = pool.provider(ref.partition("/")[0])
        several = sum(key.enabled for key in provider.keys) or len(pool.accounts.get(provider.id, ()))
        rotates = provider.key_rotation != "first" and several > 1
        for number, attempt in enumerate(visit):
            was_sent = attempt.failure is None or rules.was_sent(attempt.failure)
            counted[provider.id, attempt.key] += was_sent - (rotates and not number)
    return {key: times for key, times in counted.items() if times and key[1] != NO_KEY.label}


def resolve(key: KeyRef, provider: Provider, pool: Pool) -> Credential:
    """Read one key, and what the provider's headers keep in variables; raises NoCredential."""
    if key is not NO_KEY or provider.header_env:
        _refuse_open(provider.id, pool.paths.config)
    headers = tuple((name, _value(name, variable, provider, pool)) for name, variable in provider.header_env)
    if key is NO_KEY:
        return Credential(NO_KEY.label, "", headers)
    if provider.oauth:
        from llmpool import accounts

        access = accounts.resolve(key, provider, pool)
        return Credential(key.label, access.token, headers, access.url, access.project)
    secret = _read(key, provider, pool)
    if provider.preset == TRIAL:
        secret = _of_licence(secret, provider, pool)
    return Credential(key.label, secret, headers)


def _refuse_open(provider: str, config: Path) -> None:
    """Raise where everybody may write the config: who does says where keys go, and what is run for them."""
    try:
        mode = config.stat().st_mode
    except OSError:
        return  # a preset needs no config
    if os.name == "posix" and mode & 0o002:
        from llmpool.core.word import word

        raise UnusableCredential(
            f"{provider}: no key is used while everybody may write {config}",
            hint=f"look through it, then: chmod go-w {word(config)}",
        )


def _read(key: KeyRef, provider: Provider, pool: Pool) -> str:
    """Read a key; a run that needs it a thousand times keeps what a program or a keyring said."""
    from llmpool.auth import secrets

    def read() -> str:
        return secrets.read_key(key, provider.id, pool.env, pool.paths.secrets)

    if pool.keys_read is None or key.source not in ("command", "keyring"):
        return read()
    place = f"{provider.id} {provider.url}", repr(key)  # a config may be another by the next time
    return pool.keys_read(place, read)


def _of_licence(text: str, provider: Provider, pool: Pool) -> str:
    """Return the key in the licence of a trial, proven and not used up; raises NoCredential."""
    from llmpool.auth import license as licences
    from llmpool.state import trial
    from llmpool.usage import trial as rules

    found = licences.read(text, dict(pool.config.trial_keys))
    terms, again = found.terms, "llmpool providers trial install"
    asked = (provider.url, provider.format, provider.verify_tls)
    if trial.terms(pool.paths.state) != terms or asked != (terms.url.rstrip("/"), terms.format, True):
        raise UnusableCredential(f"{provider.id}: its licence is not the one that was installed", hint=again)
    stands = trial.start(pool.paths.state, terms, found.signature, pool.clock())
    if stands.exhausted:
        raise UnusableCredential(rules.told(terms, stands), hint=rules.way_out(stands.reason))
    return found.key


def count_trial(pool: Pool, ref: str, usage: TokenUsage | None) -> None:
    """Add what a request used to the quota of the trial, if that was asked; say so when it is used up."""
    provider = pool.provider(ref.partition("/")[0])
    tokens = (usage.input or 0) + (usage.output or 0) if usage else 0
    if provider.preset != TRIAL or not tokens:
        return
    from llmpool.auth import license as licences
    from llmpool.auth import secrets
    from llmpool.state import trial
    from llmpool.usage import trial as rules

    try:
        text = secrets.read_key(provider.keys[0], provider.id, pool.env, pool.paths.secrets)
        found = licences.read(text, dict(pool.config.trial_keys))
    except NoCredential as error:
        pool.warnings.append(f"not counted for the trial: {error.message}")
        return
    stands = trial.count(pool.paths.state, found.terms, found.signature, tokens, pool.clock())
    if stands.reason == rules.LIMIT:
        pool.warnings.append(f"{rules.told(found.terms, stands)}; {rules.way_out(stands.reason)}")


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

    Of those in secrets.json that is a warning. Raises NoCredential when none can, in the words of one that is
    faulty rather than missing.
    """
    found = False
    fault: NoCredential | None = None
    shut: list[str] = []
    for key in keys_of(provider, pool) if keys is None else keys:
        try:
            credential = resolve(key, provider, pool)
        except NoCredential as error:
            fault = fault if isinstance(fault, UnusableCredential) else error
            if key.source == "file" and isinstance(error, UnusableCredential):
                shut.append(f"{error.message}; {error.hint}")
        else:
            found = True
            for told in shut:
                pool.warn_once(told)
            yield credential
    if fault is not None and not found:
        raise fault


def target(
    provider: Provider, credential: Credential, timeouts: Timeouts, *, url: str = "", exact: bool = False
) -> Target:
    """Make the target of a provider's calls with this credential; *url* is where it was found instead."""
    if provider.preset == TRIAL:
        url, exact = "", False  # its licence names the one address, whatever was learnt
    place = url or (credential.url if provider.exact else "") or provider.url
    return Target(
        provider=provider.id,
        url=place,
        key=credential.secret,
        headers=(*provider.headers, *credential.headers),
        timeouts=timeouts,
        verify_tls=provider.verify_tls,
        auth=provider.auth or ("bearer" if takes_bearer(place) else ""),
        api_version=provider.api_version,
        project=provider.project or credential.project,
        exact=exact or (provider.exact and not url),
        max_tokens_field=provider.max_tokens_field,
        idle_ttl=ceil(provider.idle_ttl or 0),
    )


def takes_bearer(url: str) -> bool:
    """Say whether the vendor at *url* speaks a format of another's, but takes its key as most do."""
    return f".{host(url)}".endswith(_BEARER)


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
