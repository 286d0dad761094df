"""Worked examples of the specifications that no other file plays; a ruling that overrules one is named."""

from __future__ import annotations

import pytest

from llmpool.core.ids import is_provider_id, mask_key, split_ref
from llmpool.core.outcome import Failure
from llmpool.core.wire import Answer
from llmpool.formats.errors import failure_in, read_error, retry_after
from llmpool.router.failure import same_again_may_help

NOW = "Wed, 21 Oct 2099 07:28:00 GMT"


@pytest.mark.parametrize(
    ("ref", "parts"),
    [
        ("github-copilot/claude-sonnet-4.6", ("github-copilot", "claude-sonnet-4.6")),
        ("anthropic/claude-opus-4-6", ("anthropic", "claude-opus-4-6")),
        ("no-prefix", ("", "no-prefix")),  # ruling 1: there is no silent default provider
        ("", ("", "")),  # likewise
        ("provider/model/with/slashes", ("provider", "model/with/slashes")),
        ("/y", ("", "y")),
    ],
)
def test_g1_a_reference_is_split_at_its_first_slash(ref: str, parts: tuple[str, str]) -> None:
    """failover-cooldown G1, under ruling 1."""
    assert split_ref(ref) == parts


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("", None),
        ("5", 5.0),
        ("+5", 5.0),
        ("0", None),
        ("-3", None),
        ("1.5", 1.5),  # ruling 8: the vendors' own rule takes fractions
        ("5s", None),
        ("soon", None),
        ("Wed, 21 Oct 2099 07:29:30 GMT", 90.0),
        ("Wed, 21 Oct 2099 07:26:30 GMT", None),
    ],
)
def test_g9_how_long_to_wait(said: str, seconds: float | None) -> None:
    """failover-cooldown G9: numbers and dates ahead count, anything else is no hint."""
    assert retry_after({"retry-after": said, "date": NOW}) == seconds


def test_g9_the_text_of_an_error_is_the_vendors() -> None:
    """An envelope's message is told, a body without one is told as it is; the status is kept apart."""
    body = b'{"error": {"type": "rate_limit_error", "message": "rate limited"}}'
    limited = read_error(Answer(status=429, headers={}, body=body))
    assert limited.told == "rate limited (status 429)"
    broken = read_error(Answer(status=502, headers={}, body=b"Bad Gateway"))
    assert broken.told == "Bad Gateway (status 502)"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504, 529])
def test_g10_these_statuses_are_worth_another_try(status: int) -> None:
    """failover-cooldown 8, rule 3."""
    assert same_again_may_help(read_error(Answer(status=status, headers={}, body=b"{}")))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 501])
def test_g10_these_statuses_are_not(status: int) -> None:
    """The same request would be refused again."""
    assert not same_again_may_help(read_error(Answer(status=status, headers={}, body=b"{}")))


@pytest.mark.parametrize("words", ["Too Many Requests", "model is overloaded"])
def test_g10_words_count_where_there_is_no_status(words: str) -> None:
    """An error inside a 200 has only its words."""
    assert same_again_may_help(failure_in({"error": {"message": words}}))


def test_g10_words_never_overrule_a_status() -> None:
    """A 400 that speaks of rate limits, or of what is thereof, is a 400 all the same."""
    for words in ("rate limit", "thereof"):
        body = f'{{"error": {{"message": "{words}"}}}}'.encode()
        assert not same_again_may_help(read_error(Answer(status=400, headers={}, body=body)))


@pytest.mark.parametrize("kind", ["cancelled", "auth", "timeout", "model_not_found", "content"])
def test_g10_what_is_final_stays_so(kind: str) -> None:
    """A cancelled call, a refused key and their like are not repeated."""
    assert not same_again_may_help(Failure(kind=kind, message="x"))


@pytest.mark.parametrize("name", ["../escape", "-x", "a b", "x" * 129, " openai "])
def test_42_what_cannot_name_a_provider(name: str) -> None:
    """pool-routing-formats 42; blanks are not trimmed off here: a TOML key is what it says."""
    assert not is_provider_id(name)


def test_42_two_keys_may_look_alike() -> None:
    """What is shown of them is the same, so no key is ever told apart by its mask."""
    first, second = "12345678-alpha-wxyz", "12345678-bravo-wxyz"
    assert is_provider_id("prov_abc123def456")
    assert mask_key(first) == mask_key(second) == "12345678...wxyz"
