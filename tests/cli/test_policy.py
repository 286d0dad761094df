"""`llmpool policy` and `models set`: what the owner decides and declares."""

from __future__ import annotations

import json
import shlex

from tests.support import Home, finish, model, provider

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
    assert home.here("route", "x").out == "a/m\n"
    assert home.here("policy", "set", "a/m", "--state", "inactive", "--reason", "too chatty").code == 0
    assert home.here("route", "x").out == "b/m\n"
    assert home.here("route", "-m", "a/m", "x").out == "a/m\n"
    assert "too chatty" in home.here("route", "--json", "x").out
    assert home.here("policy", "set", "a", "--state", "inactive").code == 0
    refused = home.here("route", "-m", "a/m", "x")
    assert refused.code == 8
    assert "llmpool policy clear a" in refused.err
    assert home.here("policy", "clear", "a/m").code == 0
    assert home.here("policy", "clear", "a").code == 0
    assert home.here("route", "x").out == "a/m\n"
    again = home.here("policy", "clear", "a")
    assert (again.code, again.err) == (0, "note: nothing is decided about a\nnothing has changed\n")
    assert home.here("--state", "./elsewhere", "policy", "--json").json["policies"] == []


def test_a_policy_merges_field_by_field(home: Home) -> None:
    """What is not said stays as it was (ruling 19)."""
    home.write_config(*TWINS)
    home.here("policy", "set", "only", "--state", "flagged", "--reason", "watch it")
    home.here("policy", "set", "b/only", "--no-routable")
    shown = home.here("policy", "--json").json["policies"]
    assert [(p["target"], p["state"], p["routable"], p["reason"]) for p in shown] == [
        ("b/only", "flagged", False, "watch it")
    ]
    stored = json.loads((home.state / "policy.json").read_text())
    assert stored["version"] == 1


def test_a_policy_for_what_is_gone_can_be_cleared(home: Home) -> None:
    """A policy outlives its deployment and can be cleared without it."""
    home.write_config(*TWINS)
    home.here("policy", "set", "b/only", "--state", "inactive")
    home.write_config(*TWINS[:3])
    assert home.here("policy", "clear", "b/only").code == 0


def test_a_change_names_its_undo(home: Home) -> None:
    """Every change ends in the command that makes it what it was, reasons quoted, played here."""
    home.write_config(*TWINS)
    first = home.here("policy", "set", "a", "--state", "inactive", "--reason", "don't")
    assert first.err == "a: inactive, refused even by name (don't)    undo: llmpool policy clear a\n"
    second = home.here("policy", "set", "a", "--state", "flagged", "--reason", "")
    assert second.err == (
        "a: flagged    undo: llmpool policy clear a && "
        """llmpool policy set a --state inactive --reason 'don'"'"'t'\n"""
    )
    for command in second.err.partition("undo: ")[2].split(" && "):
        assert home.here(*shlex.split(command)[1:]).code == 0
    (policy,) = home.here("policy", "--json").json["policies"]
    assert (policy["state"], policy["reason"]) == ("inactive", "don't")
    cleared = home.here("policy", "clear", "a")
    assert cleared.err.startswith("a: nothing is decided about it any more    undo: llmpool policy set a ")


def test_a_reason_is_one_line_and_a_pattern_is_one(home: Home) -> None:
    """A reason on two lines breaks no row and no undo; a model called `*` is undone alone."""
    home.write_config(*TWINS, model("b/*"))
    home.here("policy", "set", "b/only", "--state", "flagged", "--reason", "l1\nl2\x1b[1m")
    assert home.here("policy", "show").out.startswith("b/only\tflagged\t\tl1 l2\u241b[1m\t")
    assert home.here("policy", "set", "b/*", "--no-routable", "--dry-run").out.count("\n") == 3
    alone = home.here("policy", "set", "b/[*]", "--state", "flagged").err
    assert alone == "b/*: flagged    undo: llmpool policy clear 'b/[*]'\n"
    home.here(*shlex.split(alone.partition("undo: ")[2])[1:])
    assert [each["target"] for each in home.here("policy", "--json").json["policies"]] == ["b/only"]


def test_a_misspelt_state_is_no_directory(home: Home) -> None:
    """`policy set --state` is the decision; a state directory stands in front of the command."""
    home.write_config(*TWINS)
    for words in (("--state", "Inactive"), ("--state=Inactive",)):
        result = home.here("policy", "set", "a", *words, "--no-routable")
        assert (result.code, result.err.splitlines()[1]) == (2, "  did you mean inactive?")
    assert list(home.cwd.iterdir()) == []
    assert home.here("--state", "./elsewhere", "policy", "set", "a", "--state", "inactive").code == 0
    assert home.here("policy", "--json").json["policies"] == []


def test_a_pattern_is_previewed(home: Home) -> None:
    """What it means is shown; nobody to ask means nothing happens, --yes means all of it at once."""
    home.write_config(*TWINS)
    decide = ("policy", "set", "*/m", "--no-routable", "--reason", "dear")
    lines = [f"{ref}   nothing decided -> active, only by name (dear)" for ref in ("a/m", "b/m")]
    dry = home.here(*decide, "--dry-run")
    assert (dry.code, dry.out, dry.err) == (0, "\n".join(lines) + "\n", "")
    refused = home.here(*decide)
    assert refused.code == 2
    assert refused.err.splitlines()[:3] == [
        *(f"  {line}" for line in lines),
        "error: change 2 policies? (nobody can be asked here)",
    ]
    assert not (home.state / "policy.json").exists()
    done = home.here(*decide, "--yes", "--json").json
    assert [change["target"] for change in done["changes"]] == ["a/m", "b/m"]
    assert done["changes"][0]["before"] is None
    assert done["changes"][0]["after"]["routable"] is False
    assert home.here("route", "x").out == "b/only\n"
    only = home.here("policy", "clear", "a/*")
    assert (only.code, only.err.partition("    ")[0]) == (0, "a/m: nothing is decided about it any more")


def test_a_person_is_asked(home: Home) -> None:
    """On a terminal the preview ends in a question; no is the answer that Enter gives."""
    home.write_config(*TWINS)
    for answer, left in (("", 0), ("y", 2)):
        child = home.terminal("policy", "set", "?", "--state", "flagged")
        child.expect("change 2 policies")
        child.sendline(answer)
        assert finish(child).code == (0 if left else 2)
        assert len(home.here("policy", "--json").json["policies"]) == left


def test_one_target_is_shown_with_all_that_binds_it(home: Home) -> None:
    """Policies of both, allow-list, groups, and whether it is chosen automatically or by name."""
    home.write_config(
        provider("a", "http://127.0.0.1:9/v1", allowed_models=["m*"]), model("a/m"), "[groups.g]"
    )
    home.here("policy", "set", "a/m", "--state", "inactive", "--reason", "chatty")
    shown = home.here("policy", "show", "a/m")
    head, own, *facts = shown.out.splitlines()
    assert head == "a/m   chosen automatically: no, inactive by policy: chatty   answers by name: yes"
    assert own.startswith("  policy       inactive, only by name (chatty), 20")
    assert facts == [
        "  provider     a: nothing decided",
        "  enabled      yes",
        "  allowed      m*",
        "  groups       g",
    ]
    found = home.here("policy", "show", "a/m", "--json").json["policy"]
    at = found["policy"].pop("updated_at")
    assert at.endswith("Z")
    assert found == {
        "target": "a/m",
        "kind": "deployment",
        "there": True,
        "policy": {"state": "inactive", "routable": None, "reason": "chatty", "source": "overlay"},
        "provider_policy": {"state": "active", "routable": None, "source": "default"},
        "enabled": True,
        "allowed_models": ["m*"],
        "groups": ["g"],
        "automatic": False,
        "by_name": True,
        "reason": "inactive by policy: chatty",
        "deployments": None,
    }
    assert home.here("policy", "show", "a").out.startswith("a   takes part: yes\n")
    assert home.here("policy", "show", "a/*").out.split("\t")[:4] == ["a/m", "inactive", "", "chatty"]
    assert home.here("policy", "show", "zzz").code == 3


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
        result = home.here(*command)
        assert result.code == 3, command
        assert "a/m" in result.err
        assert "b/m" in result.err
    assert home.config.read_text() == before
    assert not (home.state / "policy.json").exists()
    assert home.here("policy", "set", "nosuch", "--state", "inactive").code == 3
    assert home.here("policy", "set", "a", "--state", "asleep").code == 2
    assert home.here("policy", "set", "a").code == 2


def test_models_set_declares_in_the_config(home: Home) -> None:
    """Ratings and aliases are written where they stand or into a new table, and comments stay."""
    home.write_config(*TWINS)
    assert home.here("models", "set", "b/only", "--quality", "9", "--alias", "best").code == 0
    assert home.here("route", "-m", "best", "x").out == "b/only\n"
    assert home.here("models", "set", "best", "--supports", "tools=no", "--context-window", "32k").code == 0
    shown = home.here("models", "show", "best", "--json").json["model"]
    assert (shown["ratings"]["quality"], shown["context_window"], shown["capabilities"]["tools"]) == (
        9,
        32768,
        False,
    )
    assert "# rated by hand" in home.config.read_text()
    assert home.here("models", "set", "best", "--quality", "99").code == 2
    assert home.here("models", "set", "best", "--supports", "flying=yes").code == 2
    assert home.here("models", "set", "best").code == 2
    assert home.here("config", "check").code == 0
