"""Waiting for a better moment: who may be asked again, when, and for how long in all (ruling 8)."""

from __future__ import annotations

import pytest

from llmpool.chat.run import Pace
from llmpool.chat.waits import Waits
from llmpool.core.outcome import Failure

BUSY = Failure(kind="overloaded", message="busy", status=503)


class Time:
    """Time that the test moves; chance adds nothing and takes nothing away."""

    def __init__(self) -> None:
        self.now = 100.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def waits(self, left: float = 20.0, retries: int = 2, ends: float | None = None) -> Waits:
        return Waits(Pace(lambda: self.now, self.sleep, lambda: 0.5), left, retries, ends)


def limited(seconds: float, code: str = "") -> Failure:
    """Build a rate limit with the time it names."""
    return Failure(kind="rate_limit", message="too fast", status=429, retry_after=seconds, code=code)


def test_in_a_hurry_it_waits_here_as_often_as_it_may() -> None:
    """Half a second, a second, then the next one's turn."""
    waits = Time().waits()
    assert [waits.before_the_same("a/m", BUSY, hurries=True) for _ in range(3)] == [0.5, 1.0, 0.0]
    assert waits.soonest() is None


def test_without_others_it_is_noted_and_the_soonest_is_found() -> None:
    """Nothing is waited for here: whoever is free first is asked first, each once."""
    waits = Time().waits()
    for ref, failure in (("a/m", limited(9)), ("b/m", limited(3)), ("c/m", limited(15))):
        assert waits.before_the_same(ref, failure, hurries=False) == 0.0
    found = [waits.soonest() for _ in range(4)]
    assert [each and each[0] for each in found] == ["b/m", "a/m", "c/m", None]
    assert found[0] == ("b/m", pytest.approx(3.375))


def test_what_is_out_of_reach_is_not_waited_for() -> None:
    """Patience is for the whole request: what was waited is gone."""
    time = Time()
    waits = time.waits(left=10.0)
    waits.spend(4.0)
    waits.before_the_same("a/m", limited(6.5), hurries=False)
    assert waits.soonest() is None
    waits.before_the_same("b/m", limited(5.9), hurries=False)
    assert waits.soonest() == ("b/m", pytest.approx(6.0))  # chance may not cost the wait that just fits


def test_a_deadline_shortens_the_patience() -> None:
    """Nobody waits beyond the end of the request."""
    time = Time()
    waits = time.waits(ends=103.0)
    assert waits.patience == 3.0
    time.now = 104.0
    assert waits.patience == -1.0
    waits.before_the_same("a/m", BUSY, hurries=False)
    assert waits.soonest() is None


def test_time_that_has_passed_need_not_be_waited_for() -> None:
    """While others were asked a wait may have ended by itself."""
    time = Time()
    waits = time.waits()
    waits.before_the_same("a/m", limited(5), hurries=False)
    time.now += 60
    assert waits.soonest() == ("a/m", 0.0)


def test_a_limit_of_the_owners_is_waited_for_in_line() -> None:
    """In a hurry others go first; later it is asked again at once, as its place in line is what waits."""
    waits = Time().waits()
    own = limited(14, code="own_limit").replace(should_retry=False)
    assert waits.before_the_same("a/m", own, hurries=True) == 0.0
    waits.before_the_same("b/m", limited(16), hurries=False)
    assert waits.soonest() == ("a/m", 0.0)
    assert waits.in_line(hurries=False) == pytest.approx(18.0)
    assert waits.before_the_same("a/m", own.replace(retry_after=19.0), hurries=False) == 0.0
    assert waits.soonest() == ("b/m", pytest.approx(17.25))
    assert waits.soonest() == ("a/m", 0.0)


def test_a_limit_of_the_owners_beyond_the_patience_is_not() -> None:
    """A day's limit that is used up ends the request."""
    waits = Time().waits()
    waits.before_the_same("a/m", limited(3600, code="own_limit").replace(should_retry=False), hurries=True)
    assert waits.soonest() is None


def test_retries_are_counted_for_each() -> None:
    """One that was asked again twice is done; another has its own."""
    waits = Time().waits(retries=1)
    for ref in ("a/m", "b/m"):
        assert waits.before_the_same(ref, BUSY, hurries=True) == 0.5
        assert waits.before_the_same(ref, BUSY, hurries=True) == 0.0


def test_of_those_who_rest_the_last_is_asked_once_more() -> None:
    """One of them in all, where nobody else is left, and only after what passes by itself."""
    time = Time()
    waits = Waits(Pace(lambda: time.now, time.sleep, lambda: 0.5), 20.0, 2, None, ("a/m", "b/m", "c/m"))
    assert waits.before_the_same("a/m", BUSY, hurries=True) == 0.0
    assert waits.soonest() is None
    waits.before_the_same("b/m", Failure(kind="connect", message="", code="refused"), hurries=False)
    assert waits.soonest() is None
    waits.before_the_same("c/m", BUSY, hurries=False)
    assert waits.soonest() == ("c/m", pytest.approx(0.5))
    waits.before_the_same("c/m", BUSY, hurries=False)
    waits.before_the_same("b/m", BUSY, hurries=False)
    assert waits.soonest() is None
