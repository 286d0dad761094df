"""Cooldowns: how long a key, a deployment or a provider rests after a failure (DESIGN ruling 10).

Sources: failover-cooldown 12 for deployments, pool-routing-formats 11.3 for providers. Times are seconds
since the epoch. A rest is kept under the name of its scope: `key:PROVIDER/LABEL`, `deployment:REF`,
`provider:ID`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from llmpool.core.outcome import FORWARDED
from llmpool.core.routing import Rest
from llmpool.core.times import rfc3339

if TYPE_CHECKING:
    from llmpool.core.outcome import Failure
    from llmpool.core.routing import RoutingRow

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
EXPIRES = HOUR  # an entry is forgotten so long after its deadline, its counts with it
LONGEST = DAY  # whatever a server asks for: no allowance takes longer to come back

# What is wrong with the key, whatever it is used for; a rate limit may be that of one model.
REFUSING = ("auth", "quota")
_OF_THE_SERVER = ("rate_limit", "overloaded", "server", "connect", "timeout", "broken")
_OF_THE_PROVIDER = (*_OF_THE_SERVER, "wrong_format")
_PASSING = (429, 502, 503, 504, 529)  # statuses of trouble that mostly passes by itself
_WORDS = {
    "auth": "was refused",
    "quota": "is used up",
    "rate_limit": "a rate limit",
    "overloaded": "overload",
    "server": "a server error",
    "connect": "a failed connection",
    "timeout": "a time-out",
    "broken": "a broken answer",
    "wrong_format": "an answer that is none",
    "model_not_found": "not having the model",
    FORWARDED: "its server's account being refused elsewhere",
}


class Ladder(NamedTuple):
    """From failure *threshold* on a rest of *first* seconds, *factor* times as long each time, at *most*."""

    threshold: int
    first: float
    factor: float
    most: float

    def seconds(self, failures: int) -> float:
        """Return the rest after so many failures; 0 below the threshold."""
        steps = failures - self.threshold
        if steps < 0:
            return 0.0
        return self.most if steps > 64 else min(self.first * self.factor**steps, self.most)


DEPLOYMENT = Ladder(1, MINUTE, 5.0, HOUR)
PROVIDER = Ladder(3, 30.0, 2.0, 300.0)
PROVIDER_PASSING = Ladder(5, 5.0, 2.0, 30.0)


class Cooldown(NamedTuple):
    """One rest: until when, how long it was meant to be, the kind of failure, and how many led to it.

    *passing* counts those of them that mostly pass by themselves. *until* is 0 while the failures are too
    few; *at* is when the last of them was; *told* is until when a rate limit's vendor asked to be left alone.
    """

    until: float = 0.0
    seconds: float = 0.0
    reason: str = ""
    failures: int = 0
    passing: int = 0
    at: float = 0.0
    told: float = 0.0

    def holds(self, now: float) -> bool:
        """Say whether it is still on, its last instant included.

        A clock that was set back cannot stretch a rest: one that seems to begin further ahead than it is long
        was made under another clock, and is over.
        """
        return self.until > 0 and 0 <= self.until - now <= 2 * self.seconds

    def left(self, now: float) -> float:
        """Return the seconds it has still to go, never more than it was meant to be; 0 when it is over."""
        return min(self.until - now, self.seconds) if self.holds(now) else 0.0

    def is_told(self, now: float) -> bool:
        """Say whether the time that a vendor named for its rate limit is not over yet."""
        return self.holds(now) and now < self.told

    def is_forgotten(self, now: float) -> bool:
        """Say whether the entry tells nothing any more, its counts included."""
        last = max(self.until, self.at)
        return now >= last + EXPIRES or now < last - LONGEST - EXPIRES


NONE = Cooldown()


def of_provider(name: str) -> str:
    """Name the scope of a provider."""
    return f"provider:{name}"


def of_deployment(ref: str) -> str:
    """Name the scope of a deployment."""
    return f"deployment:{ref}"


def of_key(provider: str, label: str) -> str:
    """Name the scope of a key."""
    return f"key:{provider}/{label}"


def belongs(scope: str, provider: str) -> bool:
    """Say whether a scope is *provider*, one of its keys or one of its deployments."""
    kind, _, name = scope.partition(":")
    return name == provider if kind == "provider" else name.startswith(f"{provider}/")


def read(entry: Mapping[str, Any]) -> Cooldown:
    """Read a cooldown as it is stored; an older version wrote fewer fields."""
    return Cooldown(**entry)


def is_of_key(failure: Failure) -> bool:
    """Say whether a failure is the key's own: refused, or its allowance used up."""
    if failure.code == FORWARDED:
        return False
    return failure.kind == "quota" or (failure.kind == "auth" and failure.status > 0)


def cool_key(old: Cooldown, failure: Failure, now: float) -> Cooldown:
    """Rest a key: an hour where it was refused, else for as long as its vendor says; or leave it as it is."""
    if is_of_key(failure):
        return _later(old, failure, HOUR, now)
    return _later(old, failure, MINUTE, now) if failure.kind == "rate_limit" else old


def cool_deployment(old: Cooldown, failure: Failure, now: float, since: float | None = None) -> Cooldown:
    """Rest a deployment after a failed chain of attempts; what is the request's own fault changes nothing.

    A chain that began (*since*) before the present rest did saw the same trouble as the one that led to it:
    the rest begins anew, but is not a rung longer. Else twenty that start together would make it an hour.
    """
    if failure.code == FORWARDED:
        rest = _later(old, failure, HOUR, now)
        return rest._replace(reason=FORWARDED) if rest.reason in REFUSING else rest
    if failure.kind not in (*_OF_THE_SERVER, "model_not_found"):
        return old
    if since is not None and since < old.at and old.holds(now):
        old = old._replace(failures=max(0, old.failures - 1))
    if failure.kind == "model_not_found":
        return _later(old, failure, HOUR, now)
    return _later(old, failure, DEPLOYMENT.seconds(_before(old, now).failures + 1), now)


def cool_provider(old: Cooldown, failure: Failure, now: float) -> Cooldown:
    """Count a failure against a provider, and rest it when there were too many.

    What passes by itself has a ladder of its own, with shorter rests. Nothing is counted that is the
    request's own, a key's or a model's.
    """
    if failure.kind not in _OF_THE_PROVIDER:
        return old
    old = _before(old, now)
    passes = failure.kind == "overloaded" or failure.status in _PASSING
    passing = old.passing + passes
    ladder, count = (PROVIDER_PASSING, passing) if passes else (PROVIDER, old.failures + 1)
    counted = failure.replace(retry_after=None)  # that was asked for a model or a key
    return _later(old, counted, ladder.seconds(count), now)._replace(passing=passing)


def _before(old: Cooldown, now: float) -> Cooldown:
    return NONE if old.is_forgotten(now) else old


def _later(old: Cooldown, failure: Failure, seconds: float, now: float) -> Cooldown:
    """Rest for *seconds* from now on, or as the server asks, unless an earlier failure has it rest longer."""
    old = _before(old, now)
    counted = old._replace(failures=old.failures + 1, at=now, told=_asked(old, failure, now))
    seconds = min(max(seconds, failure.retry_after or 0.0), LONGEST)
    if not seconds or old.left(now) > seconds:
        return counted
    return counted._replace(until=now + seconds, seconds=seconds, reason=failure.kind)


def _asked(old: Cooldown, failure: Failure, now: float) -> float:
    asked = failure.retry_after if failure.kind == "rate_limit" else None
    return max(old.told, now + min(asked, LONGEST)) if asked else old.told


class Rests(NamedTuple):
    """Who rests now, and why: providers, and when they are free; deployments, and how."""

    cooling: dict[str, str]
    free_at: dict[str, float]
    resting: dict[str, Rest]


def rests(
    entries: Mapping[str, Mapping[str, Any]],
    keys: Mapping[str, Iterable[str]],
    rows: Sequence[RoutingRow],
    now: float,
) -> Rests:
    """Say who rests by what is stored; *keys* are the labels in use by provider, *rows* all deployments.

    A provider all of whose keys rest has nobody to send: that is told of each of its deployments.
    """
    known = {scope: read(entry) for scope, entry in entries.items()}
    active = {scope: rest for scope, rest in known.items() if rest.holds(now)}
    found = Rests({}, {}, {})
    for scope, rest in active.items():
        kind, _, name = scope.partition(":")
        if kind == "provider":
            found.cooling[name] = told(scope, rest, now)
            found.free_at[name] = now + rest.left(now)
        elif kind == "deployment":
            found.resting[name] = Rest(now + rest.left(now), told(scope, rest, now), rest.is_told(now))
    for provider, labels in keys.items():
        scopes = [of_key(provider, label) for label in labels]
        held = {s: active[s] for s in scopes if s in active and active[s].reason in REFUSING}
        if held and len(held) == len(scopes):
            _rest_all(found, [row.id for row in rows if row.id.startswith(f"{provider}/")], held, now)
    return found


def _rest_all(found: Rests, refs: list[str], held: dict[str, Cooldown], now: float) -> None:
    """Let all deployments of a provider rest until the first of its keys is free."""
    scope, rest = min(held.items(), key=lambda pair: pair[1].left(now))
    until = now + rest.left(now)
    for ref in refs:
        own = found.resting.get(ref, Rest(0.0, ""))
        words = "; ".join(filter(None, (own.why, told(scope, rest, now))))
        found.resting[ref] = Rest(max(own.until, until), words, own.told, refused=True)


def told(scope: str, rest: Cooldown, now: float) -> str:
    """Say in words why somebody rests, and until when; `resource_cooldown` and rejections show it."""
    again = f"again at {rfc3339(now + rest.left(now))}"
    if scope.startswith("key:"):
        label = scope.partition("/")[2]
        key = "its key" if label == "none" else f"key {label}"
        return f"{key} {why(rest.reason)}, {again}"
    return f"rests after {why(rest.reason)}, {again}"


def why(reason: str) -> str:
    """Say why somebody rests: the words for a kind of failure, or what an older version wrote."""
    return _WORDS.get(reason, reason)
