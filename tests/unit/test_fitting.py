"""Whether an answer fits the schema that was asked for."""

from __future__ import annotations

from typing import Any

import pytest

from llmpool.chat.fitting import check, complaint
from llmpool.errors import Misuse

COLOUR: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "rgb": {"type": "array", "items": {"type": "integer"}}},
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("answer", ['{"name": "red"}', '```json\n{"name": "red", "rgb": [255, 0, 0]}\n```'])
def test_an_answer_that_fits_is_not_complained_of(answer: str) -> None:
    """A fence around all of it does not matter."""
    assert complaint(COLOUR, answer) == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("red", "the answer is no JSON (Expecting value: line 1 column 1 (char 0))"),
        ('{"name": 1}', "the answer does not fit the schema: name must be string"),
        ("{}", "the answer does not fit the schema: the answer must contain ['name'] properties"),
        (
            '{"name": "x", "hex": 1}',
            "the answer does not fit the schema: the answer must not contain {'hex'}",
        ),
        ('{"name": "x", "rgb": ["\x1b[31m"]}', "the answer is no JSON (Invalid control character"),
        ("[" * 100_000, "the answer is no JSON ("),
        ('{"name": "x", "rgb": [NaN]}', "the answer is no JSON (NaN is no number of JSON)"),
        ("-Infinity", "the answer is no JSON (-Infinity is no number of JSON)"),
    ],
)
def test_an_answer_that_does_not_fit_is_told_why(answer: str, words: str) -> None:
    """The complaint names the place and what is wanted there."""
    assert complaint(COLOUR, answer).startswith(words)


def test_a_complaint_is_short_and_harmless() -> None:
    """Names out of an answer reach a terminal without their control characters, and not all of them."""
    words = complaint(COLOUR, '{"name": "x", "' + "\\u001b[31mlong" * 200 + '": 1}')
    assert "\x1b" not in words
    assert len(words) < 220


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "colour"},
        {"properties": 1},
        {"type": "string", "pattern": "("},
        {"$ref": "#/nowhere"},
        {"properties": {"a": {"type": "nothing"}}},
    ],
)
def test_a_schema_that_is_none_is_refused_before_anything_is_sent(schema: dict[str, Any]) -> None:
    """What makes no sense in a schema is a misuse, whatever the library makes of it."""
    with pytest.raises(Misuse, match="--schema s is no JSON schema: "):
        check(schema, "--schema s")


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/s.json",
        "file:///etc/passwd",
        "other.json",
        "ftp://example.com/s",
        "data:application/json,{}",
    ],
)
def test_a_schema_fetches_nothing(uri: str) -> None:
    """What a schema points to outside itself is neither downloaded nor read."""
    with pytest.raises(Misuse, match="which is not fetched"):
        check({"$ref": uri}, "--schema s")


def test_definitions_of_later_drafts_are_found() -> None:
    """`$defs` is where tools of today put what is used twice."""
    schema = {"$defs": {"n": {"type": "integer"}}, "properties": {"a": {"$ref": "#/$defs/n"}}}
    assert complaint(schema, '{"a": 1}') == ""
    assert complaint(schema, '{"a": "1"}') == "the answer does not fit the schema: a must be integer"


def test_a_pattern_that_python_may_read_otherwise_one_day_says_nothing(
    recwarn: pytest.WarningsRecorder,
) -> None:
    """A warning would be told on stderr, with the path of a library."""
    check({"properties": {"a": {"pattern": "[[a]--b"}}}, "--schema")
    assert not recwarn.list
