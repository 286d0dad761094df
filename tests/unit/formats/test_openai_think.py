"""Thinking that a server left in the text is told apart from it, however the stream is cut."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import Delta
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Frame
from llmpool.formats import wire_format
from llmpool.formats.openai_think import Thoughts
from tests.unit.formats.recordings import recorded

OPENAI = wire_format("openai")


def frame(**delta: object) -> Frame:
    """Make a piece of a stream."""
    return Frame("", json.dumps({"choices": [{"delta": delta}]}))


def read(*pieces: str | Frame, finish: str = "stop") -> list[Delta]:
    """Read a stream of these pieces of text."""
    frames = [piece if isinstance(piece, Frame) else frame(content=piece) for piece in pieces]
    ended = Frame("", json.dumps({"choices": [{"delta": {}, "finish_reason": finish}]}))
    return list(OPENAI.read_stream([*frames, ended]))


def told(*pieces: str | Frame, finish: str = "stop") -> tuple[str, str]:
    """Return the thinking and the text of a stream."""
    deltas = read(*pieces, finish=finish)
    return "".join(d.thinking for d in deltas), "".join(d.text for d in deltas)


def test_thinking_is_told_apart_wherever_the_stream_is_cut() -> None:
    """Half a mark is held back until it is one or none; the blanks around the marks belong to them."""
    text = "\n<think>\nIs 3 < 4? </b>\n</think>\n\nYes. <think> </think> x"
    for size in range(1, len(text) + 1):
        pieces = [text[start : start + size] for start in range(0, len(text), size)]
        assert told(*pieces) == ("Is 3 < 4? </b>\n", "Yes. <think> </think> x")


PLAIN = [
    ("a",),
    ("a<think>b</think>",),
    ("<", "thin", "g>"),
    (" <b>", "x"),
    (" ", "\n"),
    ("<think", "ing>"),
    ("</think>",),
]


@pytest.mark.parametrize("pieces", PLAIN)
def test_any_other_text_passes_as_it_is(pieces: tuple[str, ...]) -> None:
    """Only the mark at the very beginning is one."""
    assert told(*pieces) == ("", "".join(pieces))


def test_the_first_word_of_a_plain_answer_is_not_held_back() -> None:
    """Looking for the mark costs no time to the first word."""
    assert [delta.text for delta in read("H", "i")] == ["H", "i", ""]


def test_a_thought_that_never_ends_was_the_answer() -> None:
    """No text is lost to a forgotten mark: it is given whole at the end, as it stood."""
    assert told(" <think>\n", "All ", "of it </thin") == ("All of it ", " <think>\nAll of it </thin")


def test_a_thought_that_was_cut_off_stays_one() -> None:
    """There the answer had not begun."""
    assert told("<think>", "hm </", finish="length") == ("hm </", "")
    assert read("<think>hm", finish="length")[-1].finish == "length"


def test_a_thought_and_nothing_else_is_no_answer() -> None:
    """It ended, and nothing followed."""
    with pytest.raises(UpstreamError, match="only thinking"):
        read("<think>hm</think>", "\n")


def test_a_thought_before_tool_calls_stays_one() -> None:
    """The calls are the answer."""
    call = frame(tool_calls=[{"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}])
    assert told("<think>hm", call, finish="tool_calls") == ("hm", "")


def test_an_empty_thought_is_not_shown() -> None:
    """Models that were told not to think open and close the mark."""
    assert told("<think>\n\n</think>\n\n", "4") == ("", "4")


def test_where_thinking_has_a_field_the_text_is_left_alone() -> None:
    """Then a mark in the text is text; what was held back before comes first."""
    assert told(frame(reasoning="hm"), "<think>a</think>") == ("hm", "<think>a</think>")
    assert told("\n", frame(reasoning_content="hm"), "a") == ("hm", "\na")
    assert told("<thi", frame(reasoning_content="hm", content="s")) == ("hm", "<this")


def test_recorded_marks_are_found() -> None:
    """Groq leaves the thinking in the text unless asked to parse it."""
    first, last = OPENAI.read_reply(recorded("groq/think-inline"))
    assert first.text == "4"
    assert first.thinking.startswith("Okay, let's see... The user is asking")
    assert first.thinking.endswith("without any explanation.\n")
    assert last.finish == "stop"


PIECES = st.lists(st.sampled_from([*"<>/think ", "<think>", "</think>", "\n", "word"]), max_size=12)


@given(PIECES, st.booleans())
def test_no_text_is_ever_lost(pieces: list[str], cut: bool) -> None:
    """Everything but the marks and the blanks beside them comes out, in its order, on one side."""
    whole, thoughts = "".join(pieces), Thoughts()
    split = [thoughts.split(piece) for piece in pieces if piece]
    split.append(thoughts.rest(cut=cut))
    thinking, text = ("".join(side) for side in zip(*split, strict=True))
    start = whole.lstrip()
    if not start.startswith("<think>"):
        assert (thinking, text) == ("", whole)
    elif "</think>" not in start:
        assert thinking == start.removeprefix("<think>").lstrip() if cut else text == whole
    else:
        thought, _, answer = start.removeprefix("<think>").partition("</think>")
        assert (thinking, text) == (thought.lstrip(), answer.lstrip())


@given(PIECES)
def test_cutting_makes_no_difference(pieces: list[str]) -> None:
    """The same text in one piece, in words or in letters is told apart alike."""

    def apart(parts: list[str]) -> tuple[str, str]:
        thoughts = Thoughts()
        split = [thoughts.split(part) for part in parts]
        split.append(thoughts.rest(cut=True))
        thinking, text = ("".join(side) for side in zip(*split, strict=True))
        return thinking, text

    assert apart(pieces) == apart(["".join(pieces)]) == apart(list("".join(pieces)))
