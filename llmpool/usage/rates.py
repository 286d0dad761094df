"""Rate limits as a sliding log: when a request may be sent, strict at the limit (DESIGN ruling 12).

A request gets the earliest time at which no window holds more than its limit, counting all that were sent
and all that wait and came before it. Those that stand in one queue go in order; one that is bound by other
limits may go earlier where that delays nobody who came before. What waits for tomorrow, or for a vendor's
word, keeps its place but holds up nobody.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from llmpool.core.limits import Headroom
from llmpool.core.provider import RateLimit

# Seconds. Requests a minute apart when they leave may arrive a little closer: the first had to connect, the
# last found the way prepared. A second on top makes up for that.
MINUTE = 61.0
DAY = 86_400
QUARTER = 900  # days are counted in quarters of an hour: in every time zone midnight is at the start of one
FAR = 400  # days; no wait is reckoned further ahead
TOLD = ("requests", "tokens")  # what vendors tell of
BELIEVED = 3600.0  # no vendor's word holds a request up for longer; one that goes then hears the next

_UTC = ("UTC", "Etc/UTC", "Z", "")


class Entry(NamedTuple):
    """One request: when it was sent or may be, the tokens it is reckoned with, and whose it is.

    *turn* counts arrivals and *since* is when it came; *queue* is the line it stands in, empty where it holds
    up nobody; *owner* is the process that waits, empty once the request was sent.
    """

    at: float
    tokens: int
    deployment: str
    key: str
    id: str
    turn: int = 0
    since: float = 0.0
    queue: str = ""
    owner: str = ""


class Told(NamedTuple):
    """What the answer to a request sent *at* said: *left* requests or tokens are allowed until *until*."""

    at: float
    what: str
    left: int
    until: float


Days = dict[str, dict[int, list[int]]]  # by deployment and quarter: the requests sent, and their tokens


class Log(NamedTuple):
    """What counts for the limits of one provider; *sent* is in order of time.

    *told* is by deployment and key. What was sent is in *days* as well, for as long as a day may want it.
    """

    sent: list[Entry]
    waiting: list[Entry]
    days: Days
    told: dict[str, dict[str, list[Told]]]


class Scope(NamedTuple):
    """Limits and whose they are: a provider's, for all of its deployments together, or a deployment's."""

    name: str
    limit: RateLimit


class Hold(NamedTuple):
    """What a request has to wait for, in which scope, how much of it is used, and the tokens it needs itself.

    *limit* is rpm, tpm, rpd or tpd; `queue` for those ahead of it; `requests` or `tokens` as a vendor told.
    """

    scope: str
    limit: str
    used: int = 0
    most: int = 0
    need: int = 0


class Place(NamedTuple):
    """When a request may be sent (never: infinite), and what holds it until then; None when nothing does."""

    at: float
    hold: Hold | None = None
    queue: str = ""


def place(log: Log, wish: Entry, scopes: Sequence[Scope], now: float) -> Place:
    """Find when *wish* may be sent, counting nobody who came after it; its own time means nothing here.

    It is infinite where a limit is too small for it on any day.
    """
    before = _before(log, wish, now)
    rules = _rules(log, before, wish, scopes)
    at, hold, free = now, None, False
    ahead = [entry.at for entry in before if entry.owner and entry.queue == wish.queue != ""]
    if max(ahead, default=now) > now:
        at, hold = max(ahead), Hold(wish.queue, "queue", len(ahead))
    moved = True
    while moved:
        moved = False
        for rule in rules:
            later = rule.earliest(at)
            if later == inf:
                return Place(inf, rule.hold(now))
            if later > at:
                moved, hold, free = True, rule.hold(at), free or not rule.queues
                at = later
    if hold is not None and hold.limit == "queue":
        hold = next((rule.hold(now) for rule in rules if rule.earliest(now) > now), hold)
    return Place(at, hold, "" if free else wish.queue)


def used(log: Log, scope: Scope, now: float) -> dict[str, int]:
    """Count what is used up at *now* of each limit a scope has; who waits is not counted."""
    return {rule.name: rule.used(now) for rule in _own(scope, log.sent, log.days, 0)}


def most_tokens(scopes: Iterable[Scope]) -> int | None:
    """Return the most tokens that one request can have under any of *scopes*; None without such a limit."""
    sizes = [most for scope in scopes for most in (scope.limit.tpm, scope.limit.tpd) if most is not None]
    return min(sizes, default=None)


def told_of(entries: Iterable[Headroom], at: float) -> list[Told]:
    """Take from an answer's headers what binds; *at* is when its request was sent.

    Of an allowance without an end only a minute's is known to end. What is left of input or output alone
    tells something when that is nothing: a request needs some of both.
    """
    found = []
    for entry in entries:
        end = at + MINUTE if entry.per == "minute" and entry.resets_at is None else entry.resets_at or at
        until = min(end, at + BELIEVED)
        if entry.remaining is None or entry.limit == 0 or until <= at:
            continue
        if entry.what in TOLD or not entry.remaining:
            found.append(
                Told(at, "requests" if entry.what == "requests" else "tokens", entry.remaining, until)
            )
    return found


def is_nearly_spent(entries: Iterable[Headroom]) -> bool:
    """Say whether an allowance has come to its last twentieth, so that the next request should know of it."""
    return any(
        e.remaining is not None and e.limit != 0 and e.remaining * 20 <= (e.limit or 0) for e in entries
    )


def day_of(at: float, zone: str) -> tuple[float, float]:
    """Return the start and the end of the day that *at* is in, in a time zone.

    A zone that this machine does not know counts as UTC: the config was checked on one that does.
    """
    if zone in _UTC:
        start = at // DAY * DAY
        return start, start + DAY
    from datetime import datetime, time, timedelta
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        place = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return day_of(at, "UTC")
    today = datetime.fromtimestamp(at, place).date()
    midnights = (datetime.combine(day, time(), place) for day in (today, today + timedelta(days=1)))
    start, end = (midnight.timestamp() for midnight in midnights)
    return start, end


def _before(log: Log, wish: Entry, now: float) -> list[Entry]:
    """List what came before *wish*, in order of time; who is overdue may go at any moment."""
    ahead = [e._replace(at=max(e.at, now)) for e in log.waiting if e.turn < wish.turn and e.id != wish.id]
    return sorted([*log.sent, *ahead], key=lambda entry: entry.at) if ahead else log.sent


def _is_of(deployment: str, scope: str) -> bool:
    return deployment == scope or deployment.startswith(scope + "/")


def _limits(limit: RateLimit) -> list[tuple[str, int]]:
    given = (("rpm", limit.rpm), ("tpm", limit.tpm), ("rpd", limit.rpd), ("tpd", limit.tpd))
    return [(name, most) for name, most in given if most is not None]


def _rules(log: Log, before: list[Entry], wish: Entry, scopes: Sequence[Scope]) -> list[_Rule]:
    rules = [rule for scope in scopes for rule in _own(scope, before, log.days, wish.tokens)]
    told = log.told.get(wish.deployment, {}).get(wish.key, [])
    return [*rules, *(_Word(word, before, wish) for word in told)]


def _own(scope: Scope, entries: list[Entry], days: Days, tokens: int) -> list[_Rule]:
    """Make the rules of one scope's limits, for a request of *tokens*."""
    mine = [entry for entry in entries if _is_of(entry.deployment, scope.name)]
    quarters = [held for deployment, held in days.items() if _is_of(deployment, scope.name)]
    return [
        _Minute(scope.name, limit, mine, tokens)
        if limit[0].endswith("m")
        else _Day(scope, limit, mine, tokens, quarters)
        for limit in _limits(scope.limit)
    ]


class _Rule(ABC):
    """One limit, for one request: *weight* is what that adds to it."""

    queues = True  # whoever waits for it stands in line

    def __init__(self, scope: str, name: str, most: int, weight: int) -> None:
        self.scope, self.name, self.most, self.weight = scope, name, most, weight

    @abstractmethod
    def earliest(self, at: float) -> float:
        """Return the first time from *at* on that this limit allows; infinite when it never does."""

    @abstractmethod
    def used(self, at: float) -> int:
        """Return what is used up of it at a time."""

    def hold(self, at: float) -> Hold:
        """Say what there is to wait for at a time when it does not allow the request."""
        need = self.weight if self.name in ("tpm", "tpd", "tokens") else 0
        return Hold(self.scope, self.name, self.used(at), self.most, need)


class _Minute(_Rule):
    """rpm or tpm: what is in the minute up to a time, in sums that run over the times in order."""

    def __init__(self, scope: str, limit: tuple[str, int], entries: Sequence[Entry], tokens: int) -> None:
        counts = limit[0] == "rpm"
        super().__init__(scope, *limit, 1 if counts else tokens)
        self.begins = [entry.at for entry in entries]
        self.ends = [entry.at + MINUTE for entry in entries]
        self.sums = [0]
        for entry in entries:
            self.sums.append(self.sums[-1] + (1 if counts else entry.tokens))

    def used(self, at: float) -> int:
        return self.sums[bisect_right(self.begins, at)] - self.sums[bisect_right(self.ends, at)]

    def earliest(self, at: float) -> float:
        if self.weight > self.most:
            return inf
        while True:
            over = self.used(at) + self.weight - self.most
            if over > 0:  # up to the end of the entry with which so much has left the minute
                gone = bisect_right(self.ends, at)
                at = self.ends[bisect_left(self.sums, self.sums[gone] + over, gone + 1) - 1]
                continue
            full = self._next_full(at)
            if full is None:
                return at
            at = full

    def _next_full(self, at: float) -> float | None:
        """Find the first place to come whose minute the request would be in as well, one too many."""
        for begin in self.begins[bisect_right(self.begins, at) :]:
            if begin >= at + MINUTE:
                return None
            if self.used(begin) + self.weight > self.most:
                return begin
        return None


class _Day(_Rule):
    """rpd or tpd: what is in the calendar day of a time."""

    queues = False

    def __init__(
        self,
        scope: Scope,
        limit: tuple[str, int],
        entries: Iterable[Entry],
        tokens: int,
        quarters: Sequence[dict[int, list[int]]],
    ) -> None:
        self.column = 0 if limit[0] == "rpd" else 1
        super().__init__(scope.name, *limit, tokens if self.column else 1)
        self.zone = scope.limit.reset_tz
        self.ahead = [(e.at, e.tokens if self.column else 1) for e in entries if e.owner]
        self.days = quarters

    def used(self, at: float) -> int:
        return self._in(*day_of(at, self.zone))

    def earliest(self, at: float) -> float:
        if self.weight > self.most:
            return inf
        for _ in range(FAR):
            start, end = day_of(at, self.zone)
            if self._in(start, end) + self.weight <= self.most:
                return at
            at = end
        return inf

    def _in(self, start: float, end: float) -> int:
        sent = sum(
            counts[self.column]
            for quarters in self.days
            for quarter, counts in quarters.items()
            if start <= quarter * QUARTER < end
        )
        return sent + sum(weight for at, weight in self.ahead if start <= at < end)


class _Word(_Rule):
    """What a vendor said is left of an allowance, less what has been sent since."""

    queues = False

    def __init__(self, word: Told, entries: Iterable[Entry], wish: Entry) -> None:
        counts = word.what == "requests"
        super().__init__(wish.deployment, word.what, word.left, 1 if counts else wish.tokens)
        self.word = word
        self.since = [
            (entry.at, 1 if counts else entry.tokens)
            for entry in entries
            if entry.at > word.at and (entry.deployment, entry.key) == (wish.deployment, wish.key)
        ]

    def used(self, at: float) -> int:
        return sum(weight for begin, weight in self.since if begin <= at)

    def earliest(self, at: float) -> float:
        until = self.word.until
        spent = sum(weight for begin, weight in self.since if begin < until)
        return until if at < until and spent + self.weight > self.most else at
