"""importers.usage_record: lines of our own export, checked before they are believed."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.importers.usage_record import NotARecord, own
from llmpool.usage.fields import FIELDS, LONGEST

RECORD = {
    "id": "usage_1",
    "at": "2026-11-21T03:44:00.123Z",
    "provider": "den",
    "model": "qwen3:8b",
    "deployment": "den/qwen3:8b",
    "success": True,
    "input_tokens": 5,
    "cost": "0.25",
    "tag": "work",
}


def test_a_good_record_stays_as_it_is() -> None:
    """What was exported comes back; what only other versions know does not come along."""
    assert own(RECORD) == RECORD
    assert own(RECORD | {"prompt": "a secret", "messages": [{"content": "x"}]}) == RECORD
    assert own({k: v for k, v in RECORD.items() if k not in ("deployment", "cost")}) == RECORD | {
        "cost": None
    }


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"id": "a/b"}, "no id"),
        ({"id": None}, "no id"),
        ({"at": "2026-11-21T03:44:00"}, "no time"),
        ({"at": "2026-13-21T03:44:00Z"}, "no time"),
        ({"at": "1969-12-31T23:59:59Z"}, "no time"),
        ({"at": 5}, "no time"),
        ({"provider": "a/b"}, "provider id"),
        ({"provider": None}, "provider id"),
        ({"model": "\x00"}, "no name"),
        ({"deployment": "sky/qwen3:8b"}, "its deployment"),
        ({"success": 1}, "success"),
        ({"input_tokens": -5}, "count"),
        ({"input_tokens": 5.0}, "count"),
        ({"cost": "NaN"}, "cost"),
        ({"cost": "-1"}, "cost"),
        ({"cost": 0.25}, "cost"),
        ({"cost": "1E999"}, "cost"),
        ({"tag": "t" * (LONGEST + 1)}, "longer"),
        ({"tag": {"a": 1}}, "a text is none"),
        ({"estimated": "yes"}, "flag"),
    ],
    ids=repr,
)
def test_what_cannot_be_is_no_record(changes: dict[str, Any], why: str) -> None:
    """One wrong field makes the line a broken one: nothing is repaired silently."""
    with pytest.raises(NotARecord, match=why):
        own(RECORD | changes)


def test_control_characters_go() -> None:
    """A tag is shown on terminals, wherever it came from."""
    assert own(RECORD | {"tag": "a\x1b[2J\nb"})["tag"] == "a\u241b[2J b"


def test_a_record_without_success_is_none() -> None:
    """Whether it went well is what a record is for."""
    with pytest.raises(NotARecord, match="success"):
        own({name: value for name, value in RECORD.items() if name != "success"})


def test_every_field_is_checked() -> None:
    """No field takes an object, a list or a number that is not one."""
    for fits in FIELDS.values():
        assert not any(fits(value) for value in ([], {}, 1.5, float("nan"), 1 << 63, -1))
