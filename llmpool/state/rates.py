"""rates/PROVIDER.json: what was sent to a provider lately, and who waits in line for its limits.

All processes share it, so that together they keep the limits (DESIGN ruling 12). Whoever sends reserves
under the lock: at once, or a place in line, and whoever waits looks again before it sends. Nothing is held by
a dead process: what it was about to send ages out of the minute, its place in line goes at once where the
dead can be told from the living. Times are wall-clock seconds since the epoch; the clock is looked at under
the lock, where nobody else can be ahead of it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.core.limits import Headroom
from llmpool.core.provider import RateLimit
from llmpool.core.routing import Rest
from llmpool.state import alive, jsonfile, shape
from llmpool.usage import line, rates, waits
from llmpool.usage.line import Granted, Refused
from llmpool.usage.rates import Entry, Log, Place, Scope, Told

MOMENT = 2.0  # seconds: who is held up for less is asked all the same (DESIGN ruling 8)
Clock = Callable[[], float]


class Wish(NamedTuple):
    """What somebody would like to send: *tokens* are those of the prompt and of the answer, as reckoned.

    *told_wait* are the seconds that a vendor's word about this key is worth waiting for.
    """

    provider: str
    deployment: str
    key: str
    tokens: int
    scopes: tuple[Scope, ...]
    told_wait: float = inf


def path_of(state: Path, provider: str) -> Path:
    """Return where the log of a provider is."""
    return state / "rates" / f"{provider}.json"


def is_told(state: Path, provider: str, now: float) -> bool:
    """Say whether a vendor's word may bind at a provider that has no limits of its own: a look at a file."""
    try:
        return now - path_of(state, provider).stat().st_mtime < rates.BELIEVED
    except OSError:
        return False


def read(state: Path, provider: str) -> Log:
    """Read the log of a provider; a missing or quarantined file is an empty one."""
    return jsonfile.read(path_of(state, provider), decode=_log)


def reserve(state: Path, wish: Wish, clock: Clock, max_wait: float) -> Granted | Refused | None:
    """Reserve the right to send, now or after a wait of at most *max_wait* seconds.

    None: nothing limits it. What is refused leaves no trace.
    """
    if not wish.scopes and wish.key not in read(state, wish.provider).told.get(wish.deployment, {}):
        return None
    queue = wish.deployment if any(s.name == wish.deployment for s in wish.scopes) else wish.provider
    name, now = os.urandom(6).hex(), clock()
    entry = Entry(now, wish.tokens, wish.deployment, wish.key, name, 0, now, queue, alive.myself())
    return advance(state, wish, entry, clock, max_wait)


def advance(state: Path, wish: Wish, entry: Entry, clock: Clock, max_wait: float) -> Granted | Refused:
    """Look again at a place in line: send now, or wait on, maybe for less. A refusal gives the place up.

    Right before sending this stamps the real time and counts once more: processes wake late, and clocks move.
    """
    got: list[Granted | Refused] = []

    def change(log: Log) -> Any:
        before, now = _as_data(log), clock()
        moved = line.tidy(log, now, alive.is_alive, mine=entry.id)
        known = any(other.id == entry.id for other in log.waiting)
        got.append(line.seek(log, entry, wish.scopes, now=now, max_wait=max_wait, told_wait=wish.told_wait))
        vain = isinstance(got[0], Refused) and not known and not moved
        return before if vain else _as_data(log)  # nothing is written for somebody who was not let in

    _change(state, wish.provider, change)
    return got[0]


def stamp(state: Path, sent: Entry, clock: Clock) -> Entry:
    """Give what has just been sent the time at which it really left, and return it so."""
    left = clock()

    def change(log: Log) -> Any:
        line.tidy(log, clock(), alive.is_alive)
        line.stamp(log, sent, left)
        return _as_data(log)

    _change(state, _provider(sent), change)
    return sent._replace(at=left)


def settle(state: Path, sent: Entry, tokens: int | None, headroom: Iterable[Headroom], clock: Clock) -> None:
    """Correct the tokens of what was sent (None: as reckoned), and take in what the answer said of limits."""
    words = rates.told_of(headroom, sent.at)

    def change(log: Log) -> Any:
        line.tidy(log, clock(), alive.is_alive)
        if tokens is not None:
            line.settle(log, sent, tokens)
        line.hear(log, sent.deployment, sent.key, words)
        return _as_data(log)

    if words or tokens not in (None, sent.tokens):
        _change(state, _provider(sent), change)


def hear(state: Path, deployment: str, key: str, headroom: Iterable[Headroom], clock: Clock) -> None:
    """Take in what an answer said of limits, where nothing was reserved for its request."""
    settle(state, Entry(clock(), 0, deployment, key, ""), None, headroom, clock)


def release(state: Path, entry: Entry, clock: Clock) -> None:
    """Give back what was never sent."""

    def change(log: Log) -> Any:
        line.tidy(log, clock(), alive.is_alive)
        line.release(log, entry)
        return _as_data(log)

    _change(state, _provider(entry), change)


def forget(state: Path, provider: str, clock: Clock) -> None:
    """Forget what a vendor said of its limits, for an owner who knows better; what was sent stays counted."""

    def change(log: Log) -> Any:
        line.tidy(log, clock(), alive.is_alive)
        log.told.clear()
        return _as_data(log)

    if path_of(state, provider).exists():
        _change(state, provider, change)


def spent(state: Path, scope: Scope, now: float) -> dict[str, tuple[int, float | None]]:
    """Tell of each limit of a scope what is used up, and when there is room again where there is none."""
    log = _looked_at(state, scope.name.partition("/")[0], now)
    wish = Entry(now, 1, scope.name, "", "", sys.maxsize)
    told: dict[str, tuple[int, float | None]] = {}
    for name, used in rates.used(log, scope, now).items():
        alone = RateLimit(**{name: getattr(scope.limit, name)}, reset_tz=scope.limit.reset_tz)
        free = rates.place(log, wish, [Scope(scope.name, alone)], now).at
        told[name] = (used, free if free > now else None)
    return told


def held(
    state: Path,
    providers: Iterable[Mapping[str, Any]],
    own: Mapping[str, Mapping[str, Any]],
    keys: Mapping[str, Sequence[str]],
    now: float,
) -> dict[str, Rest]:
    """Say whom a limit keeps from being asked for more than a moment: until when, and why.

    By provider where it is all of its deployments, else by deployment. *providers* are those of the compiled
    routing, *own* the limits of deployments, *keys* the labels of each provider's keys. This only looks, and
    at no file where there is no log.
    """
    found: dict[str, Place] = {}
    logged = _logged(state)
    for entry in providers:
        name = entry["id"]
        scopes = _scopes(entry, own) if name in logged else ()
        if scopes or (name in logged and is_told(state, name, now)):
            found |= line.full(_looked_at(state, name, now), name, scopes, keys.get(name, ()), now)
    return {
        name: Rest(place.at, f"{waits.fact(place.hold)}, {waits.free(place.at, now)}", held=True)
        for name, place in found.items()
        if place.hold is not None and place.at - now > MOMENT
    }


def _looked_at(state: Path, provider: str, now: float) -> Log:
    log = read(state, provider)
    line.tidy(log, now, alive.is_alive, looking=True)
    return log


def _scopes(entry: Mapping[str, Any], own: Mapping[str, Mapping[str, Any]]) -> tuple[Scope, ...]:
    """List the limits of a provider, as it is compiled, and of its deployments."""
    given = {entry["id"]: entry["rate_limit"]} if entry["rate_limit"] else {}
    given |= {ref: limit for ref, limit in own.items() if ref.startswith(f"{entry['id']}/")}
    return tuple(Scope(name, RateLimit(**limit)) for name, limit in given.items())


def _change(state: Path, provider: str, change: Callable[[Log], Any]) -> None:
    jsonfile.update(path_of(state, provider), change, decode=_log)


def _provider(entry: Entry) -> str:
    return entry.deployment.partition("/")[0]


def _logged(state: Path) -> set[str]:
    """Name the providers that have a log."""
    try:
        names = os.listdir(state / "rates")  # noqa: PTH208 - no more is wanted than the names
    except OSError:
        return set()
    return {name.removesuffix(".json") for name in names if name.endswith(".json")}


def _as_data(log: Log) -> dict[str, Any]:
    return {
        "sent": [list(column) for column in zip(*(entry[:5] for entry in log.sent), strict=True)],
        "waiting": [list(entry) for entry in log.waiting],
        "days": {
            name: [[quarter, *counts] for quarter, counts in sorted(quarters.items())]
            for name, quarters in sorted(log.days.items())
        },
        "told": {
            name: {key: [list(word) for word in words] for key, words in keys.items()}
            for name, keys in sorted(log.told.items())
        },
    }


def _log(data: Any) -> Log:
    known = shape.fields({} if data is None else data, _SECTIONS)
    days: rates.Days = {}
    for name, quarters in known.get("days", {}).items():
        rows = [_row(row, shape.whole, shape.whole, shape.whole) for row in quarters]
        days[name] = {quarter: counts for quarter, *counts in rows}
    told = {
        name: {key: shape.listed(_told)(words) for key, words in shape.mapping(keys).items()}
        for name, keys in known.get("told", {}).items()
    }
    sent = sorted(known.get("sent", []), key=lambda entry: entry.at)
    return Log(sent, known.get("waiting", []), days, told)


def _row(value: Any, *shapes: Callable[[Any], Any]) -> list[Any]:
    """Return a list whose items are of these shapes."""
    if type(value) is not list or len(value) != len(shapes):
        raise TypeError("not a row")
    return [check(item) for check, item in zip(shapes, value, strict=True)]


def _sent(columns: Any) -> list[Entry]:
    """Read what was sent, which is kept by column: thousands are checked in a few steps."""
    if columns == []:
        return []
    times, tokens, *texts = columns
    if len(texts) != 3 or not all(type(column) is list for column in columns):
        raise TypeError("not five columns")
    shape.all_counts(tokens)
    if not set(map(type, chain.from_iterable(texts))) <= {str} or not set(map(type, times)) <= {int, float}:
        raise TypeError("not times and texts")
    if not all(0 <= at <= shape.LAST_SECOND for at in times):
        raise ValueError("not times")
    return [Entry(*row) for row in zip(times, tokens, *texts, strict=True)]


def _waiting(row: Any) -> Entry:
    return Entry._make(_row(row, *_COMMON, shape.whole, shape.instant, shape.text, shape.text))


def _told(row: Any) -> Told:
    return Told._make(_row(row, shape.instant, shape.text, shape.whole, shape.instant))


_COMMON = (shape.instant, shape.whole, shape.text, shape.text, shape.text)
_SECTIONS: dict[str, Callable[[Any], Any]] = {
    "sent": _sent,
    "waiting": shape.listed(_waiting),
    "days": shape.mapping,
    "told": shape.mapping,
}
