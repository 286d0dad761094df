"""The arithmetic of budgets: when they begin anew, what they cover, what is spent and reserved, what is left.

A call reserves its worst case, which is its lease, and is charged what it really cost when it has ended
(DESIGN ruling 17). What is spent is counted by period, scope and tag, so that budgets that share them share
the count; a count is of one period alone, and one that is missing is seeded with what the ledger says.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from decimal import ROUND_DOWN, Decimal
from typing import NamedTuple

from llmpool.core.config import Budget
from llmpool.core.money import usd

HOLDS = 600.0  # seconds after which a lease ends that nobody renews: whoever took it is gone
ANY = "*"
NOTHING = Decimal(0)
_PERIODS = {"day": "today", "week": "this week", "month": "this month", "total": "in all"}
_WHOSE = {"day": "today's", "week": "this week's", "month": "this month's", "total": "the whole"}
SPENT = Decimal("0.95")  # the part of a limit that counts as all of it in words


class Count(NamedTuple):
    """What was *spent* of one period, which began at *since*."""

    since: float
    spent: Decimal


class Lease(NamedTuple):
    """What a call that is under way may cost at worst; it began at *at*."""

    id: str
    at: float
    deployment: str
    key: str
    tag: str
    amount: Decimal


class Tally(NamedTuple):
    """What all processes know together: counts by `name_of`, the leases, and the config they are kept for.

    *config* is the size and time of the file: what was spent while it was another one is not counted here.
    """

    counts: dict[str, Count]
    leases: list[Lease]
    config: list[int]


class Ran(NamedTuple):
    """What calls of one deployment, with one key and one tag, have cost."""

    deployment: str
    key: str
    tag: str
    cost: Decimal


class Wish(NamedTuple):
    """A call that somebody would like to make: its prompt costs *fixed*, a token of its answer *rate*.

    It would have *tokens*, and is of no use with fewer than *least*.
    """

    deployment: str
    key: str
    tag: str
    fixed: Decimal
    rate: Decimal
    tokens: int
    least: int


class Granted(NamedTuple):
    """The right to make a call whose answer has so many *tokens* at most; *by* is the budget that says so."""

    lease: Lease
    tokens: int
    by: str = ""


class Standing(NamedTuple):
    """How a budget stands: what is spent and reserved of its limit, since when, and when it begins anew."""

    budget: Budget
    spent: Decimal
    reserved: Decimal
    since: float
    resets: float | None

    @property
    def limit(self) -> Decimal:
        """The limit."""
        return Decimal(self.budget.limit)

    @property
    def left(self) -> Decimal:
        """What may still be reserved."""
        return max(NOTHING, self.limit - self.spent - self.reserved)

    @property
    def share(self) -> Decimal:
        """The part of the limit that is spent; all of it where there is none."""
        return self.spent / self.limit if self.limit else Decimal(1)


class Short(NamedTuple):
    """A call that may not be made: which budget stands in the way, and what it may cost at least.

    *busy*: only what others have reserved is too much, and they may need less.
    """

    standing: Standing
    worst: Decimal
    busy: bool


def starts(per: str, now: float) -> float:
    """Return when the period that *now* is in began, in local time; that of all time at the epoch."""
    year, month, day, _, _, _, weekday, *_ = time.localtime(now)
    if per == "total":
        return 0.0
    first = {"day": day, "week": day - weekday, "month": 1}[per]
    return time.mktime((year, month, first, 0, 0, 0, 0, 0, -1))


def ends(per: str, now: float) -> float | None:
    """Return when that period ends, and the next begins; None for all time."""
    year, month, day, _, _, _, weekday, *_ = time.localtime(now)
    if per == "total":
        return None
    month, day = {"day": (month, day + 1), "week": (month, day - weekday + 7), "month": (month + 1, 1)}[per]
    return time.mktime((year, month, day, 0, 0, 0, 0, 0, -1))


def name_of(budget: Budget) -> str:
    """Name the count of a budget: budgets over the same share one."""
    return f"{budget.per} {budget.scope} {budget.tag or ''}".rstrip()


def covers(budget: Budget, deployment: str, key: str, tag: str) -> bool:
    """Say whether a budget is about a call: its scope is everything, a provider, a deployment or a key."""
    provider = deployment.partition("/")[0]
    scopes = (ANY, provider, deployment, f"{provider}:{key}")
    return budget.scope in scopes and budget.tag in (None, tag)


def is_over(budget: Budget, deployment: str) -> bool:
    """Say whether a budget is about calls of a deployment, with whatever key and tag."""
    scope, provider = budget.scope, deployment.partition("/")[0]
    return scope in (ANY, provider, deployment) or scope.startswith(f"{provider}:")


def current(tally: Tally, budget: Budget, now: float) -> Count | None:
    """Return the count of the period that *now* is in; None where it is missing."""
    count = tally.counts.get(name_of(budget))
    return count if count is not None and count.since == starts(budget.per, now) else None


def missing(tally: Tally, budgets: Iterable[Budget], now: float, config: list[int]) -> list[Budget]:
    """List the budgets whose counts are not there, or were kept for another config, under which more ran."""
    told = tally.config == config
    return [budget for budget in budgets if not told or current(tally, budget, now) is None]


def seed(budget: Budget, since: float, ran: Iterable[Ran]) -> Count:
    """Count what was spent of a budget by all that *ran* in its period; what had no price counts nothing."""
    return Count(since, sum((each.cost for each in ran if covers(budget, *each[:3])), NOTHING))


def take_in(
    tally: Tally, budgets: Iterable[Budget], found: Mapping[str, Count], now: float, config: list[int]
) -> Tally:
    """Let a tally have a count for each of *budgets*, and no lease that has ended.

    Of two counts of one period the higher is true: each may have missed something, neither invents any.
    Other counts stay while the config does, for those who read it later. A lease from a time that is still to
    come began now: the clock was set back.
    """
    counts = dict(tally.counts) if tally.config == config else {}
    for budget in budgets:
        name, since = name_of(budget), starts(budget.per, now)
        known = (tally.counts.get(name), found.get(name))
        counts[name] = Count(since, max((c.spent for c in known if c and c.since == since), default=NOTHING))
    leases = [lease._replace(at=min(lease.at, now)) for lease in tally.leases if now - lease.at < HOLDS]
    return Tally(counts, leases, config)


def recounted(tally: Tally, before: Tally, found: Mapping[str, Count]) -> Tally:
    """Put counts that were *found* anew in the place of those of a tally, higher or lower.

    What was settled since the tally was as *before* is added, as it may not have been in the ledger yet.
    """
    counts = dict(tally.counts)
    for name, count in found.items():
        was, now = before.counts.get(name, count), tally.counts.get(name, count)
        if was.since == now.since == count.since:
            counts[name] = count._replace(spent=count.spent + max(NOTHING, now.spent - was.spent))
    return tally._replace(counts=counts)


def standing(tally: Tally, budget: Budget, now: float) -> Standing:
    """Tell how a budget stands."""
    count = current(tally, budget, now)
    reserved = sum(
        (held.amount for held in tally.leases if covers(budget, held.deployment, held.key, held.tag)),
        NOTHING,
    )
    spent = count.spent if count else NOTHING
    return Standing(budget, spent, reserved, starts(budget.per, now), ends(budget.per, now))


def grant(tally: Tally, budgets: Iterable[Budget], wish: Wish, name: str, now: float) -> Granted | Short:
    """Reserve the worst case of a call, with a shorter answer where no more can be afforded.

    The lease is in the tally when it is granted. Budgets that only warn are reserved from as well.
    """
    tokens, floor = wish.tokens, wish.fixed + wish.rate * wish.least
    binding = [b for b in budgets if b.on_exceed != "warn"]
    found = [standing(tally, b, now) for b in binding if covers(b, wish.deployment, wish.key, wish.tag)]
    short = [Short(each, floor, floor <= each.limit - each.spent) for each in found if floor > each.left]
    if short:
        return min(short, key=lambda each: each.busy)  # where one is spent, waiting for another is in vain
    by = ""
    for stands in found:
        if (most := _affordable(wish, stands.left)) < tokens:
            tokens, by = most, stands.budget.name
    lease = Lease(name, now, wish.deployment, wish.key, wish.tag, wish.fixed + wish.rate * tokens)
    tally.leases.append(lease)
    return Granted(lease, tokens, by)


def renew(tally: Tally, lease: Lease, now: float) -> Lease:
    """Begin a lease anew, for an answer that still comes; one that has ended is there again."""
    fresh = lease._replace(at=now)
    tally.leases[:] = [*(held for held in tally.leases if held.id != lease.id), fresh]
    return fresh


def settle(tally: Tally, budgets: Iterable[Budget], lease: Lease, cost: Decimal) -> None:
    """Put what a call really cost in the place of its lease; it counts in the periods it ended in."""
    tally.leases[:] = [held for held in tally.leases if held.id != lease.id]
    about = {name_of(b) for b in budgets if covers(b, lease.deployment, lease.key, lease.tag)}
    for name in about:
        count = tally.counts[name]
        tally.counts[name] = count._replace(spent=count.spent + cost)


def fact(stands: Standing) -> str:
    """Say in figures what is spent of a budget, and reserved."""
    words = f"{usd(stands.spent)} of {usd(stands.limit)} spent {_PERIODS[stands.budget.per]}"
    return words + (f", {usd(stands.reserved)} reserved by calls under way" if stands.reserved else "")


def headline(stands: Standing, worst: Decimal | None = None) -> str:
    """Say in one sentence that a budget forbids: it is spent, or leaves less than a call costs at *worst*."""
    budget = stands.budget
    about = "" if budget.scope == ANY else f" for {budget.scope}"
    about += f" with the tag {budget.tag}" if budget.tag else ""
    figures = f"{usd(stands.spent)} of {usd(stands.limit)}"
    reserved = f", {usd(stands.reserved)} reserved" if stands.reserved else ""
    if stands.spent >= stands.limit * SPENT:
        return f"{_WHOSE[budget.per]} budget{about} is spent ({figures}{reserved})"
    dear = "too little for this" if worst is None else f"and this may cost {usd(worst)}"
    left = f"leaves {usd(stands.left)} ({figures} spent{reserved}), {dear}"
    return f"{_WHOSE[budget.per]} budget{about} {left}"


def higher(stands: Standing, worst: Decimal | None = None) -> str:
    """Return the limit to suggest where one is too low: doubled until a call is affordable."""
    limit = stands.limit * 2 or Decimal(1)
    while limit <= stands.spent + stands.reserved + (worst or NOTHING):
        limit *= 2
    return format(limit.normalize(), "f")


def reset(stands: Standing, now: float) -> str:
    """Say when a budget begins anew: the hour where that is soon, else the day as well; or never."""
    if stands.resets is None:
        return "it never resets"
    form = "%H:%M" if stands.resets - now <= 26 * 3600 else "%a %d %b"
    return f"resets {time.strftime(form, time.localtime(stands.resets))}"


def _affordable(wish: Wish, left: Decimal) -> int:
    """Return how many tokens of an answer are paid by what is left after the prompt."""
    if not wish.rate:
        return wish.tokens
    return int(((left - wish.fixed) / wish.rate).to_integral_value(ROUND_DOWN))
