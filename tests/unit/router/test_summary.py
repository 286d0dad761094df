"""A request's way in one line: labels, reasons, who was next (pool-routing-formats 11.2, 11.7)."""

from __future__ import annotations

import pytest

from llmpool.core.outcome import FAILURE_KINDS, Attempt, Failure
from llmpool.formats.errors import failure_in
from llmpool.router.failure import next_key_may_help, way_out
from llmpool.router.summary import read, reason, summary


def tried(ref: str, ms: int, kind: str = "", key: str = "k", status: int = 0) -> Attempt:
    """Build an attempt; without a kind it was answered."""
    failure = Failure(kind=kind, message="it failed", status=status) if kind else None
    return Attempt(deployment=ref, key=key, latency_ms=ms, failure=failure)


def test_33_one_failure_and_a_success() -> None:
    """Row 33, to the letter."""
    way = [tried("provider-a/x", 250, "rate_limit"), tried("provider-b/claude-opus-4-6", 900)]
    assert summary(way) == "provider-a[rate_limit,250ms]->provider-b | provider-b[success:claude-opus-4-6]"


def test_34_a_provider_that_comes_again_is_told_with_its_models() -> None:
    """Row 34, to the letter: labels and next get the model, the success does not."""
    way = [
        tried("provider-a/model-a", 125, "server"),
        tried("provider-a/model-b", 250, "timeout"),
        tried("provider-a/model-c", 10),
    ]
    assert summary(way) == (
        "provider-a:model-a[api_error,125ms]->provider-a:model-b"
        " | provider-a:model-b[timeout,250ms]->provider-a:model-c"
        " | provider-a[success:model-c]"
    )


def test_nothing_recorded_is_an_empty_line() -> None:
    """11.7: no attempt, no segment."""
    assert summary([]) == ""


def test_one_that_answered_at_once_is_one_segment() -> None:
    """The plain case has no arrow and no time."""
    assert summary([tried("den/qwen3:8b", 5)]) == "den[success:qwen3:8b]"


def test_all_failing_ends_without_a_success() -> None:
    """The last failure points at nobody."""
    way = [tried("a/m", 1, "connect"), tried("b/n", 2, "auth", status=401)]
    assert summary(way) == "a[api_error,1ms]->b | b[auth_error,2ms]"


def test_the_same_again_is_one_attempt_with_the_time_of_both() -> None:
    """11.6: a repetition on the same target is not counted, and 11.4: its time is; another key is counted."""
    way = [
        tried("a/m", 10, "overloaded"),
        tried("a/m", 15, "rate_limit"),
        tried("a/m", 5, "quota", key="other"),
        tried("b/m", 1),
    ]
    assert summary(way) == "a:m[rate_limit,25ms] | a:m[rate_limit,5ms]->b | b[success:m]"


def test_what_has_no_name_is_unknown() -> None:
    """11.7: provider, else what there is, else `unknown`."""
    assert summary([tried("", 3, "server")]) == "unknown[api_error,3ms]"
    assert summary([tried("alone", 3)]) == "alone[success:alone]"


def test_a_recorded_way_is_told_as_it_was() -> None:
    """What `--json` and the decision log keep of attempts is enough for the line."""
    way = [tried("a/x", 10, "server", status=504), tried("a/x", 5, "auth", key="l"), tried("b/y", 1)]
    assert summary(read([attempt.as_json() for attempt in way])) == summary(way)


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_every_kind_has_a_reason_of_the_six(kind: str) -> None:
    """11.2 knows six names; what it has none for is an api_error."""
    named = {"timeout": "timeout", "rate_limit": "rate_limit", "quota": "rate_limit", "auth": "auth_error"}
    expected = named.get(kind, kind if kind == "model_not_found" else "api_error")
    assert reason(Failure(kind=kind, message="x")) == expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("request timed out", "timeout"),
        ("429 too many requests", "rate_limit"),
        ("insufficient_user_quota", "rate_limit"),
        ("invalid api key", "auth_error"),
        ("the model does not exist", "model_not_found"),
        ("internal server error", "api_error"),
    ],
)
def test_26_words_alone_are_classified(words: str, expected: str) -> None:
    """Row 26 where there is no status: the words decide, as ruling 11 has it, last of all."""
    assert reason(failure_in({"error": {"message": words}})) == expected


@pytest.mark.parametrize(
    ("words", "helps"),
    [
        ("provider foo auth error (401): invalid api key", True),
        ("provider foo throttled (429)", True),
        ("provider prov_3c0f95294012d822 returned empty streaming response", False),
        ("provider foo returned 4012 bytes", False),
        ("status: 429", False),
    ],
)
def test_27_the_next_key_by_words_alone(words: str, *, helps: bool) -> None:
    """Row 27: what speaks of a key or of a limit of one, and no number that only looks like a status."""
    assert next_key_may_help(failure_in({"error": {"message": words}})) == helps


def test_26_a_status_decides_before_words() -> None:
    """Row 26: a 504 is a timeout, a 503 an api_error, a 403 an auth_error; no failure at all is unknown."""
    assert reason(Failure(kind="server", message="Upstream 504 Gateway Timeout", status=504)) == "timeout"
    assert reason(Failure(kind="overloaded", message="x", status=503)) == "api_error"
    assert reason(Failure(kind="auth", message="account banned", status=403)) == "auth_error"
    assert reason(None) == "unknown"


def test_a_kind_that_nobody_knows_is_a_fault() -> None:
    """A line of the log may be of another version: what it failed for is told all the same."""
    line = {"deployment": "a/m", "key": "k", "latency_ms": 5, "ok": False, "kind": "melted", "message": "so"}
    (attempt,) = read([line])
    assert attempt.failure is not None
    assert (attempt.failure.kind, way_out(attempt.failure)) == (
        "server",
        way_out(Failure(kind="server", message="")),
    )
