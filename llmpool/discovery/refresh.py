"""Observe many providers side by side and keep the result (DESIGN ruling 7)."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from typing import Any, NamedTuple

from llmpool import ways
from llmpool.core.inventory import Inventory, ProviderInventory
from llmpool.core.provider import Provider
from llmpool.core.times import rfc3339
from llmpool.discovery.observe import BAD_KEY, NO_KEY, NOT_LISTED, observe
from llmpool.discovery.workers import side_by_side
from llmpool.errors import Busy, ConfigInvalid, offline_forbids
from llmpool.net.client import Client
from llmpool.pool import Pool, unknown_provider
from llmpool.registry import dead
from llmpool.registry.diff import Change, diff
from llmpool.registry.official import CATALOG
from llmpool.registry.staleness import epoch, is_due
from llmpool.state import health, inventory, policy
from llmpool.state.lock import held_by, locked

LATER = 5.0  # seconds after which whoever came second looks again, where nothing better is known


class Heard(NamedTuple):
    """How far a refresh has come: observed so far, of how many, and whom it still waits for."""

    done: int
    total: int
    waiting: tuple[str, ...]


Progress = Callable[[Heard], None]


def _silent(_heard: Heard) -> None:
    """Report nothing."""


class RefreshReport(NamedTuple):
    """What a refresh saw: every observation, what changed, and which providers it skipped and why.

    *fresh* are those that were asked lately enough, *models* is how many the pool has now; *dead* are names
    of the config that lead nowhere since this refresh, as the compiled registry has them.
    """

    observed: tuple[ProviderInventory, ...]
    changes: tuple[Change, ...]
    failed: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    models: int
    fresh: tuple[str, ...] = ()
    seconds: float = 0.0
    dead: tuple[dict[str, str], ...] = ()


class Choice(NamedTuple):
    """Whom a refresh asks: *due* now, *fresh* enough, or *skipped* for a reason."""

    due: tuple[Provider, ...]
    fresh: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def refresh(
    pool: Pool,
    names: tuple[str, ...] | None = None,
    *,
    within: float | None = None,
    jobs: int = 32,
    timeout: float = 30.0,
    progress: Progress = _silent,
) -> RefreshReport:
    """Refresh the named providers, none for `()`, every enabled one for None; *timeout* is for each of them.

    Those that have answered in the last *within* seconds are not asked again. Raises Busy when another
    whole-pool refresh runs, UnknownName for a name nobody configured. A provider that fails keeps its last
    good models, marked stale; an interrupt keeps what was heard until then.
    """
    began = time.monotonic()
    first = choose(pool, names, within)
    if not first.due:  # nor is the network touched, so that --offline forbids nothing
        return RefreshReport((), (), (), first.skipped, len(pool.table.rows), first.fresh)
    if pool.offline and any(p.preset != "embedded" and p.metadata != CATALOG for p in first.due):
        raise offline_forbids("asking providers")
    pool.warnings += filter(None, map(ways.unverified, first.due))
    worst = timeout * ceil(len(first.due) / jobs)
    with _alone(pool, worst) if names is None else contextlib.nullcontext():
        chosen = choose(pool, names, within)  # another may have asked them just before
        listed, lost = pool.listing["models"], pool.routing["dead"]
        before, seen = _observed(
            pool, chosen.due, jobs=jobs, timeout=timeout, progress=progress, whole=names is None
        )
    now = pool.listing["models"]  # compiles the registry, so that the next command need not
    mine = Inventory(providers={entry.provider: entry for entry in seen})
    changes = map(_without_news_of_new, diff(before, mine, listed, now))
    spent = time.monotonic() - began
    return RefreshReport(
        seen,
        tuple(filter(None, changes)),
        _failed(chosen.due, seen),
        chosen.skipped,
        len(now),
        chosen.fresh,
        spent,
        dead.news(lost, pool.routing["dead"]),
    )


def _without_news_of_new(change: Change) -> Change:
    """Leave out what changed of models that are new themselves: they were declared, and are there now."""
    new = set(change.added)
    return change._replace(
        changed=tuple(move for move in change.changed if move.model not in new),
        repriced=tuple(move for move in change.repriced if move.model not in new),
    )


def choose(pool: Pool, names: tuple[str, ...] | None, within: float | None = None) -> Choice:
    """Pick the providers to observe; disabled and inactive ones only when they are named."""
    chosen, skipped = _named(pool, names)
    if within is None:
        return Choice(tuple(chosen), (), skipped)
    seen, now = inventory.read(pool.paths.state).providers, pool.clock()
    due = tuple(provider for provider in chosen if is_due(seen.get(provider.id), now, within))
    fresh = tuple(provider.id for provider in chosen if provider not in due)
    return Choice(due, fresh, skipped)


def _named(pool: Pool, names: tuple[str, ...] | None) -> tuple[list[Provider], tuple[tuple[str, str], ...]]:
    providers = {provider.id: provider for provider in pool.catalog.providers}
    for name in names or ():
        if name not in providers:
            raise unknown_provider(name, list(providers))
    if names is not None:
        return [providers[name] for name in dict.fromkeys(names)], ()
    decided = policy.read(pool.paths.state)
    inactive = {name for name in providers if name in decided and decided[name].effective_state == "inactive"}
    out = dict.fromkeys(inactive, "inactive") | {
        p.id: "disabled" for p in providers.values() if not p.enabled
    }
    return [p for p in providers.values() if p.id not in out], tuple(sorted(out.items()))


@contextlib.contextmanager
def _alone(pool: Pool, worst: float) -> Iterator[None]:
    """Keep every other refresh of the whole pool out, and let it know who does, and for how long at worst."""
    path, now = pool.paths.state / "refresh", pool.clock()
    note = f"{os.getpid()} {rfc3339(now)} {rfc3339(now + worst + 1)}"
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(locked(path, wait=0, note=note))
        except Busy as error:
            raise _busy(held_by(path), now) from error
        yield


def _busy(note: str, now: float) -> Busy:
    """Say who refreshes the pool and since when, and when it will be done."""
    words = note.split(" ")
    again = rfc3339(now + LATER)
    details: dict[str, Any] = {"retry_at": again}
    who = ""
    with contextlib.suppress(ValueError):
        process, since, until = words
        details = {
            "retry_at": rfc3339(max(epoch(until), now + LATER)),
            "holder": {"pid": int(process), "since": rfc3339(epoch(since))},
        }
        who = f" (process {int(process)}, since {rfc3339(epoch(since))})"
    return Busy(
        f"another refresh of the whole pool is running{who}",
        hint=f"try again at {details['retry_at']}; named providers can be refreshed meanwhile",
        details=details,
    )


def _observed(
    pool: Pool,
    due: tuple[Provider, ...],
    *,
    jobs: int,
    timeout: float,
    progress: Progress,
    whole: bool,
) -> tuple[Inventory, tuple[ProviderInventory, ...]]:
    """Observe and save; return what was known before and what is. An interrupt is passed on after that."""
    heard: list[ProviderInventory] = []
    try:
        with Client(offline=pool.offline) as client:
            _side_by_side(pool, due, client, heard, jobs=jobs, timeout=timeout, progress=progress)
    except BaseException:
        if heard:
            _save(pool, heard, whole=False)
            pool.warnings.append(f"broken off; what {len(heard)} of {len(due)} providers said is kept")
        raise
    return _save(pool, heard, whole=whole)


def _side_by_side(
    pool: Pool,
    providers: tuple[Provider, ...],
    client: Client,
    heard: list[ProviderInventory],
    *,
    jobs: int,
    timeout: float,
    progress: Progress,
) -> None:
    """Observe in threads; a slow provider never delays another's result, nor an interrupt."""
    _ = pool.table, pool.memories  # read once here, not once a thread
    waiting = dict.fromkeys(provider.id for provider in providers)
    progress(Heard(0, len(providers), tuple(waiting)))

    def hear(entry: ProviderInventory) -> None:
        heard.append(entry)
        waiting.pop(entry.provider, None)
        progress(Heard(len(heard), len(providers), tuple(waiting)))

    side_by_side(
        providers,
        lambda provider: observe(pool, provider, client, timeout),
        jobs=jobs,
        heard=hear,
        stop=client.close,  # whoever hangs on a provider hangs no longer
    )


def _save(
    pool: Pool, heard: list[ProviderInventory], *, whole: bool
) -> tuple[Inventory, tuple[ProviderInventory, ...]]:
    """Write down what was observed, and forget those that are configured no more.

    Return what was known just before, and what is now of those that were observed, in id order.
    """
    seen: list[ProviderInventory] = []

    def settled(known: Inventory) -> tuple[list[ProviderInventory], list[str]]:
        seen[:] = (_settled(entry, known) for entry in sorted(heard, key=lambda entry: entry.provider))
        return seen, _gone(pool, known) if whole else []

    before, after = inventory.change(pool.paths.state, settled, pool.clock)
    _remember_contact(pool, seen)
    pool.keep_lessons()
    pool.forget()
    return before, tuple(after.providers.get(entry.provider, entry) for entry in seen)


def _gone(pool: Pool, known: Inventory) -> list[str]:
    """Name who is configured no more, by the config as it is now: others have been added meanwhile."""
    fresh = Pool(pool.paths, pool.env, pool.clock)
    try:
        configured = {provider.id for provider in fresh.catalog.providers}
    except ConfigInvalid:
        configured = set()
    if not configured:
        return []  # somebody is editing it; whoever is gone is so at the next refresh
    return [name for name in known.providers if name not in configured]


def _settled(entry: ProviderInventory, before: Inventory) -> ProviderInventory:
    """Keep the last good models of a provider that failed, and since when they are stale."""
    old = before.providers.get(entry.provider)
    if not entry.error or old is None:
        return entry
    stale = (old.stale_since or entry.attempted_at) if old.fetched_at else ""  # never listed is not stale
    return entry.replace(models=old.models, fetched_at=old.fetched_at, stale_since=stale)


def _failed(providers: tuple[Provider, ...], seen: tuple[ProviderInventory, ...]) -> tuple[str, ...]:
    """Name who failed; that one has no key, or may be away, is no failure of the refresh."""
    optional = {provider.id for provider in providers if provider.optional}
    return tuple(
        e.provider for e in seen if e.error and e.error_kind != NO_KEY and e.provider not in optional
    )


def _remember_contact(pool: Pool, seen: Sequence[ProviderInventory]) -> None:
    """Note who answered; a good refresh forgets a provider's cooldown."""
    now = pool.clock()

    def change(state: health.Health) -> None:
        for entry in seen:
            by_catalog = not entry.fetched_at and entry.error in ("", NOT_LISTED)
            if entry.error_kind in (NO_KEY, BAD_KEY) or by_catalog:
                continue  # nobody was asked
            state.contact[entry.provider] = {"at": now, "kind": entry.error_kind, "message": entry.error}
            if not entry.error:
                state.listed(entry.provider)

    if seen:
        health.update(pool.paths.state, change)
