"""Whatever a model writes: no character is lost or said twice, and how it is cut makes no difference."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from itertools import pairwise
from types import FrameType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from llmpool.formats.written_calls import Watch, WrittenCall
from tests.unit.formats.reading import parse

NAMES = ("add", "add_all", "a b", "now")
ADD = '{"name": "add", "arguments": {"a": 1}}'
SNIPPETS = (
    *(
        "<tool_call>",
        "</tool_call>",
        "```json",
        "```",
        "```tool_call",
        "\n",
        " ",
        ",",
        ";",
        "{",
        "}",
        "[",
        "]",
    ),
    *(ADD, '{"name": "now", "parameters": "{}"}', '{"name": "rm", "arguments": {}}', "Sure. ", "python\n"),
    *(*NAMES, '{"a": 1}', '"', "\\", '{"name": "', '"arguments": {', "é", "\ud800", "<", "``", "[1]"),
)
TEXTS = st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=3), max_size=8).map("".join)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = st.dictionaries(st.text(), VALUES, max_size=3)
CALLS = st.lists(st.tuples(st.sampled_from(NAMES), ARGUMENTS), min_size=1, max_size=3)
SHAPES: dict[str, Callable[[list[str]], str]] = {
    "array": lambda calls: f"[{', '.join(calls)}]",
    "concatenated": "\n".join,
    "tagged": lambda calls: "".join(f"<tool_call>\n{call}\n</tool_call>\n" for call in calls),
    "fenced": lambda calls: "```json\n" + "\n".join(calls) + "\n```",
}


@given(TEXTS, st.data())
def test_how_a_text_is_cut_makes_no_difference(text: str, data: st.DataObject) -> None:
    """Each piece is shown once, in order; calls take the place of the end of a text, or of nothing."""
    calls, rest = parse(text, NAMES)
    assert rest == text if not calls else text.startswith(rest)
    for cuts in ([], [*range(len(text))], data.draw(st.lists(st.integers(0, len(text)), max_size=4))):
        watching, bounds = Watch(NAMES), [0, *sorted(cuts), len(text)]
        shown = "".join(watching.feed(text[a:b]) for a, b in pairwise(bounds))
        assert text.startswith(shown)
        found, left = watching.end()
        assert (found, shown + left) == (calls, rest)


@given(TEXTS)
def test_whatever_is_taken_is_a_call_and_nothing_but(text: str) -> None:
    """Take the calls' JSON out of the text, and marks and blanks are left."""
    calls, rest = parse(text, NAMES)
    left = text[len(rest) :]
    for call in calls:
        assert call.name in NAMES
        assert isinstance(json.loads(call.arguments), dict)
        assert call.name in left
    if calls:
        assert parse(left, NAMES) == (calls, "")
        again = "\n".join(json.dumps({"name": c.name, "arguments": c.arguments}) for c in calls)
        assert [(c.name, c.arguments) for c in parse(again, NAMES)[0]] == [
            (c.name, c.arguments) for c in calls
        ]


@given(CALLS, st.sampled_from(sorted(SHAPES)), st.booleans())
@example([("add", {"a": "\ud800"})], "tagged", True)
def test_each_call_is_read_back(calls: list[tuple[str, dict[str, object]]], shape: str, packed: bool) -> None:
    """In each shape, whatever its arguments are, bare or packed as text."""
    written = [
        json.dumps({"name": name, "arguments": json.dumps(given) if packed else given}, ensure_ascii=packed)
        for name, given in calls
    ]
    found, rest = parse(SHAPES[shape](written), NAMES)
    assert rest == ""
    assert [(call.name, json.loads(call.arguments)) for call in found] == calls
    assert {type(call) for call in found} == {WrittenCall}


HOSTILE = (
    *(
        "[",
        "{",
        '[{"name":"add","arguments":[',
        "<tool_call>",
        "```json",
        "```",
        '"',
        "\\",
        "add ",
        "now {} ",
    ),
    *(
        '<tool_call>{"name":',
        '{"id":"',
        f"{ADD}\n",
        "<tool_call>{",
        '{"name": ',
        "<",
        "`",
        " ",
        '{"id": {}} ',
    ),
)


@pytest.mark.parametrize("unit", HOSTILE)
def test_the_work_grows_as_the_text_does(unit: str) -> None:
    """Each character costs a few steps, in one piece or a thousand, and not more the longer the text is."""
    text = unit * (3000 // len(unit))
    assert steps(text, len(text)) <= 80 * len(text)
    assert steps(text, 1) <= 80 * len(text)


def steps(text: str, size: int) -> int:
    """Count the calls of functions, Python's own included, that reading *text* takes."""
    count = 0

    def counting(_frame: FrameType, event: str, _what: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        watching = Watch(NAMES)
        for at in range(0, len(text), size):
            watching.feed(text[at : at + size])
        watching.end()
    finally:
        sys.setprofile(before)
    return count


def test_a_megabyte_of_brackets_is_text() -> None:
    """It is neither taken nor a reason to crash, however deep it is."""
    for text in ("[" * 1_000_000, '[{"name":"add","arguments":{"a":' + "[" * 1_000_000, "{" * 1_000_000):
        assert parse(text, NAMES) == ([], text)
