"""The format cloudcode: Gemini's protocol in an envelope. Every shape here is documented, none recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from llmpool import __version__
from llmpool.core.chat import ChatRequest, Message, ToolDelta
from llmpool.core.deployment import Capabilities
from llmpool.core.outcome import FAILURE_KINDS, TokenUsage, UpstreamError
from llmpool.core.wire import Answer, Frame, Target
from llmpool.formats import wire_format
from tests.unit.formats.google_cases import JSON, answer, documented, frame, listed
from tests.unit.formats.recordings import framed

CLOUDCODE, GOOGLE = wire_format("cloudcode"), wire_format("google")
TARGET = Target(provider="p", url="https://c.example", key="token")
REQUEST = ChatRequest(messages=(Message(role="user", text="hi"),), temperature=0.5)
FOLDER = "cloudcode/documented/"
STREAM = documented(f"{FOLDER}chat.sse")
ACCOUNT = json.loads(documented(f"{FOLDER}load-code-assist.json"))


def shape(name: str, status: int = 200) -> Answer:
    """Return a documented answer."""
    return Answer(status=status, headers={}, body=documented(f"{FOLDER}{name}.json"))


def test_a_call_wraps_what_google_would_send() -> None:
    """Model and project stand around Gemini's own body; the token is a bearer, and nobody is impersonated."""
    call = CLOUDCODE.chat_call(TARGET.replace(project="my-project"), "models/gemini-3-pro-high", REQUEST)
    assert call.url == "https://c.example/v1internal:streamGenerateContent?alt=sse"
    inner = json.loads(GOOGLE.chat_call(TARGET, "gemini-3-pro-high", REQUEST).body or b"")
    sent = json.loads(call.body or b"")
    assert sent == {
        "model": "gemini-3-pro-high",
        "project": "my-project",
        "request": inner,
        "userAgent": f"llmpool/{__version__}",
        "requestType": "agent",
    }
    assert {name.lower() for name, _ in call.headers} == {"authorization", "content-type", "accept"}
    assert ("authorization", "Bearer token") in call.headers
    assert call.framing == "sse"


ADDRESSES = [
    "https://c.example/",
    "https://c.example/v1internal",
    "https://c.example/v1internal:loadCodeAssist",
    "https://c.example/v1internal:streamGenerateContent",
]


@pytest.mark.parametrize("url", ADDRESSES)
def test_every_address_an_owner_may_write_means_the_same(url: str) -> None:
    """Root, version or a method: the methods hang off the root; without a project none is sent."""
    call = CLOUDCODE.chat_call(TARGET.replace(url=url), "m", REQUEST.replace(stream=False))
    assert (call.url, call.framing) == ("https://c.example/v1internal:generateContent", "json")
    assert set(json.loads(call.body or b"")) == {"model", "request", "userAgent", "requestType"}


def test_a_stream_is_read_out_of_its_envelope() -> None:
    """Thinking, text, a call with the server's id and its signature, usage: as in Gemini's own stream."""
    deltas = list(CLOUDCODE.read_stream(framed(STREAM)))
    assert "".join(d.thinking for d in deltas) == "I weigh it."
    assert "".join(d.text for d in deltas) == "It is "
    tools = [tool for delta in deltas for tool in delta.tools]
    assert tools == [ToolDelta(0, "lpndqlku", "get_weather", '{"city": "Paris"}')]
    carry = [entry for delta in deltas for entry in delta.carry]
    assert [(entry["format"], entry.get("call"), entry.get("at")) for entry in carry] == [
        ("cloudcode", 0, None),
        ("cloudcode", None, 6),
    ]
    last = deltas[-1]
    assert (last.finish, last.served_model) == ("tools", "gemini-3-pro-high")
    assert last.usage == TokenUsage(input=83, output=21, reasoning=9)


def test_a_stream_is_the_same_however_its_bytes_are_cut() -> None:
    """Chunks of every size carry the same frames."""
    whole = framed(STREAM)
    for size in range(1, len(STREAM)):
        assert whole == framed(STREAM, size)


def test_a_stream_cut_before_its_finish_is_broken() -> None:
    """Half an answer is never taken for one."""
    frames = framed(STREAM)
    for cut in range(len(frames)):
        with pytest.raises(UpstreamError, match="broke off"):
            list(CLOUDCODE.read_stream(frames[:cut]))


def test_whole_answers_are_read() -> None:
    """In one piece, in a list, and as the body of a stream that was none."""
    reply = shape("chat")
    deltas = list(CLOUDCODE.read_reply(reply))
    assert (deltas[0].text, deltas[-1].finish) == ("Hello there.", "stop")
    payload = json.loads(reply.body)
    assert CLOUDCODE.read_usage(payload) == deltas[-1].usage == TokenUsage(input=83, output=12, reasoning=9)
    assert list(CLOUDCODE.read_reply(answer([payload]))) == deltas
    assert list(CLOUDCODE.read_stream([Frame("json", reply.body.decode())])) == deltas


def test_a_signature_goes_back_only_where_it_came_from() -> None:
    """What the Gemini API signed is no good here, and the other way round."""
    signed = {"functionCall": {"name": "f", "args": {}}, "thoughtSignature": "s"}
    message = Message(
        role="assistant",
        tool_calls=({"name": "f"},),
        carry=({"format": "cloudcode", "part": signed, "call": 0},),
    )
    request = ChatRequest(messages=(message,))
    here = json.loads(CLOUDCODE.chat_call(TARGET, "m", request).body or b"")["request"]
    there = json.loads(GOOGLE.chat_call(TARGET, "m", request).body or b"")
    assert here["contents"][0]["parts"] == [signed]
    assert there["contents"][0]["parts"] == [{"functionCall": {"name": "f", "args": {}}}]


def test_a_listing_asks_the_account_then_its_models() -> None:
    """The account's project goes along; an editor's own models and image makers are none to chat with."""
    listing, (account, models) = listed(CLOUDCODE, TARGET, answer(ACCOUNT), shape("models"))
    assert account.url == "https://c.example/v1internal:loadCodeAssist"
    assert (account.method, json.loads(account.body or b"")) == ("POST", {})
    assert models.url == "https://c.example/v1internal:fetchAvailableModels"
    assert json.loads(models.body or b"") == {"project": "my-project-123"}
    found = {model.name: model for model in listing.models}
    pro = found["gemini-3-pro-high"]
    assert (pro.context_window, pro.max_output) == (1_048_576, 65_535)
    assert pro.capabilities == Capabilities(chat=True, streaming=True, images=True, thinking=True)
    assert [name for name, model in found.items() if model.capabilities.chat] == [
        "gemini-3-pro-high",
        "claude-sonnet-4-5",
    ]
    assert listing.skipped == 0


PROJECTS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    ({"managedProjectId": "m", "projectId": "p"}, "", {"project": "m"}),
    ({"cloudaicompanionProject": {"id": "c"}}, "", {"project": "c"}),
    ({"cloudaicompanionProject": "c"}, "own", {"project": "own"}),
    ({"cloudaicompanionProject": {"id": 3}}, "", {}),
]


@pytest.mark.parametrize(("account", "own", "sent"), PROJECTS)
def test_the_owners_project_comes_before_the_accounts(
    account: dict[str, Any], own: str, sent: dict[str, str]
) -> None:
    """The account names its project in several ways; one without any is asked without."""
    _, calls = listed(CLOUDCODE, TARGET.replace(project=own), answer(account), answer({"models": {}}))
    assert json.loads(calls[1].body or b"") == sent


@pytest.mark.parametrize("status", [403, 404])
def test_an_account_that_may_not_list_has_the_built_in_models(status: int) -> None:
    """The endpoint lives, so its known models count as there."""
    listing, _ = listed(CLOUDCODE, TARGET, answer(ACCOUNT), answer({"error": {"message": "no"}}, status))
    assert [model.name for model in listing.models][:2] == ["gemini-2.0-flash", "gemini-2.5-pro"]
    first = listing.models[0]
    assert (first.context_window, first.max_output, first.capabilities.tools) == (1_000_000, 8192, True)


def test_a_listing_of_another_kind_is_read_or_refused() -> None:
    """A list of objects is one too; lines without a usable name are counted."""
    lines = {"models": [{"model": "a"}, {"model": "a"}, {"model": "\x07"}]}
    listing, _ = listed(CLOUDCODE, TARGET, answer(ACCOUNT), answer(lines))
    assert ([model.name for model in listing.models], listing.skipped) == (["a"], 2)
    for junk in ({}, {"models": 3}):
        with pytest.raises(UpstreamError, match="no `models`"):
            listed(CLOUDCODE, TARGET, answer(ACCOUNT), answer(junk))


def test_an_account_that_is_refused_is_a_failure() -> None:
    """No models are listed for a token nobody takes."""
    for status, kind in ((401, "auth"), (429, "rate_limit"), (500, "server")):
        with pytest.raises(UpstreamError) as raised:
            listed(CLOUDCODE, TARGET, answer({"error": {"message": "x"}}, status))
        assert kind == raised.value.failure.kind


ERRORS = [
    ("quota", "quota", 33740.910400305),
    ("too-fast", "rate_limit", 39.0),
    ("no-capacity", "overloaded", None),
    ("per-day", "quota", None),
]


@pytest.mark.parametrize(("name", "kind", "wait"), ERRORS)
def test_a_429_is_told_apart_by_its_reason(name: str, kind: str, wait: float | None) -> None:
    """Allowance used up, too fast, or no capacity: the same status, and the same words for two of them."""
    said = CLOUDCODE.read_error(shape(name, 429))
    assert (said.kind, said.retry_after) == (kind, pytest.approx(wait) if wait else None)


@given(JSON)
def test_no_junk_raises_anything_but_an_upstream_error(junk: object) -> None:
    """Wrong types inside and around the envelope are told, never stumbled over."""
    for payload in (junk, {"response": junk}, [junk], [{"response": junk}]):
        ended = "cancelled"
        try:
            list(CLOUDCODE.read_stream([frame(payload)]))
        except UpstreamError as error:
            ended = error.failure.kind
        assert ended in FAILURE_KINDS
        try:
            listed(CLOUDCODE, TARGET, answer(payload), answer(payload))
        except UpstreamError as error:
            ended = error.failure.kind
        assert ended in FAILURE_KINDS
