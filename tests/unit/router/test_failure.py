"""What follows a failure: another key, the same again, the next candidate, or the end (rulings 8, 10, 11)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.outcome import FAILURE_KINDS, Failure
from llmpool.router import failure as rules


def of(kind: str, **fields: object) -> Failure:
    """Build a failure of a kind."""
    return Failure(kind=kind, message="it failed", **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_what_is_the_keys_own_goes_to_the_next_key(kind: str) -> None:
    """Pool-routing-formats 27: refused, used up and throttled keys go to the next; nothing else does."""
    assert rules.next_key_may_help(of(kind)) is (kind in {"auth", "quota", "rate_limit"})


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_only_passing_troubles_are_worth_the_same_again(kind: str) -> None:
    """A busy, failing or torn answer may be better next time, an empty one once; a refusal will not."""
    again = {"rate_limit", "overloaded", "server", "broken"}
    assert rules.same_again_may_help(of(kind)) is (kind in again | {"empty", "unfit", "wrong_format"})
    assert rules.same_again_may_help(of(kind), done=1) is (kind in again)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [("connect_timeout", "timeout"), ("refused", "connect")],
)
def test_a_server_that_lets_nobody_in_is_knocked_at_once_more(failure: str, kind: str) -> None:
    """failover-cooldown 8: once, and not at all while another candidate is ready."""
    shut = of(kind, code=failure)
    assert rules.same_again_may_help(shut)
    assert not rules.same_again_may_help(shut, done=1)
    assert not rules.same_again_may_help(shut, ready=True)


@pytest.mark.parametrize(("status", "code"), [(200, "html"), (200, ""), (0, "")])
def test_an_answer_that_is_none_is_asked_for_once_more(status: int, code: str) -> None:
    """A page, or half an answer, may be of a moment: once, and not while another candidate is ready."""
    page = of("wrong_format", status=status, code=code)
    assert rules.same_again_may_help(page)
    assert not rules.same_again_may_help(page, done=1)
    assert not rules.same_again_may_help(page, ready=True)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "html"), (404, ""), (301, "redirect"), (0, "no_endpoint"), (200, "redirect")]
)
def test_where_no_endpoint_is_nobody_asks_again(status: int, code: str) -> None:
    """What the server means so stays so."""
    assert not rules.same_again_may_help(of("wrong_format", status=status, code=code))


@pytest.mark.parametrize("status", [408, 409])
def test_statuses_that_ask_to_be_asked_again(status: int) -> None:
    """failover-cooldown 8 and the vendors' own clients: these are repeated whatever their kind."""
    assert rules.same_again_may_help(of("timeout", status=status), done=1)


@pytest.mark.parametrize("kind", FAILURE_KINDS)
def test_every_failure_but_the_users_own_goes_to_the_next_candidate(kind: str) -> None:
    """A prompt is answered whenever one eligible provider works; only the user stops the search."""
    assert rules.another_may_help(of(kind)) is (kind != "cancelled")


@pytest.mark.parametrize("kind", FAILURE_KINDS)
@pytest.mark.parametrize("word", [True, False])
def test_the_servers_word_on_retrying_counts_first(kind: str, word: bool) -> None:
    """Ruling 8: `x-should-retry` decides, whatever the kind."""
    assert rules.same_again_may_help(of(kind, should_retry=word)) is word


@pytest.mark.parametrize(
    ("retry", "least", "most"),
    [
        (0, 0.375, 0.625),
        (1, 0.75, 1.25),
        (2, 1.5, 2.5),
        (3, 3.0, 5.0),
        (4, 6.0, 10.0),
        (5, 7.5, 12.5),
        (9, 7.5, 12.5),
        (10**6, 7.5, 12.5),
    ],
)
def test_g11_waits_double_up_to_ten_seconds_with_a_quarter_of_chance(
    retry: int, least: float, most: float
) -> None:
    """G11: without a hint chance spreads half a second, a second, two... by a quarter either way."""
    waits = [rules.backoff(of("server"), retry, chance) for chance in (0.0, 0.5, 1.0)]
    assert waits == pytest.approx([least, (least + most) / 2, most])


@pytest.mark.parametrize(
    ("said", "retry", "least", "most"),
    [
        (3.0, 0, 3.0, 3.75),  # the source: 2.25 to 3.75
        (0.4, 0, 0.4, 0.625),  # the source: 0.375 to 0.625
        (60.0, 0, 60.0, 62.5),  # the source cuts it to 7.5 to 12.5
        (3.0, 3, 3.0, 5.0),
        (0.0, 1, 0.75, 1.25),
        (-5.0, 0, 0.375, 0.625),
    ],
)
def test_g11_what_the_server_asks_for_is_a_floor(said: float, retry: int, least: float, most: float) -> None:
    """Ruling 8 replaces G11's hints: never earlier than the server asks, never cut; chance only adds."""
    failure = of("rate_limit", retry_after=said)
    assert rules.backoff(failure, retry, 0.0) == pytest.approx(least)
    assert rules.backoff(failure, retry, 1.0) == pytest.approx(most)


@given(
    said=st.floats(0, 1e6) | st.none(),
    retry=st.integers(0, 40),
    chance=st.floats(0, 1),
)
def test_no_wait_is_shorter_than_asked_for(said: float | None, retry: int, chance: float) -> None:
    """Whatever chance says, a wait is as long as the server asks, and later ones are planned no shorter."""
    failure = of("server", retry_after=said)
    assert rules.backoff(failure, retry, chance) >= (said or 0.0)
    assert rules.backoff(failure, retry, chance) >= 0.375
    assert rules.pause(failure, retry + 1) >= rules.pause(failure, retry)


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
        (of("timeout", code="deadline"), False),
        (of("rate_limit", code="own_limit"), False),
    ],
)
def test_what_never_reached_a_provider_says_nothing_about_it(failure: Failure, sent: bool) -> None:
    """A missing key, an interrupt, a caller's deadline, an owner's limit: nothing learnt of who was meant."""
    assert rules.was_sent(failure) is sent


def test_a_time_out_while_connecting_is_remembered_as_unreachable() -> None:
    """Whatever kept the connection from being made is `connect`; a slow answer stays a time-out."""
    assert rules.contact_kind(of("timeout", code="connect_timeout")) == "connect"
    assert rules.contact_kind(of("timeout")) == "timeout"
    assert rules.contact_kind(of("connect")) == "connect"
