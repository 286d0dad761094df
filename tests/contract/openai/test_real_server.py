"""openai and responses against a real llama.cpp server: chat, streams, tools, schemas, thinking, errors."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.outcome import Failure, UpstreamError
from llmpool.core.wire import Target
from llmpool.formats import wire_format
from llmpool.net.client import Client
from tests.contract.openai.real_server import THINKING, TOOLS
from tests.tools import make_tiny_gguf

pytest.importorskip("xllamacpp")

FORMATS = ("openai", "responses")
SAID = " silver song under the old bridge."  # what the tiny model says to this, at temperature 0
ASKED = (Message(role="system", text="be kind"), Message(role="user", text="many"))
SCHEMA = {"type": "object", "properties": {"a": {"enum": ["x", "y"]}}, "required": ["a"]}
CLOSED = SCHEMA | {"additionalProperties": False}
TOOL = {
    "name": "get_weather",
    "description": "Weather",
    "parameters": {"type": "object", "properties": {"city": {"enum": ["Oslo"]}}, "required": ["city"]},
}
both = pytest.mark.parametrize("name", FORMATS)
either_way = pytest.mark.parametrize("stream", [True, False])


@contextmanager
def served(*arguments: str) -> Iterator[Target]:
    """Run a server; its target has a root as its address, as an owner might write it."""
    words = [sys.executable, "-m", "tests.contract.openai.real_server", *arguments]
    root = Path(__file__).parents[3]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=root)
    try:
        assert process.stdout is not None
        yield Target(provider="llama", url=process.stdout.readline().strip(), key="its-key")
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Target]]:
    """Serve one model three times: plain, with a template for tools, with one that thinks."""
    place = tmp_path_factory.mktemp("llama")
    make_tiny_gguf.write_tiny_gguf(place / "tiny.gguf")
    with pytest.MonkeyPatch.context() as patch:  # a model whose every answer begins with a call
        patch.setattr(make_tiny_gguf, "SENTENCES", "\n<tool_call>\n")
        make_tiny_gguf.write_tiny_gguf(place / "tools.gguf")
    (place / "tools").write_text(TOOLS)
    (place / "thinking").write_text(THINKING)
    with ExitStack() as running:
        yield {
            "plain": running.enter_context(served(str(place / "tiny.gguf"))),
            "tools": running.enter_context(served(str(place / "tools.gguf"), str(place / "tools"))),
            "thinking": running.enter_context(served(str(place / "tiny.gguf"), str(place / "thinking"), "8")),
        }


def ask(target: Target, name: str, **more: Any) -> list[Delta]:
    """Put a question to a server and read the answer."""
    options: dict[str, Any] = {"messages": ASKED, "temperature": 0.0, "max_tokens": 40}
    request = ChatRequest(**(options | more))
    wire = wire_format(name)
    with Client() as client, client.open_stream(wire.chat_call(target, "tiny", request)) as reply:
        if not 200 <= reply.status < 300:
            raise UpstreamError(wire.read_error(reply.read()))
        return list(wire.read_stream(reply.frames()) if request.stream else wire.read_reply(reply.read()))


def text(deltas: list[Delta]) -> str:
    """Join the text."""
    return "".join(delta.text for delta in deltas)


def failure(target: Target, name: str, **more: Any) -> Failure:
    """Return the failure a question ends with."""
    with pytest.raises(UpstreamError) as raised:
        ask(target, name, **more)
    return raised.value.failure


@both
@either_way
def test_chat(servers: dict[str, Target], name: str, stream: bool) -> None:
    """The same text in pieces and whole, with the server's own counts and name."""
    deltas = ask(servers["plain"], name, stream=stream)
    assert text(deltas) == SAID
    assert (len(deltas) > 3) is stream
    last = deltas[-1]
    assert (last.finish, last.served_model) == ("stop", "tiny")
    assert last.usage is not None
    assert (last.usage.input, last.usage.output) == (40, 8)


@both
def test_a_conversation_keeps_its_turns(servers: dict[str, Target], name: str) -> None:
    """Every kind of turn is taken by the server, and each makes the prompt longer."""
    call = {"id": "c1", "name": "get_weather", "arguments": '{"city": "Oslo"}'}
    carry = (
        {"format": "openai", "reasoning_content": "hm"},
        {"format": "responses", "item": {"type": "reasoning", "summary": [], "content": [{"text": "hm"}]}},
    )
    turns = (
        *ASKED,
        Message(role="assistant", text="one moment", tool_calls=(call,), carry=carry),
        Message(role="tool", text="sunny", tool_call_id="c1"),
        Message(role="assistant", text="it is sunny"),
        Message(role="system", text="be brief"),
        Message(role="user", text="and then?"),
    )

    def counted(messages: tuple[Message, ...]) -> int:
        usage = ask(servers["thinking"], name, messages=messages, tools=(TOOL,), max_tokens=16)[-1].usage
        return (usage and usage.input) or 0

    bare = tuple(turn.replace(carry=()) for turn in turns)
    lengths = [counted(turns[:2]), counted(bare[:4]), counted(turns[:4]), counted(turns)]
    assert lengths == sorted(set(lengths))


@both
@either_way
def test_tools(servers: dict[str, Target], name: str, stream: bool) -> None:
    """A call has its id, its name and whole arguments."""
    deltas = ask(servers["tools"], name, stream=stream, tools=(TOOL,), tool_choice="required", max_tokens=120)
    first = [tool for delta in deltas for tool in delta.tools if tool.position == 0]
    assert (first[0].name, len({tool.id for tool in first})) == ("get_weather", 1)
    assert first[0].id
    assert json.loads("".join(tool.arguments for tool in first)) == {"city": "Oslo"}


@either_way
@pytest.mark.parametrize("schema", [SCHEMA, CLOSED])
def test_schema(servers: dict[str, Target], stream: bool, schema: dict[str, object]) -> None:
    """The answer is JSON of the schema, strict or not. At `/v1/responses` llama.cpp reads no schema."""
    deltas = ask(servers["plain"], "openai", stream=stream, schema=schema, max_tokens=200)
    assert json.loads(text(deltas))["a"] in ("x", "y")
    assert text(ask(servers["plain"], "responses", stream=stream, schema=schema)) == SAID


@both
@either_way
def test_thinking(servers: dict[str, Target], name: str, stream: bool) -> None:
    """Thoughts come apart from the answer, asked for or not, and stay away where `off` was asked for."""
    for thinking in (None, "low"):
        deltas = ask(servers["thinking"], name, stream=stream, thinking=thinking)
        assert "".join(delta.thinking for delta in deltas) == SAID
        assert text(deltas) == " morning our garden wakes with quiet birds above wet grass."
    deltas = ask(servers["thinking"], name, stream=stream, thinking="off")
    assert [delta.thinking for delta in deltas if delta.thinking] == []
    assert text(deltas)


@both
def test_stop(servers: dict[str, Target], name: str) -> None:
    """The answer ends before the word; this server takes it at both endpoints."""
    assert text(ask(servers["plain"], name, stop=("under",))).rstrip() == " silver song"


@both
def test_an_answer_cut_by_its_limit(servers: dict[str, Target], name: str) -> None:
    """Chat completions say so; at `/v1/responses` llama.cpp calls it completed."""
    deltas = ask(servers["thinking"], name, max_tokens=20)
    assert deltas[-1].finish == {"openai": "length", "responses": "stop"}[name]


@both
def test_refusals(servers: dict[str, Target], name: str) -> None:
    """A prompt that is too long and a wrong key are of their kind."""
    long = (Message(role="user", text="hi " * 3000),)
    assert failure(servers["plain"], name, messages=long).kind == "context_length"
    assert failure(servers["plain"].replace(key="wrong"), name).kind == "auth"


@both
def test_listing(servers: dict[str, Target], name: str) -> None:
    """One model, loaded, with the window a request gets; the template says whether it takes tools."""
    with Client() as client:
        for place, tools in (("plain", False), ("tools", True)):
            target = servers[place]
            listing = client.run(wire_format(name).list_models(target))
            (model,) = listing.models
            assert listing.base == f"{target.url}/v1"
            assert (model.name, model.state, model.loaded_context, model.max_context) == (
                "tiny",
                "loaded",
                2048,
                8192,
            )
            assert (model.capabilities.tools, model.capabilities.images) == (tools, False)
