"""How a provider is asked: formats found out, parameters left out, other addresses; learnt for all runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import faults
from tests.fakes.exchange import Request
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, model, provider


def configured(home: Home, url: str, name: str = "m", **fields: Any) -> None:
    """Configure one provider whose format is for llmpool to find out, and one model of it."""
    home.write_config(provider("a", url, **({"format": None} | fields)), model(f"a/{name}"))


def paths(server: FakeServer) -> list[str]:
    """Name the paths that were posted to, in order."""
    return [request.path.partition("?")[0] for request in server.requests if request.method == "POST"]


@pytest.mark.parametrize("speaks", ["openai", "responses", "anthropic"])
def test_the_format_of_an_unknown_server_is_found_and_remembered(home: Home, speaks: str) -> None:
    """The first question tries formats until one is there; the second goes straight to it."""
    with FakeServer(speaks=(speaks,)) as server:
        configured(home, server.root)
        first = home.here("chat", "hi")
        assert (first.code, first.out) == (0, "hello there\n" if first.out.endswith("\n") else "hello there")
        tried = len(paths(server))
        assert tried == 1 + ("openai", "anthropic", "responses").index(speaks)
        assert home.here("chat", "hi").code == 0
        assert len(paths(server)) == tried + 1
        shown = home.here("usage", "list", "--json").json["records"]
    assert [record["success"] for record in shown] == [True, True]
    assert [record["attempts"] for record in shown] == [1, 1]


def test_a_claude_at_a_gateway_is_asked_as_anthropic_first(home: Home) -> None:
    """pool-routing-formats 5.1: the family's own format goes first, the others where it is not there."""
    with FakeServer(models=("claude-sonnet-4-5",), speaks=("openai", "anthropic")) as server:
        configured(home, server.root, "claude-sonnet-4-5")
        assert home.here("chat", "hi").code == 0
        assert paths(server) == ["/v1/messages"]


def test_a_server_that_moved_on_to_responses_is_followed(home: Home) -> None:
    """The responses-only signature counts as the wrong format, whatever its status (ruling 11)."""
    with FakeServer(speaks=("openai", "responses", "anthropic")) as server:
        server.behave(
            lambda n, request: faults.responses_only() if request.path.endswith("chat/completions") else None
        )
        configured(home, server.root)
        assert home.here("chat", "hi").code == 0
        assert paths(server)[0] == "/v1/chat/completions"
        assert len(paths(server)) <= 3


@pytest.mark.parametrize("code", [400, 401, 403, 429, 500, 503])
def test_other_failures_never_change_the_format(home: Home, code: int) -> None:
    """Ruling 11: the endpoint is there, so nothing else is tried at it."""
    with FakeServer(speaks=("openai", "anthropic"), behave=faults.always(faults.status(code))) as server:
        configured(home, server.root)
        home.here("chat", "--max-wait", "0", "hi")
        assert set(paths(server)) == {"/v1/chat/completions"}


def test_a_page_in_place_of_an_endpoint_is_passed_over(home: Home) -> None:
    """An HTML 404 says no more than any other; the next format is asked."""
    with FakeServer(speaks=("anthropic",), html_404=True) as server:
        configured(home, server.root)
        assert home.here("chat", "hi").code == 0


def test_a_pinned_format_is_the_only_one(home: Home) -> None:
    """What the owner named is not second-guessed; the error says what is wrong with it."""
    with FakeServer(speaks=("anthropic",)) as server:
        configured(home, server.root, format="openai")
        failed = home.here("chat", "hi")
        assert failed.code == 7
        assert paths(server) == ["/v1/chat/completions", "/chat/completions"]


def test_a_refused_parameter_is_left_out_and_that_is_said_and_remembered(home: Home) -> None:
    """A 400 that names it costs one call, once; the person hears of it each time they ask for it."""
    with FakeServer(behave=faults.refusing("temperature")) as server:
        configured(home, server.url, format="openai")
        first = home.here("chat", "--temperature", "0.5", "hi")
        assert (first.code, len(server.chats)) == (0, 2)
        assert "a/m does not take temperature" in first.err
        second = home.here("chat", "--temperature", "0.5", "hi")
        assert (second.code, len(server.chats)) == (0, 3)
        assert "a/m does not take temperature" in second.err
        assert "temperature" in home.here("providers", "show", "a").out
        assert home.here("providers", "clear", "a").code == 0
        home.here("chat", "--temperature", "0.5", "hi")
        assert len(server.chats) == 5


def test_a_value_out_of_range_is_left_out_once_and_the_next_is_sent(home: Home) -> None:
    """One `--max-tokens` too many would else take the limit off all calls of a month, a budget's as well."""

    def behave(_number: int, request: Request) -> faults.Behaviour | None:
        limit = request.json.get("max_output_tokens", 0)
        words = "Invalid 'max_output_tokens': integer above maximum value. Expected a value <= 128000."
        return faults.refuse("max_output_tokens", words) if limit > 128_000 else None

    with FakeServer(speaks=("responses",), behave=behave) as server:
        configured(home, server.url, format="responses")
        first = home.here("chat", "--max-tokens", "200000", "hi")
        assert (first.code, len(server.chats)) == (0, 2)
        assert "a/m does not take this max tokens; asked without it" in first.err
        assert home.here("chat", "--max-tokens", "100", "hi").code == 0
        assert [chat.json.get("max_output_tokens") for chat in server.chats] == [200_000, None, 100]


@pytest.mark.parametrize("speaks", ["openai", "responses"])
def test_who_may_not_stream_is_answered_in_one_piece(home: Home, speaks: str) -> None:
    """OpenAI keeps streams, and what is told of thoughts, from those it has not verified."""

    def behave(_number: int, request: Request) -> faults.Behaviour | None:
        words = "Your organization must be verified to stream this model."
        if request.json.get("stream"):
            return faults.refuse("stream", words)
        summary = request.json.get("reasoning", {}).get("summary")
        words = "Your organization must be verified to generate reasoning summaries."
        return faults.refuse("reasoning.summary", words) if summary else None

    with FakeServer(speaks=(speaks,), behave=behave) as server:
        configured(home, server.url, format=speaks)
        done = [home.here("chat", "--think", "high", "hi") for _ in range(2)]
        assert [each.out for each in done] == ["hello there\n"] * 2
        assert "a/m does not take stream; asked without it" in done[0].err
        refusals = {"openai": 1, "responses": 2}[speaks]
        assert len(server.chats) == refusals + 2
        thought = {"openai": ("reasoning_effort", "high"), "responses": ("reasoning", {"effort": "high"})}[
            speaks
        ]
        assert thought in server.chats[-1].json.items()


def test_a_server_that_cannot_count_a_stream_is_asked_once(home: Home) -> None:
    """`stream_options` is left out quietly, and for good."""
    with FakeServer(behave=faults.refusing("stream_options")) as server:
        configured(home, server.url, format="openai")
        assert home.here("chat", "hi").err.count("stream") == 0
        assert home.here("chat", "hi").code == 0
        assert len(server.chats) == 3


def test_who_would_not_be_told_not_to_think_may_think_when_asked_to(home: Home) -> None:
    """A refused `--think off` is remembered as that and shown so; `--think high` goes out as before."""

    def behave(_number: int, request: Request) -> faults.Behaviour | None:
        asked = request.json.get("reasoning_effort")
        efforts.append(asked)
        return faults.refuse("reasoning_effort") if asked == "none" else None

    efforts: list[str | None] = []
    with FakeServer(behave=behave) as server:
        configured(home, server.url, format="openai")
        for level in ("off", "off", "high", "off"):
            done = home.here("chat", "--think", level, "hi")
            assert (done.code, "does not take" in done.err) == (0, False)
        assert efforts == ["none", None, None, "high", None]
        assert "thinking off" in home.here("providers", "show", "a").out


def test_who_would_not_think_is_not_told_to_leave_it_either(home: Home) -> None:
    """A refused `--think high` is a lesson about both."""
    efforts: list[str | None] = []

    def behave(_number: int, request: Request) -> faults.Behaviour | None:
        efforts.append(request.json.get("reasoning_effort"))
        return faults.refuse("reasoning_effort") if efforts[-1] else None

    with FakeServer(behave=behave) as server:
        configured(home, server.url, format="openai")
        assert "does not take thinking" in home.here("chat", "--think", "high", "hi").err
        assert home.here("chat", "--think", "off", "hi").code == 0
        assert "does not take thinking" in home.here("chat", "--think", "low", "hi").err
        assert efforts == ["high", None, None, None]


def test_tools_are_never_left_out(home: Home, tmp_path: Path) -> None:
    """An answer without the tools would be one to another question."""
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps([{"name": "add", "parameters": {"type": "object"}}]))
    with FakeServer(behave=faults.always(faults.refuse("tools"))) as server:
        configured(home, server.url, format="openai")
        assert home.here("chat", "--tools", str(tools), "hi").code == 7
        assert len(server.chats) == 1


def test_a_refused_key_is_tried_at_the_other_addresses(home: Home) -> None:
    """pool-routing-formats 9.1: the address that takes the key is kept; no other host ever sees it."""
    with FakeServer(key="other") as first, FakeServer(key=PLANTED_KEY) as second, FakeServer() as third:
        configured(home, first.url, format="openai", key={"env": "K"}, alternate_urls=[second.url, third.url])
        env = {"K": PLANTED_KEY}
        assert home.here("chat", "hi", env=env).code == 0
        assert (len(first.chats), len(second.chats), len(third.requests)) == (1, 1, 0)
        assert home.here("chat", "hi", env=env).code == 0
        assert (len(first.chats), len(second.chats)) == (1, 2)
        assert second.url in home.here("providers", "show", "a").out
    assert home.files_with(PLANTED_KEY) == []


def test_a_refused_key_stays_the_error_when_no_address_takes_it(home: Home) -> None:
    """Exit 5, in the words of the first address."""
    with FakeServer(key="x") as first, FakeServer(key="y") as second:
        configured(home, first.url, format="openai", key={"env": "K"}, alternate_urls=[second.url])
        assert home.here("chat", "hi", env={"K": PLANTED_KEY}).code == 5


def test_a_picture_file_goes_to_the_model(home: Home, tmp_path: Path) -> None:
    """`-a FILE` sends the bytes as a data URL, and only to a model that sees."""
    picture = tmp_path / "p.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 20)
    with FakeServer(models=("blind", "llava")) as server:
        home.write_config(
            provider("a", server.url), model("a/blind", quality=10), model("a/llava", quality=1)
        )
        answered = home.here("chat", "--json", "-a", str(picture), "what is this?")
        assert answered.json["served_by"] == "a/llava"
        (sent,) = server.chats
        text, image = sent.json["messages"][-1]["content"]
        assert text["text"] == "what is this?"
        assert image["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


def test_a_picture_at_an_address_is_fetched_for_a_server_of_ones_own(home: Home) -> None:
    """A local server may have no way out; the picture is fetched here, without any key."""
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 20

    def image(exchange: Any) -> None:
        exchange.send(200, png, kind="image/png")

    with FakeServer(models=("llava",), routes={"/p.png": image}) as server:
        configured(home, server.url, "llava", format="openai")
        assert home.here("chat", "-a", f"{server.root}/p.png", "?").code == 0
        sent = server.chats[0].json["messages"][-1]["content"][1]["image_url"]["url"]
        assert sent.startswith("data:image/png;base64,")
        missing = home.here("chat", "-a", f"{server.root}/none.png", "?")
        assert (missing.code, "cannot be sent" in missing.err) == (2, True)


def test_a_text_file_is_added_to_the_prompt_under_its_name(home: Home, tmp_path: Path) -> None:
    """`-a notes.txt` is part of what is asked."""
    notes = tmp_path / "notes.txt"
    notes.write_text("remember the milk\n")
    with FakeServer() as server:
        configured(home, server.url, format="openai")
        assert home.here("chat", "-a", str(notes), "sum up").code == 0
        assert server.chats[0].json["messages"][-1]["content"] == "sum up\n\nnotes.txt:\nremember the milk\n"


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", None])
def test_what_cannot_be_attached_is_a_usage_error(home: Home, tmp_path: Path, content: bytes | None) -> None:
    """Neither text nor picture, or no file at all: exit 2 and the name of it."""
    path = tmp_path / "thing.bin"
    if content is not None:
        path.write_bytes(content)
    with FakeServer() as server:
        configured(home, server.url, format="openai")
        failed = home.here("chat", "-a", str(path), "hi")
    assert (failed.code, "thing.bin" in failed.err) == (2, True)


def test_tool_calls_are_printed_as_json_lines(home: Home, tmp_path: Path) -> None:
    """`--tools FILE`: stdout has one call a line, ready for a script."""
    tools = tmp_path / "tools.json"
    tools.write_text(json.dumps([{"name": "add", "parameters": {"type": "object"}}]))
    with FakeServer(tool_call={"name": "add", "arguments": {"a": 1}}) as server:
        configured(home, server.url, format="openai")
        called = home.here("chat", "--tools", str(tools), "add")
        (call,) = called.documents
        assert (call["name"], json.loads(call["arguments"])) == ("add", {"a": 1})
        assert server.chats[0].json["tools"][0]["function"]["name"] == "add"
    bad = tmp_path / "bad.json"
    bad.write_text("[1]")
    assert home.here("chat", "--tools", str(bad), "add").code == 2


@pytest.mark.parametrize("speaks", ["openai", "google"])
def test_tools_as_other_protocols_write_them_keep_their_parameters(
    home: Home, tmp_path: Path, speaks: str
) -> None:
    """What stands in a file for one vendor is asked of another: failover does not lose what a tool takes."""
    takes = {"type": "object", "properties": {"a": {"type": "integer"}}}
    tools = tmp_path / "tools.json"
    flat = {"type": "function", "name": "f", "parameters": takes}
    listed = {"name": "h", "inputSchema": takes, "title": "H", "annotations": {"readOnlyHint": True}}
    cached = {"type": "custom", "name": "g", "input_schema": takes, "cache_control": {"type": "ephemeral"}}
    tools.write_text(json.dumps([flat, cached, listed]))
    with FakeServer(speaks=(speaks,), tool_call={"name": "f", "arguments": {"a": 1}}) as server:
        configured(home, server.url, format=speaks)
        assert home.here("chat", "--tools", str(tools), "add").code == 0
        sent = server.chats[0].json["tools"]
    if speaks == "openai":
        assert sent == [{"type": "function", "function": {"name": n, "parameters": takes}} for n in "fgh"]
    else:
        declared = [{"name": n, "parametersJsonSchema": takes} for n in "fgh"]
        assert sent == [{"functionDeclarations": declared}]


def test_a_schema_is_sent_with_the_question(home: Home, tmp_path: Path) -> None:
    """`--schema FILE` asks for JSON of that shape; what is no schema is a usage error."""
    schema = tmp_path / "s.json"
    schema.write_text('{"type": "object", "properties": {"x": {"type": "integer"}}}')
    with FakeServer(text='{"x": 1}') as server:
        configured(home, server.url, format="openai")
        assert json.loads(home.here("chat", "--schema", str(schema), "x").out) == {"x": 1}
        assert server.chats[0].json["response_format"]["json_schema"]["schema"]["properties"]
    schema.write_text("[")
    assert home.here("chat", "--schema", str(schema), "x").code == 2


def test_rate_headers_of_an_answer_are_kept(home: Home) -> None:
    """What a vendor says is left of an allowance is there for `providers limits` and for later runs."""
    headers = {"x-ratelimit-limit-requests": "60", "x-ratelimit-remaining-requests": "59"}
    with FakeServer(headers=headers) as server:
        configured(home, server.url, format="openai")
        assert home.here("chat", "hi").code == 0
    kept = json.loads((home.state / "limits.json").read_text())["data"]
    assert json.dumps(kept).count('"remaining": 59') == 1 or '"remaining":59' in json.dumps(kept)


def test_an_unverified_certificate_is_said(home: Home) -> None:
    """`verify_tls = false` is never silent."""
    home.write_config(
        provider("a", "https://127.0.0.1:9/v1", verify_tls=False, connect_timeout="200ms"), model("a/m")
    )
    assert "certificate is not verified" in home.here("chat", "hi").err
    assert "certificate is not verified" in home.here("refresh").err
