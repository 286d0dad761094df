"""budgets.json: what is spent of the owner's budgets, and what calls under way have reserved.

All processes share it, so that together they keep to the limits (DESIGN ruling 17): whoever sends reserves
under the lock what its call may cost at worst, and puts what it did cost in its place when it has ended. A
count that is missing is made of the ledger, outside of the lock. The file is about money: a corrupt one ends
the run with 10, and so does a directory in which nothing can be reserved.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from llmpool.core.config import Budget
from llmpool.core.times import rfc3339
from llmpool.errors import Busy, StateUnusable
from llmpool.state import jsonfile, shape
from llmpool.usage import budgets as rules
from llmpool.usage.budgets import Count, Granted, Lease, Ran, Short, Standing, Tally, Wish

NAME = "budgets.json"
Clock = Callable[[], float]
T = TypeVar("T")


class Keeping(NamedTuple):
    """Whose budgets are kept where: the state directory, the config that says them, and the clock.

    *tell* hears what a person has to wait for.
    """

    state: Path
    config: Path
    budgets: tuple[Budget, ...]
    clock: Clock
    tell: Callable[[str], object] = lambda _: None


def reserve(keeping: Keeping, wish: Wish) -> Granted | Short:
    """Reserve the worst case of a call, or tell which budget stands in the way."""
    name = os.urandom(6).hex()
    return _with(keeping, lambda tally, now: rules.grant(tally, keeping.budgets, wish, name, now))


def renew(keeping: Keeping, lease: Lease) -> Lease:
    """Keep a lease for as long again, while its answer comes."""
    return _with(keeping, lambda tally, now: rules.renew(tally, lease, now))


def settle(keeping: Keeping, lease: Lease, cost: Decimal) -> None:
    """Put what a call really cost in the place of what it had reserved; 0 where it was never sent."""
    _with(keeping, lambda tally, _: rules.settle(tally, keeping.budgets, lease, cost))


def charge(keeping: Keeping, ran: Iterable[Ran]) -> None:
    """Count what calls cost that nothing was reserved for; it is not in the ledger yet."""

    def change(tally: Tally, now: float) -> None:
        for deployment, key, tag, cost in ran:
            unreserved = Lease("", now, deployment, key, tag, rules.NOTHING)
            rules.settle(tally, keeping.budgets, unreserved, cost)

    _with(keeping, change)


def recount(keeping: Keeping) -> None:
    """Make every count of the ledger anew, since its records are others now; only an old one is replaced."""
    if not (keeping.state / NAME).exists():
        return
    before = read(keeping.state)
    found = _counted(keeping, keeping.budgets, keeping.clock())
    jsonfile.update(
        keeping.state / NAME,
        lambda tally: _as_data(rules.recounted(tally, before, found)),
        precious=True,
        decode=_tally,
    )


def standings(keeping: Keeping) -> list[Standing]:
    """Tell how each budget stands; what had to be counted anew is kept for the next, where it can be."""
    now, budgets = keeping.clock(), keeping.budgets
    tally, found = read(keeping.state), _seeds(keeping)
    if found:
        with suppress(StateUnusable, Busy):  # it is only looked at here; whoever reserves says so
            _with(keeping, lambda _, __: None, found)
    tally = rules.take_in(tally, budgets, found, now, _identity(keeping.config))
    return [rules.standing(tally, budget, now) for budget in budgets]


def read(state: Path) -> Tally:
    """Read what is spent and reserved; a corrupt file raises StateUnusable."""
    return jsonfile.read(state / NAME, precious=True, decode=_tally)


def _with(keeping: Keeping, act: Callable[[Tally, float], T], found: Mapping[str, Count] | None = None) -> T:
    """Do *act* to the tally under its lock, with every count there; *found* are those made already."""
    seeds = _seeds(keeping) if found is None else found
    got: list[T] = []

    def change(tally: Tally) -> Any:
        now = keeping.clock()
        after = rules.take_in(tally, keeping.budgets, seeds, now, _identity(keeping.config))
        got.append(act(after, now))
        return _as_data(after)

    jsonfile.update(keeping.state / NAME, change, precious=True, decode=_tally)
    return got[0]


def _seeds(keeping: Keeping) -> dict[str, Count]:
    """Count what the ledger says was spent, for the budgets that have no count of their own."""
    now = keeping.clock()
    wanted = rules.missing(read(keeping.state), keeping.budgets, now, _identity(keeping.config))
    return _counted(keeping, wanted, now) if wanted else {}


def _counted(keeping: Keeping, wanted: Iterable[Budget], now: float) -> dict[str, Count]:
    """Count what the ledger says was spent of some budgets."""
    ran: dict[float, list[Ran]] = {}
    for since in {rules.starts(budget.per, now) for budget in wanted}:
        mine = [budget for budget in wanted if rules.starts(budget.per, now) == since]
        whole = all(budget.scope == rules.ANY and budget.tag is None for budget in mine)
        ran[since] = list(_ran(keeping, since, now, whole=whole))
    pairs = [(budget, rules.starts(budget.per, now)) for budget in wanted]
    return {rules.name_of(budget): rules.seed(budget, since, ran[since]) for budget, since in pairs}


def _ran(keeping: Keeping, since: float, now: float, *, whole: bool) -> Iterator[Ran]:
    """Add up what the ledger says was spent from a moment on: out of its roll-ups, pruned days included.

    Where the *whole* is all that is wanted, nobody looks at whose it is: that is years in a few totals.
    """
    from llmpool.state import unread
    from llmpool.state.collect import collect
    from llmpool.usage.rollup import CELLS, TOTALS, Costs
    from llmpool.usage.span import Span

    span = Span(rfc3339(since).removesuffix("Z") if since else "")
    spent = Costs(whole=whole)
    if waits := unread.words(keeping.state, span):
        keeping.tell(waits)
    collect(keeping.state, span, now=now, view=TOTALS if whole else CELLS, into=spent)
    yield from (Ran(who.deployment, who.key, who.tag, cost) for who, cost in spent.by.items())


def _identity(config: Path) -> list[int]:
    """Tell one version of the config from another: under another, calls may have gone uncounted."""
    try:
        seen = config.stat()
    except OSError:
        return [0, 0]
    return [seen.st_size, seen.st_mtime_ns]


def _as_data(tally: Tally) -> dict[str, Any]:
    return {
        "config": tally.config,
        "counts": {name: [count.since, _plain(count.spent)] for name, count in sorted(tally.counts.items())},
        "leases": [[*lease[:5], _plain(lease.amount)] for lease in tally.leases],
    }


def _plain(amount: Decimal) -> str:
    """Write an amount without an exponent, and no finer than anybody bills."""
    return f"{amount:.12f}".rstrip("0").rstrip(".")


def _tally(data: Any) -> Tally:
    if data is None:
        return Tally({}, [], [])
    known = shape.fields(data, _SECTIONS)
    counts = {name: _count(entry) for name, entry in known["counts"].items()}
    return Tally(counts, known["leases"], known["config"])


def _count(value: Any) -> Count:
    since, spent = _listed(value)
    return Count(shape.instant(since), _amount(spent))


def _lease(value: Any) -> Lease:
    name, at, deployment, key, tag, amount = _listed(value)
    name, deployment, key, tag = map(shape.text, (name, deployment, key, tag))
    return Lease(name, shape.instant(at), deployment, key, tag, _amount(amount))


def _listed(value: Any) -> list[Any]:
    return shape.listed(lambda item: item)(value)


def _amount(value: Any) -> Decimal:
    text = shape.text(value)
    if not text.replace(".", "", 1).isdecimal() or not text.isascii() or len(text) > 40:
        raise ValueError("not an amount")
    return Decimal(text)


_SECTIONS: dict[str, Callable[[Any], Any]] = {
    "config": shape.listed(shape.whole),
    "counts": shape.mapping,
    "leases": shape.listed(_lease),
}
