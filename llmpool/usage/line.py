"""What happens to the log of a provider's rate limits: who comes, who goes, who waits in line.

A log is changed in place; the time, and who is alive, are told. After the clock was set back, what lies ahead
of it counts as sent just now, and nobody waits for longer than was meant.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from llmpool.usage import rates
from llmpool.usage.rates import DAY, MINUTE, QUARTER, TOLD, Entry, Hold, Log, Place, Scope, Told

KEPT = 50 * 3600.0  # seconds: no day has more hours
Lives = Callable[[str], bool]  # whether the process of that name may be alive


class Granted(NamedTuple):
    """A request in the log: sent, or waiting in line while *hold* lasts."""

    entry: Entry
    hold: Hold | None = None

    @property
    def waits(self) -> bool:
        """Whether nothing may be sent yet."""
        return bool(self.entry.owner)


class Refused(NamedTuple):
    """A request that would have to wait for too long, infinitely where it can never be sent."""

    at: float
    hold: Hold


def seek(
    log: Log,
    entry: Entry,
    scopes: Sequence[Scope],
    *,
    now: float,
    max_wait: float,
    told_wait: float = inf,
) -> Granted | Refused:
    """Find when *entry* may be sent: now, which is noted, or in line, within *max_wait* seconds.

    *told_wait* bounds waiting for what a vendor said of this key. One that is in the log already keeps its
    turn; one that is refused is not in it any more. *entry.owner* is who waits.
    """
    known = next((other for other in log.waiting if other.id == entry.id), None)
    wish = known or entry._replace(turn=_turn(log))
    log.waiting[:] = [other for other in log.waiting if other.id != entry.id]
    place = rates.place(log, wish, scopes, now)
    if place.hold is None:
        sent = wish._replace(at=now, owner="")
        insort(log.sent, sent, key=lambda other: other.at)
        _count(log, sent, 1, sent.tokens)
        return Granted(sent)
    longest = max_wait if place.hold.limit not in TOLD else min(max_wait, told_wait)
    if place.at == inf or place.at - now > longest:
        return Refused(place.at, place.hold)
    waiting = wish._replace(at=place.at, queue=place.queue)
    log.waiting.append(waiting)
    return Granted(waiting, place.hold)


def stamp(log: Log, sent: Entry, at: float) -> None:
    """Give what was sent a later time; it counts until a minute after that."""
    release(log, sent)
    later = sent._replace(at=at)
    insort(log.sent, later, key=lambda other: other.at)
    _count(log, later, 1, later.tokens)


def settle(log: Log, sent: Entry, tokens: int) -> None:
    """Correct the tokens of what was sent."""
    log.sent[:] = [e._replace(tokens=tokens) if e.id == sent.id else e for e in log.sent]
    _count(log, sent, 0, tokens - sent.tokens)


def release(log: Log, entry: Entry) -> None:
    """Take out what was never sent."""
    for entries in (log.sent, log.waiting):
        entries[:] = [other for other in entries if other.id != entry.id]
    if not entry.owner:
        _count(log, entry, -1, -entry.tokens)


def hear(log: Log, deployment: str, key: str, words: Sequence[Told]) -> None:
    """Take in what an answer said, unless a later request's said it before."""
    known = log.told.get(deployment, {}).get(key, [])
    if words and all(old.at <= words[0].at for old in known):
        log.told.setdefault(deployment, {})[key] = list(words)


def tidy(log: Log, now: float, lives: Lives, *, mine: str = "", looking: bool = False) -> bool:
    """Drop what counts for nothing any more, and the places of the dead; say whether the clock was set back.

    Whose place is *mine* is alive, and keeps it however late that is. For whoever is only *looking*, what was
    sent ahead of the clock is gone: nothing that is looked at again and again may stay full because of it.
    """
    moved = any(entry.at > now for entry in log.sent) or any(entry.since > now for entry in log.waiting)
    log.sent[:] = [
        entry if entry.at <= now else entry._replace(at=now)
        for entry in log.sent[bisect_right(log.sent, now - MINUTE, key=lambda entry: entry.at) :]
        if entry.at <= now or not looking
    ]
    log.waiting[:] = [
        _clamped(entry, now)
        for entry in log.waiting
        if entry.id == mine or (now < entry.at + MINUTE and lives(entry.owner))
    ]
    for quarters in log.days.values():
        for quarter in [q for q in quarters if not now - KEPT < q * QUARTER < now + DAY]:
            del quarters[quarter]
    for keys in log.told.values():
        for key, words in list(keys.items()):
            keys[key] = [word for word in words if now < word.until and word.at <= now + MINUTE]
            if not keys[key]:
                del keys[key]
    for name in [name for name, quarters in log.days.items() if not quarters]:
        del log.days[name]
    for name in [name for name, keys in log.told.items() if not keys]:
        del log.told[name]
    return moved


def full(
    log: Log, provider: str, scopes: Sequence[Scope], keys: Sequence[str], now: float
) -> dict[str, Place]:
    """Find whom a limit keeps from being asked now: a provider as a whole, deployments by themselves.

    *keys* are the labels of its keys: what a vendor said of one does not bind the others. A log that was
    tidied for looking stays as it is.
    """
    found: dict[str, Place] = {}
    shared = tuple(scope for scope in scopes if scope.name == provider)
    for name in dict.fromkeys([provider, *(scope.name for scope in scopes), *log.told]):
        own = tuple(scope for scope in scopes if scope.name == name != provider)
        wish = Entry(now, 1, name, "", "", _turn(log), now, name if own else provider)
        place = min(
            (rates.place(log, wish._replace(key=key), shared + own, now) for key in keys or [""]),
            key=lambda place: place.at,
        )
        if place.at > (found[provider].at if provider in found else now):
            found[name] = place
    return found


def _turn(log: Log) -> int:
    """Return the turn of one who comes now: after all others."""
    return 1 + max((entry.turn for entry in log.waiting), default=0)


def _count(log: Log, entry: Entry, requests: int, tokens: int) -> None:
    """Add to what was sent on the day of an entry."""
    counts = log.days.setdefault(entry.deployment, {}).setdefault(int(entry.at // QUARTER), [0, 0])
    counts[:] = [max(0, counts[0] + requests), max(0, counts[1] + tokens)]


def _clamped(entry: Entry, now: float) -> Entry:
    """Return one who waits, and never for longer than was meant."""
    if entry.since <= now:
        return entry
    return entry._replace(at=min(entry.at, now + entry.at - entry.since), since=now)
