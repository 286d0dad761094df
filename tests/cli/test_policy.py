"""`llmpool policy` and `models set`: what the owner decides and declares."""

from __future__ import annotations

import json

from tests.support import Home, model, provider

TWINS = (
    provider("a", "http://127.0.0.1:9/v1"),
    provider("b", "http://127.0.0.1:9/v1"),
    "# rated by hand",
    model("a/m", quality=7),
    model("b/m", quality=5),
    model("b/only", quality=3),
)


def test_a_policy_takes_effect_and_can_be_cleared(home: Home) -> None:
    """An inactive deployment answers only by name, an inactive provider not at all; clear undoes both."""
    home.write_config(*TWINS)
    assert home.pool("route", "x").out == "a/m\n"
    assert home.pool("policy", "set", "a/m", "--state", "inactive", "--reason", "too chatty").code == 0
    assert home.pool("route", "x").out == "b/m\n"
    assert home.pool("route", "-m", "a/m", "x").out == "a/m\n"
    assert "too chatty" in home.pool("route", "--json", "x").out
    assert home.pool("policy", "set", "a", "--state", "inactive").code == 0
    assert home.pool("route", "-m", "a/m", "x").code == 6
    assert home.pool("policy", "clear", "a/m").code == 0
    assert home.pool("policy", "clear", "a").code == 0
    assert home.pool("route", "x").out == "a/m\n"
    assert home.pool("policy", "clear", "a").code == 2
    assert home.pool("--state", "./elsewhere", "policy", "--json").json["policies"] == []


def test_a_policy_merges_field_by_field(home: Home) -> None:
    """What is not said stays as it was (ruling 19)."""
    home.write_config(*TWINS)
    home.pool("policy", "set", "only", "--state", "flagged", "--reason", "watch it")
    home.pool("policy", "set", "b/only", "--no-routable")
    shown = home.pool("policy", "--json").json["policies"]
    assert [(p["target"], p["state"], p["routable"], p["reason"]) for p in shown] == [
        ("b/only", "flagged", False, "watch it")
    ]
    stored = json.loads((home.state / "policy.json").read_text())
    assert stored["version"] == 1


def test_a_policy_for_what_is_gone_can_be_cleared(home: Home) -> None:
    """A policy outlives its deployment and can be cleared without it."""
    home.write_config(*TWINS)
    home.pool("policy", "set", "b/only", "--state", "inactive")
    home.write_config(*TWINS[:3])
    assert home.pool("policy", "clear", "b/only").code == 0


def test_ambiguous_names_are_refused_where_something_changes(home: Home) -> None:
    """A name that two deployments carry ends with 3 and both ids, and changes nothing."""
    home.write_config(*TWINS)
    before = home.config.read_text()
    for command in (
        ("policy", "set", "m", "--state", "inactive"),
        ("policy", "clear", "m"),
        ("models", "set", "m", "--quality", "3"),
        ("models", "remove", "m", "--yes"),
    ):
        result = home.pool(*command)
        assert result.code == 3, command
        assert "a/m" in result.err
        assert "b/m" in result.err
    assert home.config.read_text() == before
    assert not (home.state / "policy.json").exists()
    assert home.pool("policy", "set", "nosuch", "--state", "inactive").code == 3
    assert home.pool("policy", "set", "a", "--state", "asleep").code == 2
    assert home.pool("policy", "set", "a").code == 2


def test_models_set_declares_in_the_config(home: Home) -> None:
    """Ratings and aliases are written where they stand or into a new table, and comments stay."""
    home.write_config(*TWINS)
    assert home.pool("models", "set", "b/only", "--quality", "9", "--alias", "best").code == 0
    assert home.pool("route", "-m", "best", "x").out == "b/only\n"
    assert home.pool("models", "set", "best", "--supports", "tools=no", "--context-window", "32k").code == 0
    shown = home.pool("models", "show", "best", "--json").json["model"]
    assert (shown["ratings"]["quality"], shown["context_window"], shown["capabilities"]["tools"]) == (
        9,
        32768,
        False,
    )
    assert "# rated by hand" in home.config.read_text()
    assert home.pool("models", "set", "best", "--quality", "99").code == 4
    assert home.pool("models", "set", "best", "--supports", "flying=yes").code == 2
    assert home.pool("models", "set", "best").code == 2
    assert home.pool("config", "check").code == 0
