"""Observe many providers side by side and keep the result (DESIGN ruling 7)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from llmpool import ways
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.provider import Provider
from llmpool.discovery.observe import BAD_KEY, NO_KEY, observe
from llmpool.discovery.workers import side_by_side
from llmpool.errors import Busy, Refused
from llmpool.net.client import Client
from llmpool.pool import Pool, unknown_provider
from llmpool.registry.diff import Change, diff
from llmpool.state import health, inventory, policy
from llmpool.state.lock import locked

Progress = Callable[[int, int, str], None]  # observed so far, of how many, and which came last


def _silent(_done: int, _total: int, _name: str) -> None:
    """Report nothing."""


class RefreshReport(NamedTuple):
    """What a refresh saw: every observation, what changed, and which providers it skipped and why."""

    observed: tuple[ProviderInventory, ...]
    changes: tuple[Change, ...]
    failed: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    models: int


def refresh(
    pool: Pool,
    names: tuple[str, ...] | None = None,
    *,
    jobs: int = 32,
    timeout: float = 30.0,
    progress: Progress = _silent,
) -> RefreshReport:
    """Refresh the named providers, none for `()`, every enabled one for None; *timeout* is for each of them.

    Raises Busy when another whole-pool refresh runs, UnknownName for a name nobody configured. A provider
    that fails keeps its last good models, marked stale.
    """
    if names == ():
        return RefreshReport((), (), (), (), len(pool.table.rows))
    chosen, skipped = _choose(pool, names)
    if pool.offline and any(provider.preset != "embedded" for provider in chosen):
        raise Refused("--offline forbids asking providers", hint="run it without --offline")
    pool.warnings += filter(None, map(ways.unverified, chosen))
    guard = contextlib.nullcontext() if names is not None else _alone(pool)
    with guard, Client(offline=pool.offline) as client:
        before = inventory.read(pool.paths.state)
        seen = tuple(
            _settled(entry, before)
            for entry in _side_by_side(pool, chosen, client, jobs=jobs, timeout=timeout, progress=progress)
        )
        configured = {provider.id for provider in pool.catalog.providers}
        gone = () if names is not None else [name for name in before.providers if name not in configured]
        after = inventory.update(pool.paths.state, seen, gone)
        _remember_contact(pool, seen)
        pool.keep_lessons()
    pool.forget()
    models = len(pool.table.rows)  # compiles the registry, so that the next command need not
    mine = Inventory(providers={e.provider: after.providers[e.provider] for e in seen})
    return RefreshReport(seen, tuple(diff(before, mine)), _failed(chosen, seen), tuple(skipped), models)


def _choose(pool: Pool, names: tuple[str, ...] | None) -> tuple[list[Provider], list[tuple[str, str]]]:
    """Pick the providers to observe; disabled and inactive ones only when they are named."""
    providers = {provider.id: provider for provider in pool.catalog.providers}
    for name in names or ():
        if name not in providers:
            raise unknown_provider(name, list(providers))
    if names is not None:
        return [providers[name] for name in dict.fromkeys(names)], []
    decided = policy.read(pool.paths.state)
    inactive = {name for name in providers if name in decided and decided[name].effective_state == "inactive"}
    reasons = {p.id: "disabled" if not p.enabled else "inactive" for p in providers.values()}
    skipped = [(p.id, reasons[p.id]) for p in providers.values() if not p.enabled or p.id in inactive]
    return [p for p in providers.values() if p.enabled and p.id not in inactive], skipped


@contextlib.contextmanager
def _alone(pool: Pool) -> Iterator[None]:
    try:
        with locked(pool.paths.state / "refresh", wait=0):
            yield
    except Busy as error:
        raise Busy(
            "another refresh of the whole pool is running", hint="try again when it is done"
        ) from error


def _side_by_side(
    pool: Pool, providers: list[Provider], client: Client, *, jobs: int, timeout: float, progress: Progress
) -> list[ProviderInventory]:
    """Observe in threads; a slow provider never delays another's result, nor an interrupt."""
    _ = pool.table, pool.memories  # read once here, not once a thread
    done: list[ProviderInventory] = []

    def heard(entry: ProviderInventory) -> None:
        done.append(entry)
        progress(len(done), len(providers), entry.provider)

    side_by_side(
        providers,
        lambda provider: observe(pool, provider, client, timeout),
        jobs=jobs,
        heard=heard,
        stop=client.close,  # whoever hangs on a provider hangs no longer
    )
    return done


def _settled(entry: ProviderInventory, before: Inventory) -> ProviderInventory:
    """Keep the last good models of a provider that failed, and since when they are stale."""
    old = before.providers.get(entry.provider)
    if not entry.error or old is None:
        return entry
    return entry.replace(
        models=old.models, fetched_at=old.fetched_at, stale_since=old.stale_since or entry.attempted_at
    )


def _failed(providers: list[Provider], seen: tuple[ProviderInventory, ...]) -> tuple[str, ...]:
    """Name who failed; that one has no key, or may be away, is no failure of the refresh."""
    optional = {provider.id for provider in providers if provider.optional}
    return tuple(
        e.provider for e in seen if e.error and e.error_kind != NO_KEY and e.provider not in optional
    )


def _remember_contact(pool: Pool, seen: tuple[ProviderInventory, ...]) -> None:
    """Note who answered; a good refresh forgets a provider's cooldown."""
    now = pool.clock()

    def change(state: health.Health) -> None:
        for entry in seen:
            if entry.error_kind in (NO_KEY, BAD_KEY):
                continue  # nobody was asked
            state.contact[entry.provider] = {"at": now, "kind": entry.error_kind, "message": entry.error}
            if not entry.error:
                state.cooldowns.pop(f"provider:{entry.provider}", None)

    if seen:
        health.update(pool.paths.state, change)
