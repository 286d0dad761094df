"""`llmpool policy export` and `apply`, and several processes that decide at once."""

from __future__ import annotations

import json
from pathlib import Path

from tests.at_once import at_once
from tests.support import Home, model, provider

AT = "2026-11-21T03:44:00Z"
FLEET = (provider("a", "http://127.0.0.1:9/v1"), provider("b", "http://127.0.0.1:9/v1"), model("a/m"))


def entry(target: str, **fields: object) -> dict[str, object]:
    return {"target": target, "state": None, "routable": None, "reason": "", "updated_at": AT} | fields


def write(home: Home, *policies: object) -> str:
    path = Path(home.dir, "policies.json")
    path.write_text(json.dumps({"schema": 1, "policies": policies}))
    return str(path)


def test_a_round_trip_changes_nothing(home: Home) -> None:
    """What export prints, apply takes: the same policies with the same times, in a stable order."""
    home.write_config(*FLEET)
    given = [
        entry("a/m", routable=False, reason="dear"),
        entry("attic/x", state="inactive"),
        entry("b", state="flagged"),
    ]
    applied = home.here("policy", "apply", write(home, *reversed(given)), "--yes")
    assert applied.code == 0
    assert "note: not there now, to hold when they are: attic/x\n" in applied.err
    exported = home.here("policy", "export")
    assert exported.json == {"schema": 1, "policies": given}
    assert exported.out.startswith('{\n  "schema": 1,')
    before = (home.state / "policy.json").read_bytes()
    again = home.here("policy", "apply", "-", stdin=exported.out)
    assert (again.code, again.err.splitlines()[-1]) == (0, "nothing has changed")
    assert (home.state / "policy.json").read_bytes() == before
    assert home.here("policy", "export", "--json").out == json.dumps(exported.json) + "\n"


def test_applying_shows_the_difference_first(home: Home) -> None:
    """What is added, changed and cleared; without --yes nobody can agree to it here."""
    home.write_config(*FLEET)
    home.here(
        "policy", "apply", write(home, entry("a", state="inactive"), entry("a/m", routable=False)), "--yes"
    )
    path = write(home, entry("a", state="flagged"), entry("b", state="inactive"))
    lines = [
        "a     inactive, refused even by name -> flagged",
        "a/m   active, only by name -> nothing decided",
        "b     nothing decided -> inactive, refused even by name",
    ]
    dry = home.here("policy", "apply", path, "--dry-run")
    assert (dry.code, dry.out.splitlines()) == (0, lines)
    refused = home.here("policy", "apply", path)
    assert refused.code == 2
    assert refused.err.splitlines()[:4] == [
        *(f"  {line}" for line in lines),
        "error: replace 3 policies? (nobody can be asked here)",
    ]
    assert [p["target"] for p in home.here("policy", "export").json["policies"]] == ["a", "a/m"]
    done = home.here("policy", "apply", path, "--yes", "--json").json
    assert [(c["target"], c["after"] and c["after"]["state"]) for c in done["changes"]] == [
        ("a", "flagged"),
        ("a/m", None),
        ("b", "inactive"),
    ]
    assert home.here("policy", "apply", write(home), "--yes").code == 0
    assert home.here("policy", "export").json["policies"] == []


def test_a_file_with_a_problem_changes_nothing(home: Home) -> None:
    """Every problem is named with its place, as text and as JSON, and the exit code is 2."""
    home.write_config(*FLEET)
    home.here("policy", "set", "a", "--state", "inactive")
    path = write(
        home, entry("b", state="active"), {"target": "a", "stat": "x"}, {"target": "/", "routable": True}
    )
    problems = [
        'policies[1]: "stat" is not known; did you mean state?',
        "policies[1]: decides nothing about a; say state or routable",
        'policies[2].target: "/" is not a provider\'s id or PROVIDER/MODEL',
    ]
    told = home.here("policy", "apply", path, "--yes")
    assert told.code == 2
    assert told.err.splitlines()[0] == f"error: {path} has 3 problems; nothing was done"
    assert told.err.splitlines()[1:4] == [f"  {problem}" for problem in problems]
    assert home.here("policy", "apply", path, "--yes", "--json").error["problems"] == problems
    assert home.here("policy", "apply", str(home.dir / "nowhere"), "--yes").code == 2
    assert [p["target"] for p in home.here("policy", "export").json["policies"]] == ["a"]


def test_processes_that_decide_at_once_lose_nothing(home: Home) -> None:
    """Eight at once, each about another target: all eight decisions are there afterwards."""
    names = [f"m{number}" for number in range(8)]
    home.write_config(FLEET[0], *(model(f"a/{name}") for name in names))
    home.here("models", "list", "--json")
    decide = [("policy", "set", f"a/{name}", "--state", "inactive", "--reason", name) for name in names]
    assert [result.code for result in at_once(home, *decide)] == [0] * 8
    found = home.here("policy", "export").json["policies"]
    assert [(p["target"], p["reason"]) for p in found] == [(f"a/{name}", name) for name in names]


def test_a_corrupt_file_ends_every_policy_command(home: Home) -> None:
    """Nobody goes on as if nothing were decided (10), and what was there is set aside, not lost."""
    home.write_config(*FLEET)
    home.state.mkdir()
    (home.state / "policy.json").write_text('{"version": 1, "data": {"policies"')
    path = write(home, entry("a", state="inactive"))
    for words in (
        ("set", "a", "--state", "active"),
        ("clear", "--all"),
        ("apply", path, "--yes"),
        ("export",),
        ("show",),
    ):
        assert home.here("policy", *words).code == 10, words
    aside = list(home.state.glob("policy.json.corrupt-*"))
    assert [each.read_text() for each in aside] == ['{"version": 1, "data": {"policies"']
    assert not (home.state / "policy.json").exists()
