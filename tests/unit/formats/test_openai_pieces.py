"""Pieces of an answer that differ in nothing but their text are read by that alone, and come to the same."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import Delta
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Followed, Frame
from llmpool.formats.openai import OpenAI

END = [Frame("", '{"choices": [{"delta": {}, "finish_reason": "stop"}]}'), Frame("", "[DONE]")]


def piece(text: str, *, escaped: bool = True, **more: object) -> str:
    """Write a piece as a server does."""
    return json.dumps(
        {"id": "c1", "model": "m", "choices": [{"index": 0, "delta": {"content": text}, **more}]},
        ensure_ascii=escaped,
    )


def read(frames: Iterable[Frame]) -> list[Delta]:
    """Read a stream to its end."""
    return list(OpenAI().read_stream([*frames, *END]))


def said(deltas: list[Delta]) -> str:
    """Return the text of deltas."""
    return "".join(delta.text for delta in deltas)


@given(st.lists(st.text(max_size=8), min_size=1, max_size=12), st.booleans())
def test_every_text_comes_out_as_it_went_in(texts: list[str], escaped: bool) -> None:
    """Quotes, backslashes, line ends and characters of all kinds, in any order."""
    if any(text.strip() for text in texts):
        assert said(read(Frame("", piece(text, escaped=escaped)) for text in texts)) == "".join(texts)


@pytest.mark.parametrize(
    "text",
    [
        '"content":"x"',
        '"content": "',
        '\\"content\\"',
        "}]}",
        '", "finish_reason": "stop',
        "?",
        "!",
        "\U0001f600",
        "",
    ],
)
def test_text_that_looks_like_a_piece_is_text(text: str) -> None:
    """What a model says about JSON is not taken for the server's."""
    frames = [Frame("", piece(each)) for each in ("a", text, "b", text, text)]
    assert said(read(frames)) == f"a{text}b{text}{text}"


def test_what_changes_on_the_way_is_not_missed() -> None:
    """A finish, a count of tokens, another model and a tool call are read wherever they stand."""
    calls = [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}]
    deltas = read(
        [
            *(Frame("", piece(text)) for text in "abc"),
            Frame("", json.dumps({"choices": [{"delta": {"content": "d", "tool_calls": calls}}]})),
            *(Frame("", piece(text)) for text in "ef"),
            Frame("", json.dumps({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 5}})),
            Frame("", piece("g", finish_reason="length")),
        ]
    )
    assert said(deltas) == "abcdefg"
    assert [tool.name for delta in deltas for tool in delta.tools] == ["f"]
    last = deltas[-1]
    assert last.usage is not None
    assert (last.usage.input, last.usage.output, last.finish) == (7, 5, "tools")


def test_half_a_character_is_no_character() -> None:
    """A server that cuts within an emoji sends half in each piece: each is the sign for what is lost."""
    halves = [piece("X").replace("X", half) for half in ("\\ud83d", "\\ude00")]
    frames = [Frame("", piece("a")), Frame("", piece("b")), *(Frame("", each) for each in halves)]
    assert said(read(frames)) == "ab\ufffd\ufffd"


def test_texts_that_came_together_are_one_and_none_waits() -> None:
    """What is followed by more of the same read is joined; the last of a read goes out with it."""
    frames = [Frame("", piece("a")), *(Followed("", piece(text)) for text in "bcd"), Frame("", piece("e"))]
    assert [delta.text for delta in read(frames) if delta.text] == ["a", "bcde"]


def test_an_error_comes_behind_the_text_before_it() -> None:
    """What was said is shown, though the error came with it."""
    error = Followed("", json.dumps({"error": {"message": "overloaded", "type": "overloaded_error"}}))
    stream = OpenAI().read_stream([Frame("", piece("a")), Followed("", piece("b")), error, *END])
    shown = [next(stream).text, next(stream).text]
    assert shown == ["a", "b"]
    with pytest.raises(UpstreamError, match="overloaded"):
        next(stream)
