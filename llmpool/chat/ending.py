"""How a request ends that nobody answered, or whose answer broke off: every attempt, and the way out."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

from llmpool.chat.journey import Journey
from llmpool.core.outcome import Attempt, Failure
from llmpool.core.times import rfc3339
from llmpool.errors import Busy, LlmpoolError, NoCredential, NothingEligible, UpstreamFailed
from llmpool.pool import Pool
from llmpool.router import failure as rules

_BUSY = ("rate_limit", "overloaded")


def broke_off(journey: Journey) -> UpstreamFailed:
    """Build the error of an answer that ended early: what was shown stays (ruling 9)."""
    failure = journey.attempts[-1].failure
    error = UpstreamFailed(
        f"{journey.deployment} broke off: {failure.told if failure else 'no end mark'}",
        hint="what is above is all there is; ask again, or use --on-break restart",
        details={"attempts": journey.attempts_json()},
    )
    error.kind = "broke_off"
    return error


def all_failed(pool: Pool, journey: Journey) -> LlmpoolError:
    """Build the error of a request nobody answered; its exit code says what all attempts share."""
    failures = [attempt.failure for attempt in journey.attempts if attempt.failure]
    if not failures:
        return NothingEligible("nothing was tried", hint="llmpool route shows why")
    message, lines = _message(journey.attempts, failures)
    wait = _soonest(pool, journey)
    retry_at = None if wait is None else rfc3339(pool.clock() + wait)
    details: dict[str, Any] = {"attempts": journey.attempts_json(), "retry_at": retry_at}
    if all(failure.kind == "auth" for failure in failures):
        hint = "llmpool providers show tells where keys come from"
        return NoCredential(message, hint=hint, lines=lines, details=details)
    if wait is not None and _are_busy(failures):
        hint = f"{_how_to_wait(wait)}   elsewhere: --fallback"
        return Busy(message, hint=hint, lines=lines, details=details)
    return UpstreamFailed(message, hint=rules.way_out(failures[-1]), lines=lines, details=details)


def _message(attempts: list[Attempt], failures: list[Failure]) -> tuple[str, tuple[str, ...]]:
    """Say who failed and how: in one line where it is one and the same, else a line for each."""
    lines = []
    keys = {(attempt.deployment, attempt.key) for attempt in attempts}
    several = Counter(deployment for deployment, _ in keys)

    def line(attempt: Attempt) -> tuple[str, str]:
        key = f" with key {attempt.key}" if several[attempt.deployment] > 1 else ""
        return attempt.deployment + key, attempt.failure.told if attempt.failure else "answered"

    for (ref, words), same in groupby(attempts, key=line):
        often = len(list(same))
        lines.append((ref, f"{words} ({often} times)" if often > 1 else words))
    if len(lines) == 1:
        return f"{lines[0][0]}: {lines[0][1]}", ()
    return f"all {len(failures)} attempts failed", tuple(f"{ref}   {words}" for ref, words in lines)


def _are_busy(failures: list[Failure]) -> bool:
    """Say whether all are only too busy: too fast for them, or overloaded until a time they named."""
    return all(f.kind in _BUSY and (f.kind == "rate_limit" or f.retry_after) for f in failures)


def _soonest(pool: Pool, journey: Journey) -> float | None:
    """Return the seconds after which the first may be asked again: as it says, or when it has rested."""
    from llmpool.router import cooldown

    waits, now = [], pool.clock()
    for attempt in journey.attempts:
        failure = attempt.failure
        if failure is not None and failure.retry_after:
            waits.append(failure.retry_after)
        elif failure is not None and failure.kind in _BUSY:
            entry = pool.health.cooldowns.get(cooldown.of_deployment(attempt.deployment))
            old = cooldown.read(entry) if entry else cooldown.NONE
            is_known = attempt.deployment in journey.rested  # the rest that this failure brought
            waits.append((old if is_known else cooldown.cool_deployment(old, failure, now)).left(now))
    return min(waits, default=None)


def _how_to_wait(seconds: float) -> str:
    """Name the option that waits so long."""
    unit, length = ("s", 1) if seconds < 120 else ("m", 60)
    return f"wait: --max-wait {-(-seconds // length):.0f}{unit}"
