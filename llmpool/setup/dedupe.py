"""One server under two ids becomes one provider: what names the other is changed to name the one that stays.

Two providers are the same when they reach the same address, however it is spelt, with the same first key, the
same headers and no two different formats (pool-ledger-credentials 9.2). Records of usage keep their old ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.auth import secrets
from llmpool.config.presets import presets
from llmpool.core.config import Config, ProviderTable
from llmpool.core.ids import key_digest, mask_key
from llmpool.core.policy import Policy
from llmpool.core.provider import KeyRef, Provider
from llmpool.errors import Busy, NoCredential
from llmpool.net.address import canonical
from llmpool.pool import Pool
from llmpool.registry.catalog import build_catalog
from llmpool.setup import configfile, joining, key_places, keystore, merging
from llmpool.setup.merging import Moving
from llmpool.state import keys as known_keys
from llmpool.state import policy, prices


class Merge(NamedTuple):
    """Providers that are one: which id stays, which go, and what that does.

    *moved* are the places that will name the one that stays, *dropped* the settings of the others that it
    does not take over.
    """

    kept: str
    gone: tuple[str, ...]
    server: str
    moved: tuple[str, ...]
    dropped: tuple[str, ...]


class Plan(NamedTuple):
    """Every merge, the one change of the config that makes them, and the stored keys that move along."""

    merges: tuple[Merge, ...]
    change: Callable[[str], str]
    moving: tuple[Moving, ...] = ()


def plan(pool: Pool) -> Plan:
    """Find the providers that are the same and plan to merge them; nothing is written."""
    before = configfile.read(pool)
    decided, own = policy.read(pool.paths.state), prices.read(pool.paths.state)
    found = _same(pool)
    steps = [_step(pool, same) for same in found]
    merges, moving, text = [], list[Moving](), before
    for step, same in zip(steps, found, strict=True):
        done = merging.merge(text, step)
        text = done.text
        moving += done.moving
        names = dict.fromkeys(step.gone, step.kept)
        moved, dropped = joining.told(decided, names)
        prices_moved, prices_lost = joining.told_prices(own, names)
        lost = (*_otherwise(*same), *done.dropped, *dropped, *prices_lost)
        merges.append(Merge(step.kept, step.gone, step.server, (*done.moved, *moved, *prices_moved), lost))

    def change(now: str) -> str:
        if _tables(now, steps) != _tables(before, steps):  # a key that came since would be named by nobody
            raise Busy("the config has changed meanwhile; nothing was merged", hint="try again")
        for step in steps:
            now = merging.merge(now, step).text
        return now

    return Plan(tuple(merges), change, tuple(moving))


def _tables(text: str, steps: Iterable[merging.Step]) -> list[Any]:
    """Return what the config says of the providers that are merged."""
    tables = configfile.tree(text).get("providers", {})
    return [tables.get(name) for step in steps for name in (step.kept, *step.gone)]


def carry_out(pool: Pool, plan: Plan) -> Path | None:
    """Change the config, then what was decided; returns where the old config is kept.

    Stored keys are copied first, and let go of last. Raises NoCredential where one cannot be read: then
    nothing is changed.
    """
    copied: list[Moving] = []
    gone = {name for merge in plan.merges for name in merge.gone}
    stored = [
        (table.id, ref.label, ref.source)
        for table in pool.config.providers
        for ref in table.keys
        if table.id in gone and ref.source in merging.STORED
    ]
    for provider, label, source in stored:
        _look_again(pool, provider, KeyRef(label=label, source=source))
    try:
        for each in plan.moving:
            _copy(pool, each)
            copied.append(each)
        backup = configfile.change(pool, plan.change, backup=True)
    except BaseException:
        for each in copied:
            keystore.give_back(pool, each.kept, each.new_label, each.source)
        raise
    names = {gone: merge.kept for merge in plan.merges for gone in merge.gone}
    before = policy.read(pool.paths.state)
    if joining.joined(before, names) != before:
        policy.update(pool.paths.state, lambda known: joining.joined(known, names))
    own = prices.read(pool.paths.state)
    if joining.priced(own, names) != own:
        prices.update(pool.paths.state, lambda known: joining.priced(known, names))
    for provider, label, source in stored:  # last: a keyring may take its time, or end this
        keystore.let_go(pool, provider, label, source)
        known_keys.forget(pool.paths.state, provider, label)
    pool.forget()
    return backup


def _look_again(pool: Pool, provider: str, ref: KeyRef) -> None:
    """Raise where a key that is to go is not the one that is remembered: it would be nowhere then."""
    known = known_keys.read(pool.paths.state).known.get(provider, {}).get(ref.label)
    with suppress(NoCredential):
        key = secrets.read_key(ref, provider, pool.env, pool.paths.secrets)
        if known and known.digest not in ("", key_digest(key)):
            now = known_keys.Known(key_digest(key), mask_key(key), pool.clock())
            known_keys.learn(pool.paths.state, provider, ref.label, now)
            fact = f'key "{ref.label}" of {provider} is another one meanwhile; nothing was merged'
            raise Busy(fact, hint="look again: --dry-run")


def _copy(pool: Pool, moving: Moving) -> None:
    """Keep a stored key under the provider that stays as well, its digest included."""
    ref = KeyRef(label=moving.label, source=moving.source)
    key = secrets.read_key(ref, moving.owner, pool.env, pool.paths.secrets)
    place = moving.kept, moving.new_label
    key_places.refuse_taken(pool, *place, key, moving.source)
    keystore.keep(pool, *place, key, where=moving.source, plaintext=True)  # as it lay there before
    known = known_keys.Known(key_digest(key), mask_key(key), pool.clock())
    known_keys.learn(pool.paths.state, *place, known)


def _same(pool: Pool) -> list[list[Provider]]:
    """Group the configured providers that are one, the one that stays first; in the order of the file."""
    order = [table.id for table in pool.config.providers]
    found: dict[tuple[Any, ...], list[Provider]] = {}
    for provider in sorted(pool.catalog.providers, key=lambda p: order.index(p.id) if p.id in order else -1):
        identity = _identity(pool, provider) if provider.id in order else None
        if identity is not None:
            found.setdefault(identity, []).append(provider)
    decided = policy.read(pool.paths.state)
    groups = [same for each in found.values() for same in _by_format(each) if len(same) > 1]
    return [sorted(same, key=lambda p: _rank(p, decided.get(p.id))) for same in groups]


def double_of(pool: Pool, table: ProviderTable) -> Provider | None:
    """Find the configured provider that one of *table* would be the same as; None where there is none."""
    new = build_catalog(Config(path=str(pool.paths.config), providers=(table,)), presets()).providers[0]
    identity, listed = _identity(pool, new), {known.id for known in pool.config.providers}
    for provider in pool.catalog.providers if identity is not None else ():
        alike = not (provider.format and new.format) or provider.format == new.format
        if provider.id in listed and alike and _identity(pool, provider) == identity:
            return provider
    return None


def _identity(pool: Pool, provider: Provider) -> tuple[Any, ...] | None:
    """Return all that tells a provider from others but for its format; None where that cannot be said."""
    key = _fingerprint(pool, provider) if provider.url else None
    headers = tuple(sorted((*provider.headers, *provider.header_env)))
    return None if key is None else (canonical(provider.url), key, headers, provider.project)


def _by_format(providers: list[Provider]) -> Iterable[list[Provider]]:
    """Part providers that speak different formats; one still to be detected goes with the only one."""
    formats = dict.fromkeys(p.format for p in providers if p.format)
    if len(formats) <= 1:
        return [providers]
    return [[p for p in providers if p.format == name] for name in formats]


def _rank(provider: Provider, decided: Policy | None) -> tuple[bool, bool, bool, int]:
    """Rank for staying: called custom, in use, local, then the higher priority, then the older."""
    used = provider.enabled and (decided is None or decided.effective_state != "inactive")
    return provider.id != "custom", not used, provider.location != "local", -provider.priority


def _otherwise(kept: Provider, *gone: Provider) -> list[str]:
    """Name what a provider that goes was and the one that stays is not; its location above all."""
    lost = []
    for each in gone:
        for name in ("location", "preset", "format"):
            was, stays = getattr(each, name), getattr(kept, name)
            if was and was != stays:
                lost.append(
                    f'{each.id}: {name} = "{was}"; {kept.id} {f"is {stays}" if stays else "says none"}'
                )
    return lost


def _fingerprint(pool: Pool, provider: Provider) -> str | None:
    """Return what tells a provider's first enabled key from others, never the key; None where it has none."""
    refs = provider.keys or tuple(
        KeyRef(label="default", source="env", env=name) for name in provider.key_env
    )
    first = next((ref for ref in refs if ref.enabled), None)
    if first is None:
        return None if refs or provider.needs_key else ""
    return key_mark(pool, provider.id, first)


def key_mark(pool: Pool, provider: str, ref: KeyRef) -> str:
    """Return a digest of a key where it can be had without running or unlocking anything, else its place."""
    place = {"env": ref.env, "command": "\0".join(ref.command)}.get(ref.source, f"{provider}/{ref.label}")
    if ref.source in ("env", "file"):
        try:
            key = secrets.read_key(ref, provider, pool.env, pool.paths.secrets)
        except NoCredential:  # not here now: what is remembered of it, or the place, tells it apart
            return _remembered(pool, provider, ref) or f"{ref.source}:{place}"
        return "digest:" + key_digest(key)
    return _remembered(pool, provider, ref) or f"{ref.source}:{place}"


def _remembered(pool: Pool, provider: str, ref: KeyRef) -> str:
    """Return the mark of a stored key by the digest that was kept when it was stored."""
    if ref.source not in merging.STORED:
        return ""
    known = known_keys.read(pool.paths.state).known.get(provider, {}).get(ref.label)
    return f"digest:{known.digest}" if known and known.digest else ""


def _step(pool: Pool, same: list[Provider]) -> merging.Step:
    """Describe a merge to the one who edits the text: ids, and the keys that the one that stays lacks."""
    kept, *gone = same
    scopes = {key_mark(pool, kept.id, ref): f"{kept.id}:{ref.label}" for ref in _refs(kept)}
    scopes.setdefault(_fingerprint(pool, kept) or "", kept.id)
    keys, doubles = [], []
    for provider in gone:
        for ref in _refs(provider):
            mark, scope = key_mark(pool, provider.id, ref), f"{provider.id}:{ref.label}"
            if mark in scopes:
                doubles.append((scope, scopes[mark]))
            elif provider.keys:
                keys.append((provider.id, ref))
            scopes.setdefault(mark, scope)
    in_use = any(provider.enabled for provider in same)
    return merging.Step(
        kept=kept.id,
        gone=tuple(provider.id for provider in gone),
        server=kept.url,
        keys=tuple(keys),
        same=tuple(doubles),
        enable=in_use and not kept.enabled,
        preset_env=kept.key_env[:1],
    )


def _refs(provider: Provider) -> tuple[KeyRef, ...]:
    """Return a provider's keys, or the first variable of its preset as a key of that name."""
    bare = (KeyRef(label=name, source="env", env=name) for name in provider.key_env[:1])
    return provider.keys or tuple(bare)
