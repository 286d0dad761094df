"""setup.policyfile: the document of `policy export`, read back whole or refused with every problem."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.policy import STATES, Policy
from llmpool.core.text import one_line
from llmpool.errors import Misuse
from llmpool.setup import policyfile

AT = "2026-11-21T03:44:00Z"
NO_TARGET = "is not a provider's id or PROVIDER/MODEL"
NO_STATE = "is not one of active, inactive, flagged"
NO_TIME = f"is not a time such as {AT}"


def document(*policies: Any, **fields: Any) -> str:
    return json.dumps({"schema": 1, "policies": list(policies)} | fields)


def problems(*policies: Any) -> list[str]:
    with pytest.raises(Misuse) as refused:
        policyfile.read(document(*policies), "p.json")
    return list(refused.value.lines)


def test_an_entry_is_read_with_what_it_leaves_out() -> None:
    """Only a target and a decision are needed; null is not said, blanks around texts are nothing."""
    text = document(
        {"target": "den", "state": " inactive ", "routable": None, "reason": " why\nso "},
        {"target": "den/a/b", "routable": False, "updated_at": AT},
    )
    assert policyfile.read(text, "p.json") == {
        "den": Policy(state="inactive", reason="why so"),
        "den/a/b": Policy(routable=False, updated_at=AT),
    }
    assert policyfile.read('{"policies": []}', "p.json") == {}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (7, ": not an object"),
        ({"state": "active"}, ": has no target"),
        ({"target": None, "state": "active"}, f".target: null {NO_TARGET}"),
        ({"target": "den/", "state": "active"}, f'.target: "den/" {NO_TARGET}'),
        ({"target": "-x", "state": "active"}, f'.target: "-x" {NO_TARGET}'),
        ({"target": "den/\u202e", "state": "active"}, f'.target: "den/\\u202e" {NO_TARGET}'),
        ({"target": "den", "state": "Active"}, f'.state: "Active" {NO_STATE}'),
        ({"target": "den", "state": ["active"]}, f'.state: ["active"] {NO_STATE}'),
        ({"target": "den", "routable": 1}, ".routable: 1 is not true, false or null"),
        ({"target": "den", "routable": True, "reason": 3}, ".reason: 3 is not a text"),
        (
            {"target": "den", "routable": True, "updated_at": "2026-13-41"},
            f'.updated_at: "2026-13-41" {NO_TIME}',
        ),
        ({"target": "den", "stat": 1, "routable": True}, ': "stat" is not known; did you mean state?'),
        ({"target": "den", "xyz": 1, "routable": True}, ': "xyz" is not known'),
        ({"target": "den", "reason": "because"}, ": decides nothing about den; say state or routable"),
    ],
)
def test_each_problem_is_named_with_its_place(entry: Any, problem: str) -> None:
    """One wrong value is one problem, told once."""
    assert problems(entry) == [f"policies[0]{problem}"]


def test_every_problem_is_named() -> None:
    """A file is checked to its end; a target that is there twice is a problem too."""
    found = problems(
        {"target": "den", "state": "x", "routable": "y"}, {"target": "den", "state": "active"}, []
    )
    assert found == [
        'policies[0].state: "x" is not one of active, inactive, flagged',
        'policies[0].routable: "y" is not true, false or null',
        "policies[1].target: den is there twice",
        "policies[2]: not an object",
    ]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "p.json is no JSON (line 1)"),
        ('{"policies": [}', "p.json is no JSON (line 1)"),
        ("[" * 100_000, "p.json is no JSON"),
        ("[]", "p.json is no JSON object"),
        ("{}", "p.json has no list of policies"),
        ('{"policies": {}}', "p.json has no list of policies"),
        (document(schema=2), "p.json is of schema 2, this llmpool knows 1"),
        (document(schema=True), "p.json is of schema true, this llmpool knows 1"),
        (document(polices=[]), 'p.json: the field "polices" is not known; did you mean policies?'),
    ],
)
def test_another_document_is_refused(text: str, fact: str) -> None:
    """What is no such document ends with 2 and says what it is instead."""
    with pytest.raises(Misuse) as refused:
        policyfile.read(text, "p.json")
    assert refused.value.message == fact


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """Missing, a directory, or not text."""
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    for name in ("nowhere", ".", "bytes"):
        with pytest.raises(Misuse, match=f"{tmp_path / name}"):
            policyfile.load(str(tmp_path / name))


def test_what_comes_from_stdin_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` is no name that anybody would know."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"\xff")))
    with pytest.raises(Misuse, match=r"^stdin is not UTF-8 text$"):
        policyfile.load("-")


targets = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,9}(/[!-~]{1,20})?", fullmatch=True)
policies = st.builds(
    lambda state, routable, reason, at: Policy(
        state=state, routable=routable, reason=one_line(reason), updated_at=at
    ),
    st.none() | st.sampled_from(STATES),
    st.none() | st.booleans(),
    st.text(),
    st.sampled_from(["", AT]),
).filter(lambda policy: policy.decides)


@given(st.dictionaries(targets, policies))
def test_what_is_exported_is_what_is_applied(decided: dict[str, Policy]) -> None:
    """The round trip changes nothing, in a stable order."""
    entries = policyfile.entries(decided)
    assert [entry["target"] for entry in entries] == sorted(decided)
    assert policyfile.read(document(*entries), "p.json") == decided


FIELDS = st.sampled_from(["schema", "policies", "target", "state", "routable", "reason", "updated_at", "x"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner),
)


@given(anything)
def test_no_document_crashes_the_reader(value: Any) -> None:
    """Whatever JSON comes, it is policies or a usage error."""
    for given_value in (value, {"policies": value}, {"policies": [value]}):
        try:
            policyfile.read(json.dumps(given_value), "p.json")
        except Misuse:
            continue
