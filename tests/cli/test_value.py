"""The strategy `value` at the command line: what is shown, what is recorded, and what never is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, finish, model, provider

HARD = "Prove the zorblatt conjecture rigorously, and analyse its quuxian corollaries"
EASY = "hi"


@pytest.fixture
def fleet(home: Home) -> Iterator[Home]:
    """Give a home with a small free model, and a large one in the cloud."""
    with FakeServer(["small"], text="so it is") as den, FakeServer(["large"], text="so it is") as sky:
        home.write_config(
            '[routing]\nstrategy = "value"',
            '[profiles.careful]\nstrategy = "value"\nquality_target = 0.95',
            provider("den", den.url, location="local"),
            provider("sky", sky.url, location="cloud"),
            model("den/small", quality=5, context_window=8192),
            model("sky/large", quality=10),
        )
        home.here("refresh")
        yield home


def asked(home: Home, *words: str) -> dict[str, Any]:
    """Return the decision that `route --json` shows."""
    decision: dict[str, Any] = home.here("route", "--json", *words).json["decision"]
    return decision


def test_easy_prompts_go_to_the_cheap_and_hard_ones_to_the_strong(fleet: Home) -> None:
    """The choice follows the difficulty; how good is good enough can be asked for."""
    assert asked(fleet, EASY)["selected"] == "den/small"
    assert asked(fleet, HARD)["selected"] == "sky/large"
    assert asked(fleet, EASY, "--quality", "0.95")["selected"] == "sky/large"
    assert asked(fleet, HARD, "--quality", "0.2")["selected"] == "den/small"
    assert asked(fleet, HARD, "--local-only")["selected"] == "den/small"


def test_a_profile_may_say_what_is_good_enough(fleet: Home) -> None:
    """`quality_target` of a profile takes the place of the config's; `--quality` goes before both."""
    assert asked(fleet, EASY, "--profile", "careful")["selected"] == "sky/large"
    assert asked(fleet, EASY, "--profile", "careful", "--quality", "0.5")["selected"] == "den/small"


def test_a_target_beyond_all_reason_is_refused(fleet: Home) -> None:
    """A chance is from 0 to 1."""
    assert fleet.here("route", "--quality", "80", EASY).code == 2


def test_what_moved_it_is_told_live_only(fleet: Home) -> None:
    """The words of a prompt are in what is shown of it now, in no file, and in nothing shown later."""
    told = asked(fleet, HARD, "--record")
    assert told["difficulty"] > 0.6
    assert told["difficulty_from"][0].keys() == {"name", "points"}
    assert fleet.here("chat", "--no-stream", HARD).out == "so it is\n"
    for word in ("zorblatt", "quuxian", "difficulty_from"):
        assert fleet.files_with(word) == []
    last = fleet.here("route", "--last", "--json").json["decision"]
    assert last["difficulty"] == told["difficulty"]
    assert "difficulty_from" not in last


def test_the_difficulty_is_recorded_with_the_decision(fleet: Home) -> None:
    """`usage decisions` and `route --last` have it; a replay decides by it, for the text is gone."""
    fleet.here("chat", "--no-stream", HARD)
    (line,) = fleet.here("usage", "decisions", "--json").json["decisions"]
    assert (line["strategy"], line["selected"]) == ("value", "sky/large")
    shown = fleet.here("route", "--last")
    assert f"difficulty {line['difficulty']:.2f}" in shown.out
    again = fleet.here("route", "--replay", "last", "--json").json
    assert again["differences"]["same"]
    assert again["now"]["difficulty"] == line["difficulty"]


def test_the_score_strategy_records_none(fleet: Home) -> None:
    """It goes by keywords, and judges nothing; with `complexity = "difficulty"` it does both."""
    fleet.here("chat", "--no-stream", "--strategy", "score", HARD)
    assert "difficulty" not in fleet.here("route", "--last", "--json").json["decision"]
    fleet.here("config", "set", "routing.complexity", "difficulty")
    fleet.here("chat", "--no-stream", "--strategy", "score", HARD)
    last = fleet.here("route", "--last", "--json").json["decision"]
    assert (last["complexity"], last["difficulty"] >= 0.65) == ("complex", True)


def test_a_preview_says_how_hard_it_is(fleet: Home) -> None:
    """`chat --dry-run` and `chat --stats` say the difficulty with the reason."""
    assert ", difficulty 0." in fleet.here("chat", "--dry-run", HARD).out
    assert ", difficulty 0." in fleet.here("chat", "--no-stream", "--stats", HARD).err


def test_a_conversation_moves_on_when_it_gets_hard(fleet: Home) -> None:
    """A warm one stays while a good answer is expected where it is; then it moves, and stays there."""
    for text, served in ((EASY, "den/small"), (HARD, "sky/large"), (EASY, "sky/large")):
        told = fleet.here("chat", "--session", "s", "--no-stream", "--json", text).json
        assert told["served_by"] == served, text


def test_recorded_decisions_are_simulated_at_their_difficulty(fleet: Home) -> None:
    """What another target would have come to, for the prompts as hard as they were."""
    for text in (EASY, HARD):
        fleet.here("chat", "--no-stream", text)
    words = ("policy", "simulate", "--set", "routing.quality_target=0.95", "--json")
    told = fleet.here(*words).json
    assert (told["decisions"], told["changed"], told["guessed_difficulty"]) == (2, 1, 0)
    assert told["moves"] == [{"from": "den/small", "to": "sky/large", "decisions": 1}]
    assert told["expected_quality"]["difference"] > 0


def test_on_a_terminal_the_price_and_the_rating_are_told(fleet: Home) -> None:
    """A person sees what it went by, and what the difficulty came from."""
    fleet.here("usage", "prices", "set", "sky/large", "--input", "1.25", "--output", "10")
    shown = finish(fleet.terminal("route", HARD))
    assert "quality 10, 11.25 USD per M in + out" in shown.out
    assert "quality 5, free" in shown.out
    assert "asks for a proof" in shown.out


def test_a_config_with_a_target_is_in_force(fleet: Home) -> None:
    """`config check` has nothing to say of it."""
    fleet.here("config", "set", "routing.quality_target", "0.9")
    checked = fleet.here("config", "check")
    assert (checked.code, "not in force" in checked.err) == (0, False)
    assert json.loads(fleet.here("config", "get", "routing.quality_target", "--json").out)["value"] == 0.9
