"""The words of a refresh: changes bounded and in order, the sum, the line on a terminal, the document."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.cli.context import Globals, Terminal
from llmpool.cli.refresh_view import (
    check_can_ask,
    counts,
    dead_lines,
    document,
    lines,
    may_remove,
    pausing,
    summary,
    tell_reconciled,
)
from llmpool.cli.waiting import Waiting, waits
from llmpool.core.inventory import ProviderInventory
from llmpool.discovery.catalog import CatalogNews
from llmpool.discovery.limits import Line, Report
from llmpool.discovery.refresh import Heard, RefreshReport
from llmpool.errors import Misuse
from llmpool.registry.diff import Change, Moved
from llmpool.setup.downloads import Reconciled
from llmpool.setup.upkeep import Round
from llmpool.state.accounts import Account

AT = "2026-11-21T10:00:00Z"


def report(**given: Any) -> RefreshReport:
    """Build a report of nothing."""
    return RefreshReport(
        **({"observed": (), "changes": (), "failed": (), "skipped": (), "models": 0} | given)
    )


def seen(name: str, error: str = "", kind: str = "") -> ProviderInventory:
    """Build an observation."""
    return ProviderInventory(provider=name, attempted_at=AT, error=error, error_kind=kind)


def test_each_kind_of_change_has_its_line() -> None:
    """In a fixed order; values say what they were and are, unknown ones that they are unknown."""
    change = Change(
        "den",
        added=("a", "b"),
        gone=("c",),
        changed=(Moved("d", "context_window", 4096, None), Moved("d", "tools", False, True)),
        repriced=(Moved("e", "input", "1.25", "1.5"),),
        loaded=("f",),
        unloaded=("g",),
        failed="den: no route to host",
        recovered=True,
    )
    assert list(lines(change)) == [
        "den: no route to host",
        "den: answers again",
        "den: added a, b",
        "den: gone c",
        "den: changed d (context window 4096 -> unknown), d (tools no -> yes)",
        "den: repriced e (input 1.25 -> 1.5)",
        "den: loaded f",
        "den: unloaded g",
    ]


def test_a_thousand_new_models_are_one_line() -> None:
    """The first five are named, the others counted."""
    names = tuple(f"m{n}" for n in range(1000))
    assert list(lines(Change("den", added=names))) == ["den: added m0, m1, m2, m3, m4 and 995 more"]


def test_names_that_died_are_told_a_few_of_many() -> None:
    """Each with what is nearest; they are in the document all of them."""
    name = {"name": "small", "role": "alias", "target": "den/a", "nearest": "den/b"}
    found = report(dead=(name,) * 7)
    told = list(dead_lines(found))
    assert told[0] == "alias small means den/a, which is gone upstream; nearest: den/b"
    assert (len(told), told[-1]) == (6, "2 more names of the config lead nowhere now")
    assert document(Round(found))["dead"] == [name] * 7
    assert list(dead_lines(report())) == []


def test_who_is_away_or_has_no_key_did_not_fail() -> None:
    """Only what counts for the exit code is called failed."""
    observed = (
        seen("away", "refused", "connect"),
        seen("dead", "refused", "connect"),
        seen("den"),
        seen("openai", "no key", "no_key"),
    )
    found = report(
        observed=observed,
        failed=("dead",),
        skipped=(("off", "disabled"),),
        fresh=("sky",),
        models=41,
        seconds=2.26,
    )
    assert counts(found) == {
        "ok": 1,
        "failed": 1,
        "away": 1,
        "without a key": 1,
        "asked lately enough": 1,
        "skipped": 1,
    }
    assert (
        summary(found)
        == "1 ok, 1 failed, 1 away, 1 without a key, 1 asked lately enough, 1 skipped; 41 models; 2.3 s"
    )


def test_nothing_to_do_says_why() -> None:
    """All were asked lately, or there is nobody."""
    assert summary(report(fresh=("a", "b"))) == "nothing to do: 2 providers asked lately enough"
    assert summary(report()) == "nothing to do: nobody to ask"


def test_the_line_names_three_and_counts_the_rest() -> None:
    """However many hang, it stays one line."""
    waiting = tuple(f"p{n}" for n in range(90))
    assert waits(Heard(10, 100, waiting)) == "waiting for p0, p1, p2 and 87 more"
    assert waits(Heard(2, 2, ())) == ""


def test_the_document_has_what_was_asked_for_beside_the_observation() -> None:
    """The rest is null; everything in it is JSON."""
    alone = document(Round(report(observed=(seen("den"),))))
    assert (alone["catalog"], alone["accounts"], alone["reconciled"]) == (None, None, None)
    account = Account(provider="den", key="a", at=0.0, kind="credits", error="timeout", message="slow")
    everything = Round(
        report(),
        CatalogNews("updated", "https://x/c.json", "", 7),
        Report((Line("den", "a", account, ()),), ("den",)),
        Reconciled(pulled=("den/a",), failed=(("den/b", "no such model"),), kept=("den/c",)),
    )
    made = document(everything)
    assert everything.partly
    assert made["catalog"] == {
        "status": "updated",
        "source_url": "https://x/c.json",
        "error": None,
        "models": 7,
    }
    assert made["accounts"][0]["error"] == {"code": "timeout", "message": "slow"}
    assert made["reconciled"]["pulled"] == ["den/a"]
    assert made["reconciled"]["failed"] == [{"id": "den/b", "error": "no such model"}]
    json.dumps(made)


def test_removals_are_listed_before_anybody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    """Off a terminal nobody can say yes, so that it takes `--yes`; a pause is told to nobody there."""
    terminal = Terminal(Globals())
    waiting = Waiting(terminal)
    assert may_remove(terminal, waiting, ["den/a", "den/b"], yes=True)
    check_can_ask(terminal, yes=True)
    terminal.in_is_terminal = False
    with pytest.raises(Misuse, match="nobody can be asked here"):
        check_can_ask(terminal, yes=False)
    pausing(terminal, 600)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "undeclared: den/a\nundeclared: den/b\n"


@pytest.mark.parametrize(("answer", "removes"), [("y", True), ("n", False), ("", False)])
def test_a_no_is_no_error(
    answer: str, removes: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was refreshed is refreshed, so that a no only says what it is about."""
    terminal = Terminal(Globals())
    monkeypatch.setattr("builtins.input", lambda: answer)
    assert may_remove(terminal, Waiting(terminal), ["den/a"], yes=False) is removes
    err = capsys.readouterr().err
    assert "remove 1 undeclared model (den/a)? [y/N] " in err
    assert err.endswith("nothing is removed\n") is not removes


def test_what_is_kept_for_want_of_prune_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each provider, with the way to let its models go; what the owner said no to needs none."""
    left = ("den/x:1", *(f"box/m{n}" for n in range(7)))
    done = Reconciled(removed=("lab/y",), kept=(*left, "lab/z"), unpruned=left)
    tell_reconciled(Terminal(Globals()), Round(report(), reconciled=done))
    shown = capsys.readouterr()
    assert shown.out == "removed lab/y\n"
    assert shown.err == (
        "den: 1 undeclared model kept (x:1); to let them go: llmpool providers set den --prune\n"
        "box: 7 undeclared models kept (m0, m1, m2, m3, m4 and 2 more); "
        "to let them go: llmpool providers set box --prune\n"
    )
