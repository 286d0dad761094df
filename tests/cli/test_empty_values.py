"""What is given and empty is no wish: a script's variable that is not set must not lift a limit."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

SKY = model("sky/m"), provider("sky", "http://127.0.0.1:9/v1", location="cloud")
EMPTY = (
    ("chat", "-m", "", "hi"),
    ("chat", "--group=", "hi"),
    ("chat", "--max-cost", "", "hi"),
    ("chat", "--delete", ""),
    ("route", "--profile", "", "hi"),
    ("route", "--exclude", "", "hi"),
    ("models", "list", "--group", ""),
    ("models", "pull", "embedded/x", "--from", "x.gguf", "--sha256", ""),
    ("usage", "prune", "--before", ""),
    ("usage", "prices", "set", "a", "1", "2", "--cache-read", ""),
    ("policy", "budget", "set", "5/day", "--scope", ""),
    ("providers", "logout", "sky", "--account", ""),
    ("init", "--from", ""),
)
"""Of every one of these nothing is left without the value, and the rest is done."""


@pytest.mark.parametrize("words", EMPTY, ids=" ".join)
def test_an_option_that_is_given_nothing_is_refused(home: Home, words: tuple[str, ...]) -> None:
    """It names the option, and nothing is done."""
    home.write_config(*SKY)
    before = home.config.read_text()
    done = home.here(*words)
    assert done.code == 2
    empty = words[words.index("") - 1] if "" in words else words[1].rstrip("=")
    assert f"{'--model' if empty == '-m' else empty} is given, and has no value" in done.err
    assert home.config.read_text() == before


def test_a_pin_that_came_to_nothing_asks_nobody(home: Home, server: FakeServer) -> None:
    """`-m "$(llmpool route --local-only "$q")"` with nothing local asks no cloud, but ends with 2."""
    home.write_config(model("sky/m"), provider("sky", server.url, location="cloud"))
    chosen = home.here("route", "--local-only", "hi")
    assert (chosen.code, chosen.out) == (6, "")
    assert home.here("chat", "-m", chosen.out, "hi").code == 2
    assert not server.chats


def test_no_text_at_all_may_be_meant(home: Home) -> None:
    """No system prompt, no tag, a search for anything; and a variable that is empty is not set."""
    home.write_config(*SKY)
    assert home.here("chat", "-s", "", "--tag", "", "--dry-run", "hi").code == 0
    assert home.here("route", "--tag", "", "hi").out == "sky/m\n"
    assert home.here("models", "list", "--query", "").out.startswith("sky/m")
    assert home.here("route", "hi", env={"LLMPOOL_MODEL": "", "LLMPOOL_GROUP": ""}).out == "sky/m\n"


@pytest.mark.parametrize(
    "words",
    [
        ("chat", "--temperature", "nan", "hi"),
        ("route", "--strategy", "value", "--quality=NaN", "hi"),
        ("chat", "--think", "\u00b2", "hi"),
    ],
    ids=" ".join,
)
def test_what_is_no_number_is_refused(home: Home, server: FakeServer, words: tuple[str, ...]) -> None:
    """It is within any range: a server was sent `NaN`, which is no JSON, and the dearest was good enough."""
    home.write_config(model("sky/m"), provider("sky", server.url))
    assert home.here(*words).code == 2
    assert not server.chats


@pytest.mark.parametrize(
    ("option", "value"),
    [("-m", " "), ("--needs", ","), ("--needs", " , "), ("--exclude", ","), ("--prefer", "\t")],
)
def test_a_list_of_nothing_is_refused(home: Home, option: str, value: str) -> None:
    """`--needs "$a,$b"` with neither set asks for no capability at all, and is not taken for a wish."""
    home.write_config(*SKY)
    done = home.here("route", option, value, "hi")
    assert (done.code, done.out) == (2, "")
    assert "names nothing" in done.err
