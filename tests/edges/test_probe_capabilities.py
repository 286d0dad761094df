"""Capabilities really tried: a tool call, a JSON schema and an image, over a real socket."""

from __future__ import annotations

import struct
import zlib
from base64 import b64decode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Message
from llmpool.core.deployment import Capabilities
from llmpool.core.outcome import Failure
from llmpool.core.provider import Provider
from llmpool.credentials import Credential
from llmpool.discovery import probe_capabilities as trying
from llmpool.discovery.probe import probe
from llmpool.discovery.probe_plan import choose
from llmpool.discovery.short_call import Asker, Said
from llmpool.discovery.spent import Spent
from llmpool.net.client import Client
from llmpool.state import inventory
from tests.edges.test_probe import open_pool
from tests.fakes import faults
from tests.fakes.answers import error
from tests.fakes.exchange import Request
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer
from tests.support import model, provider

CALL = faults.tool_call("add", '{"a": 2, "b": 3}')
JSON = faults.ok('{"capital": "Paris"}')


COLOURS = trying.COLOURS
RED = COLOURS[0]
CLOUD = Provider(
    id="a", name="a", preset="", format="", format_mode="", url="https://a.example/v1", location="cloud"
)


@pytest.fixture(autouse=True)
def _red(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave nothing to chance: the picture is red."""
    monkeypatch.setattr(trying, "COLOURS", (RED,))


def refusal(status: int, message: str, param: str | None = None) -> Behaviour:
    """Refuse as OpenAI's servers do."""
    body = error(message, kind="invalid_request_error")
    body["error"]["param"] = param
    return faults.status(status, body=body)


def feature(request: Request) -> str:
    """Say which of the calls a request is."""
    body = request.json
    content = body["messages"][0]["content"]
    if isinstance(content, list):
        return "images"
    return "tools" if "tools" in body else "json" if "response_format" in body else "hi"


def server_of(answers: dict[str, Behaviour]) -> Callable[[int, Request], Behaviour | None]:
    """Script answers by what is tried."""
    return lambda _number, request: answers.get(feature(request))


def tried(directory: Path, server: FakeServer, answers: dict[str, Behaviour]) -> Capabilities:
    """Probe one model of a server that answers so, and return what is kept."""
    server.behave(server_of(answers))
    pool = open_pool(directory, provider("a", server.url), model("a/m"))
    found = probe(pool, choose(pool), capabilities=True).found
    kept = inventory.read(pool.paths.state).providers["a"].probes[0].capabilities
    assert kept == found[0].probe.capabilities
    return kept


def test_what_works_is_found_and_kept(tmp_path: Path, server: FakeServer) -> None:
    """A call that comes back, JSON with the field asked for, an answer to a picture: three times yes."""
    can = tried(tmp_path, server, {"tools": CALL, "json": JSON, "images": faults.ok("Red")})
    assert can == Capabilities(chat=True, tools=True, json=True, images=True)
    assert [feature(chat) for chat in server.chats] == ["hi", "tools", "json", "images"]
    tools, json, images = (chat.json for chat in server.chats[1:])
    assert tools["tool_choice"] == "required"
    assert [body["max_tokens"] for body in (tools, json, images)] == [200, 60, 20]
    assert json["response_format"]["json_schema"]["schema"]["required"] == ["capital"]
    url = images["messages"][0]["content"][1]["image_url"]["url"]
    assert b64decode(url.removeprefix("data:image/png;base64,")) == trying.png(colour=RED.rgb)


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        # named in the refusal: no
        ({"tools": refusal(400, "m does not support tools")}, {"tools": False}),
        ({"tools": refusal(404, "No endpoints found that support tool use.")}, {"tools": False}),
        ({"tools": refusal(500, "tools param requires --jinja flag")}, {"tools": False}),
        ({"json": refusal(400, "Unknown field", "response_format")}, {"json": False}),
        ({"json": refusal(400, "This response_format type is unsupported")}, {"json": False}),
        ({"images": refusal(400, "image_url is only supported by certain models.")}, {"images": False}),
        ({"images": refusal(500, "image input is not supported - no mmproj")}, {"images": False}),
        # a whole answer without it, from a server of one's own: nothing
        ({"tools": faults.ok("That is 5.")}, {"tools": None}),
        ({"json": faults.ok("Paris")}, {"json": None}),
        # cut short, busy, or about something else: nothing
        ({"tools": faults.ok("Let me think", finish="length")}, {"tools": None}),
        ({"json": faults.ok('{"capi', finish="length")}, {"json": None}),
        ({"json": faults.ok("[" * 9000)}, {"json": None}),
        ({"tools": faults.status(429)}, {"tools": None}),
        ({"tools": refusal(400, "bad request")}, {"tools": None}),
        ({"images": refusal(400, "the picture is nice")}, {"images": None}),
        ({"images": refusal(401, "images are not supported")}, {"images": None}),
        ({"images": faults.empty()}, {"images": None}),
        ({"images": faults.reset()}, {"images": None}),
    ],
)  # fmt: skip
def test_a_no_is_one_that_names_it(
    tmp_path: Path, server: FakeServer, answers: dict[str, Behaviour], expected: dict[str, Any]
) -> None:
    """One thing that does not work tells nothing about the others."""
    good = {"tools": CALL, "json": JSON, "images": faults.ok("Red")}
    can = tried(tmp_path, server, good | answers)
    assert can == Capabilities(**{"chat": True, "tools": True, "json": True, "images": True} | expected)


@pytest.mark.parametrize(
    ("refused", "after", "expected"),
    [
        (refusal(400, "tool_choice is not supported", "tool_choice"), CALL, True),
        (refusal(400, "m does not support this tool_choice"), CALL, True),
        (refusal(500, "tool_choice=required needs another parser"), CALL, True),
        (refusal(400, "tool_choice is not supported", "tool_choice"), faults.ok("5"), None),
        (refusal(500, "tool_choice=required needs another parser"), faults.ok("5"), None),
        (refusal(400, "tool_choice is not supported"), refusal(400, "tools are not supported"), False),
    ],
)
def test_a_choice_that_is_refused_is_left_to_the_model(
    tmp_path: Path, server: FakeServer, refused: Behaviour, after: Behaviour, expected: bool | None
) -> None:
    """Where no call can be ordered one may still come; that none came then says nothing."""

    def play(_number: int, request: Request) -> Behaviour | None:
        if feature(request) != "tools":
            return None
        return refused if request.json.get("tool_choice") == "required" else after

    server.behave(play)
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    assert probe(pool, choose(pool), capabilities=True).found[0].probe.capabilities.tools is expected


def test_a_model_that_does_not_answer_is_not_tried(tmp_path: Path, server: FakeServer) -> None:
    """No tokens are spent on what is not there."""
    server.behave(lambda _number, _request: faults.status(404, body=error("no such model")))
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    assert probe(pool, choose(pool), capabilities=True).found[0].probe.capabilities == Capabilities()
    assert len(server.chats) == 1


@pytest.mark.parametrize("colour", COLOURS)
def test_only_the_colour_shown_is_a_yes(monkeypatch: pytest.MonkeyPatch, colour: trying.Colour) -> None:
    """Each colour is asked for with its own picture; another colour, or several, may be a guess."""
    monkeypatch.setattr(trying, "COLOURS", COLOURS)
    words = {0: "Rouge", 1: "grün", 2: "Es azul.", 3: "黄色", 4: "ORANGE", 5: "violet"}
    shown: list[str] = []

    def answer(text: str) -> bool | None:
        def ask(request: ChatRequest) -> Said:
            shown.append(request.messages[0].images[0].url)
            return Said(text=text, finish="stop", status=200)

        return trying.images(ask, lambda _colours: colour)

    answers = [answer(word) for word in words.values()]
    assert answers == [True if each is colour else None for each in COLOURS]
    assert answer("red, green, blue, yellow, orange or purple") is None
    assert answer("I see no picture.") is None
    data = b64decode(shown[0].removeprefix("data:image/png;base64,"))
    assert data == trying.png(colour=colour.rgb)


def test_the_picture_is_a_picture() -> None:
    """It is a PNG of the size and the colour asked for, and every checksum holds."""
    data, pieces = trying.png(3, (1, 2, 3)), {}
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place = 8
    while place < len(data):
        (length,) = struct.unpack(">I", data[place : place + 4])
        kind, body = data[place + 4 : place + 8], data[place + 8 : place + 8 + length]
        (checksum,) = struct.unpack(">I", data[place + 8 + length : place + 12 + length])
        assert checksum == zlib.crc32(kind + body)
        pieces[kind] = body
        place += 12 + length
    assert struct.unpack(">IIBBBBB", pieces[b"IHDR"]) == (3, 3, 8, 2, 0, 0, 0)
    assert zlib.decompress(pieces[b"IDAT"]) == (b"\0" + b"\1\2\3" * 3) * 3


def test_a_whole_answer_needs_an_end() -> None:
    """An answer without text and without a call tells nothing."""
    silent = Said(status=200, finish="stop", format="openai", carried=("tool_choice",))
    assert trying.tools(lambda _request: silent, CLOUD) is None
    failed = Said(failure=Failure(kind="quota", message="tools are not supported", status=400))
    assert trying.tools(lambda _request: failed, CLOUD) is None


@pytest.mark.parametrize(
    ("wire", "preset", "expected"),
    [
        ("openai", "", False),
        ("copilot", "", False),
        ("google", "", False),
        ("cloudcode", "", False),
        ("responses", "openai", False),
        ("responses", "", None),  # imitated, with or without what was ordered
        ("anthropic", "anthropic", False),
        ("anthropic", "minimax", None),
        ("ollama", "ollama-cloud", None),
        ("lmstudio", "", None),
    ],
)
def test_a_whole_answer_is_a_no_where_the_order_binds(wire: str, preset: str, expected: bool | None) -> None:
    """It takes a call that carried the order, a format that binds its servers, and a server of others."""
    provider = CLOUD.replace(preset=preset)
    owned = (
        provider.replace(location="local"),
        provider.replace(url="http://192.168.1.5:8080/v1"),
        provider.replace(url="https://box.local/v1"),
    )
    for order, trial, text in (
        ("tool_choice", trying.tools, "That is 5."),
        ("schema", trying.structured, "Paris"),
        ("schema", trying.structured, '["Paris"]'),
        ("schema", trying.structured, '{"city": "Paris"}'),
    ):
        said = Said(text=text, finish="stop", status=200, format=wire, carried=(order,))
        assert trial(lambda _request, said=said: said, provider) is expected
        for free in (said._replace(carried=()), said._replace(finish="length"), said._replace(format="")):
            assert trial(lambda _request, said=free: said, provider) is None
        for own in owned:
            assert trial(lambda _request, said=said: said, own) is None


@pytest.mark.parametrize(
    ("wire", "carried"),
    [
        ("openai", [("tool_choice",), ("schema",)]),
        ("responses", [("tool_choice",), ("schema",)]),
        ("anthropic", [("tool_choice",), ("schema",)]),
        ("google", [("tool_choice",), ("schema",)]),
        ("lmstudio", [("tool_choice",), ("schema",)]),
        ("ollama", [(), ("schema",)]),
    ],
)
def test_what_a_call_ordered_is_read_off_the_call(
    tmp_path: Path, wire: str, carried: list[tuple[str, ...]]
) -> None:
    """A format without a word for the order, as Ollama's, does not carry it."""
    heard: list[Said] = []
    with FakeServer(speaks=(wire,)) as server, Client() as client:
        pool = open_pool(
            tmp_path, provider("a", server.root, format=wire, format_mode="pinned"), model("a/m")
        )
        asker = Asker(pool, client, pool.provider("a"), 5.0, Spent(pool))

        def ask(request: ChatRequest) -> Said:
            heard.append(asker.ask("m", Credential("none", ""), request))
            return heard[-1]

        trying.tools(ask, CLOUD)
        trying.structured(ask, CLOUD)
    assert [said.carried for said in heard] == carried
    assert {said.format for said in heard} == {wire}


def test_a_refused_order_was_not_carried(tmp_path: Path, server: FakeServer) -> None:
    """Where the choice was left out, the answer that came was never ordered to hold a call."""
    server.behave(faults.refusing("tool_choice"))
    pool = open_pool(tmp_path, provider("a", server.url), model("a/m"))
    with Client() as client:
        asker = Asker(pool, client, pool.provider("a"), 5.0, Spent(pool))
        ask = ChatRequest(
            messages=(Message(role="user", text="hi"),),
            tools=(trying.TOOL,), tool_choice="required", stream=False,
        )  # fmt: skip
        said = asker.ask("m", Credential("none", ""), ask)
    assert (said.failure, said.carried) == (None, ())


FORMATS = ("openai", "responses", "anthropic", "google", "ollama", "lmstudio")
UNSETTLED = ("openai", "responses", "anthropic")  # what chat tries for a model of this name


@pytest.mark.parametrize(
    ("wire", "settled"), [*((wire, True) for wire in FORMATS), *((wire, False) for wire in UNSETTLED)]
)
def test_every_format_is_probed(tmp_path: Path, wire: str, settled: bool) -> None:
    """Whatever a provider speaks: the model answers, calls the tool, writes JSON and takes the picture.

    Where nobody said what it speaks, that is found out as chat finds it out, once.
    """
    call = {"name": "add", "arguments": {"a": 2, "b": 3}}
    with FakeServer(speaks=(wire,), text='{"capital": "Paris", "colour": "red"}', tool_call=call) as server:
        fields = {"format": wire, "format_mode": "pinned"} if settled else {"format": None}
        pool = open_pool(tmp_path, provider("a", server.root, **fields), model("a/m"))
        found = probe(pool, choose(pool), capabilities=True).found[0].probe
    assert (found.available, found.status, found.error) == (True, 200, "")
    assert found.capabilities == Capabilities(chat=True, tools=True, json=True, images=True)
    assert [request.format for request in server.requests if request.format] == [wire] * 4
    assert len(server.requests) <= 4 + (0 if settled else 3)
