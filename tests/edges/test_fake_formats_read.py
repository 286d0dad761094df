"""What the fake server says in each format is read by the real format, over the real client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.outcome import Failure, TokenUsage, UpstreamError
from llmpool.core.wire import Target
from llmpool.formats import FORMATS, wire_format
from llmpool.formats.refused import refused
from llmpool.net.client import Client
from llmpool.router.failure import another_format_may_help
from tests.fakes import faults
from tests.fakes.faults import Behaviour
from tests.fakes.server import FakeServer

ALL = tuple(FORMATS)
HI = ChatRequest(messages=(Message(role="user", text="hi"),))
PAGED = ("openai", "responses", "anthropic", "google")
TOOL = {"name": "add", "description": "Add", "parameters": {"type": "object", "properties": {}}}
# formats that find what they ask for at a server of another format as well
KIN = {
    ("openai", "copilot"),
    ("openai", "lmstudio"),
    ("lmstudio", "openai"),
    ("copilot", "openai"),
}


class Heard:
    """An answer put together from its deltas."""

    def __init__(self, deltas: Iterator[Delta]) -> None:
        self.deltas = list(deltas)
        self.last = self.deltas[-1]

    @property
    def text(self) -> str:
        """All text."""
        return "".join(delta.text for delta in self.deltas)

    @property
    def thinking(self) -> str:
        """All thoughts."""
        return "".join(delta.thinking for delta in self.deltas)

    @property
    def call(self) -> tuple[str, Any]:
        """The one tool call: its name, and its arguments as JSON."""
        tools = [tool for delta in self.deltas for tool in delta.tools]
        return "".join(tool.name for tool in tools), json.loads("".join(tool.arguments for tool in tools))


def target(server: FakeServer, key: str = "") -> Target:
    """Aim at *server*, at its root as an owner would write it."""
    return Target(provider="p", url=server.root, key=key)


def listed(client: Client, server: FakeServer, name: str, key: str = "") -> list[str]:
    """List the models of *server* in the format *name*."""
    listing = client.run(wire_format(name).list_models(target(server, key)), within=20)
    return [model.name for model in listing.models]


def chat(
    client: Client,
    server: FakeServer,
    name: str,
    request: ChatRequest = HI,
    *,
    key: str = "",
    model: str = "m",
) -> Heard:
    """Put *request* to *server* in the format *name*, as `chat` does."""
    wire = wire_format(name)
    with client.open_stream(wire.chat_call(target(server, key), model, request)) as reply:
        if not 200 <= reply.status < 300:
            raise UpstreamError(wire.read_error(reply.read()))
        return Heard(wire.read_stream(reply.frames()) if request.stream else wire.read_reply(reply.read()))


def failure(client: Client, server: FakeServer, name: str, request: ChatRequest = HI, **more: Any) -> Failure:
    """Return how a chat that must fail does."""
    with pytest.raises(UpstreamError) as caught:
        chat(client, server, name, request, **more)
    return caught.value.failure


@pytest.mark.parametrize("name", ALL)
def test_all_models_are_listed_over_all_pages(client: Client, name: str) -> None:
    """Every model is found, in order, in as many questions as there are pages."""
    names = [f"m{n}" for n in range(5)]
    with FakeServer(names, speaks=[name], page=2) as server:
        assert listed(client, server, name) == names
        assert len(server.listings) == (3 if name in PAGED else 1)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_an_answer_is_read_whole(client: Client, name: str, stream: bool) -> None:
    """Streamed or not, the text, the tokens, the model and the reason to stop are the same."""
    with FakeServer(speaks=[name], thinking="let me see") as server:
        heard = chat(client, server, name, HI.replace(stream=stream))
        assert [each.format for each in server.chats] == [name]
    assert (heard.text, heard.thinking) == ("hello there", "let me see")
    assert (heard.last.finish, heard.last.served_model) == ("stop", "m")
    assert heard.last.usage is not None
    assert (heard.last.usage.input, heard.last.usage.output) == (7, 2)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_a_tool_call_is_read(client: Client, name: str, stream: bool) -> None:
    """A call comes with its name and arguments, and the answer finishes for tools."""
    with FakeServer(speaks=[name], tool_call={"name": "add", "arguments": {"a": 1, "b": [2]}}) as server:
        heard = chat(client, server, name, HI.replace(stream=stream, tools=(TOOL,)))
    assert (heard.call, heard.last.finish, heard.text) == (("add", {"a": 1, "b": [2]}), "tools", "")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_reasons_to_stop_are_mapped(client: Client, name: str, stream: bool) -> None:
    """Cut at the limit is `length` in every format; withheld is `content` where a format can say it."""
    script = [faults.ok(finish="length"), faults.ok("Sorry", finish="content_filter")]
    with FakeServer(speaks=[name], behave=script) as server:
        finishes = [chat(client, server, name, HI.replace(stream=stream)).last.finish for _ in script]
    assert finishes == ["length", "stop" if name == "ollama" else "content"]


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ALL)
def test_tokens_are_counted_alike(client: Client, name: str, stream: bool) -> None:
    """Cached tokens are part of the input and thoughts of the output, however a format counts them."""
    inputs = {"cached_tokens": 40, "cache_write_tokens": 10, "cache_write_1h_tokens": 4}
    usage = {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "prompt_tokens_details": inputs,
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    with FakeServer(speaks=[name], behave=[faults.ok(usage=usage)]) as server:
        counted = chat(client, server, name, HI.replace(stream=stream)).last.usage
    whole = TokenUsage(input=100, output=20, cache_read=40, cache_write=10, reasoning=5)
    expected = {
        "anthropic": whole.replace(cache_write_1h=4),
        "google": whole.replace(cache_write=None),
        "cloudcode": whole.replace(cache_write=None),
        "ollama": TokenUsage(input=100, output=20),
    }
    assert counted == expected.get(name, whole)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "auth"), (429, "rate_limit"), (500, "server"), (503, "overloaded"), (400, "bad_request")],
)
def test_errors_are_classified(client: Client, name: str, status: int, kind: str) -> None:
    """A status means the same in every format's envelope, and the wait is read."""
    with FakeServer(speaks=[name], behave=[faults.status(status, {"Retry-After": "7"})]) as server:
        failed = failure(client, server, name)
    assert (failed.kind, failed.status, failed.retry_after) == (kind, status, 7.0)
    assert f"scripted {status}" in failed.message


@pytest.mark.parametrize("name", ALL)
def test_an_error_in_a_good_answer_is_one(client: Client, name: str) -> None:
    """An error inside a 200, ahead of the text, behind it or instead of it, ends the answer as failed."""
    script = [faults.error_in_stream(after) for after in (0, 2, 0)]
    with FakeServer(speaks=[name], behave=script) as server:
        failed = [failure(client, server, name, HI.replace(stream=stream)) for stream in (True, True, False)]
    assert {each.kind for each in failed} <= {"overloaded", "server"}
    assert all("scripted overload" in each.message for each in failed)


@pytest.mark.parametrize("how", ["drop", "clean", "reset"])
@pytest.mark.parametrize("name", ALL)
def test_an_answer_cut_off_is_broken(client: Client, name: str, how: Any) -> None:
    """A stream that ends without its end is no answer, however the connection ended."""
    with FakeServer(speaks=[name], behave=[faults.cut(2, how), faults.cut(0, how)]) as server:
        kinds = [failure(client, server, name).kind for _ in range(2)]
    assert set(kinds) <= {"broken", "connect"}
    assert kinds[0] == "broken"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (faults.malformed(1), "wrong_format"),
        (faults.html(), "wrong_format"),
        (faults.empty(), "empty"),
        (faults.gzip_bomb(), "wrong_format"),
        (faults.wrong_charset(), "wrong_format"),
    ],
    ids=["malformed", "html", "empty", "gzip-bomb", "charset"],
)
@pytest.mark.parametrize("name", ALL)
def test_nonsense_is_told_as_such(client: Client, name: str, fault: Behaviour, kind: str) -> None:
    """What is no answer of the protocol fails as that, streamed or not, and never in another way."""
    with FakeServer(speaks=[name], behave=[fault, fault]) as server:
        kinds = {failure(client, server, name, HI.replace(stream=stream)).kind for stream in (True, False)}
    assert kinds == {kind}


@pytest.mark.parametrize("name", ALL)
def test_half_a_document_is_no_answer(client: Client, name: str) -> None:
    """It is no JSON where it came in one piece, and a break where it ends Ollama's lines."""
    with FakeServer(speaks=[name], behave=[faults.half_json(), faults.half_json()]) as server:
        kinds = [failure(client, server, name, HI.replace(stream=stream)).kind for stream in (True, False)]
    assert kinds == ["broken" if name == "ollama" else "wrong_format", "wrong_format"]


@pytest.mark.parametrize("name", ALL)
def test_the_key_goes_where_the_vendor_wants_it(client: Client, name: str) -> None:
    """The right key opens listing and chat; a wrong one, and none, is a failure of the key; no URL has it."""
    with FakeServer(speaks=[name], key="sk-right") as server:
        assert listed(client, server, name, "sk-right") == ["m"]
        assert chat(client, server, name, key="sk-right").text == "hello there"
        assert failure(client, server, name, key="sk-wrong").kind == "auth"
        assert failure(client, server, name).kind == "auth"
        assert not [each.path for each in server.requests if "sk-" in each.path]


@pytest.mark.parametrize("name", ALL)
def test_an_unknown_model_is_told_as_one(client: Client, name: str) -> None:
    """The model that is not there is the failure, not the endpoint."""
    with FakeServer(["other"], speaks=[name], strict=True) as server:
        assert failure(client, server, name).kind == "model_not_found"


@pytest.mark.parametrize("name", ALL)
def test_a_refused_parameter_is_known_by_its_own_name(client: Client, name: str) -> None:
    """A 400 that names a parameter says which one to leave out, and without it the answer comes."""
    warm = HI.replace(temperature=0.5)
    wire = wire_format(name)
    with FakeServer(speaks=[name], behave=faults.refusing("temperature")) as server:
        assert refused(failure(client, server, name, warm), wire.droppable) == "temperature"
        call = wire.chat_call(target(server).replace(without=("temperature",)), "m", warm)
        with client.open_stream(call) as reply:
            assert Heard(wire.read_stream(reply.frames())).text == "hello there"


def test_a_responses_only_server_is_known_as_one(client: Client) -> None:
    """The signature of a server that has moved on sends the question to the other format."""
    with FakeServer(behave=[faults.responses_only()]) as server:
        failed = failure(client, server, "openai")
    assert (failed.code, another_format_may_help(failed)) == ("responses_only", True)


@pytest.mark.parametrize("spoken", ALL)
@pytest.mark.parametrize("html", [False, True], ids=["own-404", "page"])
def test_a_server_of_another_format_is_recognised(client: Client, spoken: str, html: bool) -> None:
    """Asked in a format it does not speak, a server's answer sends the question to the next format."""
    with FakeServer(speaks=[spoken], html_404=html) as server:
        others = [name for name in ALL if name != spoken and (name, spoken) not in KIN]
        failed = {name: failure(client, server, name) for name in others}
    assert {name for name, each in failed.items() if not another_format_may_help(each)} == set()


@pytest.mark.parametrize("name", ALL)
def test_a_listing_that_is_none_is_refused(client: Client, name: str) -> None:
    """A bomb, a wrong charset, a page and half a document are no listings, and are told as that."""
    with FakeServer(speaks=[name]) as server:
        for fault in (faults.gzip_bomb(), faults.wrong_charset(), faults.html(), faults.half_json()):
            server.behave_listing(faults.always(fault))
            with pytest.raises(UpstreamError) as caught:
                listed(client, server, name)
            assert caught.value.failure.kind == "wrong_format"


@pytest.mark.parametrize("name", ALL)
def test_letters_of_another_charset_lose_no_answer(client: Client, name: str) -> None:
    """Latin-1 that is called UTF-8 costs its umlauts, not the answer."""
    with FakeServer(speaks=[name], behave=[faults.wrong_charset("latin-1")]) as server:
        assert chat(client, server, name, HI.replace(stream=False)).text == "gr\ufffd\ufffd dich"


def test_older_and_richer_listings_are_read(client: Client) -> None:
    """LM Studio before 0.4 is listed by its v0; what Ollama shows of a model, and has loaded, is taken in."""
    with FakeServer(["a", "b"], speaks=["lmstudio"], lmstudio_v1=False) as server:
        assert listed(client, server, "lmstudio") == ["a", "b"]
    loaded = {"id": "b", "show": {"capabilities": ["embedding"]}, "ps": {"context_length": 4096}}
    with FakeServer(["a", loaded], speaks=["ollama"]) as server:
        first, second = client.run(wire_format("ollama").list_models(target(server))).models
    assert (first.context_window, first.capabilities.tools, first.capabilities.chat) == (8192, True, True)
    assert (second.loaded_context, second.capabilities.chat) == (4096, False)
