"""How a request ends that nobody answered, or whose answer broke off: every attempt, and the way out."""

from __future__ import annotations

from collections import Counter
from itertools import groupby
from typing import Any

from llmpool.chat.journey import Journey
from llmpool.core.ids import split_ref
from llmpool.core.outcome import Attempt, Failure
from llmpool.core.routing import BUDGET, Decision
from llmpool.core.times import rfc3339
from llmpool.errors import (
    Busy,
    LlmpoolError,
    NoCredential,
    NothingEligible,
    Refused,
    StateUnusable,
    UpstreamFailed,
)
from llmpool.pool import Pool
from llmpool.router import away
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
    decision = journey.decision
    if _is_kept_here(decision) and all(failure.kind == "connect" for failure in failures):
        return _nobody_here(pool, journey)
    wait = _soonest(pool, journey)
    retry_at = None if wait is None else rfc3339(pool.clock() + wait)
    details: dict[str, Any] = {"attempts": journey.attempts_json(), "retry_at": retry_at}
    alone = _is_alone(journey.decision)
    if all(failure.kind == "auth" for failure in failures):
        hint = next((failure.hint for failure in reversed(failures) if failure.hint), _where(journey))
        return NoCredential(message, hint=hint, lines=lines, details=details)
    if all(failure.code == StateUnusable.kind for failure in failures):
        return StateUnusable(message, hint=failures[-1].hint, lines=lines, details=details)
    if all(failure.code == Busy.kind for failure in failures):  # another process is at work there
        return Busy(message, hint=failures[-1].hint, lines=lines, details=details)
    if wait is not None and _are_busy(failures):
        hint = _how_to_wait(wait) + rules.ROUND * alone
        return Busy(message, hint=hint, lines=lines, details=details)
    kind = Refused if all(map(_exceeds, failures)) else UpstreamFailed
    hint = rules.way_out(failures[-1], alone=alone)
    if wait is not None and not failures[-1].hint and failures[-1].kind == "rate_limit":
        hint = _how_to_wait(wait) + rules.ROUND * alone
    return kind(message, hint=hint, lines=lines, details=details)


def _is_kept_here(decision: Decision) -> bool:
    """Say whether nothing but own machines was to answer, whichever of them."""
    local = bool(dict(decision.options).get("local_only")) or decision.mode == "local"
    return local and not decision.requested


def _nobody_here(pool: Pool, journey: Journey) -> NothingEligible:
    """Build the error of a request that no own machine took: none answers, and others must not."""
    failed = {attempt.deployment: attempt.failure.told for attempt in journey.attempts if attempt.failure}
    forced, alike = away.is_forced(pool.env), dict[str, list[str]]()
    for rejection in journey.decision.rejections:
        words = "; ".join(away.told(rejection, pool.routing, forced=forced))
        alike.setdefault(words, []).append(rejection.deployment)
    named = {words: ids[0] if len(ids) == 1 else f"{len(ids)} deployments" for words, ids in alike.items()}
    lines = [f"{ref}   {told}" for ref, told in failed.items()]
    lines += [f"{who}   {words}" for words, who in named.items()]
    owner = split_ref(next(iter(failed)))[0]
    details: dict[str, Any] = {"attempts": journey.attempts_json()}
    details["rejections"] = [rejection.as_json() for rejection in journey.decision.rejections]
    return NothingEligible(
        "nothing local can answer; nothing was sent",
        hint=f"wake {owner}, or: llmpool models pull embedded/smollm2-135m",
        lines=tuple(lines),
        details=details,
    )


def _where(journey: Journey) -> str:
    """Say where keys that were refused come from, and how another takes their place."""
    asked = {split_ref(attempt.deployment)[0] for attempt in journey.attempts}
    name = asked.pop() if len(asked) == 1 else ""
    if all(attempt.key == "none" for attempt in journey.attempts):
        return f"it was asked without a key; give it one: llmpool providers keys add {name or 'PROVIDER'}"
    shown = f"llmpool providers keys list {name}".rstrip()
    way = f"llmpool providers keys replace {name or 'PROVIDER'}"
    return f"{shown}    tells where keys come from;  another: {way}"


def _is_alone(decision: Decision) -> bool:
    """Say whether others were not to be asked, so that there is something to allow."""
    fallback = dict(decision.options).get("fallback")
    return fallback is False or (bool(decision.requested) and not fallback)


def _exceeds(failure: Failure) -> bool:
    """Say whether a request is too large for a limit of its owner's, on any day."""
    return failure.code == rules.OWN_LIMIT and failure.kind == "unusable"


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
    told = tuple(f"{ref}   {words}" for ref, words in lines)
    if all(failure.code == rules.OWN_LIMIT for failure in failures):
        return f"the rate limits of all {len(lines)} who may answer are used up; nothing was sent", told
    return f"all {len(failures)} attempts failed", told


def _are_busy(failures: list[Failure]) -> bool:
    """Say whether all are only too busy: too fast for them, or overloaded until a time they named.

    Whoever may not take it, for a limit or a budget of the owner's, was not asked.
    """
    asked = [failure for failure in failures if not (_exceeds(failure) or failure.code == BUDGET)]
    return all(f.kind in _BUSY and (f.kind == "rate_limit" or f.retry_after) for f in asked) and bool(asked)


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
