"""Refresh against servers that list nonsense: a clear error or a counted skip, in every format."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from llmpool.formats import FORMATS
from tests.fakes import faults
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, Result, model, provider

ALL = tuple(FORMATS)
GOOD = ["good", "with/slash", "größe-7b"]
BAD_NAMES = [
    "good",
    "bad\x1b[31m",
    "x" * 10_000,
    "",
    "   ",
    "\u202eliame",
    "nul\0",
    "two\nlines",
    "half\ud800",
]
NOT_EVEN_NAMES = [None, 7, [], {}, {"id": None}, {"id": 5}, {"id": {"a": 1}}, {"id": ["x"]}]
FAULTS = {
    "an error in a 200": faults.error_in_stream(message="the \x1b[31mdisk\u202e is full"),
    "another charset": faults.wrong_charset("utf-16"),
    "half a document": faults.half_json(),
    "null": faults.status(200, body="null"),
    "no list": faults.status(200, body='{"data": {"a": 1}, "models": "many"}'),
    "brackets": faults.status(200, body="[" * 100_000),
    "nothing": faults.status(200, body=""),
    "a page": faults.html(),
}

Start = Callable[..., dict[str, FakeServer]]


@pytest.fixture
def start(home: Home) -> Iterator[Start]:
    """Give a function that starts a server of each format, and configures all of them."""
    with ExitStack() as stack:

        def go(
            models: Iterable[Any] = GOOD, fault: Behaviour | None = None, formats: Iterable[str] = ALL
        ) -> Any:
            script = faults.always(fault) if fault else ()
            servers = {
                name: stack.enter_context(FakeServer(models, speaks=[name], behave_listing=script))
                for name in formats
            }
            home.write_config(*(provider(name, each.root, format=name) for name, each in servers.items()))
            return servers

        yield go


def clean(result: Result) -> None:
    """Assert that what was printed is plain text: no trace of Python, no escape and no bidi mark."""
    assert "Traceback" not in result.err
    assert not set(result.out + result.err) & set("\x1b\x07\x00\u202e\u202d\x9b")


def reported(result: Result) -> dict[str, Any]:
    """Return what `refresh --json` says of each provider."""
    return {each["id"]: each for each in result.json["providers"]}


def test_names_no_model_can_have_are_skipped_and_counted(home: Home, start: Start) -> None:
    """Control characters, 10 kB, blanks, duplicates, nulls and wrong types cost a line each, and no more."""
    start([*GOOD, *BAD_NAMES, *NOT_EVEN_NAMES])
    shown = reported(home.here("refresh", "--json"))
    counted = {name: (each["models"], each["skipped_lines"]) for name, each in shown.items()}
    every = len(BAD_NAMES) + len(NOT_EVEN_NAMES)
    named = len(BAD_NAMES) - 1  # Cloud Code lists by name, so that none is there twice and all are text
    assert counted == {name: (3, named if name == "cloudcode" else every) for name in ALL}
    text = home.here("refresh")
    assert text.code == 0
    assert text.err.count(f"3 models, {every} unusable lines skipped") == len(ALL) - 1
    listed = home.here("models", "list", "--json")
    assert sorted(each["id"] for each in listed.json["models"]) == sorted(
        f"{name}/{each}" for name in ALL for each in GOOD
    )
    for result in (text, listed, home.here("models", "list"), home.here("route", "hi")):
        clean(result)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_listing_is_an_error_and_costs_nothing_known(home: Home, start: Start, fault: str) -> None:
    """Whatever a server says instead of a listing is one line and 9; the models of before are kept."""
    servers = start()
    assert home.here("refresh").code == 0
    for each in servers.values():
        each.behave_listing(faults.always(FAULTS[fault]))
    result = home.here("refresh")
    assert result.code == 9
    clean(result)
    lines = {line.split()[0]: line for line in result.err.splitlines() if line.split()[0] in ALL}
    assert set(lines) == set(ALL)
    assert {name for name, line in lines.items() if "; 3 models kept from before" not in line} == set()
    words = {"an error in a 200": "disk", "a page": "HTML|no list"}.get(fault, "JSON|no list|no `models`")
    assert {name for name, line in lines.items() if not re.search(words, line)} == set()


def test_a_bomb_is_refused_before_it_goes_off(home: Home, start: Start) -> None:
    """A small body that unpacks to 256 MiB is an error at 64."""
    start(fault=faults.gzip_bomb(), formats=("openai", "ollama"))
    result = home.here("refresh")
    assert result.code == 9
    clean(result)
    assert result.err.count("larger than 64 MiB") == 2


def test_a_listing_beyond_all_measure_is_refused(home: Home, start: Start) -> None:
    """More than 100,000 models are nobody's; another provider's are found all the same."""
    rows = [{"key": f"model-{n}", "name": f"model-{n}", "type": "llm"} for n in range(100_001)]
    many = faults.status(200, body=json.dumps({"models": rows}))
    servers = start(formats=("lmstudio", "ollama", "google"))
    servers["lmstudio"].behave_listing(faults.always(many))
    servers["ollama"].behave_listing(faults.always(many))
    result = home.here("refresh", "--json")
    shown = reported(result)
    clean(result)
    assert result.code == 9
    assert {name: each["models"] for name, each in shown.items()} == {"lmstudio": 0, "ollama": 0, "google": 3}
    assert "more than 100,000 models" in shown["lmstudio"]["error"]
    assert "more than 100,000 models" in shown["ollama"]["error"]
    assert len(servers["ollama"].requests) == 1, "no model of such a listing is asked about"


def test_thousands_of_models_are_a_listing_like_any_other(home: Home, start: Start) -> None:
    """3,000 models are found, over however many pages, and the last one can be asked."""
    servers = start([f"model-{n}" for n in range(3000)], formats=("anthropic", "lmstudio"))
    shown = reported(home.here("refresh", "--json"))
    assert {name: each["models"] for name, each in shown.items()} == {"anthropic": 3000, "lmstudio": 3000}
    assert len(servers["anthropic"].listings) == 3
    assert home.here("chat", "-m", "anthropic/model-2999", "hi").out == "hello there\n"


@pytest.mark.slow
def test_100000_models_are_kept(home: Home) -> None:
    """The largest listing allowed is kept whole, and listed again."""
    with FakeServer([f"model-{n}" for n in range(100_000)]) as server:
        home.write_config(provider("a", server.url))
        assert home.pool("refresh", timeout=110).code == 0
    listed = json.loads(home.pool("models", "list", "--json", timeout=110).out)
    assert len(listed["models"]) == 100_000


def test_a_paged_listing_that_never_ends_is_left(home: Home) -> None:
    """A server whose next page is always the first one is asked twice, not for ever."""
    page = {"data": [{"id": "m", "type": "model"}], "has_more": True, "first_id": "m", "last_id": "m"}
    token = {"models": [{"name": "models/m"}], "nextPageToken": "again"}
    with (
        FakeServer(speaks=["anthropic"], behave_listing=faults.always(faults.status(200, body=page))) as one,
        FakeServer(speaks=["google"], behave_listing=faults.always(faults.status(200, body=token))) as two,
    ):
        home.write_config(
            provider("one", one.root, format="anthropic"), provider("two", two.root, format="google")
        )
        shown = reported(home.here("refresh", "--json"))
        assert {name: (each["models"], each["skipped_lines"]) for name, each in shown.items()} == {
            "one": (1, 1),
            "two": (1, 1),
        }
        assert (len(one.requests), len(two.requests)) == (2, 2)


def test_a_key_with_a_line_break_is_told_and_never_sent(home: Home, start: Start) -> None:
    """A key with a line inside goes nowhere; a line break behind it is only how it was copied."""
    servers = start()
    home.write_config(
        *(provider(n, s.root, format=n, key={"env": "MY_KEY"}) for n, s in servers.items()),
        model("anthropic/m"),
    )
    broken = {"MY_KEY": f"{PLANTED_KEY}\nX-Evil: 1"}
    refresh = home.here("refresh", env=broken)
    chat = home.here("chat", "-m", "anthropic/m", "hi", env=broken)
    assert [each for server in servers.values() for each in server.requests] == []
    assert refresh.err.count("contains a line break") == len(ALL)
    assert chat.code == 5
    assert "contains a line break" in chat.err
    assert not any(result.shows(PLANTED_KEY[:20]) for result in (refresh, chat))
    copied = home.here("refresh", env={"MY_KEY": f" {PLANTED_KEY}\n"})
    assert (copied.code, copied.err.count("3 models")) == (0, len(ALL))
    sent = [each.headers for server in servers.values() for each in server.requests]
    assert not [headers for headers in sent if "x-evil" in headers or "\n" in str(headers.values())]
