"""The format anthropic against a real llama.cpp: what it says at `/v1/messages` is read as it is meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.outcome import UpstreamError
from llmpool.core.wire import Target
from llmpool.embedded import make_private_dirs, model_file, server
from llmpool.formats import wire_format
from llmpool.net.client import Client
from tests.tools import make_tiny_gguf

pytest.importorskip("xllamacpp")

ANTHROPIC = wire_format("anthropic")
HELLO = (Message(role="user", text="hello"),)
TOOL = {
    "name": "get_weather",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "enum": ["Paris", "Oslo"]}},
        "required": ["city"],
    },
}
# The models know nothing, so their templates have to begin what they could not: llama.cpp finds out by itself
# how a template writes calls and thinking.
TURNS = (
    "{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n"
    "{% if message.reasoning_content %}<think>\n{{ message.reasoning_content }}\n</think>\n\n{% endif %}"
    "{{ message.content or '' }}"
    "{% for call in message.tool_calls %}<tool_call>"
    '{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}'
    "</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n@{% endif %}"
)
BEGUN = (
    "{% if enable_thinking is defined and enable_thinking is false %}<think>\n\n</think>\n\n"
    "{% else %}<think>\n{% endif %}"
)
TEMPLATES = {"tiny-talk": TURNS.replace("@", ""), "tiny-think": TURNS.replace("@", BEGUN)}


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give a state directory with a model that talks and one that thinks; their servers are ended."""
    state = tmp_path_factory.mktemp("llama") / "state"
    make_private_dirs(state)
    with pytest.MonkeyPatch.context() as patch:
        for name, template in TEMPLATES.items():
            patch.setattr(make_tiny_gguf, "CHAT_TEMPLATE", template)
            make_tiny_gguf.write_tiny_gguf(model_file(state, name))
    yield state
    for running in server.running(state):
        server.stop(state, running.name)


def target(state: Path, model: str) -> Target:
    """Start the server of *model* unless it runs, and say where it is."""
    endpoint = server.ensure(state, model)
    return Target(provider="llama", url=endpoint.url, key=endpoint.key)


def ask(state: Path, model: str = "tiny-talk", **wishes: Any) -> list[Delta]:
    """Put a question to *model* and return its answer."""
    request = ChatRequest(**{"messages": HELLO, "max_tokens": 12} | wishes)
    call = ANTHROPIC.chat_call(target(state, model), model, request)
    with Client() as client, client.open_stream(call) as reply:
        if reply.status != 200:
            raise UpstreamError(ANTHROPIC.read_error(reply.read()))
        if request.stream:
            return list(ANTHROPIC.read_stream(reply.frames()))
        return list(ANTHROPIC.read_reply(reply.read()))


def text(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas)


def test_its_models_are_listed(state: Path) -> None:
    """The listing is in OpenAI's way, and tells the window."""
    with Client() as client:
        listing = client.run(ANTHROPIC.list_models(target(state, "tiny-talk")))
    (model,) = listing.models
    assert (model.name, model.context_window, listing.skipped) == ("tiny-talk", 8192, 0)


def test_streamed_and_whole_it_says_the_same(state: Path) -> None:
    """At temperature 0 both ways carry the same words, finish and model; both count their tokens."""
    streamed, whole = (ask(state, stream=stream, temperature=0.0) for stream in (True, False))
    assert text(streamed) == text(whole) != ""
    assert len(streamed) > len(whole)
    for last in (streamed[-1], whole[-1]):
        assert last.served_model == "tiny-talk"
        assert last.finish in {"length", "stop"}
        assert last.usage is not None
        assert last.usage.cache_read is not None
    assert streamed[-1].finish == whole[-1].finish
    first, second = streamed[-1].usage, whole[-1].usage
    assert first
    assert second
    assert (first.input, first.output) == (second.input, second.output)


def test_a_limit_and_a_stop_sequence_end_it(state: Path) -> None:
    """Each has its finish."""
    assert ask(state, max_tokens=1)[-1].finish == "length"
    said = text(ask(state, temperature=0.0))
    word = said.split()[2]
    stopped = ask(state, temperature=0.0, stop=(word,))
    assert text(stopped) == said[: said.index(word)]
    assert stopped[-1].finish == "stop"


@pytest.mark.parametrize("stream", [True, False])
def test_a_forced_call_has_its_arguments(state: Path, *, stream: bool) -> None:
    """The turn is begun for a model that would not think of it; grammar does the rest."""
    begun = (*HELLO, Message(role="assistant", text="<tool_call>"))
    wishes = {"tools": (TOOL,), "tool_choice": "required", "max_tokens": 1500, "messages": begun}
    deltas = ask(state, stream=stream, **wishes)
    calls = [tool for delta in deltas for tool in delta.tools if tool.position == 0]
    assert calls[0].name == "get_weather"
    assert json.loads("".join(tool.arguments for tool in calls))["city"] in {"Paris", "Oslo"}
    assert deltas[-1].finish in {"tools", "length"}, "it may go on calling until its limit"


def test_a_whole_conversation_is_taken(state: Path) -> None:
    """System, calls, results in a row and what follows them: the server renders all of it."""
    call = {"id": "c.1", "name": "get_weather", "arguments": '{"city":"Oslo"}'}
    spoken = (
        Message(role="system", text="be brief"),
        *HELLO,
        Message(role="assistant", text="a moment", tool_calls=(call,)),
        Message(role="tool", text="rain", tool_call_id="c.1"),
        Message(role="user", text="and tomorrow?"),
    )
    alone, all_of_it = (ask(state, messages=m, tools=(TOOL,), cache=True)[-1].usage for m in (HELLO, spoken))
    assert alone is not None
    assert all_of_it is not None
    assert (all_of_it.input or 0) > (alone.input or 0) + 20


@pytest.mark.parametrize("stream", [True, False])
def test_it_thinks_within_its_budget(state: Path, *, stream: bool) -> None:
    """What it thinks comes apart from what it says, and ends where the budget does."""
    deltas = ask(state, "tiny-think", thinking="2", max_tokens=40, stream=stream)
    thought = "".join(delta.thinking for delta in deltas)
    assert 0 < len(thought.split()) <= 2
    assert "think>" not in thought + text(deltas)
    assert not any(delta.carry for delta in deltas), "llama.cpp signs nothing, so nothing goes back"


def test_its_errors_are_told_by_their_kind(state: Path) -> None:
    """Too long a prompt and a wrong key."""
    with pytest.raises(UpstreamError) as raised:
        ask(state, messages=(Message(role="user", text="word " * 20000),))
    assert raised.value.failure.kind == "context_length"
    wrong = ANTHROPIC.chat_call(target(state, "tiny-talk").replace(key="x"), "m", ChatRequest(messages=HELLO))
    with Client() as client:
        assert ANTHROPIC.read_error(client.send(wrong)).kind == "auth"
