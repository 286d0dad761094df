"""How a request ends that nobody answered: the exit code, the words and the way out that is really one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from llmpool.chat.ending import all_failed
from llmpool.chat.journey import Journey
from llmpool.core.outcome import Failure
from llmpool.core.routing import Decision
from llmpool.errors import Exit, LlmpoolError
from llmpool.pool import Pool

POOL = cast("Pool", SimpleNamespace(clock=lambda: 1_795_000_000.0, health=SimpleNamespace(cooldowns={})))
DECISION = Decision(
    id="d-1",
    at="2026-11-21T10:00:00.000Z",
    selected="a/m",
    strategy="score",
    mode="auto",
    complexity="moderate",
    intent="general",
    candidates=(),
    rejections=(),
    reasoning="",
    no_eligible=False,
)
DOWN = Failure(kind="overloaded", message="busy", status=503)
FULL = Failure(
    kind="rate_limit", message="a is at 2 of 2 requests this minute", code="own_limit", retry_after=9.0
)
TOO_LARGE = Failure(kind="unusable", message="about 10 000 tokens are more than 3 000", code="own_limit")


def ended(*failures: tuple[str, Failure], **decided: Any) -> LlmpoolError:
    """Let deployments fail one after the other and build the error."""
    journey = Journey(DECISION.replace(**decided))
    for ref, failure in failures:
        journey.start_attempt(ref, "none")
        journey.end_attempt(failure)
    return all_failed(POOL, journey)


@pytest.mark.parametrize(
    ("decided", "offered"),
    [
        ({}, False),
        ({"requested": "a/m"}, True),
        ({"requested": "a/m", "options": (("fallback", True),)}, False),
        ({"options": (("fallback", False),)}, True),
    ],
)
@pytest.mark.parametrize("failure", [DOWN, FULL, TOO_LARGE], ids=["down", "full", "too large"])
def test_others_are_offered_only_where_they_were_not_asked(
    failure: Failure, decided: dict[str, Any], *, offered: bool
) -> None:
    """A pin and `--no-fallback` can be lifted; where everybody was asked already, nobody is promised."""
    assert ("--fallback" in ended(("a/m", failure), **decided).hint) == offered


def test_whom_a_budget_refuses_is_no_reason_not_to_wait_for_another() -> None:
    """Who is too busy is free again at a time that is told; the others were not asked."""
    spent = Failure(kind="unusable", message="budget b: spent", code="budget")
    error = ended(("a/m", spent), ("b/m", FULL))
    assert error.exit_code == Exit.BUSY
    assert error.details["retry_at"] is not None


def test_limits_that_are_used_up_are_no_attempts() -> None:
    """Nothing was sent, and that is said; it is a matter of waiting."""
    error = ended(("a/m", FULL), ("b/m", FULL.replace(retry_after=4.0)))
    assert error.exit_code == Exit.BUSY
    assert error.message == "the rate limits of all 2 who may answer are used up; nothing was sent"
    assert error.hint == "wait: --max-wait 4s"


def test_a_request_too_large_for_a_limit_of_its_owners_is_refused() -> None:
    """Exit 8: a quota forbids it on any day, so neither waiting nor asking again can help."""
    error = ended(("a/m", TOO_LARGE), requested="a/m")
    assert error.exit_code == Exit.REFUSED
    assert error.hint == "a shorter prompt, or a higher limit: llmpool config edit   elsewhere: --fallback"


def test_a_way_out_that_is_known_is_told() -> None:
    """What is wrong on this machine says what mends it, which no words for all such failures could."""
    bare = Failure(kind="unusable", message="it needs the extra 'embedded'", code="nothing_eligible")
    known = bare.replace(hint="pip install 'llmpool[embedded]'")
    assert ended(("a/m", known)).hint == "pip install 'llmpool[embedded]'"
    pinned = ended(("a/m", known), requested="a/m")
    assert pinned.hint == "pip install 'llmpool[embedded]'   elsewhere: --fallback"
    assert ended(("a/m", known), ("b/m", bare)).hint.startswith("what is wrong with it: llmpool config check")


def test_who_could_never_take_it_does_not_hide_that_another_is_only_busy() -> None:
    """One that is free in a moment is worth coming back for; one that really failed ends the request."""
    assert ended(("a/m", TOO_LARGE), ("b/m", FULL)).exit_code == Exit.BUSY
    assert ended(("a/m", TOO_LARGE), ("b/m", DOWN)).exit_code == Exit.FAILED
