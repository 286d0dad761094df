"""Hints: wishes with names, read strictly; what is not understood moves nothing (6.1, 7.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.routing import RouteRequest
from llmpool.router import features
from tests.builders import facts, row, table
from tests.unit.router.fleets import A, B, ask, rules, scores

POOL = table([row("a/m")])


def read(**hints: str) -> features.Features:
    """Read the features of a request with these hints."""
    return features.read(RouteRequest(hints=tuple(hints.items())), POOL, facts())


@pytest.mark.parametrize(
    ("text", "floor"),
    [
        ("6", 6),
        ("+9", 9),
        ("-3", -3),
        ("007", 7),
        (" 6", None),
        ("6 ", None),
        ("6\n", None),
        ("7.0", None),
        ("", None),
        ("+", None),
        ("1_0", None),
        ("\u0667", None),  # a digit to Python's int(), and no ASCII one
        ("9" * 5000, None),
    ],
)
def test_a_quality_floor_is_digits_alone(text: str, floor: int | None) -> None:
    """6.1: an optional sign and digits, nothing around them; anything else is no floor."""
    assert read(quality_floor=text).floor == floor


@given(st.text(max_size=12))
def test_no_text_breaks_a_hint(text: str) -> None:
    """Whatever a caller writes, it is a hint or it is none."""
    known = read(**dict.fromkeys(features.HINTS, text))
    assert known.floor is None or str(known.floor) == str(int(text))


@pytest.mark.parametrize("text", ["True", "TRUE", "1", "yes", " true", ""])
def test_only_true_is_true(text: str) -> None:
    """6.1: `true` and `false` exactly; any other text moves nothing."""
    known = read(local_only=text, prefer_speed=text)
    assert (known.local_wish, known.local_bonuses, known.prefer_speed) == (False, True, False)


def test_false_switches_the_local_bonuses_off() -> None:
    """6.1: `local_only=false` is more than not saying so."""
    assert read(local_only="false").local_bonuses is False
    assert read(local_only="true").local_wish is True


@pytest.mark.parametrize("mission", ["background", "metacognitive", "anticipation"])
def test_missions_that_favour_free_models(mission: str) -> None:
    """6.1: twenty points each; a conversation, a device or an automation has none."""
    assert rules(ask(A, "hello", hints={"mission": mission}), "local")["mission_background_bonus"] == 20
    for other in ("conversation", "device_control", "automation", "Background"):
        assert "mission_background_bonus" not in rules(ask(A, "hello", hints={"mission": other}), "local")


@pytest.mark.parametrize("channel", ["ollama", "api", "Voice", ""])
def test_other_channels_move_nothing(channel: str) -> None:
    """6.1: only homeassistant and voice favour anything."""
    assert scores(ask(A, "hello", hints={"channel": channel})) == scores(ask(A, "hello"))


def test_a_preference_is_for_an_id() -> None:
    """6.1: a deployment's id exactly; upstream names, aliases and other spellings do not match."""
    assert rules(ask(B, "hello", hints={"model_preference": "fast"}), "fast")["model_preference"] == 25
    for other in ("FAST", "fas", "fast ", "box/fast"):
        assert scores(ask(B, "hello", hints={"model_preference": other})) == scores(ask(B, "hello"))


def test_the_last_word_on_a_hint_counts() -> None:
    """A hint that is given twice has the value given last."""
    request = RouteRequest(hints=(("quality_floor", "3"), ("quality_floor", "8")))
    assert features.read(request, POOL, facts()).floor == 8


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("quality_floor", " 6", "not a whole number"),
        ("quality_floor", "7.0", "not a whole number"),
        ("local_only", "True", "neither true nor false"),
        ("prefer_speed", "1", "neither true nor false"),
        ("model_preference", "small", "no deployment has that id"),
    ],
)
def test_a_hint_that_moves_nothing_is_told(name: str, value: str, why: str) -> None:
    """It is no error, for hints are wishes; the decision's notes say that it had no effect, and why."""
    decision = ask(B, "hello", hints={name: value})
    assert decision.notes == (f'hint {name} "{value}" moves nothing: {why}',)


def test_a_hint_that_is_understood_needs_no_note() -> None:
    """Nor does one that no rule knows; the command line speaks of those."""
    hints = {"quality_floor": "6", "local_only": "true", "prefer_speed": "false", "model_preference": "fast"}
    assert ask(B, "hello", hints=hints | {"flavour": "mint"}).notes == ()
