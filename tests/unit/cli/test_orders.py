"""What is typed in an interactive session is a command, or something to say, and never the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.cli.orders import Order, read
from llmpool.errors import Misuse

KNOWN = dict.fromkeys(("model", "retry", "route", "save", "sessions", "system", "new", "help", "exit"))


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("/model", Order("model")),
        ("/model  den/qwen3:8b ", Order("model", "den/qwen3:8b")),
        ("/MODEL x", Order("model", "x")),
        ("/system be brief\nand kind", Order("system", "be brief\nand kind")),
        ("/?", Order("help")),
        ("/quit", Order("exit")),
        ("/bye", Order("exit")),
        ("exit", Order("exit")),
        (" quit ", Order("exit")),
        ("/clear", Order("new")),
    ],
)
def test_a_command_is_one_under_all_its_names(typed: str, meant: Order) -> None:
    """With what stands behind it, whatever the case of its letters."""
    assert read(typed, KNOWN) == meant


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("hello", "hello"),
        ("//model is a word", "/model is a word"),
        ("/etc/passwd is what?", "/etc/passwd is what?"),
        ("/2 is a half", "/2 is a half"),
        ("/", "/"),
        ("/foo\nbar", "/foo\nbar"),
        ("exit the loop", "exit the loop"),
        (" /model", " /model"),
    ],
)
def test_all_else_is_said_as_it_is(typed: str, sent: str) -> None:
    """Paths, pastes and what begins with two slashes are no commands."""
    assert read(typed, KNOWN) == sent


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("/modle x", "did you mean /model?   to send it as it is: //modle"),
        ("/sess", "did you mean /sessions?   to send it as it is: //sess"),
        ("/zzz", "/help lists the commands   to send it as it is: //zzz"),
        ("/quitt", "did you mean /quit?   to send it as it is: //quitt"),
    ],
)
def test_an_unknown_command_gets_a_suggestion(typed: str, hint: str) -> None:
    """It is not sent to a model, and how it would be is said."""
    with pytest.raises(Misuse) as caught:
        read(typed, KNOWN)
    assert caught.value.message == f"there is no command {typed.split(maxsplit=1)[0]}"
    assert caught.value.hint == hint


@given(st.text(max_size=40).filter(lambda text: not text.lstrip("\n").startswith("/")))
def test_a_text_without_a_slash_is_never_a_command(text: str) -> None:
    """But for the words that other programs are left by."""
    if text.strip() not in ("exit", "quit"):
        assert read(text, KNOWN) == text.strip("\n")
