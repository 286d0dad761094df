"""What to do about a failure: the same again, the next key, the next candidate, or stop (rulings 8, 11)."""

from __future__ import annotations

from llmpool.core.outcome import Failure

_NEXT_KEY = ("auth", "quota")
_SAME_AGAIN = ("rate_limit", "overloaded", "server", "broken")
# Nobody else can help with these: the request itself is at fault, or its owner stopped it.
_STOP = ("cancelled",)
_ASK_AGAIN = (408, 409)  # as the vendors' own clients do (failover-cooldown 8)
_NOT_HERE = (404, 405, 410, 415, 501)

# Kinds that make a provider rest for a while: the cooldown reasons of catalog-registry-router 6.10.
COOLING = {
    "timeout": "recent timeout",
    "overloaded": "recent timeout",
    "connect": "recent connection failure",
}
COOLDOWN_SECONDS = 120  # per failed request, restarted each time (6.9)

_WAYS_OUT = {
    "auth": "where its keys come from: llmpool providers list",
    "quota": "see your account there, or allow others: --fallback",
    "rate_limit": "wait longer: --max-wait 1m   elsewhere: --fallback",
    "overloaded": "ask again later, or allow others: --fallback",
    "server": "ask again later, or allow others: --fallback",
    "connect": "is the server running? llmpool providers list shows who answers",
    "timeout": "more patience: first_token_timeout and read_timeout, of [routing] or of the provider",
    "model_not_found": "what it has: llmpool refresh, then llmpool models list",
    "context_length": "a larger window: llmpool models list shows them",
    "bad_request": "another model, or fewer options: llmpool models list",
    "wrong_format": "ask again; if it stays so, see what answers there: llmpool providers verify",
    "broken": "ask again, or allow others: --fallback",
    "empty": "ask again, or another model: llmpool models list",
    "content": "say it otherwise, or ask another model: llmpool models list",
    "unusable": "what is wrong with it: llmpool config check, llmpool models list",
    "cancelled": "ask again: llmpool chat",
}


def was_sent(failure: Failure) -> bool:
    """Say whether a failure tells anything about the provider; a missing key or a cancelled call does not."""
    return failure.kind not in ("unusable", "cancelled") and (failure.kind != "auth" or failure.status > 0)


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
    return failure.kind in _NEXT_KEY


def same_again_may_help(failure: Failure) -> bool:
    """Say whether the same call is worth repeating; the server's own word counts first."""
    if failure.should_retry is not None:
        return failure.should_retry
    return failure.kind in _SAME_AGAIN or failure.status in _ASK_AGAIN


def backoff(failure: Failure, retry: int) -> float:
    """Return the seconds to wait before retry *retry* (0 is the first); the server's word is a floor."""
    return max(0.5 * 2.0**retry, failure.retry_after or 0.0)


def way_out(failure: Failure) -> str:
    """Name what a person can do about a failure of this kind."""
    if "certificate" in failure.message:
        return "if you trust it all the same: verify_tls = false in its provider's table"
    if failure.code == "redirect":
        return "if that is its address now: llmpool providers set ID --url URL"
    return _WAYS_OUT[failure.kind]
