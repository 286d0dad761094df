"""What a decision says of itself in words (catalog-registry-router 6.7)."""

from __future__ import annotations

from llmpool.core.config import Routing
from llmpool.core.routing import RouteRequest
from llmpool.router.route import route
from tests.builders import facts, row, table
from tests.unit.router.fleets import CLOUD, PREMIUM, A, B, ask


def test_the_winner_its_points_and_what_the_request_looked_like() -> None:
    """6.7: winner, score, complexity, intent, and the requirements that it meets."""
    decision = ask(A, "turn on the kitchen light", needs=("tools", "streaming"))
    assert decision.reasoning == "local leads with 60 (simple/device_control), meets tools, streaming"
    priced = table(
        [row("a/m", cost_tier=1, input_price=1.0, output_price=2.0)], routing=Routing(strategy="cost")
    )
    told = route(RouteRequest(query="hello"), priced, facts()).decision.reasoning
    assert told == "a/m leads with 0.333333 (moderate/general)"


def test_local_first_is_told_of_a_free_winner() -> None:
    """6.7: where local_first is on and the winner is free, even if the bonus itself was switched off."""
    assert ask(B, "hello", local_first=True).reasoning.endswith(", local first")
    assert ask(B, "hello", local_first=True, hints={"local_only": "false"}).reasoning.endswith(
        ", local first"
    )
    assert "local first" not in ask(A, "hello", local_first=True, hints=PREMIUM).reasoning
    assert "local first" not in ask(B, "hello").reasoning


def test_nothing_eligible_names_who_was_rejected() -> None:
    """6.7: by id with their reasons; a handful, for the decision has them all."""
    decision = ask((CLOUD,), "hello", local_only=True, min_quality=11)
    assert decision.reasoning == (
        "nothing eligible (moderate/general): cloud (not local, quality 10 below 11)"
    )
    many = ask(tuple(row(f"a/m{n}") for n in range(9)), "hello", min_quality=9)
    assert many.reasoning.startswith("nothing eligible (moderate/general): a/m0 (quality 5 below 9); a/m1 (")
    assert many.reasoning.endswith("a/m4 (quality 5 below 9) and 4 more")
    assert ask((), "hello").reasoning == "nothing eligible (moderate/general)"


def test_a_configured_way_out_is_told() -> None:
    """A default or recovery model that may only be named leads nobody; the words say what it is."""
    spare = row("den/m", blocked="only by name")
    told = route(RouteRequest(query="hello"), table([spare], default_model="den/m"), facts()).decision
    assert told.reasoning == "nothing eligible (moderate/general); den/m is the configured way out"


def test_who_does_not_lead_is_not_said_to() -> None:
    """One that is preferred, or tried because all rest, is told as what it is."""
    preferred = ask(B, "hello", prefer="fast").reasoning
    assert preferred == "fast is preferred with 45 (moderate/general)"
    tired = ask(B, "hello", known={"resting": dict.fromkeys(("fast", "slow"), (9.0, "rests"))}).reasoning
    assert tired == "fast is tried though it rests with 45 (moderate/general)"
