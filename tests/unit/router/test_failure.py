"""What follows a failure: another key, the same again, the next candidate, or the end (rulings 8, 10, 11)."""

from __future__ import annotations

import re

import pytest

from llmpool.core.outcome import FAILURE_KINDS, Failure
from llmpool.router import failure as rules


def of(kind: str, **fields: object) -> Failure:
    """Build a failure of a kind."""
    return Failure(kind=kind, message="it failed", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_only_a_refused_or_spent_key_goes_to_the_next_key(kind: str) -> None:
    """Ruling 10: an auth failure or a quota is the key's own; anything else is not mended by another."""
    assert rules.next_key_may_help(of(kind)) is (kind in {"auth", "quota"})


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_only_passing_troubles_are_worth_the_same_again(kind: str) -> None:
    """A busy, failing or torn answer may be better next time; a refusal or a dead host will not."""
    again = {"rate_limit", "overloaded", "server", "broken"}
    assert rules.same_again_may_help(of(kind)) is (kind in again)


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_every_failure_but_the_users_own_goes_to_the_next_candidate(kind: str) -> None:
    """A prompt is answered whenever one eligible provider works; only the user stops the search."""
    assert rules.another_may_help(of(kind)) is (kind != "cancelled")


@pytest.mark.parametrize("kind", FAILURE_KINDS)
@pytest.mark.parametrize("word", [True, False])
def test_the_servers_word_on_retrying_counts_first(kind: str, word: bool) -> None:
    """Ruling 8: `x-should-retry` decides, whatever the kind."""
    assert rules.same_again_may_help(of(kind, should_retry=word)) is word


@pytest.mark.parametrize(("retry", "seconds"), [(0, 0.5), (1, 1.0), (2, 2.0), (3, 4.0)])
def test_waits_double(retry: int, seconds: float) -> None:
    """Half a second first, then twice as long each time."""
    assert rules.backoff(of("server"), retry) == seconds


@pytest.mark.parametrize(
    ("said", "retry", "seconds"), [(7.0, 0, 7.0), (0.1, 0, 0.5), (0.0, 1, 1.0), (3.0, 3, 4.0), (-5.0, 0, 0.5)]
)
def test_retry_after_is_a_floor(said: float, retry: int, seconds: float) -> None:
    """Ruling 8: never earlier than the server asks, and never sooner than our own pace."""
    assert rules.backoff(of("rate_limit", retry_after=said), retry) == seconds


def test_waits_never_shrink() -> None:
    """A later retry waits at least as long as an earlier one."""
    waits = [rules.backoff(of("server", retry_after=1.5), retry) for retry in range(8)]
    assert waits == sorted(waits)


def test_cooling_reasons_are_those_of_the_table() -> None:
    """6.10: timeouts and overload are recent timeouts, a failed connect is its own, nothing else cools."""
    assert rules.COOLING == {
        "timeout": "recent timeout",
        "overloaded": "recent timeout",
        "connect": "recent connection failure",
    }
    assert rules.COOLDOWN_SECONDS == 120
    assert set(rules.COOLING) <= set(FAILURE_KINDS)


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_every_failure_has_a_way_out(kind: str) -> None:
    """Whatever happened, a person is told a command, a setting or an option that may help."""
    assert re.search(r"llmpool [a-z]+|\[routing\]|--[a-z]+", rules.way_out(of(kind)))


@pytest.mark.parametrize(
    ("failure", "sent"),
    [
        (of("server", status=500), True),
        (of("connect"), True),
        (of("auth", status=401), True),
        (of("auth"), False),
        (of("unusable"), False),
        (of("cancelled"), False),
    ],
)
def test_what_never_reached_a_provider_says_nothing_about_it(failure: Failure, sent: bool) -> None:
    """A missing key, a missing program and an interrupt are no experience with whoever was meant."""
    assert rules.was_sent(failure) is sent


def test_a_time_out_while_connecting_is_remembered_as_unreachable() -> None:
    """Whatever kept the connection from being made is `connect`; a slow answer stays a time-out."""
    assert rules.contact_kind(of("timeout", code="connect_timeout")) == "connect"
    assert rules.contact_kind(of("timeout")) == "timeout"
    assert rules.contact_kind(of("connect")) == "connect"
