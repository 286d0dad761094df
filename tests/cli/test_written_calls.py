"""Calls of tools that a model writes as text: calls where the tools were offered, text everywhere else."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.answers import USAGE, Reply
from tests.fakes.exchange import Exchange
from tests.fakes.server import FakeServer
from tests.support import Home, model, provider

CALL = '{"name": "add", "arguments": {"a": 1, "b": "é"}}'
CALLS = [{"id": "call_0", "name": "add", "arguments": '{"a": 1, "b": "é"}'}]
SHAPES = {
    "single": CALL,
    "array": f"[{CALL}]",
    "concatenated": f"{CALL}\n{CALL}",
    "tagged": f"<tool_call>\n{CALL}\n</tool_call>",
    "fenced": f"```json\n{CALL}\n```",
    "named": 'add {"a": 1, "b": "é"}',
}
SAID = "Sure, I add <them>.\n"


def configured(home: Home, server: FakeServer, wire: str = "openai", name: str = "m") -> None:
    """Configure one server, and one model of it."""
    home.write_config(provider("a", server.root, format=wire), model(f"a/{name}"))


@pytest.fixture
def tools(tmp_path: Path) -> str:
    """Offer one tool, in a file."""
    path = tmp_path / "tools.json"
    path.write_text(json.dumps([{"name": "add", "parameters": {"type": "object"}}]))
    return str(path)


def byte_by_byte(text: str, **fields: Any) -> Callable[[Exchange], None]:
    """Answer; what is streamed comes in events of one character, and these in pieces of one byte."""
    reply = Reply(text=text, pieces=tuple(text), **({"usage": USAGE} | fields))

    def play(exchange: Exchange) -> None:
        if not exchange.streaming:
            return exchange.answer(reply)
        exchange.begin_stream()
        for event in exchange.speaker.events(reply, exchange.asked):
            bitwise(exchange, event)
        bitwise(exchange, exchange.speaker.end(reply, exchange.asked))
        return exchange.end_stream()

    return play


def bitwise(exchange: Exchange, event: bytes) -> None:
    """Send an event byte by byte."""
    for at in range(len(event)):
        exchange.chunk(event[at : at + 1])


@pytest.mark.parametrize("shape", SHAPES)
def test_each_shape_is_a_call(home: Home, tools: str, shape: str) -> None:
    """`--json` shows the calls as it shows native ones: no text, the calls, and why the answer ended."""
    expected = [call | {"id": f"call_{n}"} for n, call in enumerate(CALLS * (1 + (shape == "concatenated")))]
    with FakeServer(behave=[byte_by_byte(SHAPES[shape])] * 2) as server:
        configured(home, server)
        shown = home.here("chat", "--json", "--tools", tools, "add").json
        assert (shown["text"], shown["finish"], shown["tool_calls"]) == ("", "tools", expected)
        assert shown["usage"]["output_tokens"] == 2
        assert home.here("chat", "--tools", tools, "add").documents == expected
        assert [request.json.get("stream", False) for request in server.chats] == [False, True]


@pytest.mark.parametrize("wire", ["openai", "ollama"])
def test_the_sentence_is_shown_once_and_the_call_below_it(home: Home, tools: str, wire: str) -> None:
    """Streamed, whole and as Python is given it: the text without the call, then the call as JSON."""
    text = SAID + SHAPES["tagged"]
    with FakeServer(speaks=(wire,), behave=[byte_by_byte(text), faults.ok(text)]) as server:
        configured(home, server, wire)
        for option in ([], ["--no-stream"]):
            shown = home.here("chat", "--tools", tools, *option, "add")
            first, call = shown.out.splitlines()
            assert (first, [json.loads(call)]) == (SAID.strip(), CALLS), shown


def test_what_is_no_call_is_printed_as_it_came(home: Home, tools: str) -> None:
    """No character is lost or shown twice; names that were not offered are nobody's."""
    texts = [
        CALL.replace("add", "rm"),
        f"Write `{SHAPES['tagged']}`.",
        "add 1 to 2",
        '{"sum": 3}',
        f"{CALL} or so",
    ]
    with FakeServer(behave=[byte_by_byte(text) for text in texts]) as server:
        configured(home, server)
        assert [home.here("chat", "--tools", tools, "add").out for _ in texts] == [f"{t}\n" for t in texts]


def test_without_tools_or_from_a_family_that_calls_natively_it_is_text(home: Home, tools: str) -> None:
    """Nothing was offered, or whoever answers has better ways to call."""
    with FakeServer(behave=[faults.ok(CALL)] * 3) as server:
        configured(home, server)
        assert home.here("chat", "add").out == f"{CALL}\n"
        assert "tool_calls" not in home.here("chat", "--json", "add").json
        configured(home, server, name="claude-4")
        assert home.here("chat", "--tools", tools, "add").out == f"{CALL}\n"


def test_a_native_call_is_the_call(home: Home, tools: str) -> None:
    """What was written besides is what was said."""
    with FakeServer(behave=[faults.tool_call("add", "{}", text=CALL)]) as server:
        configured(home, server)
        shown = home.here("chat", "--json", "--tools", tools, "add").json
    assert (shown["text"], shown["tool_calls"]) == (
        CALL,
        [{"id": "call_1", "name": "add", "arguments": "{}"}],
    )


def test_a_session_keeps_a_written_call_as_it_keeps_native_ones(home: Home, tools: str) -> None:
    """The turn is the call as JSON, for the next question to go on from."""
    with FakeServer(behave=[faults.ok(SHAPES["named"]), faults.ok("2")]) as server:
        configured(home, server)
        home.here("chat", "--session", "s", "--tools", tools, "add")
        assert home.here("chat", "--session", "s", "and?").out == "2\n"
        asked = server.chats[1].json["messages"]
    assert [turn["role"] for turn in asked] == ["user", "assistant", "user"]
    assert [json.loads(asked[1]["content"])] == CALLS


def test_half_a_call_was_never_shown_so_another_answers(home: Home, tools: str) -> None:
    """What is held back binds nobody (ruling 9), and what came of it is counted all the same."""
    broken = faults.cut(4, pieces=('{"name": "add", ', '"arguments": {"a": 1, ', '"b": "é"}}'))
    with FakeServer(behave=[broken, byte_by_byte(CALL)]) as server:
        configured(home, server)
        shown = home.here("chat", "--tools", tools, "add")
        assert (shown.code, shown.documents, len(server.chats)) == (0, CALLS, 2)
    (path,) = (home.state / "usage").glob("*.jsonl")
    record = json.loads(path.read_text())
    assert (record["lost_tokens"] > 5, record["success"]) == (True, True)
