"""No secret is ever printed, logged or kept, whatever a server does with the key it was sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.fakes import answers, faults
from tests.fakes.exchange import Exchange, Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, Result, model, provider

ENV = {"A_KEY": PLANTED_KEY}
MUTE = (PLANTED_KEY, PLANTED_KEY[:12])  # the beginning alone would be too much, too

Echo = Callable[[str], Behaviour]


def echo_of(request: Request) -> str:
    """Return what the server got as Authorization."""
    return request.headers.get("authorization", "")


def stream_error(quoted: str) -> Behaviour:
    """Answer 200 with an error event that quotes the key."""
    return faults.error_in_stream(message=f"bad header: {quoted}", code=401)


def late_error(quoted: str) -> Behaviour:
    """Say two words, then quote the key in an error."""
    return faults.error_in_stream(3, message=f"bad header: {quoted}", code=500)


def no_json(quoted: str) -> Behaviour:
    """Send an event that is not JSON and quotes the key."""
    return lambda exchange: exchange.send(200, f"data: {quoted}\n\n", kind="text/event-stream")


def broken_off(quoted: str) -> Behaviour:
    """Hang up inside the key."""

    def play(exchange: Exchange) -> None:
        exchange.begin_stream()
        exchange.chunk(f"data: {quoted[:-6]}".encode())
        exchange.hang_up()

    return play


def escaped(quoted: str) -> Behaviour:
    """Quote the key with its dashes escaped, as some JSON writers do."""
    body = json.dumps(answers.error(quoted)).replace("-", "\\u002D")
    return faults.status(400, body=body)


ECHOES: dict[str, Echo] = {
    "401": lambda quoted: faults.status(401, body=answers.error(f"bad {quoted}", code=quoted)),
    "400": lambda quoted: faults.status(400, body=f"plain words: {quoted}"),
    "429": lambda quoted: faults.status(429, headers={"Retry-After": quoted}, body={"detail": [quoted]}),
    "escaped": escaped,
    "sse error": stream_error,
    "late error": late_error,
    "no json": no_json,
    "broken off": broken_off,
    "answer": lambda quoted: faults.ok(f"you sent {quoted}", pieces=("you sent ", quoted)),
    "token alone": lambda quoted: faults.ok(f"you sent {quoted.removeprefix('Bearer ')} to me"),
    "thinking": lambda quoted: faults.thinking(quoted.replace(" ", "_")),
    "tool": lambda quoted: faults.tool_call(quoted, json.dumps({"key": quoted})),
    "served model": faults.wrong_model,
    "redirect": lambda quoted: faults.redirect(f"http://{quoted.rpartition(' ')[2]}.example/?{quoted}"),
}


def play(echo: Echo) -> Callable[[int, Request], Behaviour]:
    """Script a server that quotes what it got, with and without `Bearer` in turn."""
    return lambda _number, request: echo(echo_of(request))


def looked_through(home: Home, *results: Result) -> None:
    """Assert that no stream and no file holds the key or its beginning."""
    for secret in MUTE:
        assert not any(result.shows(secret) for result in results), results
        assert home.files_with(secret) == []


def configured(home: Home, url: str) -> None:
    """Write a config whose one provider takes its key from the environment."""
    home.write_config(provider("a", url, key={"env": "A_KEY"}), model("a/m"))


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_a_key_that_is_quoted_to_a_chat_goes_nowhere(home: Home, echo: Echo) -> None:
    """Neither streams nor documents, decisions, usage or sessions hold it."""
    with FakeServer(behave=play(echo)) as server:
        configured(home, server.url)
        runs = (
            ("chat", "--max-wait", "0", "hi"),
            ("chat", "--json", "--session", "s", "--max-wait", "0", "hi"),
            ("chat", "--no-stream", "--max-wait", "0", "--traceback", "hi"),
        )
        results = [home.here(*run, env=ENV) for run in runs]
        assert all(echo_of(chat) == f"Bearer {PLANTED_KEY}" for chat in server.chats)
        assert len(server.chats) >= 3
    looked_through(home, *results)  # what no file holds, no later command can print


LISTINGS: dict[str, Callable[[str], Any]] = {
    **{name: ECHOES[name] for name in ("401", "400", "429", "escaped", "redirect")},
    "model name": lambda quoted: faults.status(200, body=answers.listing(["m", quoted, f"x-{quoted[7:]}"])),
    "model facts": lambda quoted: faults.status(
        200, body=answers.listing([{"id": "m", "type": quoted, "arch": quoted, "state": quoted}])
    ),
    "no listing": lambda quoted: faults.status(200, body=f'"{quoted}'),
}


@pytest.mark.parametrize("echo", LISTINGS.values(), ids=LISTINGS)
def test_a_key_that_is_quoted_to_a_refresh_goes_nowhere(home: Home, echo: Echo) -> None:
    """Neither the report nor the inventory, and nothing that reads it."""
    with FakeServer(behave_listing=play(echo)) as server:
        configured(home, server.url)
        runs = (("refresh",), ("refresh", "--json", "--traceback"), ("refresh", "-q", "a"))
        results = [home.here(*run, env=ENV) for run in runs]
        assert len(server.listings) >= 3
    reads = (("models", "list", "--json"), ("providers", "show", "a"))
    looked_through(home, *results, *(home.here(*read, env=ENV) for read in reads))


def readings(home: Home) -> list[Result]:
    """Run what reads config and state: plainly, with a trace and quietly in turn."""
    commands = (
        ("providers", "list"),
        ("providers", "show", "a"),
        ("models", "list"),
        ("models", "list", "--json"),
        ("route", "--json", "hi"),
        ("route", "--last"),
        ("usage", "list"),
        ("usage", "decisions"),
        ("config", "show"),
    )
    manners = ((), ("--traceback",), ("-q",))
    numbered = enumerate(commands)
    return [home.here(*command, *manners[number % 3], env=ENV) for number, command in numbered]


def test_what_reads_config_and_state_shows_no_key(home: Home) -> None:
    """A server that quotes the key wherever it can leaves nothing behind for any command to show."""
    listing, answer = LISTINGS["model name"], ECHOES["served model"]
    with FakeServer(behave_listing=play(listing), behave=play(answer)) as server:
        configured(home, server.url)
        good = [home.here("refresh", env=ENV), home.here("chat", "hi", env=ENV)]
    assert [result.code for result in good] == [0, 0]
    looked_through(home, *good, *readings(home))


def test_a_header_from_a_variable_reaches_the_server_and_nothing_else(home: Home) -> None:
    """A header's secret is sent with listings and chats; no file and no command has it."""
    env = {"GATEWAY": f"Bearer {PLANTED_KEY}"}
    with FakeServer(behave=play(ECHOES["answer"])) as server:
        home.write_config(
            provider("a", server.url, headers={"X-Team": "s", "Authorization": {"env": "GATEWAY"}}),
            model("a/m"),
        )
        good = [
            home.here(*run, env=env) for run in (("refresh",), ("chat", "hi"), ("providers", "verify", "a"))
        ]
        assert {echo_of(each) for each in (*server.listings, *server.chats)} == {env["GATEWAY"]}
        assert server.chats[0].headers["x-team"] == "s"
    assert [result.code for result in good] == [0, 0, 0]
    shown = home.here("config", "show", "--json", env=env)
    assert shown.shows("GATEWAY")
    looked_through(home, *good, shown, *readings(home))


def test_a_header_whose_variable_is_not_set_is_a_missing_key(home: Home, server: FakeServer) -> None:
    """The variable is named, nobody is asked, and a refresh of all treats it as it does a missing key."""
    home.write_config(provider("a", server.url, headers={"X-Key": {"env": "GATEWAY"}}), model("a/m"))
    chat = home.here("chat", "hi")
    assert (chat.code, chat.shows("GATEWAY is not set")) == (5, True)
    refresh = home.here("refresh", "--json")
    assert refresh.code == 0
    assert refresh.shows("GATEWAY is not set")
    assert server.requests == []


def test_a_header_from_a_variable_is_hidden_whatever_it_is_called(home: Home) -> None:
    """That it comes from a variable makes it a secret; a server that quotes it is not repeated."""
    quoted = faults.always(faults.status(400, body={"error": {"message": f"bad {PLANTED_KEY}"}}))
    with FakeServer(behave=quoted) as server:
        home.write_config(provider("a", server.url, headers={"X-Org": {"env": "ORG"}}), model("a/m"))
        failed = home.here("chat", "hi", env={"ORG": PLANTED_KEY})
        assert (failed.code, server.chats[0].headers["x-org"]) == (7, PLANTED_KEY)
    looked_through(home, failed)
