"""The 43 worked cases of catalog-registry-router 8, as printed by the source's own router."""

# ruff: noqa: E501 - the cases read best as the table they are

from __future__ import annotations

from typing import Any

import pytest

from tests.builders import row
from tests.unit.router import fleets
from tests.unit.router.fleets import ASSIST, PREMIUM, B, P, R, T, ask, reasons, rules, scores, seen

A = fleets.A
LOCAL_TRUE = {"local_only": "true"}
SLOW_Q_FAST = {"local_only": "true", "prefer_speed": "true"}
BACKGROUND = {"mission": "background", "local_only": "true", "quality_floor": "7"}
DOWN = {"spark": "down"}

# number: fleet, query, how it is asked, the winner, the scores the case states
CASES: dict[int, tuple[Any, str, dict[str, Any], str, dict[str, float]]] = {
    1: (A, "search archives for something",
        {"bg": True, "needs": ("tools",), "tool_count": 3, "hints": LOCAL_TRUE}, "local", {"local": 50, "cloud": -225}),
    2: (A, "analyze patterns in the data",
        {"bg": True, "tool_count": 3, "local_first": True,
         "hints": {"local_only": "false", "quality_floor": "8", "mission": "metacognitive"}},
        "cloud", {"cloud": 31, "local": -80}),
    3: (B, "what is the current status of the lights", {"bg": True, "tool_count": 3, "hints": LOCAL_TRUE},
        "slow", {"slow": 35, "fast": 35}),
    4: (B, "what is the current status of the lights", {"bg": True, "tool_count": 3, "hints": SLOW_Q_FAST},
        "fast", {"fast": 50, "slow": 35}),
    5: (B, "summarize the conversation", {"bg": True, "hints": SLOW_Q_FAST | {"quality_floor": "6"}},
        "slow", {"slow": 35, "fast": -50}),
    8: (P, "check the state of the back gate", {"tool_count": 2, "hints": LOCAL_TRUE},
        "edge-primary/qwen3:8b", {"edge-primary/qwen3:8b": 60, "edge-backup/qwen3:8b": 60}),
    9: (P, "check the state of the back gate",
        {"tool_count": 2, "hints": LOCAL_TRUE,
         "known": {"cooling": {"edge-primary": "recent timeout"},
                   "experience": {"edge-primary/qwen3:8b": seen(F=1, ms=5000)}}},
        "edge-backup/qwen3:8b", {"edge-backup/qwen3:8b": 60, "edge-primary/qwen3:8b": -240}),
    10: (R, "session metadata generation", {"bg": True, "local_first": True, "hints": BACKGROUND},
         "gpt-oss:120b", {"gpt-oss:120b": 65, "claude-sonnet-4-6": -196}),
    11: (R, "session metadata generation",
         {"bg": True, "local_first": True, "hints": BACKGROUND, "known": {"unreachable": DOWN}},
         "claude-sonnet-4-6", {"claude-sonnet-4-6": -196, "gpt-oss:120b": -435}),
    12: (R, "session metadata generation",
         {"bg": True, "local_first": True, "hints": BACKGROUND,
          "known": {"cooling": DOWN, "experience": {"gpt-oss:120b": seen(F=1, ms=12)}}},
         "claude-sonnet-4-6", {"claude-sonnet-4-6": -196, "gpt-oss:120b": -237}),
    13: (R, "session metadata generation",
         {"bg": True, "local_first": True, "hints": BACKGROUND,
          "known": {"unreachable": {"spark": "down", "anthropic": "down"}}},
         "gpt-oss:120b", {"gpt-oss:120b": -435, "claude-sonnet-4-6": -696}),
    14: ((fleets.BACKUP._replace(quality=7), fleets.PRIMARY), "check the gate",
         {"tool_count": 1,
          "known": {"experience": {"edge-primary/qwen3:8b": seen(S=7, F=1, ms=3200),
                                   "edge-backup/qwen3:8b": seen(S=2, F=4, ms=24000)}}},
         "edge-primary/qwen3:8b", {"edge-primary/qwen3:8b": 70, "edge-backup/qwen3:8b": 52}),
    15: (A, "explain why the temperature dropped overnight", {}, "cloud", {"cloud": 31, "local": 30}),
    16: (A, "explain why the temperature dropped overnight", {"local_first": True},
         "local", {"local": 40, "cloud": 31}),
    17: (A, "turn on the kitchen light", {"hints": {"channel": "voice"}}, "local", {"local": 90, "cloud": -25}),
    18: (A, "what is on my calendar today?", {"hints": {"quality_floor": "8"}},
         "cloud", {"cloud": -4, "local": -55}),
    19: (A, "hello", {"bg": True, "context_size": 5000}, "local", {"local": 5, "cloud": -4}),
    20: (A, "hello", {"bg": True, "context_size": 5000, "tool_count": 6}, "cloud", {"cloud": -4, "local": -15}),
    21: (A, "hello", {"bg": True, "context_size": 9000}, "cloud", {"cloud": -4}),
    22: (B, "hello", {"bg": True, "hints": {"model_preference": "fast"}}, "fast", {"fast": 60, "slow": 35}),
    23: ((fleets.CLOUD._replace(min_complexity=2), fleets.LOCAL), "list all light entities", {},
         "local", {"local": 60, "cloud": -45}),
    24: ((fleets.CLOUD,), "search the web", {"bg": True, "hints": LOCAL_TRUE}, "cloud", {"cloud": -225}),
    25: (A, "hello, how are you today", {"local_first": True, "hints": PREMIUM},
         "cloud", {"cloud": -4, "local": -70}),
    26: (A, "turn off the fan", {"local_first": True, "hints": ASSIST}, "local", {"local": 85, "cloud": -225}),
    27: ((row("a/m", quality=6), row("b/m", quality=6)), "hello", {}, "a/m", {"a/m": 35, "b/m": 35}),
    28: ((row("mid", quality=10, cost_tier=2), row("zlocal", quality=7)), "compare a and b", {"bg": True},
         "zlocal", {"mid": 34, "zlocal": 34}),
    29: ((row("unk", speed=8, window=0), row("q7", quality=7, window=0)), "hello", {"bg": True, "context_size": 100},
         "q7", {"q7": 45, "unk": 5}),
    30: (B, "hello", {"known": {"experience": {"fast": seen(S=4, ms=20000), "slow": seen(S=1, ms=30000)}}},
         "fast", {"fast": 45, "slow": 28}),
    31: (A, "describe this image", {"local_first": True, "needs": ("images",)}, "cloud", {"cloud": -4}),
    32: (A, "hello", {"bg": True, "hints": LOCAL_TRUE | {"quality_floor": "8"}},
         "local", {"local": -65, "cloud": -204}),
    33: (A, "compare the two plans", {"bg": True, "hints": {"mission": "background"}},
         "local", {"local": 40, "cloud": 31}),
    34: (A, "hello", {"bg": True, "hints": {"mission": "background"}}, "local", {"local": 55, "cloud": -4}),
    35: (A, "hello", {"hints": {"channel": "homeassistant", "local_only": "false"}},
         "local", {"local": 60, "cloud": -4}),
    36: (T, "hello", {}, "local", {"local": 45, "haiku": 22, "sonnet": 14, "opus": -4}),
    37: (T, "explain this", {}, "sonnet", {"sonnet": 42, "haiku": 41, "opus": 31, "local": 30}),
    38: (T, "explain this", {"bg": True}, "sonnet", {"sonnet": 32, "haiku": 31, "opus": 31, "local": 20}),
    39: (T, "turn on the lamp", {}, "local", {"local": 60, "haiku": 30, "sonnet": 15, "opus": -25}),
    40: (T, "hello", {"context_size": 12000, "tool_count": 10},
         "haiku", {"haiku": 22, "sonnet": 14, "opus": -4, "local": -5}),
    41: (T, "hello", {"hints": {"quality_floor": "7"}},
         "haiku", {"haiku": 22, "sonnet": 14, "opus": -4, "local": -55}),
    42: (T, "hello", {"hints": PREMIUM}, "opus", {"opus": -4, "local": -70, "haiku": -78, "sonnet": -86}),
    43: (B, "hello", {"bg": True, "hints": {"quality_floor": " 6"}}, "slow", {"slow": 35, "fast": 35}),
}  # fmt: skip


@pytest.mark.parametrize("number", CASES)
def test_worked_case(number: int) -> None:
    """A worked case has the winner and the scores the source printed."""
    fleet, query, how, winner, expected = CASES[number]
    decision = ask(fleet, query, **how)
    assert decision.selected == winner
    assert scores(decision) == expected
    assert not decision.no_eligible


def test_case_6_streaming_and_tools_filter() -> None:
    """Case 6: what cannot stream or had its tools switched off is rejected with the source's words."""
    from llmpool.core.routing import TOOLS_OFF

    same = {"speed": 8, "quality": 6, "provider": "box"}
    fleet = (
        row("deployment-tools-off", tools=False, flags=TOOLS_OFF, **same),
        row("non-streaming-model", streaming=False, **same),
        row("streaming-model", **same),
    )
    decision = ask(
        fleet, "search archives for the last battery warning", needs=("tools", "streaming"), tool_count=4
    )
    assert decision.selected == "streaming-model"
    assert scores(decision) == {"streaming-model": 60}
    assert decision.intent == "temporal"
    assert reasons(decision) == {
        "deployment-tools-off": ("tool use disabled for this deployment",),
        "non-streaming-model": ("missing streaming support",),
    }


def test_case_7_under_ruling_3() -> None:
    """Case 7 as DESIGN ruling 3 has it: a default model that cannot be shown to do it is no way out."""
    fleet = (row("non-streaming-model", streaming=False), row("small-model", window=2048))
    decision = ask(fleet, "hello", context_size=5000, needs=("streaming",))
    assert decision.selected == ""
    assert decision.no_eligible
    assert scores(decision) == {}
    assert reasons(decision) == {
        "non-streaming-model": ("missing streaming support",),
        "small-model": ("context window too small",),
    }


def test_case_9_experience_that_cancels_leaves_no_trace() -> None:
    """Case 9: a penalty and a bonus of the same size are not recorded at all."""
    _, query, how, *_ = CASES[9]
    decision = ask(P, query, **how)
    assert not any(rule.startswith("experience") for rule in rules(decision, "edge-primary/qwen3:8b"))


def test_case_21_names_the_reason() -> None:
    """Case 21: a window too small is a rejection, not a penalty."""
    decision = ask(A, "hello", bg=True, context_size=9000)
    assert reasons(decision) == {"local": ("context window too small",)}


def test_case_34_bonuses_off() -> None:
    """Case 34, second half: local_only=false switches the local bonuses off."""
    decision = ask(A, "hello", bg=True, hints={"mission": "background", "local_only": "false"})
    assert decision.selected == "local"
    assert scores(decision) == {"local": 20, "cloud": -4}


@pytest.mark.parametrize(
    ("query", "level", "intent"),
    [
        ("reset the clock", "simple", "security"),
        ("asset pricing", "simple", "general"),
        ("sunset", "moderate", "general"),
        ("Search archives", "simple", "general"),
        ("search", "moderate", "general"),
        ("is this on?", "moderate", "general"),
        ("explain why the temperature dropped overnight", "complex", "climate"),
        ("a plastic cup", "moderate", "temporal"),
        ("homework", "moderate", "presence"),
        ("turn on the lamp", "simple", "device_control"),
    ],
)
def test_complexity_and_intent(query: str, level: str, intent: str) -> None:
    """Keywords are plain substrings of the lower-cased query, the first rule that hits counts."""
    decision = ask(A, query)
    assert (decision.complexity, decision.intent) == (level, intent)


def test_rules_are_recorded_in_order() -> None:
    """A candidate carries every rule that moved it, in the table's order, base first."""
    decision = ask(A, "turn on the kitchen light", hints={"channel": "voice"})
    assert list(rules(decision, "local").items()) == [
        ("base", 20),
        ("speed_bonus", 15),
        ("free_model_bonus", 15),
        ("interactive_speed", 10),
        ("channel_ha_bonus", 20),
        ("channel_ha_speed", 10),
    ]
