"""Lines of a file of prompts: what each may say, and the key that tells one question from another."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.chat.batch_lines import Entry, Reader, lines
from llmpool.chat.question import Question
from llmpool.core.routing import RouteRequest

COMMON = RouteRequest(stated=False)


def read(line: Any, *, question: Question | None = None, common: RouteRequest = COMMON, **how: Any) -> Entry:
    """Read one line; a text as it stands, anything else as JSON."""
    text = line if isinstance(line, str) else json.dumps(line)
    return Reader(question or Question(), common, **how).entry(1, text.encode())


def fault(line: Any) -> str:
    """Return what is wrong with a line."""
    found = read(line).fault
    assert found is not None
    return found.message


def test_lines_are_numbered_as_an_editor_does() -> None:
    """Empty lines count, and are passed over; the last needs no end."""
    assert list(lines(io.BytesIO(b"a\n\n  \r\nb"))) == [(1, b"a\n"), (4, b"b")]


def test_every_field_has_its_place() -> None:
    """A line says what is asked, how, of whom, and with what it is recorded."""
    entry = read(
        {
            "prompt": "p",
            "id": {"any": [1]},
            "system": "s",
            "model": "den/m",
            "max_tokens": 5,
            "temperature": 0.5,
            "think": 1000,
            "attach": "a.png",
            "schema": {"type": "object"},
            "tag": "t",
            "hints": {"prefer_speed": True, "mission": "x"},
            "needs": "tools,vision",
            "needs_streaming": True,
            "context_size": 100,
            "tool_count": 2,
            "priority": "background",
        }
    )
    question, wanted = entry.question, entry.wanted
    assert question is not None
    assert wanted is not None
    assert (entry.id, entry.attach, entry.chooses) == ({"any": [1]}, ("a.png",), True)
    assert (question.prompt, question.system, question.max_tokens) == ("p", "s", 5)
    assert (question.temperature, question.thinking, question.tag) == (0.5, "1000", "t")
    assert question.schema == {"type": "object"}
    assert (wanted.query, wanted.model, wanted.needs) == ("p", "den/m", ("tools", "images", "streaming"))
    assert wanted.hints == (("prefer_speed", "true"), ("mission", "x"))
    assert (wanted.context_size, wanted.stated, wanted.tool_count) == (100, True, 2)
    assert wanted.priority == "background"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON"),
        ('{"prompt": "p", "id": 1e999}', "not JSON"),
        ('{"prompt": "p", "id": [NaN]}', "not JSON"),
        ("[1]", 'neither an object with a text "prompt" nor a text'),
        ("7", 'neither an object with a text "prompt" nor a text'),
        ({}, 'not an object with a text "prompt"'),
        ({"prompt": " "}, "nothing to ask: the prompt is empty"),
        ({"prompt": None}, '"prompt" is not a text'),
        ({"prompt": "x", "think": "much"}, '"think" is off, low, medium, high, or a number of tokens'),
        ({"prompt": "x", "max_tokens": 0}, '"max_tokens" is too small'),
        ({"prompt": "x", "max_tokens": True}, '"max_tokens" is not a whole number'),
        ({"prompt": "x", "context_size": 1 << 60}, '"context_size" is too large'),
        ({"prompt": "x", "temperature": 3}, '"temperature" is 0 to 2'),
        ({"prompt": "x", "temperature": "warm"}, '"temperature" is not a whole number or a number'),
        ({"prompt": "x", "needs": ["wings"]}, "\"needs\" 'wings' is not known"),
        ({"prompt": "x", "needs": [1]}, '"needs" is not a list of texts'),
        ({"prompt": "x", "attach": "-"}, '"attach" cannot be stdin'),
        ({"prompt": "x", "priority": "high"}, '"priority" is interactive or background'),
        ({"prompt": "x", "modle": "m"}, '"modle" is not known'),
        ({"prompt": "x", "schema": {"type": 7}}, ""),
    ],
)
def test_what_is_wrong_is_named(line: Any, message: str) -> None:
    """A fault names the field and the fact."""
    assert fault(line).startswith(message)


def test_a_fault_keeps_the_id() -> None:
    """Whoever matches answers by id finds the failed line as well."""
    assert read({"id": "x-1", "prompt": 5}).head() == {"schema": 1, "line": 1, "key": ANY, "id": "x-1"}


class _Any(str):
    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    __hash__ = str.__hash__


ANY = _Any()


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "another"},
        {"system": "s"},
        {"model": "den/m"},
        {"max_tokens": 5},
        {"temperature": 1},
        {"think": "low"},
        {"attach": ["a"]},
        {"schema": {}},
    ],
)
def test_what_shapes_the_answer_changes_the_key(change: dict[str, Any]) -> None:
    """A question that is another one has another key."""
    assert read({"prompt": "p"} | change).key != read({"prompt": "p"}).key


@pytest.mark.parametrize("change", [{"id": 1}, {"tag": "t"}, {"hints": {"a": "b"}}, {"context_size": 9}])
def test_what_does_not_shape_it_leaves_the_key(change: dict[str, Any]) -> None:
    """How a question is marked and routed makes no other of it."""
    assert read({"prompt": "p"} | change).key == read({"prompt": "p"}).key


def test_the_command_line_is_in_the_key_where_it_shapes_the_answer() -> None:
    """The same line under another system prompt, template or form of answer is another question."""
    keys = {
        read({"prompt": "p"}).key,
        read({"prompt": "p"}, question=Question(system="s")).key,
        read({"prompt": "p"}, question=Question(prompt="Say:")).key,
        read({"prompt": "p"}, salt="first block").key,
        read({"prompt": "p"}, fill=lambda question: question.replace(prompt=f"Review {question.prompt}")).key,
    }
    assert len(keys) == 5
    assert read({"prompt": "p"}, common=COMMON.replace(local_only=True)).key in keys


def test_plain_lines_are_prompts_as_they_stand() -> None:
    """Of a text file not even a quotation mark is meant for the reader."""
    question = read('"quoted" \n', plain=True).question
    assert question is not None
    assert question.prompt == '"quoted"'


@given(st.binary(max_size=80), st.booleans())
def test_no_line_breaks_the_reader(text: bytes, plain: bool) -> None:
    """Whatever stands in a line, it is an entry or a fault, and its key is the same each time."""
    first, second = (Reader(Question(), COMMON, plain=plain).entry(7, text) for _ in range(2))
    assert (first.key, first.number) == (second.key, 7)
    assert (first.fault is None) == (first.question is not None)


@given(st.text(min_size=1).filter(str.strip))
def test_every_text_can_be_asked(text: str) -> None:
    """Half surrogate pairs and control characters are texts to a reader of JSON."""
    entry = read({"prompt": text})
    assert entry.question is not None
    assert entry.question.prompt == text


def test_what_is_nested_too_deep_to_be_printed_again_is_refused() -> None:
    """The id goes into the answer as it is, and one line that cannot be written would end them all."""
    for depth in (101, 900, *range(970, 1000)):
        assert fault('{"prompt": "p", "id": ' + "[" * depth + "]" * depth + "}") == "not JSON"
    assert read('{"prompt": "p", "id": ' + "[" * 90 + "]" * 90 + "}").fault is None
