"""Prompts out of the config, with their places filled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.chat.templates import fill
from llmpool.errors import Misuse, UnknownName

KEPT = (
    ("review", "Review this change:\n{input}"),
    ("translate", "Translate into {language}, {tone}:\n\n{input}"),
    ("joke", "Tell a joke."),
    ("json", 'Answer as {{"a": 1}} or {"b": 2}: {input}'),
)


def test_input_is_prompt_and_stdin() -> None:
    """Both stand where {input} is, joined by an empty line; complexity is judged without stdin."""
    filled = fill(KEPT, "review", "only the tests", "diff --git", {})
    assert filled.prompt == "Review this change:\nonly the tests\n\ndiff --git"
    assert filled.query == "Review this change:\nonly the tests"


def test_variables_stand_for_their_places() -> None:
    """Every {NAME} is filled; braces in what is filled in stay as they are."""
    values = {"language": "German", "tone": "{polite}"}
    assert fill(KEPT, "translate", "hi {name}", "", values).prompt == (
        "Translate into German, {polite}:\n\nhi {name}"
    )


def test_without_a_place_the_input_goes_behind() -> None:
    """A template that has no {input} is asked as it stands, or with what is given behind it."""
    assert fill(KEPT, "joke", "", "", {}).prompt == "Tell a joke."
    assert fill(KEPT, "joke", "about cats", "", {}).prompt == "Tell a joke.\n\nabout cats"


def test_braces_that_are_no_place_stay() -> None:
    """Doubled braces are one, and JSON is not taken for a place."""
    assert fill(KEPT, "json", "x", "", {}).prompt == 'Answer as {"a": 1} or {"b": 2}: x'


@pytest.mark.parametrize(
    ("name", "values", "message", "hint"),
    [
        ("translate", {}, "template translate wants language, tone", "--var language=... --var tone=..."),
        ("review", {"x": "1"}, "template review has no place for x", "its variables: none"),
        ("review", {"input": "1"}, "template review has no place for input", "its variables: none"),
    ],
)
def test_values_and_places_have_to_match(name: str, values: dict[str, str], message: str, hint: str) -> None:
    """A place without a value, and a value without a place, are told before anything is sent."""
    with pytest.raises(Misuse) as caught:
        fill(KEPT, name, "x", "", values)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_a_template_that_waits_for_input_says_so() -> None:
    """Nothing to put where {input} stands is not sent as an empty text."""
    with pytest.raises(Misuse, match="template review wants an input"):
        fill(KEPT, "review", "", " \n", {})


@pytest.mark.parametrize(
    ("kept", "hint"),
    [
        (KEPT, "did you mean review?"),
        ((("a", ""),), "there are: a"),
        ((), "keep one: llmpool config set templates.reveiw 'Review this: {input}'"),
    ],
)
def test_a_misspelt_template_is_suggested(kept: tuple[tuple[str, str], ...], hint: str) -> None:
    """A name nobody carries leads to the nearest, to the list, or to how to keep one."""
    with pytest.raises(UnknownName) as caught:
        fill(kept, "reveiw", "x", "", {})
    assert caught.value.hint == hint


@given(st.text(), st.text())
def test_no_text_breaks_a_template(prompt: str, piped: str) -> None:
    """Whatever is put in comes out once, unchanged."""
    if prompt.strip() or piped.strip():
        sent = fill(KEPT, "review", prompt, piped, {}).prompt
        given_text = "\n\n".join(part for part in (prompt, piped) if part.strip())
        assert sent == f"Review this change:\n{given_text}"
