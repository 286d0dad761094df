"""The options every command takes, when colour is used, and how JSON and times are written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llmpool.cli import styles
from llmpool.cli.context import Globals, Terminal, _color, take_globals

PLAIN: dict[str, str] = {"TERM": "xterm-256color"}


@pytest.mark.parametrize(
    ("typed", "rest", "set_"),
    [
        ("models list --plain", "models list", {"plain": True}),
        ("--utc usage --no-pager", "usage", {"utc": True, "no_pager": True}),
        ("models --jsonl list", "models --json list", {"jsonl": True}),
        ("--jsonl models list den", "models list den --json", {"jsonl": True}),
        ("usage list --json --jsonl", "usage list --json --json", {"jsonl": True}),
        ("--jsonl chat -- --plain", "chat --json -- --plain", {"jsonl": True}),
        ("route -- --jsonl", "route -- --jsonl", {}),
    ],
)
def test_they_are_taken_wherever_they_stand(typed: str, rest: str, set_: dict[str, Any]) -> None:
    """In front of the command or behind it, but not behind `--`; `--jsonl` asks for JSON as well."""
    options, left = take_globals(typed.split())
    assert options == Globals(**set_)
    assert left == rest.split()


@pytest.mark.parametrize(
    ("env", "option", "terminal", "colour"),
    [
        ({}, "auto", True, True),
        ({}, "auto", False, False),
        ({"NO_COLOR": "1"}, "auto", True, False),
        ({"NO_COLOR": ""}, "auto", True, True),
        ({"NO_COLOR": "1", "FORCE_COLOR": "1"}, "auto", True, False),
        ({"NO_COLOR": "1"}, "always", False, True),
        ({"FORCE_COLOR": "1"}, "auto", False, True),
        ({"FORCE_COLOR": "0"}, "auto", False, False),
        ({"FORCE_COLOR": ""}, "auto", False, False),
        ({"FORCE_COLOR": "1"}, "never", True, False),
        ({"CLICOLOR": "0"}, "auto", True, False),
        ({"CLICOLOR": "1"}, "auto", False, False),
        ({"CLICOLOR": "1"}, "auto", True, True),
        ({"CLICOLOR_FORCE": "1"}, "auto", False, True),
        ({"CLICOLOR_FORCE": ""}, "auto", False, False),
        ({"CLICOLOR_FORCE": "0"}, "auto", False, False),
        ({"CLICOLOR": "0", "CLICOLOR_FORCE": "1"}, "auto", True, True),
        ({"TERM": "dumb"}, "auto", True, False),
        ({"TERM": "dumb", "FORCE_COLOR": "1"}, "auto", True, True),
        ({"TERM": "dumb"}, "always", True, True),
    ],
)
def test_colour_is_used_where_it_is_wanted(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], option: str, terminal: bool, colour: bool
) -> None:
    """The option, NO_COLOR, FORCE_COLOR and CLICOLOR_FORCE, then CLICOLOR and TERM, in this order."""
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in (PLAIN | env).items():
        monkeypatch.setenv(name, value)
    assert _color(option, terminal) is colour


def test_a_word_has_a_colour_and_never_the_other_way_round() -> None:
    """All of a text, or what it begins with; what is no such word has none."""
    assert [styles.of_words(text) for text in ("ok", "down, 0:41", "No route", "gpt-5", "")] == [
        "good",
        "bad",
        "bad",
        "",
        "",
    ]
    assert set(styles.OF_WORD.values()) <= set(styles.STYLES)
    assert styles.unpainted(styles.paint("ok", "good")) == "ok"
    assert styles.paint("ok", "good", on=False) == "ok"


def printed(capsys: pytest.CaptureFixture[str], document: dict[str, Any], **how: Any) -> list[str]:
    Terminal(Globals(jsonl=True)).json(document, **how)
    return capsys.readouterr().out.splitlines()


def test_jsonl_is_the_entries_of_the_one_list(capsys: pytest.CaptureFixture[str]) -> None:
    """A line each, without a wrapper; of none no line."""
    assert printed(capsys, {"models": [{"id": "a"}, {"id": "b"}], "bad": 0}) == ['{"id": "a"}', '{"id": "b"}']
    assert printed(capsys, {"models": []}) == []


def test_jsonl_of_what_is_no_list_is_the_document_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither without a list nor with several; one of several is named by the command."""
    for document in ({"model": {"id": "a"}}, {"added": [1], "gone": []}):
        assert [json.loads(line) for line in printed(capsys, document)] == [{"schema": 1} | document]
    assert printed(capsys, {"limits": [1], "failed": []}, entries="limits") == ["1"]


def test_jsonl_of_json_that_is_text_already(capsys: pytest.CaptureFixture[str]) -> None:
    """The list that was compiled beforehand is taken apart."""
    Terminal(Globals(jsonl=True)).json_list("models", '{"id": "a"}, {"id": "b"}')
    assert capsys.readouterr().out == '{"id": "a"}\n{"id": "b"}\n'


def test_times_are_exact_in_a_pipe() -> None:
    """A script wants the moment; what never was is said in a word."""
    terminal = Terminal(Globals())
    assert terminal.when("2026-11-21T10:00:00Z") == "2026-11-21T10:00:00Z"
    assert terminal.until("2026-11-21T10:00:00Z") == "2026-11-21T10:00:00Z"
    assert (terminal.when(""), terminal.when("", never="")) == ("never", "")
