"""Profiles: built-in ones, the owner's over them, and a request over both (7.2, 7.3, DESIGN ruling 28)."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.core.config import Profile
from llmpool.core.routing import RouteRequest
from llmpool.errors import UnknownName
from llmpool.router import profiles
from llmpool.router.route import route
from tests.builders import facts, row, table
from tests.unit.router.fleets import ASSIST, CLOUD, PREMIUM, A, T, scores


def asked(name: str, query: str, fleet: Any = A, *, local_first: bool = False, **request: Any) -> Any:
    """Decide over a fleet under a profile."""
    pool = table(sorted(fleet, key=lambda each: each.id), local_first=local_first, default_model="")
    laid = profiles.laid_under(RouteRequest(query=query, **request), pool, name)
    return route(laid, pool, facts()).decision


def test_case_25_under_premium() -> None:
    """Case 25: the hints of premium with P = 10."""
    decision = asked("premium", "hello, how are you today", local_first=True)
    assert dict(decision.hints) == PREMIUM
    assert (decision.selected, scores(decision)) == ("cloud", {"cloud": -4, "local": -70})


def test_case_42_under_premium() -> None:
    """Case 42: premium is a floor that costs points, so the best of the fleet leads."""
    decision = asked("premium", "hello", T)
    assert scores(decision) == {"opus": -4, "local": -70, "haiku": -78, "sonnet": -86}


def test_case_26_under_fast() -> None:
    """Case 26: `fast` is one of the source's names for assist, and has its hints."""
    decision = asked("fast", "turn off the fan", local_first=True)
    assert dict(decision.hints) == ASSIST
    assert (decision.selected, scores(decision)) == ("local", {"local": 85, "cloud": -225})


def test_private_never_leaves_the_house() -> None:
    """7.2's advice and ruling 3: the source's local profile is a wish, `private` a requirement besides."""
    assert asked("private", "hello").selected == "local"
    alone = asked("private", "hello", (CLOUD,))
    assert (alone.no_eligible, alone.rejections[0].reasons) == (True, ("not local",))
    hints = {"quality_floor": "1", "local_only": "true", "prefer_speed": "true"}
    assert dict(alone.hints) == hints


def test_background_favours_what_is_free_and_good() -> None:
    """7.3: as the source's own background callers, whose hints case 10 has."""
    decision = asked("background", "hello")
    assert decision.priority == "background"
    assert dict(decision.hints) == {"mission": "background", "local_only": "true", "quality_floor": "7"}


@pytest.mark.parametrize(
    ("rows", "best"),
    [
        ([], 10),
        ([row("a/m", quality=0)], 10),
        ([row("a/m", quality=6), row("b/m", quality=8)], 8),
        ([row("a/m", quality=6), row("b/m", quality=9, blocked="inactive by policy")], 6),
    ],
)
def test_premium_asks_for_the_best_there_is(rows: list[Any], best: int) -> None:
    """6.9: the highest quality that may be chosen automatically, 10 where nothing is rated."""
    assert profiles.max_quality(table(rows)) == best
    assert dict(profiles.find("premium", table(rows)).hints)["quality_floor"] == str(best)


def test_the_owners_profile_takes_the_place_of_a_built_in_one() -> None:
    """All of it: nothing of the built-in one of the same name is kept."""
    own = Profile(name="fast", strategy="latency")
    pool = table(A, profiles=(own,))
    assert profiles.find("fast", pool) is own
    laid = profiles.laid_under(RouteRequest(), pool, "fast")
    assert (laid.strategy, laid.hints) == ("latency", ())


def test_what_the_caller_says_wins() -> None:
    """A hint of the request stands over the profile's of the same name; the others are kept."""
    laid = profiles.laid_under(RouteRequest(hints=(("local_only", "false"),)), table(A), "fast")
    assert dict(laid.hints) == ASSIST | {"local_only": "false"}


def test_an_unknown_profile_names_all_there_are() -> None:
    """The owner's first, then the built-in ones that the owner did not replace."""
    pool = table(A, profiles=(Profile(name="mine"), Profile(name="fast")))
    with pytest.raises(UnknownName, match='no profile "nosuch"') as caught:
        profiles.find("nosuch", pool)
    assert caught.value.hint == "configured: mine, fast   built in: premium, private, background"
