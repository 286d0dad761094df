"""What to do about a failure: the same again, the next key, the next candidate, or stop (rulings 8, 11)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from llmpool.core.ids import split_ref
from llmpool.core.outcome import FORWARDED, Attempt, Failure
from llmpool.core.routing import BUDGET, MAX_COST
from llmpool.errors import LlmpoolError

_OF_KEYS = ("auth", "quota")
_NEXT_KEY = (*_OF_KEYS, "rate_limit")
_OF_THE_MODEL = ("context_length", "model_not_found")  # they say nothing about the provider's other models
_SAME_AGAIN = ("rate_limit", "overloaded", "server", "broken")
# Once is worth it: an answer that came empty, a server that did not let us in (pool-routing-formats 11.2,
# failover-cooldown 8).
_ONCE_AGAIN = ("empty", "unfit")
_NOT_LET_IN = ("connect_timeout", "refused")
# Nobody else can help with these: the request itself is at fault, or its owner stopped it.
_STOP = ("cancelled",)
_ASK_AGAIN = (408, 409)  # as the vendors' own clients do (failover-cooldown 8)
_NOT_HERE = (404, 405, 410, 415, 501)

MOST_AT_ONE = 5  # deployments of one provider that may fail before its others are left out
FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds; each retry waits twice as long as the one before
# Codes of failures that are nobody's: the caller gave no more time; a limit of the owner's is used up.
DEADLINE, OWN_LIMIT = "deadline", "own_limit"
ROUND = "   elsewhere: --fallback"  # how a hint ends where others would answer, if they might
JITTER = 0.25  # the share of a wait that chance decides
QUICKLY = 2.0  # seconds of waiting for a deployment that are worth it while another is ready (ruling 8)

_WAYS_OUT = {
    "auth": "where its keys come from: llmpool providers list",
    "quota": "see your account there; what rests, and until when: llmpool providers list",
    "rate_limit": "wait longer: --max-wait 1m",
    "overloaded": "ask again later; who rests, and until when: llmpool providers list",
    "server": "ask again later; who rests, and until when: llmpool providers list",
    "connect": "is the server running? llmpool providers list shows who answers",
    "timeout": "more patience: first_token_timeout and read_timeout, of [routing] or of the provider",
    "model_not_found": "what it has: llmpool refresh, then llmpool models list",
    "context_length": "a larger window: llmpool models list shows them",
    "bad_request": "another model, or fewer options: llmpool models list",
    "wrong_format": "ask again; if it stays so, see what answers there: llmpool providers verify",
    "broken": "ask again; who rests, and until when: llmpool providers list",
    "empty": "ask again, or another model: llmpool models list",
    "unfit": "a simpler schema, or another model: llmpool models list",
    "content": "say it otherwise, or ask another model: llmpool models list",
    "unusable": "what is wrong with it: llmpool config check, llmpool models list",
    "cancelled": "ask again: llmpool chat",
}
# What others may be better at, where nobody but the one asked for was to answer.
_WAYS_ROUND = {
    "quota": "see your account there, or allow others: --fallback",
    "rate_limit": "wait longer: --max-wait 1m   elsewhere: --fallback",
    "overloaded": "ask again later, or allow others: --fallback",
    "server": "ask again later, or allow others: --fallback",
    "broken": "ask again, or allow others: --fallback",
}


def unusable(error: LlmpoolError) -> Failure:
    """Make the failure of an attempt that something here stood in the way of."""
    return Failure(kind="unusable", message=error.message, code=error.kind, hint=error.hint)


def was_sent(failure: Failure) -> bool:
    """Say whether a failure tells anything about the provider; a missing key or a cancelled call does not.

    Nor does an answer that does not fit a schema: it came, and may fit the next one.
    """
    if failure.kind in ("unusable", "cancelled", "unfit") or failure.code in (DEADLINE, OWN_LIMIT):
        return False
    return failure.kind != "auth" or failure.status > 0


def contact_kind(failure: Failure) -> str:
    """Name the kind a contact is remembered by: whatever kept a connection from being made is `connect`."""
    return "connect" if failure.code == "connect_timeout" else failure.kind


def another_may_help(failure: Failure) -> bool:
    """Say whether the next candidate is worth asking."""
    return failure.kind not in _STOP


def another_format_may_help(failure: Failure) -> bool:
    """Say whether the same question in another wire format is worth trying (ruling 11).

    Only where the endpoint is not there, a page answers in its place, or it says that it is the wrong one.
    """
    return failure.kind == "wrong_format" and (
        failure.status in _NOT_HERE or failure.code in ("html", "no_endpoint", "responses_only")
    )


def next_key_may_help(failure: Failure) -> bool:
    """Say whether the same call with another key is worth trying."""
    if failure.code == OWN_LIMIT and failure.param != "key":
        return False  # it is the provider's or the deployment's
    if failure.code == FORWARDED:
        return False  # no key of ours
    return failure.kind in _NEXT_KEY


def is_too_much_for_key(failure: Failure) -> bool:
    """Say whether a call was more than the key alone may have: another key may do, and this one for less.

    A budget over it forbade the call, or it is more than a minute of its plan allows (a 429 about the size).
    """
    of_plan = failure.kind == "context_length" and failure.status == 429
    return of_plan or (failure.code == BUDGET and failure.param == "key")


def passes_by_itself(failure: Failure) -> bool:
    """Say whether a failure is of a moment: too fast, overloaded, a fault, an answer that broke off."""
    return failure.kind in _SAME_AGAIN


def same_again_may_help(failure: Failure, done: int = 0, *, ready: bool = False) -> bool:
    """Say whether the same call is worth repeating after *done* repetitions; the server's word counts first.

    While another candidate is *ready* nobody knocks twice at a door that does not open.
    """
    if failure.should_retry is not None:
        return failure.should_retry
    if failure.kind in _SAME_AGAIN or failure.status in _ASK_AGAIN:
        return True
    if failure.code in _NOT_LET_IN or _is_nonsense(failure):
        return not done and not ready
    return not done and failure.kind in _ONCE_AGAIN


def _is_nonsense(failure: Failure) -> bool:
    """Say whether what came as an answer is none: the page of a proxy, JSON that ends in the middle.

    It may be of a moment, and it may be what always stands there: whoever works but for a moment answers.
    """
    return failure.kind == "wrong_format" and failure.status < 300 and failure.code in ("", "html")


def pause(failure: Failure, retry: int) -> float:
    """Return the seconds before retry *retry* (0 is the first) as far as chance does not decide them.

    What the server asks for is a floor, never cut (ruling 8).
    """
    return max(min(FIRST_WAIT * 2.0 ** min(retry, 16), LONGEST_WAIT), failure.retry_after or 0.0)


def backoff(failure: Failure, retry: int, chance: float) -> float:
    """Return the seconds to wait before retry *retry*; *chance*, from 0 to 1, spreads them by a quarter.

    Around a wait of our own, beyond one that the server asked for.
    """
    wait, asked = pause(failure, retry), failure.retry_after or 0.0
    if wait > asked:
        return max(asked, wait * (1 - JITTER + 2 * JITTER * chance))
    return wait + JITTER * min(wait, LONGEST_WAIT) * chance


def left_to_ask(rest: list[str], attempts: Sequence[Attempt]) -> list[str]:
    """Leave out of *rest* who cannot help after the last of *attempts* failed.

    That is everybody else at a server that is away or takes no key, and at one where `MOST_AT_ONE` others
    have failed already, for whatever says something about more than a model.
    """
    last = attempts[-1]
    provider = split_ref(last.deployment)[0]
    failed = {a.deployment for a in attempts if a.failure and not _is_of_one(a.failure)}
    at_one = sum(split_ref(ref)[0] == provider for ref in failed)
    away = last.failure is not None and contact_kind(last.failure) == "connect"
    if not (away or _takes_no_key(attempts)) and at_one < MOST_AT_ONE:
        return rest
    return [ref for ref in rest if split_ref(ref)[0] != provider]


def _takes_no_key(attempts: Sequence[Attempt]) -> bool:
    """Say whether each key that the last deployment was asked with was refused, whichever came last.

    One that was only too fast there, or too poor for it, may do for another model.
    """
    ref = attempts[-1].deployment
    asked = takewhile(lambda attempt: attempt.deployment == ref, reversed(attempts))
    last = {attempt.key: attempt.failure for attempt in reversed(list(asked))}
    return all(f is not None and f.kind in _OF_KEYS and not _is_of_one(f) for f in last.values())


def _is_of_one(failure: Failure) -> bool:
    """Say whether a failure is a deployment's alone: its provider may have smaller or cheaper ones.

    What is too many bytes is so for all behind the same door; Groq says 413 of a model's minute as well.
    """
    if failure.status == 413 and failure.code != "rate_limit_exceeded":
        return False
    return failure.kind in _OF_THE_MODEL or failure.code in (BUDGET, MAX_COST, FORWARDED)


def way_out(failure: Failure, *, alone: bool = False) -> str:
    """Name what a person can do about a failure: what it says itself, else what goes for its kind.

    *alone*: nobody else was to be asked.
    """
    if failure.hint:
        return failure.hint + ROUND * alone
    if failure.code == OWN_LIMIT and failure.kind == "unusable":
        return "a shorter prompt, or a higher limit: llmpool config edit" + ROUND * alone
    if failure.code == BUDGET:
        return "what is left: llmpool policy budget list"
    if "certificate" in failure.message:
        return "if you trust it all the same: verify_tls = false in its provider's table"
    if failure.code == "redirect":
        return "if that is its address now: llmpool providers set ID --url URL"
    return (_WAYS_ROUND if alone and failure.kind in _WAYS_ROUND else _WAYS_OUT)[failure.kind]
