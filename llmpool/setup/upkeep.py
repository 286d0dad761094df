"""All that one `refresh` does, in its order: wait, observe, the catalog, accounts, pulls and removals."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from llmpool.errors import LlmpoolError, Misuse, NoCredential, offline_forbids
from llmpool.pool import Pool

if TYPE_CHECKING:
    from llmpool.discovery.catalog import CatalogNews
    from llmpool.discovery.limits import Report
    from llmpool.discovery.prices import PriceNews
    from llmpool.discovery.refresh import Progress, RefreshReport
    from llmpool.setup.downloads import PullEvent, Reconciled

LONGEST_JITTER = 86400.0
T = TypeVar("T")


class Wish(NamedTuple):
    """What a refresh is asked to do; *names* None is every enabled provider, times are seconds."""

    names: tuple[str, ...] | None = None
    if_stale: float | None = None
    jitter: float = 0.0
    jobs: int = 32
    timeout: float = 30.0
    catalog: bool = False
    prices: bool = False
    accounts: bool = False
    pull: bool = False
    remove: bool = False


class Round(NamedTuple):
    """What came of it; None is what was not asked for, or not due. *broken* ended it before the rest."""

    report: RefreshReport
    catalog: CatalogNews | None = None
    accounts: Report | None = None
    reconciled: Reconciled | None = None
    broken: LlmpoolError | None = None
    prices: PriceNews | None = None

    @property
    def partly(self) -> bool:
        """Whether something that was to be done was not."""
        broken = [self.report.failed]
        broken += [self.accounts.failed] if self.accounts else []
        broken += [tuple(ref for ref, _ in self.reconciled.failed)] if self.reconciled else []
        return any(broken) or any(news and news.status == "failed" for news in (self.catalog, self.prices))


class Told(NamedTuple):
    """Whom to tell how it goes, and whom to ask: the terminal, or nobody.

    *reports* hears what was observed before anything is pulled or removed: that may take an hour, or break
    off, and what changed is in no later report.
    """

    waits: Callable[[float], None]
    observes: Progress
    pulls: Callable[[PullEvent], None]
    may_remove: Callable[[list[str]], bool]
    reports: Callable[[Round], None]


def run(
    pool: Pool,
    wish: Wish,
    told: Told,
    *,
    chance: Callable[[], float] = random.random,
    sleep: Callable[[float], None] = time.sleep,
) -> Round:
    """Do all of *wish*; *chance* gives the fraction of the jitter that is waited.

    Where no provider is due nothing is waited for, and no catalog, price or account is asked for; pulls and
    removals go by what was seen last. Raises what `discovery.refresh` does; what breaks off later is told in
    the round, for what was observed is saved by then.
    """
    from llmpool.discovery.refresh import choose, refresh

    check(wish, offline=pool.offline)
    due = bool(choose(pool, wish.names, wish.if_stale).due)
    if due and wish.jitter and not pool.offline:
        pause = wish.jitter * chance()
        told.waits(pause)
        sleep(pause)
        pool.forget()  # its owner has had minutes to change the config and what is decided
    news = _catalog(pool, wish) if due and wish.catalog else None  # what is observed is told against these
    prices = _prices(pool, wish) if due and wish.prices else None
    report = refresh(
        pool, wish.names, within=wish.if_stale, jobs=wish.jobs, timeout=wish.timeout, progress=told.observes
    )
    accounts, broken = _tried(lambda: _accounts(pool, wish) if due and wish.accounts else None)
    seen = Round(report, news, accounts, broken=broken, prices=prices)
    told.reports(seen)
    if broken or not (wish.pull or wish.remove):
        return seen
    done, broken = _tried(lambda: _reconciled(pool, wish, told))
    return seen._replace(reconciled=done, broken=broken or (done.broken if done else None))


def check(wish: Wish, *, offline: bool = False) -> None:
    """Refuse what cannot be meant or done; raises Misuse that names the option, or Refused."""
    if not 0 < wish.timeout <= LONGEST_JITTER:
        raise Misuse("--timeout has to be more than nothing and a day at most", hint="write 5s, 30s or 2m")
    if wish.jitter > LONGEST_JITTER:
        raise Misuse("--jitter is a day at most", hint="write 10m or 1h")
    if offline and (wish.pull or wish.remove):
        raise offline_forbids("pulling and removing models")


def _catalog(pool: Pool, wish: Wish) -> CatalogNews:
    from llmpool.discovery.catalog import update
    from llmpool.net.client import Client

    with Client(offline=pool.offline) as client:
        news = update(pool, client, wish.timeout)
    pool.forget()
    return news


def _prices(pool: Pool, wish: Wish) -> PriceNews:
    from llmpool.discovery.prices import fetch

    return fetch(pool, wish.timeout)


def _accounts(pool: Pool, wish: Wish) -> Report:
    """Ask the vendors that tell accounts, of the named providers or of all; who has no key is left out."""
    from llmpool.discovery.account import vendor_of
    from llmpool.discovery.limits import Report, survey

    known = {provider.id: provider for provider in pool.catalog.providers}
    named = wish.names or ()
    wanted = [name for name in named if vendor_of(known[name]) or known[name].oauth]
    wanted = [""] if wish.names is None else wanted
    found = []
    for name in wanted:
        with suppress(NoCredential):
            found.append(survey(pool, name, refresh=True))
    lines = tuple(line for each in found for line in each.lines if line.account or line.quota)
    return Report(lines, tuple(name for each in found for name in each.failed))


def _reconciled(pool: Pool, wish: Wish, told: Told) -> Reconciled:
    from llmpool.setup.downloads import reconcile

    return reconcile(
        pool, wish.names, pull=wish.pull, remove=wish.remove, ask=told.may_remove, tell=told.pulls
    )


def _tried(work: Callable[[], T]) -> tuple[T | None, LlmpoolError | None]:
    """Return what came of *work*, or the error that ended it."""
    try:
        return work(), None
    except LlmpoolError as error:
        return None, error
